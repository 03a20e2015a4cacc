"""The partner node: keeps trips in-house, sends signed, encrypted totals."""
