"""Synthetic cities of any size, with the truth beside them: every person and ride is invented."""
