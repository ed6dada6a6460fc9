"""Sweeps: many training runs with other options, by any number of processes, on Optuna."""
