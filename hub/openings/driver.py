"""The driver of openings: takes every pending request as far as it can go now.

It may be called as often as one likes. Where a request stands is in the database and the record;
what the driver remembers beside (who refused, who failed) only helps it to choose better and may be
forgotten at any time. A round looks like this:

 1. have the head witnessed; without a quorum everything waits (QUORUM_MISSING)
 2. judge every request by the checks that trustees make; what can never be opened is refused, and
    what no partner has witnessed waits (PARTNER_WITNESS_MISSING)
 3. make batches of the others, choose a subset for each, and attempt it
 4. enter what was opened; remember who failed

Rounds follow each other until one of them leaves everything as it is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeGuard

from sqlmodel import Session

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId
from fedcarbon.opening.refusals import ProductsPendingError
from fedcarbon.transparency.checkpoint import (
    PartnerWitnessMissingError,
    QuorumMissingError,
    quorum_of,
)
from fedcarbon.wire.logs import logger
from hub.context import Hub
from hub.openings.attempt import Attempt, AttemptFailedError, SharedBatch
from hub.openings.judging import Judged, judged_requests
from hub.openings.planning import Batch, Note, PlannedOpening, planned_batches
from hub.openings.reasons import (
    FINAL_CODES,
    QUORUM_MISSING,
    TIMED_CODES,
    TRUSTEES_MISSING,
    detail_of,
)
from hub.openings.results import enter_result, keep_share_files
from hub.openings.storage.request_store import RequestStore
from hub.record.folded_record import FoldedRecord
from hub.trustees.asking import TrusteeRefusedError
from hub.trustees.desk import TrusteeDesk
from hub.trustees.refusals import log_refusals
from hub.trustees.standing import Standing

ROUNDS_MAX: Final = 8
"""Rounds of one call; starts are not endless, so a broken federation must not use them up."""
INCIDENTS_MAX: Final = 3
"""After so many results that cannot be right a request is refused; an operator must look."""


@dataclass(slots=True)
class OpeningProgress:
    """What one call of `advance` has done."""

    opened: int = 0
    refused: int = 0
    attempts: int = 0
    pending: int = 0
    """Requests that were neither opened nor refused when the call ended."""


@dataclass(slots=True)
class _Call:
    """What is known during one call of `advance`."""

    progress: OpeningProgress = field(default_factory=OpeningProgress)
    resting: set[int] = field(default_factory=set)
    """Requests, by leaf, that are left for the next call."""
    is_refreshed: bool = False
    """Whether the head was signed again for its time."""


class OpeningDriver:
    """Opens what can be opened; one call at a time."""

    def __init__(self, hub: Hub, desk: TrusteeDesk, folded: FoldedRecord) -> None:
        """Take the hub, its desk for trustees and the record as trustees see it."""
        self._hub = hub
        self._desk = desk
        self._folded = folded
        self._one_at_a_time = asyncio.Lock()
        self._standing = Standing()
        self._notes: dict[int, Note] = {}
        self._logged: set[tuple[PartyId, str, frozenset[int]]] = set()
        """Refusals that are leaves: trustee, code, and requests."""

    async def advance(self) -> OpeningProgress:
        """Take every pending request as far as it can go now."""
        call = _Call()
        async with self._one_at_a_time:
            # Also without a request: whoever sends the next one holds the writer's lock.
            await self._hub.read(self._folded.follow)
            for _ in range(ROUNDS_MAX):
                if not await self._round(call):
                    break
            pending = await self._pending_leaves()
            self._notes = {leaf: note for leaf, note in self._notes.items() if leaf in pending}
            self._logged = {key for key in self._logged if key[2] & pending}
            call.progress.pending = len(pending)
        return call.progress

    async def _round(self, call: _Call) -> bool:
        """Return whether another round may bring more."""
        pending = await self._pending_leaves() - call.resting
        if not pending:
            return False
        try:
            judged = await self._judged(call)
        except QuorumMissingError as error:
            await self._explain(pending, QUORUM_MISSING, str(error))
            return False
        if judged.reasons:
            call.progress.refused += await self._hub.write(partial(_enter_reasons, judged=judged))
        ready = [item for item in judged.candidates if item.request.index not in call.resting]
        attempted = False
        for batch in planned_batches(ready, self._notes):
            attempted |= await self._attempt(call, batch)
        return attempted

    async def _judged(self, call: _Call) -> Judged:
        """Judge all pending requests under a head that is as new as it needs to be."""
        hub, folded = self._hub, self._folded
        head = await self._desk.witness()
        judged = await hub.read(partial(judged_requests, hub=hub, folded=folded, head=head))
        waits = {reason.code for reason in judged.reasons.values()} & TIMED_CODES
        if waits and not call.is_refreshed and hub.clock.now_s() > head.timestamp_s:
            call.is_refreshed = True
            head = await self._desk.witness(not_before_s=hub.clock.now_s())
            judged = await hub.read(partial(judged_requests, hub=hub, folded=folded, head=head))
        return judged

    async def _attempt(self, call: _Call, batch: Batch) -> bool:
        """Attempt a batch with the best subset; return whether one was found."""
        subset = await self._subset_for(call, batch)
        if not subset:
            return False
        call.progress.attempts += 1
        self._standing.taken(subset)
        attempt = Attempt(self._hub, self._desk, self._folded, subset)
        leaves = _leaves(batch.openings)
        try:
            shared = await attempt.run(batch.openings)
        except AttemptFailedError as error:
            waiting = await self._note_late(batch, error) if not attempt.is_started else set()
            await self._note_failure(batch, error)
            call.resting |= waiting  # the next call asks those first that are ready
            rest = leaves - waiting
            await self._explain(rest, TRUSTEES_MISSING, f"{error}; another attempt follows")
            return bool(rest)
        except (QuorumMissingError, PartnerWitnessMissingError) as error:
            call.resting |= leaves
            await self._explain(leaves, error.code, str(error))
            return False
        self._standing.finished(subset)
        await self._enter(call, shared, subset)
        return True

    async def _subset_for(self, call: _Call, batch: Batch) -> Sequence[PartyId]:
        """Return S for a batch; if there is none, say why and return nothing."""
        parameters = self._hub.parameters
        trustees = set(parameters.trustee_ids)
        connected = set(self._desk.port.connected()) & trustees
        needed = quorum_of(len(trustees), parameters.threshold)
        leaves = _leaves(batch.openings)
        if len(connected) < needed:
            # Without a quorum the start could not be witnessed, and starts are counted.
            call.resting |= leaves
            detail = f"{len(connected)} of the {needed} trustees needed are connected"
            await self._explain(leaves, QUORUM_MISSING, detail)
        elif len(trustees - batch.refused_by) < parameters.threshold:
            call.resting |= leaves
            await self._give_up(call, batch)
        elif len(connected - batch.refused_by) < parameters.threshold:
            call.resting |= leaves
            missing = sorted(trustees - batch.refused_by - connected)
            await self._explain(leaves, TRUSTEES_MISSING, f"trustees {missing} are not connected")
        else:
            usable = self._standing.preferred(connected - batch.refused_by)
            return usable[: parameters.threshold]
        return ()

    async def _give_up(self, call: _Call, batch: Batch) -> None:
        """Close or rest requests that so many trustees refuse that no subset is left."""
        for leaf in _leaves(batch.openings):
            codes = Counter(self._note(leaf).refused_by.values())
            code, _ = codes.most_common(1)[0]
            detail = f"{codes.total()} trustees refuse this opening"
            if code in FINAL_CODES:
                await self._hub.write(partial(_refuse, leaf=leaf, code=code, detail=detail))
                call.progress.refused += 1
            else:
                self._note(leaf).refused_by.clear()  # asked again in the next call
                await self._explain([leaf], code, detail)

    async def _note_late(self, batch: Batch, error: AttemptFailedError) -> set[int]:
        """Take those that only have to multiply first out of an error; return who waits for it.

        The others of the batch are opened without them: an epoch may take a trustee very long.
        """
        waiting: set[int] = set()
        for name, reason in list(error.failed.items()):
            if _is_pending(reason):
                leaves = _leaves(_concerned(batch, reason) or batch.openings)
                await self._explain(leaves, reason.code, detail_of(reason))
                self._standing.late(name)
                del error.failed[name]
                waiting |= leaves
        return waiting

    async def _note_failure(self, batch: Batch, error: AttemptFailedError) -> None:
        """Remember who failed: for single openings, or altogether."""
        news = {}
        for name, reason in error.failed.items():
            concerned: Sequence[PlannedOpening] = ()
            if isinstance(reason, TrusteeRefusedError):
                concerned = _concerned(batch, reason)
                key = (name, reason.code, frozenset(_leaves(concerned or batch.openings)))
                if key not in self._logged:  # a refusal is a leaf once, however often it is tried
                    self._logged.add(key)
                    news[name] = reason
            for opening in concerned:
                self._note_refusal(opening, name, reason.code)
            if not concerned:
                self._standing.failed(name)
        await log_refusals(self._hub, news)

    def _note_refusal(self, opening: PlannedOpening, trustee_id: PartyId, code: str) -> None:
        for request in opening.requests:
            note = self._note(request.index)
            if len(opening.requests) == 1:
                note.refused_by[trustee_id] = code
            else:
                note.is_alone = True  # which of them was meant shows when each stands alone

    async def _enter(self, call: _Call, shared: SharedBatch, subset: Iterable[PartyId]) -> None:
        """Enter every opening that came out right; note the others as incidents."""
        hub = self._hub
        files = await asyncio.to_thread(keep_share_files, hub, shared)
        incident = False
        for started, values in zip(shared.started, shared.values, strict=True):
            try:
                if isinstance(values, FedcarbonError):
                    raise values
                entered = await hub.write(
                    partial(enter_result, hub=hub, started=started, values=values, files=files)
                )
            except FedcarbonError as error:
                incident = True
                await self._note_incident(call, started.planned, error)
                continue
            call.progress.opened += entered.requests
            logger().info(
                "accounts_opened",
                programme_id=started.start.programme_id,
                epoch=started.start.epoch,
                block=started.start.block,
                attempt=started.start.attempt,
                accounts=entered.requests,
                leaf_index=entered.result_leaf,
            )
        if incident:  # somebody in this subset may have masked a target: try others first
            for name in subset:
                self._standing.failed(name)

    async def _note_incident(
        self, call: _Call, opening: PlannedOpening, error: FedcarbonError
    ) -> None:
        logger().error(
            "opening_incident",
            programme_id=opening.programme_id,
            epoch=opening.epoch,
            block=opening.block,
            code=error.code,
        )
        for request in opening.requests:
            note = self._note(request.index)
            note.incidents += len(opening.requests) == 1
            note.is_alone = True
            if note.incidents >= INCIDENTS_MAX:
                detail = "what comes out of this account cannot be right; the operator must look"
                await self._hub.write(
                    partial(_refuse, leaf=request.index, code=error.code, detail=detail)
                )
                call.progress.refused += 1

    def _note(self, leaf: int) -> Note:
        return self._notes.setdefault(leaf, Note())

    async def _pending_leaves(self) -> set[int]:
        pending = await self._hub.read(lambda session: RequestStore(session).pending())
        return {request.leaf_index for request in pending}

    async def _explain(self, leaves: Iterable[int], code: str, detail: str) -> None:
        """Write why requests wait, unless that is what they say already."""
        await self._hub.write(partial(_explain, leaves=frozenset(leaves), code=code, detail=detail))


def _is_pending(reason: FedcarbonError) -> TypeGuard[TrusteeRefusedError]:
    """Tell whether a trustee refuses nothing, and has only not multiplied an epoch yet."""
    return isinstance(reason, TrusteeRefusedError) and reason.code == ProductsPendingError.code


def _concerned(batch: Batch, reason: TrusteeRefusedError) -> list[PlannedOpening]:
    """Return the openings of a batch that a trustee names; none if it means all of them."""
    positions = sorted(set(reason.positions) & set(range(len(batch.openings))))
    return [batch.openings[position] for position in positions]


def _leaves(openings: Iterable[PlannedOpening]) -> set[int]:
    return {request.index for opening in openings for request in opening.requests}


def _explain(session: Session, leaves: Iterable[int], code: str, detail: str) -> None:
    store = RequestStore(session)
    for leaf in leaves:
        store.explain(leaf, code=code, detail=detail)


def _refuse(session: Session, leaf: int, code: str, detail: str) -> None:
    RequestStore(session).refuse(leaf, code=code, detail=detail)


def _enter_reasons(session: Session, judged: Judged) -> int:
    """Refuse what can never be opened, say why the rest waits; return how many were refused."""
    refused = 0
    for leaf, reason in judged.reasons.items():
        if reason.code in FINAL_CODES:
            _refuse(session, leaf, reason.code, detail_of(reason))
            refused += 1
        else:
            _explain(session, [leaf], reason.code, detail_of(reason))
    return refused
