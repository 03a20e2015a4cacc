"""Tables and repositories of wallets; rows stay in here, and only openings and redemption look."""
