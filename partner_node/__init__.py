"""The partner node: keeps activities in-house, sends signed, encrypted totals."""
