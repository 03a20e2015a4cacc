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

from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.epoch.statements import BeaconLabel
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.registry.programme import Programme
from hub.context import Hub
from hub.epochs import judging, planning, sealing
from hub.storage.epoch_store import EpochStore, StoredEpoch
from hub.storage.registry_store import ProgrammeStore


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
            for programme in await self._hub.read(lambda session: ProgrammeStore(session).all()):
                await self._plan(programme, progress)
                for stored in await self._unfinished(programme):
                    await self._drive(programme, stored.epoch, progress)
        return progress

    async def _plan(self, programme: Programme, progress: Progress) -> None:
        hub = self._hub
        while True:
            try:
                epoch = await hub.write(lambda session: planning.plan_next(session, hub, programme))
            except FedcarbonError as error:
                following = EpochIndex(1 + await self._begun(programme))
                progress.stalled.append(
                    Stalled(programme_id=programme.programme_id, epoch=following, error=error)
                )
                return
            if epoch is None:
                return
            progress.moved.append(
                Moved(programme_id=programme.programme_id, epoch=epoch, state=EpochState.COMMITTING)
            )

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

    async def _close(self, programme: Programme, stored: StoredEpoch) -> None:
        hub = self._hub
        await hub.write(lambda session: planning.close_commitments(session, hub, programme, stored))

    async def _judge(self, programme: Programme, stored: StoredEpoch) -> None:
        hub = self._hub
        assert stored.closed_leaf is not None  # noqa: S101 - REVEALING has one
        # Partners reveal nothing before all roots are under a witnessed head.
        await self._have_witnessed(stored.closed_leaf)
        if not await hub.read(
            lambda session: judging.all_revealed(session, hub, programme, stored)
        ):
            return
        beacon = await hub.witnesses.beacon(BeaconLabel.TIE, stored.closed_leaf)
        judged = await asyncio.to_thread(judging.join, hub, stored, beacon)
        await hub.write(
            lambda session: judging.keep_verdicts(session, hub, programme, stored, judged)
        )

    async def _log_verdicts(self, programme: Programme, stored: StoredEpoch) -> None:
        hub = self._hub
        await hub.write(lambda session: judging.log_verdicts(session, hub, programme, stored))

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

    async def _unfinished(self, programme: Programme) -> list[StoredEpoch]:
        """Return the epochs that may have to move: not sealed, or sealed without a sample."""
        begun = await self._hub.read(
            lambda session: EpochStore(session).begun(programme.programme_id)
        )
        return [
            stored
            for stored in begun
            if stored.state is not EpochState.SEALED or stored.sample_leaf is None
        ]

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


_Step = Callable[[EpochDriver, Programme, StoredEpoch], Awaitable[None]]
_STEPS: Final[Mapping[EpochState, _Step]] = {
    EpochState.COMMITTING: EpochDriver._close,  # noqa: SLF001 - the table of this class
    EpochState.REVEALING: EpochDriver._judge,  # noqa: SLF001
    EpochState.JUDGED: EpochDriver._log_verdicts,  # noqa: SLF001
    EpochState.SUBMITTING: EpochDriver._seal,  # noqa: SLF001
    EpochState.SEALED: EpochDriver._draw_sample,  # noqa: SLF001
}
