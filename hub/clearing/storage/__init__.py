"""Tables and repositories of clearing; rows stay in here."""
