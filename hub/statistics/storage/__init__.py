"""Contributions and periods of tables in the database."""
