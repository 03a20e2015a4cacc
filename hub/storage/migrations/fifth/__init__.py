"""Tables as schema 0005 makes them: who takes part in rankings."""
