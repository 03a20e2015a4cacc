"""Federated carbon-reduction accounts: the shared core."""

__version__ = "0.1.0"
