"""Contributions and periods in the database, in core types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from sqlalchemy import insert, update
from sqlmodel import Session, col, select

from fedcarbon.errors import StateError
from fedcarbon.ids import PartyId
from fedcarbon.opening.tables import PeriodRef
from hub.statistics.states import PeriodState
from hub.statistics.storage.period_rows import ContributionRow, PeriodRow


class PeriodMovedError(StateError):
    """A period is not where this step begins: somebody else took the step; look again."""

    code: ClassVar[str] = "PERIOD_MOVED"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPeriod:
    """A period to which nobody contributes any more."""

    state: PeriodState
    start_leaf: int | None
    release_leaf: int | None
    code: str
    """Why it waits or is withheld; empty if nothing is in its way."""
    detail: str


class PeriodStore:
    """Contributions and periods, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session: Final = session

    def add_contribution(self, ref: PeriodRef, partner_id: PartyId, leaf_index: int) -> None:
        """Keep that a partner has contributed to a period."""
        self._session.exec(
            insert(ContributionRow).values(
                shell_leaf=ref.shell_leaf,
                period=ref.period,
                partner_id=partner_id,
                leaf_index=leaf_index,
            )
        )

    def contributions(self, ref: PeriodRef) -> dict[PartyId, int]:
        """Return who has contributed to a period, and in which leaf."""
        rows = self._session.exec(
            select(ContributionRow.partner_id, ContributionRow.leaf_index).where(
                ContributionRow.shell_leaf == ref.shell_leaf, ContributionRow.period == ref.period
            )
        )
        return {PartyId(name): leaf for name, leaf in rows}

    def find(self, ref: PeriodRef) -> StoredPeriod | None:
        """Return how far a period has come, or None if its contributions are not closed."""
        row = self._session.exec(
            select(PeriodRow).where(
                PeriodRow.shell_leaf == ref.shell_leaf, PeriodRow.period == ref.period
            )
        ).first()
        return None if row is None else _stored(row)

    def require_closed(self, ref: PeriodRef) -> StoredPeriod:
        """Return a period whose release is neither started nor withheld.

        Raises:
            PeriodMovedError: it is not closed, or farther.
        """
        found = self.find(ref)
        if found is None or found.state is not PeriodState.CLOSED:
            raise _moved(ref, PeriodState.CLOSED)
        return found

    def all(self) -> Mapping[PeriodRef, StoredPeriod]:
        """Return every period that is closed or farther."""
        rows = self._session.exec(select(PeriodRow))
        return {PeriodRef(row.shell_leaf, row.period): _stored(row) for row in rows}

    def close(self, ref: PeriodRef) -> None:
        """Take no contribution any more."""
        self._session.exec(
            insert(PeriodRow).values(
                shell_leaf=ref.shell_leaf,
                period=ref.period,
                state=PeriodState.CLOSED.value,
                code="",
                detail="",
            )
        )

    def withhold(self, ref: PeriodRef, *, code: str, detail: str) -> None:
        """Enter that a closed period is never released.

        Raises:
            PeriodMovedError: it is not closed, or farther.
        """
        state = PeriodState.WITHHELD.value
        self._move(ref, PeriodState.CLOSED, state=state, code=code, detail=detail)

    def start(self, ref: PeriodRef, start_leaf: int) -> None:
        """Enter the start of a closed period.

        Raises:
            PeriodMovedError: it is not closed, or farther.
        """
        state = PeriodState.STARTED.value
        self._move(ref, PeriodState.CLOSED, state=state, start_leaf=start_leaf, code="", detail="")

    def release(self, ref: PeriodRef, release_leaf: int) -> None:
        """Enter the release of a started period.

        Raises:
            PeriodMovedError: it is not started, or released before.
        """
        self._move(
            ref,
            PeriodState.STARTED,
            state=PeriodState.RELEASED.value,
            release_leaf=release_leaf,
            code="",
            detail="",
        )

    def explain(self, ref: PeriodRef, *, code: str, detail: str) -> None:
        """Write why a period that is closed or started waits, unless it says so already."""
        found = self.find(ref)
        waits = (PeriodState.CLOSED, PeriodState.STARTED)
        if (
            found is None
            or found.state not in waits
            or (found.code, found.detail) == (code, detail)
        ):
            return
        self._move(ref, found.state, code=code, detail=detail)

    def _move(self, ref: PeriodRef, before: PeriodState, **values: Any) -> None:  # noqa: ANN401 - columns
        moved = self._session.connection().execute(
            update(PeriodRow)
            .where(
                col(PeriodRow.shell_leaf) == ref.shell_leaf,
                col(PeriodRow.period) == ref.period,
                col(PeriodRow.state) == before.value,
            )
            .values(**values)
        )
        if moved.rowcount != 1:
            raise _moved(ref, before)


def _moved(ref: PeriodRef, before: PeriodState) -> PeriodMovedError:
    return PeriodMovedError(f"period {ref.period} of shell {ref.shell_leaf} is not {before}")


def _stored(row: PeriodRow) -> StoredPeriod:
    return StoredPeriod(
        state=PeriodState(row.state),
        start_leaf=row.start_leaf,
        release_leaf=row.release_leaf,
        code=row.code,
        detail=row.detail,
    )
