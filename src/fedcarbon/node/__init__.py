"""In-house languages of a partner platform."""
