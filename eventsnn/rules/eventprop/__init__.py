"""EventProp: exact gradients of spike times, any graph."""
