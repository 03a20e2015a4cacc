"""The hub: admits, joins, multiplies, clears; opens nothing."""
