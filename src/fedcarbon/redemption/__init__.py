"""From grams to fen: rule, wallets and states."""
