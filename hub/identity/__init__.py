"""Relaying blinded elements to the trustees."""
