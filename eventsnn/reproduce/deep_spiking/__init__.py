"""O'Connor & Welling, "Deep Spiking Networks" (2016): the whole paper."""

from eventsnn.reproduce.deep_spiking.paper import PAPER

__all__ = ["PAPER"]
