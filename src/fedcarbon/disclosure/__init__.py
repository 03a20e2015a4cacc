"""Statistics that are safe to publish: table shells, encrypted contributions, noise, releases."""
