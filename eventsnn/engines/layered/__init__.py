"""The fast path: layer after layer, forwards and backwards."""
