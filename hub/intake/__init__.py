"""What partners send for an epoch: use cases of commitments, claim lists and chunks."""
