"""Released tables beside the truth that only the demo knows: how far off they are, and why.

The exact cells are worked out from the input files, by the cross-check's own code, with the
partners' rules for cells. A person who does more than the shell's bounds allow may be counted less;
how much less at most is known, so that a table that is off by more is found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from demo.counted import CountedRow, counted_rows, read_rows
from demo.crosscheck import kept_by_activity
from demo.scenario import PartnerEntry, Scenario
from fedcarbon.disclosure.hierarchy import Hierarchy
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.table import ReleasedTable
from partner_node.statistics.categories import CellFinder, Source, Word, load_categories

MARGINS_MAX: Final = 4
"""Noise leaves four of its 95 % margins (7.8 scales) once in 10^14 values."""


class Figures(NamedTuple):
    """One cell of the truth."""

    exact: tuple[int, ...]
    """One per quantity."""
    slack: tuple[int, ...]
    """What bounding may leave out of it at most."""
