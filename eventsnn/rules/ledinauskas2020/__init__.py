"""Batch normalisation, residual networks: Ledinauskas et al. (2020)."""
