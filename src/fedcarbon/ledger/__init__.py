"""Double entry over integers."""
