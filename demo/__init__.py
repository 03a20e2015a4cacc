"""A whole federation on one machine: the only package that may import every program."""
