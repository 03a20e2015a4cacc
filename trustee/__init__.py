"""The trustee: holds one share of each key and checks before it uses it."""
