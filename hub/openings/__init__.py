"""Openings: requests, and driving the trustees from a start to a credit."""
