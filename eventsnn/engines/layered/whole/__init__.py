"""Dense connections into neurons in whole numbers, on the fast path."""
