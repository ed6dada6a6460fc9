"""Pooling and sparse connections, target by target: forwards, backwards."""
