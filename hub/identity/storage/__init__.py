"""Tables and repositories of evaluations; rows stay in here."""
