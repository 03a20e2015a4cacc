"""Bytes that need not be in memory."""

from __future__ import annotations

from typing import Protocol


class Slices(Protocol):
    """Bytes that are read by the slice: `bytes`, or a file."""

    def __len__(self) -> int:
        """Return how many there are."""

    def __getitem__(self, part: slice, /) -> bytes:
        """Return a slice of them, whose step is 1."""
