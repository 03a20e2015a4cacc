"""Tables and repositories of openings; rows stay in here."""
