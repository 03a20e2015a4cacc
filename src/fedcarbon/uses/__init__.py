"""Uses of grams besides cash: gifts, goods, campaigns, markets, lots, own retirement, expiry."""
