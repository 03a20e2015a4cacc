"""What schema 0006 changes: no row for every claim token, and sums of lists."""
