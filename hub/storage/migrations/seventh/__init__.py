"""What schema 0007 adds: contributions to tables of statistics, and their periods."""
