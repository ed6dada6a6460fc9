"""N-MNIST: folders, zips and single recordings."""
