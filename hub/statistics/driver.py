"""The driver of releases: takes every period of every table as far as it can go now.

It may be called as often as one likes. Where a period stands is in the database and the record:

    epochs not all sealed -> partners contribute -> closed -> started -> released
                                                    closed -> withheld

 1. close: all partners with accounts have contributed, or their time is over
 2. start: see `hub.statistics.starting`; too few or too many partners, or a year without budget,
    and the period is withheld for good
 3. finish: see `hub.statistics.releasing`

A step that cannot be taken now says why, and is tried again. After a crash the driver goes on from
what is stored: a period that was started is finished with the noise of its start.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlmodel import Session

from fedcarbon.errors import FedcarbonError
from fedcarbon.opening.table_checks import members_of
from fedcarbon.opening.table_refusals import (
    BudgetExceededError,
    TooFewPartnersError,
    TooManyPartnersError,
)
from fedcarbon.opening.tables import PeriodRef
from fedcarbon.opening.view import RecordView
from fedcarbon.wire.logs import logger
from hub.context import Hub
from hub.record.folded_record import FoldedRecord
from hub.statistics.calendar import is_over, is_sealed
from hub.statistics.releasing import ReleaseFinishing
from hub.statistics.starting import ReleaseStarting
from hub.statistics.states import PeriodState
from hub.statistics.storage.period_store import PeriodStore, StoredPeriod
from hub.statistics.trustee_work import Trustees
from hub.trustees.desk import TrusteeDesk

_DONE: Final = (PeriodState.RELEASED, PeriodState.WITHHELD)


@dataclass(slots=True)
class ReleaseProgress:
    """What one call of `advance` has done."""

    released: int = 0
    withheld: int = 0
    waiting: int = 0
    """Periods that are due and could not be brought to their end."""


class _Due(NamedTuple):
    """A period that something can be done for."""

    ref: PeriodRef
    shell_id: str
    state: PeriodState | None
    """None if its contributions can be closed."""


class ReleaseDriver:
    """Releases what can be released; one call at a time."""

    def __init__(self, hub: Hub, desk: TrusteeDesk, folded: FoldedRecord) -> None:
        """Take the hub, its desk and the record as trustees see it."""
        trustees = Trustees(hub, desk)
        self._hub: Final = hub
        self._folded: Final = folded
        self._starting: Final = ReleaseStarting(hub, trustees, folded)
        self._finishing: Final = ReleaseFinishing(hub, trustees, folded)
        self._one_at_a_time: Final = asyncio.Lock()

    async def advance(self) -> ReleaseProgress:
        """Take every period as far as it can go now."""
        progress = ReleaseProgress()
        async with self._one_at_a_time:
            for due in await self._hub.read(self._due):
                await self._take(progress, due)
        return progress

    async def _take(self, progress: ReleaseProgress, due: _Due) -> None:
        """Take one period through all its steps, or say why it waits."""
        hub, ref = self._hub, due.ref
        try:
            if due.state is None:
                await hub.write(lambda session: PeriodStore(session).close(ref))
            if due.state is not PeriodState.STARTED:
                await self._starting.start(ref)
            release = await self._finishing.finish(ref)
        except (TooFewPartnersError, TooManyPartnersError, BudgetExceededError) as error:
            code, detail = error.code, str(error)
            await hub.write(
                lambda session: PeriodStore(session).withhold(ref, code=code, detail=detail)
            )
            progress.withheld += 1
            logger().warning("table_withheld", shell_id=due.shell_id, period=ref.period, code=code)
        except FedcarbonError as error:
            code, detail = error.code, str(error)
            await hub.write(
                lambda session: PeriodStore(session).explain(ref, code=code, detail=detail)
            )
            progress.waiting += 1
            logger().warning("table_waits", shell_id=due.shell_id, period=ref.period, code=code)
        else:
            progress.released += 1
            logger().info(
                "table_released",
                shell_id=due.shell_id,
                period=ref.period,
                leaf_index=release.index,
            )

    def _due(self, session: Session) -> list[_Due]:
        """Return the periods for which something can be done."""
        stored, due = PeriodStore(session).all(), []
        with self._folded.at(session) as view:
            for leaf, shell in view.tables.shells.items():
                for period in range(1, shell.statement.periods + 1):
                    ref = PeriodRef(leaf, period)
                    if not is_sealed(view, shell.statement, ref):
                        break  # nor is any later one
                    if self._is_due(view, ref, stored.get(ref)):
                        state = stored[ref].state if ref in stored else None
                        due.append(_Due(ref, shell.statement.shell_id, state))
        return due

    def _is_due(self, view: RecordView, ref: PeriodRef, stored: StoredPeriod | None) -> bool:
        if stored is not None:
            return stored.state not in _DONE
        shell = view.tables.shells[ref.shell_leaf].statement
        expected = members_of(view, shell.programme_id, ref).keys()
        return expected <= view.tables.contributions.get(ref, {}).keys() or is_over(
            view, shell, ref, self._hub.clock.now_s()
        )
