"""Table shells: which statistics of a programme are released, fixed before anything is counted.

A shell is signed by t root keys and is a leaf before the first epoch that it counts. It fixes the
cells (the product of its dimensions), the quantities, the calendar, the bounds on what one person
can contribute, and the privacy budget. There is no other way to ask, so no two answers overlap:
the epochs of a programme belong to one shell at most, and a period to one release.

Sensitivity. In one period a person touches at most `cells_max` cells at each of at most
`partners_max` partners, each with at most `per_cell_max`; so the released vector of a quantity
changes by at most

    Delta_2 = partners_max * per_cell_max * sqrt(cells_max)

if the person is left out (all partners may name the same cells). Discrete Gaussian noise of scale
sigma is rho-zCDP for rho = Delta_2^2 / (2 sigma^2) (Bun-Steinke 2016; Canonne-Kamath-Steinke 2020).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from math import isqrt, prod
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import EpochIndex, ProgrammeId, checked_name
from fedcarbon.packing.layout import SLOT_WIDTH_BITS

MILLIONTHS: Final = 1_000_000
"""rho is written in millionths."""
CELLS_MAX: Final = 512
"""So many quantities of so many cells fit a file, and their hidden rows are found in seconds."""
ROWS_MAX: Final = 2_048
"""Of a released table: its cells, and the margins over groups and totals."""
QUANTITIES_MAX: Final = 8
PARTNERS_MIN: Final = 3
"""With two, each would know the other's share but for the noise."""
PEOPLE_MIN: Final = 10
"""The least number of people under which a cell may be shown."""
MEMBERS_MAX: Final = 1 << 32
"""More accounts than any partner has; bounds what a slot can hold."""
PER_CELL_MAX: Final = (1 << 43) - 1
"""8 tonnes in micrograms; keeps noise far below 2^63."""
SIGMA_MAX: Final = 1 << 56
NOISE_REACH: Final = 16
"""Noise lies within so many scales; beyond are less than 2^-180 of all draws, and are redrawn."""
PEOPLE: Final = "people"
"""The first quantity of every shell: 1 per cell that a person touches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What people read."""

    zh: str
    en: str

    def __post_init__(self) -> None:
        """Check that both are there, and short."""
        for text in (self.zh, self.en):
            if not 0 < len(text) <= 80 or not text.isprintable():  # noqa: PLR2004 - one line
                raise MalformedError("a label has 1 to 80 printable characters in each language")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A level between the categories of a dimension and its total."""

    code: str
    label: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One value of a dimension."""

    code: str
    """Of the published list that the dimension names."""
    label: Label
    group: str
    """Code of its group; empty if the dimension has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One axis of the table."""

    name: str
    label: Label
    code_list: str
    """Which published list the codes are from, for example `GB/T 2260`."""
    categories: tuple[Category, ...]
    """The last one is the rest: what fits no other."""
    groups: tuple[Group, ...]
    """All categories lie in one of them, or there is none."""

    def __post_init__(self) -> None:
        """Check codes."""
        checked_name(self.name)
        codes = [item.code for item in self.categories] + [item.code for item in self.groups]
        for code in codes:
            if not 0 < len(code) <= 40 or not code.isascii() or not code.isprintable():  # noqa: PLR2004
                raise MalformedError("a code has 1 to 40 printable ASCII characters")
        if not self.categories or len(set(codes)) != len(codes):
            raise MalformedError("a dimension has categories, and every code stands once")
        if {item.group for item in self.categories} != (
            {item.code for item in self.groups} or {""}
        ):
            raise MalformedError("every category lies in a group, or no dimension has groups")

    @property
    def labels(self) -> dict[str, Label]:
        """What people read for the code of a group or a category."""
        groups = {item.code: item.label for item in self.groups}
        return groups | {item.code: item.label for item in self.categories}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """What is counted in every cell."""

    name: str
    label: Label
    unit: str
    """`people`, `activities`, `m`, or what the programme's measure is counted in, `ug`."""
    per_cell_max: int
    """The most that one person adds to one cell, at one partner and in one period."""
    rho_millionths: int
    """zCDP budget of this quantity in one release."""

    def __post_init__(self) -> None:
        """Check ranges."""
        checked_name(self.name)
        if not 1 <= self.per_cell_max <= PER_CELL_MAX:
            raise MalformedError(f"a quantity counts 1 to {PER_CELL_MAX} per person and cell")
        if self.rho_millionths < 1:
            raise MalformedError("every quantity spends some budget")


@dataclass(frozen=True, kw_only=True)
class TableShell(Statement):
    """One table that is released period after period."""

    KIND: ClassVar[str] = "table_shell"

    parameter_id: bytes
    programme_id: ProgrammeId
    shell_id: str
    label: Label
    dimensions: tuple[Dimension, ...]
    quantities: tuple[Quantity, ...]
    first_epoch: EpochIndex
    period_epochs: int
    """Epochs of one release."""
    periods: int
    """How many releases there will be."""
    contribute_window_s: int
    """After the last epoch of a period is sealed, until contributions must be in."""
    cells_max: int
    """Cells that one person may touch, at one partner and in one period."""
    partners_max: int
    """The most partners that one person's activities can come from."""
    partners_min: int
    """Partners with at least `members_min` accounts without which nothing is released."""
    members_min: int
    people_min: int
    """Cells with fewer people, by the noisy count, are not shown."""
    rho_year_millionths: int
    """zCDP budget of all releases of the programme in one calendar year."""

    def __post_init__(self) -> None:
        """Check everything that needs no other leaf."""
        checked_name(self.programme_id)
        checked_name(self.shell_id)
        if len(self.parameter_id) != DIGEST_BYTES:
            raise MalformedError("a parameter id has 32 bytes")
        names = [item.name for item in self.dimensions] + [item.name for item in self.quantities]
        if len(set(names)) != len(names) or not self.dimensions or not self.quantities:
            raise MalformedError("a shell has dimensions and quantities, and every name once")
        if len(self.quantities) > QUANTITIES_MAX or self.cell_count > CELLS_MAX:
            raise MalformedError(f"at most {QUANTITIES_MAX} quantities and {CELLS_MAX} cells")
        if prod(1 + len(axis.categories) + len(axis.groups) for axis in self.dimensions) > ROWS_MAX:
            raise MalformedError(f"cells and their margins are at most {ROWS_MAX} rows")
        people = self.quantities[0]
        if (people.name, people.unit, people.per_cell_max) != (PEOPLE, PEOPLE, 1):
            raise MalformedError("the first quantity counts people, 1 per cell")
        if min(self.first_epoch, self.period_epochs, self.periods) < 1:
            raise MalformedError("epochs count from 1, periods have epochs, and there is a period")
        self._check_protection()

    def _check_protection(self) -> None:
        """Check bounds, minima and budgets."""
        if self.contribute_window_s < 0 or not 1 <= self.cells_max <= self.cell_count:
            raise MalformedError("the window is not negative, and a person touches 1 cell or more")
        if not PARTNERS_MIN <= self.partners_min <= self.partners_max:
            raise MalformedError(f"a release needs {PARTNERS_MIN} partners or more")
        if min(self.people_min, self.members_min) < PEOPLE_MIN:
            raise MalformedError(f"no cell is shown below {PEOPLE_MIN} people")
        if self.rho_year_millionths < self.rho_millionths:
            raise MalformedError("the year's budget does not cover one release")
        if max(map(self.sigma, self.quantities)) > SIGMA_MAX:
            raise MalformedError("the noise would not fit a slot: bounds too wide for the budget")

    @cached_property
    def cells(self) -> tuple[tuple[str, ...], ...]:
        """The cells, each as one category code per dimension; the last dimension runs fastest."""
        return tuple(
            itertools.product(
                *([item.code for item in axis.categories] for axis in self.dimensions)
            )
        )

    @property
    def cell_count(self) -> int:
        """How many cells the table has."""
        return prod(len(axis.categories) for axis in self.dimensions)

    @property
    def values(self) -> int:
        """Length of the vector that partners encrypt: for every cell, every quantity."""
        return self.cell_count * len(self.quantities)

    @property
    def rho_millionths(self) -> int:
        """The zCDP budget of one release: that of all its quantities together."""
        return sum(item.rho_millionths for item in self.quantities)

    @property
    def last_epoch(self) -> EpochIndex:
        """The last epoch that it counts."""
        return EpochIndex(self.first_epoch + self.periods * self.period_epochs - 1)

    def epochs_of(self, period: int) -> range:
        """Return the epochs of a period, which count from 1.

        Raises:
            MalformedError: the calendar has no such period.
        """
        if not 1 <= period <= self.periods:
            raise MalformedError(f"period {period} is not one of 1 to {self.periods}")
        first = self.first_epoch + (period - 1) * self.period_epochs
        return range(first, first + self.period_epochs)

    def sigma(self, quantity: Quantity) -> int:
        """Return the scale of every trustee's noise: the least integer that keeps rho."""
        reach = (self.partners_max * quantity.per_cell_max) ** 2 * self.cells_max
        squared = -(-reach * MILLIONTHS // (2 * quantity.rho_millionths))
        return isqrt(squared - 1) + 1

    def offset(self, quantity: Quantity) -> int:
        """Return what is added to every noise, so that slots hold no negative number."""
        return NOISE_REACH * self.sigma(quantity)

    def value_bounds(self, members: int) -> list[int]:
        """Return the most that a partner with so many accounts can contribute, per value."""
        return [members * item.per_cell_max for item in self.quantities] * self.cell_count

    def noise_bounds(self) -> list[int]:
        """Return the largest noise with its offset, per value."""
        return [2 * self.offset(item) for item in self.quantities] * self.cell_count

    def offsets(self) -> list[int]:
        """Return the offset of one trustee's noise, per value."""
        return [self.offset(item) for item in self.quantities] * self.cell_count


# What a slot of a release holds at most: contributions of 256 partners and noise of 15 trustees.
if 256 * MEMBERS_MAX * PER_CELL_MAX + 15 * 2 * NOISE_REACH * SIGMA_MAX >= 1 << SLOT_WIDTH_BITS:
    raise AssertionError("a release would overflow its slots")
