"""How many accounts each partner had in a period, remembered: counting walks all accounts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.opening.tables import PeriodRef
from fedcarbon.opening.view import RecordView

PERIODS_MAX: Final = 16
"""Periods that are remembered: those of the shells of a few programmes."""


class PeriodMembers:
    """Counts per period; used by whoever holds the folded record, and so by one at a time."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._counts: Final[OrderedDict[PeriodRef, Mapping[PartyId, int]]] = OrderedDict()

    def of(
        self, view: RecordView, programme_id: ProgrammeId, ref: PeriodRef
    ) -> Mapping[PartyId, int]:
        """Return how many accounts were enrolled at each partner in any epoch of a period.

        Args:
            view: the folded record, held by the caller.
            programme_id: of the shell.
            ref: the period; what its plans cover never changes.

        Raises:
            LeafInvalidError: an epoch of the period is not sealed.
        """
        if ref not in self._counts:
            self._counts[ref] = dict(view.accounts.members(view.tables.plans(programme_id, ref)))
            while len(self._counts) > PERIODS_MAX:
                self._counts.popitem(last=False)
        self._counts.move_to_end(ref)
        return self._counts[ref]
