"""Optimizers and the schedules of their rates."""
