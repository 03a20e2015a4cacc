"""What the node believes of the record, and why."""
