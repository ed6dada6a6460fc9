"""Every other pair of neurons and connection, by the model's own kernels: forwards, backwards."""
