"""Bindings of wallets: the holder confirms them, or objects, in the platform's app."""
