"""Ledinauskas et al., "Training Deep Spiking Neural Networks" (2020)."""

from eventsnn.reproduce.ledinauskas2020.paper import PAPER

__all__ = ["PAPER"]
