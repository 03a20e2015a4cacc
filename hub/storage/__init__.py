"""The hub's database: engine, transactions and the base of its tables."""
