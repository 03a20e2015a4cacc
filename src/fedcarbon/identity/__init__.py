"""Threshold VOPRF, canonical identity numbers, tokens and claims."""
