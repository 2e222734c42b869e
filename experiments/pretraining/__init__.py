"""Training on scenes that are rendered on the fly, and the packing of the weights."""
