"""Jin, Zhang & Li, "Hybrid Macro/Micro Level Backpropagation" (2018): every row that can be had."""

from eventsnn.reproduce.hm2bp.paper import PAPER

__all__ = ["PAPER"]
