"""Tables as schema 0004 makes them: more uses, more kinds of account."""
