"""Who takes part: admissions, programmes, enrolments and places."""
