"""Trustees as the hub sees them: connections, work orders, witnesses, beacons."""
