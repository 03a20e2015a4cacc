"""The hub's side of statistics: shells, contributions, releases, and who may read them."""
