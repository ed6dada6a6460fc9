"""How numba is used: compilation, the cache of compiled code, pointers."""
