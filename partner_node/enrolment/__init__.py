"""Accounts at the hub: blind evaluation, enrolment batches, places."""
