"""The tables of the first revision."""
