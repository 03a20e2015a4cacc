"""The driver: moves every epoch as far as it can go.

It holds no state: where an epoch stands is in the database, and what moves it is the table in
`fedcarbon.epoch.lifecycle`, protocol time and the messages that have come in. So it may be called
as often as one likes, and goes on after a crash where the last transaction left off. An epoch that
cannot move, because too few trustees answer or for any other reason that was promised, is left for
the next call and reported as stalled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlmodel import Session

from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.epoch.statements import BeaconLabel
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.registry.programme import Programme
from hub.context import Hub
from hub.epochs import judging, planning, sealing
from hub.epochs.rounds import SHARED_STATES, ClaimRound, round_of
from hub.storage.epoch_store import EpochStore, StoredEpoch
from hub.storage.registry_store import ProgrammeStore

Domain = tuple[Programme, ...]
"""All programmes of an exclusivity domain, by their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """An epoch has entered a state."""

    programme_id: ProgrammeId
    epoch: EpochIndex
    state: EpochState


@dataclass(frozen=True, slots=True, kw_only=True)
class Stalled:
    """An epoch waits for somebody other than its partners."""

    programme_id: ProgrammeId
    epoch: EpochIndex
    error: FedcarbonError


@dataclass(slots=True)
class Progress:
    """What one call of `advance` has done."""

    moved: list[Moved] = field(default_factory=list)
    stalled: list[Stalled] = field(default_factory=list)


class EpochDriver:
    """Moves epochs on; one call at a time."""

    def __init__(self, hub: Hub) -> None:
        """Take the hub whose epochs are driven."""
        self._hub = hub
        self._one_at_a_time = asyncio.Lock()

    async def advance(self) -> Progress:
        """Move every epoch of every programme as far as it can go now."""
        progress = Progress()
        async with self._one_at_a_time:
            for programmes in await self._hub.read(_by_domain):
                await self._plan(programmes, progress)
                for epoch in await self._unfinished(programmes):
                    if await self._drive_round(programmes, epoch, progress):
                        for programme in programmes:
                            await self._drive(programme, epoch, progress)
        return progress

    async def _plan(self, programmes: Domain, progress: Progress) -> None:
        hub = self._hub
        # Most looks find nothing and must not make writers wait.
        while await hub.read(lambda session: planning.next_due(session, hub, programmes)):
            try:
                epoch = await hub.write(
                    lambda session: planning.plan_next(session, hub, programmes)
                )
            except FedcarbonError as error:
                following = EpochIndex(1 + await self._begun(programmes[0]))
                _note_stalled(progress, programmes, following, error)
                return
            if epoch is None:
                return
            _note_moved(progress, programmes, epoch, EpochState.COMMITTING)

    async def _drive_round(self, programmes: Domain, epoch: EpochIndex, progress: Progress) -> bool:
        """Take the steps that a domain takes as one; tell whether all of them are done."""
        while True:
            found = await self._hub.read(lambda session: round_of(session, programmes, epoch))
            if found.state not in SHARED_STATES:
                return True
            try:
                await _SHARED_STEPS[found.state](self, found)
            except FedcarbonError as error:
                _note_stalled(progress, programmes, epoch, error)
                return False
            reached = (await self._find(programmes[0], epoch)).state
            if reached is found.state:
                return False
            _note_moved(progress, programmes, epoch, reached)

    async def _drive(self, programme: Programme, epoch: EpochIndex, progress: Progress) -> None:
        """Take steps until one of them leaves the epoch where it is."""
        while True:
            stored = await self._find(programme, epoch)
            try:
                await _STEPS[stored.state](self, programme, stored)
            except FedcarbonError as error:
                # Whatever it is, it must not hold up the other epochs and programmes.
                progress.stalled.append(
                    Stalled(programme_id=programme.programme_id, epoch=epoch, error=error)
                )
                return
            reached = (await self._find(programme, epoch)).state
            if reached is stored.state:
                return
            progress.moved.append(
                Moved(programme_id=programme.programme_id, epoch=epoch, state=reached)
            )

    async def _close(self, found: ClaimRound) -> None:
        hub = self._hub
        await hub.write(lambda session: planning.close_commitments(session, hub, found))

    async def _judge(self, found: ClaimRound) -> None:
        hub = self._hub
        # Partners reveal nothing before all roots are under a witnessed head.
        await self._have_witnessed(found.closed_leaf)
        if not await hub.read(
            lambda session: (
                judging.is_next(session, found) and judging.all_revealed(session, hub, found)
            )
        ):
            return
        beacon = await hub.witnesses.beacon(BeaconLabel.TIE, found.closed_leaf)
        judged = await asyncio.to_thread(judging.join, hub, found, beacon)
        await hub.write(lambda session: judging.keep_verdicts(session, hub, found, judged))

    async def _log_verdicts(self, found: ClaimRound) -> None:
        hub = self._hub
        await hub.write(lambda session: judging.log_verdicts(session, hub, found))

    async def _seal(self, programme: Programme, stored: StoredEpoch) -> None:
        hub = self._hub
        contributed = await hub.read(
            lambda session: sealing.contribution_if_due(session, hub, programme, stored)
        )
        if contributed is None:
            return
        products = await asyncio.to_thread(sealing.multiplied, hub, programme, stored, contributed)
        await hub.write(
            lambda session: sealing.seal(session, hub, programme, stored, contributed, products)
        )

    async def _draw_sample(self, _programme: Programme, stored: StoredEpoch) -> None:
        hub, seal_leaf = self._hub, stored.seal_leaf
        assert seal_leaf is not None  # noqa: S101 - SEALED has one
        # No trustee draws over a seal that a hub could still exchange.
        await self._have_witnessed(seal_leaf)
        await hub.witnesses.beacon(BeaconLabel.SAMPLE, seal_leaf)
        await hub.write(lambda session: sealing.keep_sample(session, hub, stored))

    async def _have_witnessed(self, leaf_index: int) -> None:
        """Have the head witnessed unless a witnessed one covers the leaf already."""
        hub = self._hub
        if not await hub.read(lambda session: judging.is_witnessed(session, hub, leaf_index)):
            await hub.witnesses.witness()

    async def _unfinished(self, programmes: Domain) -> list[EpochIndex]:
        """Return the epochs that may have to move: not sealed, or sealed without a sample."""

        def unfinished(session: Session) -> set[EpochIndex]:
            store = EpochStore(session)
            return {
                stored.epoch
                for programme in programmes
                for stored in store.begun(programme.programme_id)
                if stored.state is not EpochState.SEALED or stored.sample_leaf is None
            }

        return sorted(await self._hub.read(unfinished))

    async def _begun(self, programme: Programme) -> int:
        """Return how many epochs of a programme have a plan."""
        name = programme.programme_id
        return len(await self._hub.read(lambda session: EpochStore(session).begun(name)))

    async def _find(self, programme: Programme, epoch: EpochIndex) -> StoredEpoch:
        stored = await self._hub.read(
            lambda session: EpochStore(session).find(programme.programme_id, epoch)
        )
        assert stored is not None  # noqa: S101 - epochs never go away
        return stored


def _by_domain(session: Session) -> list[Domain]:
    """Return the programmes of every exclusivity domain, in the order of the record."""
    store = ProgrammeStore(session)
    domains = dict.fromkeys(programme.exclusivity_domain for programme in store.all())
    return [tuple(store.of_domain(domain)) for domain in domains]


def _note_moved(
    progress: Progress, programmes: Domain, epoch: EpochIndex, state: EpochState
) -> None:
    progress.moved += [
        Moved(programme_id=programme.programme_id, epoch=epoch, state=state)
        for programme in programmes
    ]


def _note_stalled(
    progress: Progress, programmes: Domain, epoch: EpochIndex, error: FedcarbonError
) -> None:
    progress.stalled += [
        Stalled(programme_id=programme.programme_id, epoch=epoch, error=error)
        for programme in programmes
    ]


_SharedStep = Callable[[EpochDriver, ClaimRound], Awaitable[None]]
_SHARED_STEPS: Final[Mapping[EpochState, _SharedStep]] = {
    EpochState.COMMITTING: EpochDriver._close,  # noqa: SLF001 - the table of this class
    EpochState.REVEALING: EpochDriver._judge,  # noqa: SLF001
    EpochState.JUDGED: EpochDriver._log_verdicts,  # noqa: SLF001
}
_Step = Callable[[EpochDriver, Programme, StoredEpoch], Awaitable[None]]
_STEPS: Final[Mapping[EpochState, _Step]] = {
    EpochState.SUBMITTING: EpochDriver._seal,  # noqa: SLF001
    EpochState.SEALED: EpochDriver._draw_sample,  # noqa: SLF001
}
