"""Many accounts in one plaintext."""
