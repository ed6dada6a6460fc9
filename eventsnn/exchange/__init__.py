"""In and out: networks as files of other programs. ``eventsnn.nir`` is ``exchange/nir``."""
