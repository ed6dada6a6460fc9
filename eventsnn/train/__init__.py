"""Training runs: batches, checkpoints, progress."""
