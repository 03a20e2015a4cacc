"""The node's own store: one DuckDB file with one writer."""
