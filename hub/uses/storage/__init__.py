"""Tables and repositories of uses; rows stay in here."""
