"""The whole day of an invented city, run by the real programs and measured."""
