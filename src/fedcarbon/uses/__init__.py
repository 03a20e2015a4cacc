"""Uses of grams besides cash: gifts, goods, campaigns, markets, credit lots, own retirement, expiry."""
