"""Known schemes as files, and the one engine that runs any of them."""
