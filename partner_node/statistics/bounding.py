"""Bounding what one person can add to a table, before anything is encrypted.

A person may touch no more than `cells_max` cells of a period, and add no more than `per_cell_max`
of a quantity to one of them. Which cells survive is drawn by HMAC-SHA256 under a secret of the node
over shell, period, person and cell: those with the smallest digests. So the draw is the same
whenever it is made again, and nobody without the secret, the person neither, can predict or choose
it. A person is an identity document: two references of somebody are bounded as one.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, NamedTuple, Self

from typing_extensions import override

from fedcarbon.canonical.hashing import length_prefixed, u64
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.errors import StateError
from fedcarbon.opening.logged import Logged

_LABEL: Final = b"fedcarbon/v1/table-cell-draw"


class UnitUnknownError(StateError):
    """A shell counts in a unit that this build does not know.

    The node's operator must update it, or root keys publish another shell.
    """

    code: ClassVar[str] = "TABLE_UNIT_UNKNOWN"


class Figures(NamedTuple):
    """What is known of a person's activities in one cell."""

    activities: int
    distance_m: int
    amount_ug: int
    """What was credited for them, in millionths of the programme's measure."""

    def plus(self, other: Figures) -> Figures:
        """Return the sum."""
        return Figures(
            self.activities + other.activities,
            self.distance_m + other.distance_m,
            self.amount_ug + other.amount_ug,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CellDraw:
    """Which cells of a person survive in one period."""

    secret: bytes = field(repr=False)
    shell_leaf: bytes
    """The 34 bytes of the shell's leaf."""
    period: int

    @classmethod
    def of(cls, shell: Logged[TableShell], period: int, secret: bytes) -> Self:
        """Return the draw for a period of a shell."""
        return cls(secret=secret, shell_leaf=shell.leaf, period=period)

    def surviving(self, person_id: int, cells: Iterable[int], cells_max: int) -> list[int]:
        """Return at most `cells_max` of the cells of a person."""
        touched = list(cells)
        if len(touched) <= cells_max:
            return touched
        return sorted(touched, key=lambda cell: self._digest(person_id, cell))[:cells_max]

    def _digest(self, person_id: int, cell: int) -> bytes:
        message = length_prefixed(
            _LABEL, self.shell_leaf, u64(self.period), u64(person_id), u64(cell)
        )
        return hmac.digest(self.secret, message, "sha256")


class TableSum:
    """The vector of a table, person by person: every cell, every quantity, zeros included."""

    __slots__ = ("_bounds", "_draw", "_shell", "_width", "values", "whole")

    def __init__(self, shell: TableShell, draw: CellDraw) -> None:
        """Start with zeros.

        Raises:
            UnitUnknownError: the shell counts in a unit that nothing here is counted in.
        """
        unknown = sorted({item.unit for item in shell.quantities} - UNITS.keys())
        if unknown:
            raise UnitUnknownError(
                f"table {shell.shell_id!r} counts in {', '.join(unknown)}, this node only in "
                f"{', '.join(UNITS)}: update the node, or ask the root key holders for another"
            )
        self._shell: Final = shell
        self._draw: Final = draw
        self._bounds: Final = [(UNITS[item.unit], item.per_cell_max) for item in shell.quantities]
        self._width: Final = len(self._bounds)
        self.values: Final = [0] * shell.values
        """What is contributed; as `TableShell.values` orders it."""
        self.whole: Final = [0] * shell.values
        """The same without bounds, for this partner only."""

    @override
    def __repr__(self) -> str:
        """Return which table it is; values are exact."""
        return f"TableSum({self._shell.shell_id!r})"

    def add(self, person_id: int, cells: Mapping[int, Figures]) -> None:
        """Add one person, who is added once: all cells of the period together."""
        surviving = set(self._draw.surviving(person_id, cells, self._shell.cells_max))
        for cell, figures in cells.items():
            known = (1, *figures)
            first = cell * self._width
            for at, (unit, per_cell_max) in enumerate(self._bounds, start=first):
                self.whole[at] += known[unit]
                if cell in surviving:
                    self.values[at] += min(known[unit], per_cell_max)


UNITS: Final[Mapping[str, int]] = {"people": 0, "activities": 1, "m": 2, "ug": 3}
"""Unit of a quantity to where it stands among a person's figures in a cell, people first."""
