"""Admitted methodologies as the record tells them: by programme, in the order of their leaves."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.opening.epochs import EpochBook, EpochRef
from fedcarbon.opening.logged import Logged, LoggedBody
from fedcarbon.opening.parties import PartyBook
from fedcarbon.registry.methodology import MethodologyAdmission, check_methodology


class MethodologyBook:
    """The methodologies that root keys have admitted."""

    __slots__ = ("_epochs", "_parties", "admitted")

    def __init__(self, parties: PartyBook, epochs: EpochBook) -> None:
        """Start empty; `parties` says who may sign, `epochs` which epochs are planned."""
        self._parties: Final = parties
        self._epochs: Final = epochs
        self.admitted: Final[dict[ProgrammeId, list[Logged[MethodologyAdmission]]]] = defaultdict(
            list
        )

    def fold(self, logged: LoggedBody) -> None:
        """Take an admission: of the programme's measure, no edited version, for later epochs."""
        admission = self._parties.open_rooted(MethodologyAdmission, logged)
        programme = self._parties.programme(admission.programme_id)
        planned = [ref.epoch for ref in self._epochs.plans if ref[0] == admission.programme_id]
        known = [item.statement for of in self.admitted.values() for item in of]
        earlier = [(item.methodology_id, item.version, item.content_hash) for item in known]
        check_methodology(admission, programme, earlier, max(planned, default=EpochIndex(0)))
        self.admitted[admission.programme_id].append(
            Logged(index=logged.index, leaf=logged.leaf, statement=admission)
        )

    def hashes_for(self, ref: EpochRef) -> frozenset[bytes]:
        """Return the content hashes that partners may compute an epoch by."""
        return frozenset(
            logged.statement.content_hash
            for logged in self.admitted.get(ref.programme_id, ())
            if logged.statement.covers(ref.epoch)
        )
