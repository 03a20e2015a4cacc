"""Randomness of the worked examples: named streams, so that anyone can draw the same numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.vectors.stream import SeededStream


@dataclass(slots=True)
class NamedChance:
    """Draws from the stream `protocol <name>`; it stands in for a CSPRNG."""

    name: str
    _stream: SeededStream = field(init=False)

    def __post_init__(self) -> None:
        """Start the stream at its beginning."""
        self._stream = SeededStream(f"protocol {self.name}")

    def below(self, bound: int) -> int:
        """Return an integer in [0, bound)."""
        return self._stream.randbelow(bound)

    def octets(self, count: int) -> bytes:
        """Return `count` bytes: an integer below 2^(8 count), big-endian."""
        return self._stream.randbelow(1 << 8 * count).to_bytes(count, "big")
