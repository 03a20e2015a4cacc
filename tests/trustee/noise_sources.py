"""Noise for tests: from OpenDP and remembered, or as a test wants it."""

from __future__ import annotations

from collections.abc import Callable

from fedcarbon.disclosure.shell import NOISE_REACH, TableShell
from trustee.sampling import OpenDpNoise


class Remembered:
    """Real noise, which the test learns too, as a corrupt trustee's operator would."""

    def __init__(self) -> None:
        self.draws: list[list[int]] = []

    def draw(self, scale: int, count: int) -> list[int]:
        self.draws.append(OpenDpNoise().draw(scale, count))
        return self.draws[-1]

    def vector(self, shell: TableShell) -> list[int]:
        """Return the last noise as it lies in the table: for every cell, every quantity."""
        columns = self.draws[-len(shell.quantities) :]
        return [noise for cell in zip(*columns, strict=True) for noise in cell]


class Chosen:
    """The same noise everywhere, as a multiple of the scale."""

    def __init__(self, of: Callable[[int], int]) -> None:
        self._of = of

    def draw(self, scale: int, count: int) -> list[int]:
        return [self._of(scale)] * count


NONE = Chosen(lambda _scale: 0)
LARGEST = Chosen(lambda scale: NOISE_REACH * scale)
