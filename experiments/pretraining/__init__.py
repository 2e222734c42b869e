"""Training of the weights that come with ColorNet, on rendered scenes alone (D-29)."""
