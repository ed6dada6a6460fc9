"""Losses: what a network is asked for."""
