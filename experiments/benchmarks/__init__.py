"""What `experiments.benchmark` measures, one section a file.

Every section is a function `rows(size, ...)`, whose size is "quick" or "full", and
which returns the rows of its table: a dictionary of columns each, the first one `what`.
"""
