"""Files that a platform exports for its own node: canonical activities and identities."""
