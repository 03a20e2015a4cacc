"""Uses of grams besides cash: gifts, goods, credit lots, and the end of a vintage."""
