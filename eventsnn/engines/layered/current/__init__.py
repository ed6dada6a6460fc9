"""Dense connections into current-based neurons, which fire between events."""
