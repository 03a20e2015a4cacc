"""Draws that anybody can repeat: a hash of a seed and of what is drawn for. Never a secret."""

from __future__ import annotations

from typing import Final

from fedcarbon.canonical.hashing import digest

PER_MILLE: Final = 1_000
_LABEL: Final = b"fedcarbon/v1/seeded-draw"


def sort_key(seed: int, *parts: str) -> bytes:
    """Return SHA-256 over seed and parts: 32 bytes, the same on every machine."""
    return digest(_LABEL, str(seed).encode(), *(part.encode() for part in parts))


def draw_below(limit: int, seed: int, *parts: str) -> int:
    """Return a number in [0, `limit`) from seed and parts; the bias is under `limit` / 2^256."""
    assert limit >= 1  # noqa: S101 - our own bug
    return int.from_bytes(sort_key(seed, *parts), "big") % limit


def chosen(per_mille: int, seed: int, *parts: str) -> bool:
    """Tell whether seed and parts fall into the share of `per_mille` in 1000."""
    return draw_below(PER_MILLE, seed, *parts) < per_mille
