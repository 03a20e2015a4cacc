"""Who takes part: use cases of admissions, programmes, enrolments and places."""
