"""Readers of recordings and pictures, a format each."""
