"""Paillier with a threshold key: cipher, tables, shares and combination."""
