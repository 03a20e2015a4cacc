"""How many calls the hub works on at once, by what they are, and what its operator may change.

    [calls.intake]                     # or money, evaluation, read
    at_once = 4                        # calls at work
    per_party = 2                      # of them, of one party
    waiting = 32                       # calls that wait
    wait_ms = 10000                    # before one that waits is told to come back

Money has a line of its own, so that it does not stand behind uploads. Its calls are short, or wait
for the rail, which takes sixteen payouts at a time: as many again are booked meanwhile. Intake
works on the processor, and a slow sender keeps its place for minutes, so that no party has all
places. An evaluation waits for trustees, and must not hold up intake.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final

from google.protobuf.descriptor import FileDescriptor
from pydantic import BaseModel, ConfigDict, Field

from fedcarbon.v1 import (
    epoch_pb2,
    identity_pb2,
    opening_pb2,
    record_pb2,
    redemption_pb2,
    registry_pb2,
    statistics_pb2,
    trustee_pb2,
    use_pb2,
)
from fedcarbon.wire.admission import Admission, Line, LineLimits
from fedcarbon.wire.logs import logger


class CallClass(StrEnum):
    """What a call is for."""

    MONEY = "money"
    """Orders, openings, bindings, and the cosignatures without which nothing is opened."""
    INTAKE = "intake"
    """Lists, chunks, proofs, enrolments, admissions, tables."""
    EVALUATION = "evaluation"
    """Relayed to trustees."""
    READ = "read"
    """What changes nothing."""


DEFAULTS: Final[Mapping[CallClass, LineLimits]] = {
    CallClass.MONEY: LineLimits(at_once=32, per_party=32, waiting=32, wait_ms=2_000),
    CallClass.INTAKE: LineLimits(at_once=4, per_party=2, waiting=32, wait_ms=10_000),
    CallClass.EVALUATION: LineLimits(at_once=16, per_party=4, waiting=32, wait_ms=10_000),
    CallClass.READ: LineLimits(at_once=8, per_party=4, waiting=64, wait_ms=2_000),
}
REPORT_S: Final = 10
"""How often the log says what was shed, while something is."""

_SERVICES: Final[Mapping[str, CallClass]] = {
    "EpochService": CallClass.INTAKE,
    "IdentityService": CallClass.EVALUATION,
    "OpeningService": CallClass.MONEY,
    "RecordService": CallClass.MONEY,  # its one write is a partner's cosignature
    "RedemptionService": CallClass.MONEY,
    "RegistryService": CallClass.INTAKE,
    "StatisticsService": CallClass.INTAKE,
    "UseService": CallClass.MONEY,
}
"""The class of a service's writes; TrusteeService is not here: a trustee's stream is no request."""
_READS: Final = ("Get", "List")
_FILES: Final[tuple[FileDescriptor, ...]] = (
    epoch_pb2.DESCRIPTOR,
    identity_pb2.DESCRIPTOR,
    opening_pb2.DESCRIPTOR,
    record_pb2.DESCRIPTOR,
    redemption_pb2.DESCRIPTOR,
    registry_pb2.DESCRIPTOR,
    statistics_pb2.DESCRIPTOR,
    trustee_pb2.DESCRIPTOR,
    use_pb2.DESCRIPTOR,
)
_PLACES_MAX: Final = 512


class LineConfig(BaseModel):
    """What the operator changes of one class; what is left out stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_once: int | None = Field(default=None, ge=1, le=_PLACES_MAX)
    per_party: int | None = Field(default=None, ge=1, le=_PLACES_MAX)
    waiting: int | None = Field(default=None, ge=0, le=_PLACES_MAX)
    wait_ms: int | None = Field(default=None, ge=1, le=60_000)

    def over(self, limits: LineLimits) -> LineLimits:
        """Return `limits` with what is said here."""
        return replace(limits, **self.model_dump(exclude_none=True))


def admission_of(changes: Mapping[CallClass, LineConfig] | None = None) -> Admission:
    """Return the hub's lines.

    Args:
        changes: what the operator has set.
    """
    changed = changes or {}
    lines = {
        kind: Line(kind.value, changed.get(kind, LineConfig()).over(limits))
        for kind, limits in DEFAULTS.items()
    }
    return Admission({method: lines[kind] for method, kind in classes()})


def classes() -> Iterator[tuple[str, CallClass]]:
    """Yield every method of the hub that has a class, by its full name, with it."""
    for file in _FILES:
        for name, service in file.services_by_name.items():
            for method in service.methods:
                if name in _SERVICES:
                    is_read = method.name.startswith(_READS)
                    kind = CallClass.READ if is_read else _SERVICES[name]
                    yield f"/{service.full_name}/{method.name}", kind


class ShedReport:
    """Tells the log what was shed since it last looked."""

    def __init__(self, lines: Iterable[Line]) -> None:
        """Take the lines to look at."""
        self._lines: Final = list(lines)
        self._told: dict[str, int] = dict.fromkeys((line.name for line in self._lines), 0)

    async def run(self, interval_s: float = REPORT_S) -> None:
        """Look again and again; never ends."""
        while True:
            self.look()
            await asyncio.sleep(interval_s)

    def look(self) -> None:
        """Log a line for each class of which calls were shed."""
        for line in self._lines:
            since = line.counts.shed - self._told[line.name]
            if since:
                logger().warning(
                    "calls_shed",
                    kind=line.name,
                    count=since,
                    total=line.counts.shed,
                    accepted=line.counts.admitted,
                    pending=line.waiting,
                    limit=line.limits.at_once,
                    retry_after_ms=line.retry_after_ms,
                )
            self._told[line.name] = line.counts.shed
