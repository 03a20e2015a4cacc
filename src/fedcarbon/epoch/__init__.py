"""Epochs: calendar, lifecycle and the statements that move them."""
