"""The public parameter set and its checks."""
