"""The command line: the core's only input and output."""
