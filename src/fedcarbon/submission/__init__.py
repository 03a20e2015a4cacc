"""What a partner sends for an epoch, and the rules that admit it."""
