"""Wallets: their bindings to accounts, and redemption into them."""
