"""Spiking neural networks that compute only when an event arrives."""

__version__ = "0.1.0"
