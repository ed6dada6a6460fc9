"""The spike adjoint: layered networks, surrogate at the spikes alone."""
