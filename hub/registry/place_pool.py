"""Dealing places: every new account gets a free slot drawn at random from a pool of open blocks.

With one open block, an account's place would tell when it was opened; with a pool it tells little.
The pool is kept at its size: when a block is full, the next unused one is opened.
"""

from __future__ import annotations

from collections.abc import Callable

from fedcarbon.epoch.snapshot import Place
from hub.storage.enrolment_store import OpenBlocks


class PlacePool:
    """The free places of the open blocks."""

    def __init__(self, stored: OpenBlocks, *, slots: int, size: int) -> None:
        """Take the pool as it is stored and fill it up to `size` blocks.

        Args:
            stored: open blocks and their taken slots.
            slots: slots per block.
            size: how many blocks are to be open.
        """
        self._slots = slots
        self._next_block = stored.next_block
        self._free: list[Place] = []
        self._free_in: dict[int, int] = {}
        for block, taken in stored.taken.items():
            self._add(block, [slot for slot in range(slots) if slot not in taken])
        while len(self._free_in) < size:
            self._open_next()

    @property
    def blocks(self) -> frozenset[int]:
        """The blocks that are open now."""
        return frozenset(self._free_in)

    def draw(self, randbelow: Callable[[int], int]) -> Place:
        """Return a free place, each with the same chance, and take it out of the pool."""
        index = randbelow(len(self._free))
        # The last one fills the gap, so that a draw costs the same in a large pool.
        place, self._free[index] = self._free[index], self._free[-1]
        self._free.pop()
        self._free_in[place.block] -= 1
        if self._free_in[place.block] == 0:
            del self._free_in[place.block]
            self._open_next()
        return place

    def _open_next(self) -> None:
        self._add(self._next_block, list(range(self._slots)))
        self._next_block += 1

    def _add(self, block: int, free_slots: list[int]) -> None:
        self._free += [Place(block, slot) for slot in free_slots]
        self._free_in[block] = len(free_slots)
