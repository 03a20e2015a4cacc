"""The trustees of releases: whom to ask, and what is remembered of those who fail."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Final

from fedcarbon.errors import FedcarbonError, StateError
from fedcarbon.ids import PartyId
from fedcarbon.opening.tables import PeriodRef
from hub.context import Hub
from hub.trustees.asking import Answers, TrusteeRefusedError
from hub.trustees.desk import TrusteeDesk
from hub.trustees.port import TrusteePort
from hub.trustees.refusals import log_refusals
from hub.trustees.standing import Standing


class TrusteesMissingError(StateError):
    """Fewer than t trustees do their part in a release now; their operators must look."""

    code: ClassVar[str] = "NOISE_TRUSTEES_MISSING"


class Trustees:
    """Trustees in their work on releases; what is kept here is in memory only."""

    def __init__(self, hub: Hub, desk: TrusteeDesk) -> None:
        """Take the hub and its desk."""
        self._hub: Final = hub
        self.desk: Final = desk
        self._standing: Final = Standing()
        self._logged: Final[set[tuple[PeriodRef, PartyId, str]]] = set()
        """Refusals that are leaves."""

    @property
    def port(self) -> TrusteePort:
        """The way to the trustees."""
        return self.desk.port

    def to_ask(self, without: Collection[PartyId] = ()) -> Sequence[PartyId]:
        """Return the connected trustees of the parameter set, the ones to ask first in front."""
        known = set(self._hub.parameters.trustee_ids) - set(without)
        return self._standing.preferred(known & set(self.port.connected()))

    def require_enough(
        self, good: Collection[PartyId], failed: Mapping[PartyId, FedcarbonError]
    ) -> None:
        """Check that t trustees have answered.

        Raises:
            TrusteesMissingError: naming those who have not, and why.
        """
        needed = self._hub.parameters.threshold
        if len(good) < needed:
            missing = set(self._hub.parameters.trustee_ids) - set(good)
            reasons = dict.fromkeys(missing, "not connected")
            reasons |= {name: error.code for name, error in failed.items()}
            text = ", ".join(f"{name} ({reasons[name]})" for name in sorted(reasons))
            raise TrusteesMissingError(
                f"{len(good)} of the {needed} trustees needed do their part; missing are {text}"
            )

    async def note(self, ref: PeriodRef, answers: Answers[Any]) -> None:
        """Remember who failed; log refusals, each once."""
        news = {}
        for name, error in answers.failed.items():
            self._standing.failed(name)
            key = (ref, name, error.code)
            if isinstance(error, TrusteeRefusedError) and key not in self._logged:
                self._logged.add(key)
                news[name] = error
        await log_refusals(self._hub, news)

    def finished(self, trustees: Collection[PartyId]) -> None:
        """Note who has brought a start or a release to its end."""
        names = list(trustees)
        self._standing.taken(names)
        self._standing.finished(names)
