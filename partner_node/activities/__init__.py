"""Intake of activities: what is accepted, and why the rest is not."""
