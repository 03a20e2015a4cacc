"""Transcripts and the generators that proofs stand on."""
