"""Payout rails: adapters of the port `Rail`, and the messages that they speak."""
