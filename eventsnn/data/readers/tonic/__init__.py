"""Data sets that tonic reads."""
