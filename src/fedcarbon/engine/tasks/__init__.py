"""Tasks that several programs run."""
