"""Whom to ask first: trustees that did not fail lately, and among them each in its turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from fedcarbon.ids import PartyId


class Standing:
    """How the trustees have done in one kind of work; kept in memory only.

    A failure is forgotten when the trustee has brought a whole piece of that work to its end, so
    that one which fails at the last step every time does not come first again. To be late is no
    failure: it costs nobody anything, and must not make those look good that fail where it does.
    """

    __slots__ = ("_failures", "_late", "_turns")

    def __init__(self) -> None:
        """Start with everyone in good standing."""
        self._failures: Final[Counter[PartyId]] = Counter()
        self._late: Final[Counter[PartyId]] = Counter()
        self._turns: Final[Counter[PartyId]] = Counter()

    def preferred(self, trustees: Iterable[PartyId]) -> list[PartyId]:
        """Return `trustees` with the one to ask first in front."""
        return sorted(
            trustees,
            key=lambda name: (self._failures[name], self._late[name], self._turns[name], name),
        )

    def taken(self, trustees: Iterable[PartyId]) -> None:
        """Note that trustees are asked: it is the others' turn next."""
        self._turns.update(trustees)

    def failed(self, trustee_id: PartyId) -> None:
        """Note that a trustee did not answer, or answered wrongly."""
        self._failures[trustee_id] += 1

    def late(self, trustee_id: PartyId) -> None:
        """Note that a trustee cannot do its part yet."""
        self._late[trustee_id] += 1

    def finished(self, trustees: Iterable[PartyId]) -> None:
        """Note that trustees brought a piece of work to its end."""
        for trustee_id in trustees:
            self._failures.pop(trustee_id, None)
            self._late.pop(trustee_id, None)
