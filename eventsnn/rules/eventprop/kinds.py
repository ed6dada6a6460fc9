"""Numbers of the kinds of populations that EventProp walks, as kernels read them."""

INPUT, CUBA, READOUT = range(3)
