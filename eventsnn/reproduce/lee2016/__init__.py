"""J. H. Lee, T. Delbruck, M. Pfeiffer (2016): every row of the paper."""

from eventsnn.reproduce.lee2016.paper import PAPER

__all__ = ["PAPER"]
