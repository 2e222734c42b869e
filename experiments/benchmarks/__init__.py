"""What `experiments.benchmark` measures, one section a file."""
