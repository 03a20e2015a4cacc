"""What stands behind claims and sums: leaves that a partner commits to and opens on site."""
