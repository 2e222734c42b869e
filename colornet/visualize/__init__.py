"""Pictures of pairs, pixels and volumes, for TensorBoard and files. No TensorFlow."""
