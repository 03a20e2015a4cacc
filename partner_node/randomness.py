"""Where the node's randomness comes from: drawn at the edge, handed to everything else."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Randomness:
    """Two sources: uniform integers for blinds and encryption, bytes for ids, salts and pads."""

    below: Callable[[int], int]
    """Uniform in [0, bound)."""
    octets: Callable[[int], bytes]
    """So many uniform bytes."""


def system_randomness() -> Randomness:
    """Return the operating system's generator."""
    return Randomness(below=secrets.randbelow, octets=secrets.token_bytes)
