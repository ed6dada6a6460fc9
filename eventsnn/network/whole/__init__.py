"""Weights in whole numbers: which of them share a scale, and which scale suits them."""
