"""Canonical bytes: hashing of items and the encoding of statements."""
