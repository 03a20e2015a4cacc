"""The hub's schema from revision to revision."""
