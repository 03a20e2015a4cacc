"""Signed envelopes, leaves, trees and checkpoints of the record."""
