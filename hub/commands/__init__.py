"""Commands of the hub's operator."""
