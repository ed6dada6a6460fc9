"""Networks of whole numbers: quantized, bounded, and defined in plain Python ints."""
