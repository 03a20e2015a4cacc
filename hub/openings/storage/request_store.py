"""Opening requests in the database, in core types."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, insert, update
from sqlmodel import Session, col, select

from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.opening.statements import OpeningRequest
from fedcarbon.units import MicrogramsCO2e
from hub.openings.states import PENDING_STATES, OpeningEvent, OpeningState, next_state
from hub.openings.storage.request_rows import OpeningAttemptRow, OpeningRequestRow


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRequest:
    """A request as it stands."""

    operator_id: PartyId
    request_id: bytes
    leaf_index: int
    programme_id: ProgrammeId
    account_token: bytes
    epoch: EpochIndex
    state: OpeningState
    code: str
    detail: str
    opened_ug: MicrogramsCO2e | None
    attempts: int


class RequestStore:
    """Requests and attempt numbers, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def add(self, request: OpeningRequest, leaf_index: int, *, code: str, detail: str) -> None:
        """Keep a request that was logged, and why it waits, if it does."""
        self._session.exec(
            insert(OpeningRequestRow).values(
                operator_id=request.operator_id,
                request_id=request.request_id,
                leaf_index=leaf_index,
                programme_id=request.programme_id,
                account_token=request.account_token,
                epoch=request.epoch,
                previous_epoch=request.previous_epoch,
                state=OpeningState.REQUESTED.value,
                code=code,
                detail=detail,
                attempts=0,
            )
        )

    def find(self, operator_id: PartyId, request_id: bytes) -> StoredRequest | None:
        """Return an operator's request, if there is one of this id."""
        row = self._session.exec(
            select(OpeningRequestRow)
            .where(
                OpeningRequestRow.operator_id == operator_id,
                OpeningRequestRow.request_id == request_id,
            )
            .execution_options(populate_existing=True)
        ).first()
        return None if row is None else _stored(row)

    def pending(self) -> list[StoredRequest]:
        """Return the requests that are neither opened nor refused, oldest first."""
        rows = self._session.exec(
            select(OpeningRequestRow)
            .where(col(OpeningRequestRow.state).in_([state.value for state in PENDING_STATES]))
            .order_by(col(OpeningRequestRow.leaf_index))
            .execution_options(populate_existing=True)
        )
        return [_stored(row) for row in rows]

    def last_opened(
        self, programme_id: ProgrammeId, account_token: bytes
    ) -> tuple[EpochIndex, MicrogramsCO2e]:
        """Return epoch and sum of an account's last finished opening; zeros for none."""
        row = self._session.exec(
            select(OpeningRequestRow.epoch, OpeningRequestRow.opened_ug)
            .where(
                OpeningRequestRow.programme_id == programme_id,
                OpeningRequestRow.account_token == account_token,
                OpeningRequestRow.state == OpeningState.OPENED.value,
            )
            .order_by(col(OpeningRequestRow.epoch).desc())
            .limit(1)
        ).first()
        epoch, opened_ug = row or (0, 0)
        return EpochIndex(epoch), MicrogramsCO2e(opened_ug or 0)

    def explain(self, leaf_index: int, *, code: str, detail: str) -> None:
        """Write why a request waits; nothing if that is written there already."""
        self._session.exec(
            update(OpeningRequestRow)
            .where(
                col(OpeningRequestRow.leaf_index) == leaf_index,
                (col(OpeningRequestRow.code) != code) | (col(OpeningRequestRow.detail) != detail),
            )
            .values(code=code, detail=detail)
            .execution_options(synchronize_session=False)
        )

    def start(self, leaf_index: int) -> None:
        """Count a start leaf that names the request.

        Raises:
            OpeningStateError: it is opened or refused.
        """
        self._move(leaf_index, OpeningEvent.START_LOGGED, more_attempts=1)

    def finish(self, leaf_index: int, opened_ug: MicrogramsCO2e) -> None:
        """Write what came out.

        Raises:
            OpeningStateError: it is opened or refused, or was never started.
        """
        self._move(leaf_index, OpeningEvent.RESULT_LOGGED, opened_ug=opened_ug)

    def refuse(self, leaf_index: int, *, code: str, detail: str) -> None:
        """Write that the request can never be opened.

        Raises:
            OpeningStateError: it is opened or refused.
        """
        self._move(leaf_index, OpeningEvent.REFUSE, code=code, detail=detail)

    def next_attempt(self, opening_id: bytes, last_started: int) -> int:
        """Give out a number above every attempt that was begun before, started or not.

        Args:
            opening_id: 32 bytes.
            last_started: the highest attempt in the record.
        """
        given = self._session.exec(
            select(OpeningAttemptRow.attempt).where(OpeningAttemptRow.opening_id == opening_id)
        ).first()
        attempt = max(given or 0, last_started) + 1
        if given is None:
            self._session.exec(
                insert(OpeningAttemptRow).values(opening_id=opening_id, attempt=attempt)
            )
        else:
            self._session.exec(
                update(OpeningAttemptRow)
                .where(col(OpeningAttemptRow.opening_id) == opening_id)
                .values(attempt=attempt)
                .execution_options(synchronize_session=False)
            )
        return attempt

    def counts(self) -> dict[OpeningState, int]:
        """Return how many requests stand where."""
        rows = self._session.exec(
            select(OpeningRequestRow.state, func.count()).group_by(OpeningRequestRow.state)
        )
        return {OpeningState(state): count for state, count in rows}

    def _move(
        self,
        leaf_index: int,
        event: OpeningEvent,
        *,
        code: str = "",
        detail: str = "",
        opened_ug: MicrogramsCO2e | None = None,
        more_attempts: int = 0,
    ) -> None:
        state = OpeningState(
            self._session.exec(
                select(OpeningRequestRow.state).where(OpeningRequestRow.leaf_index == leaf_index)
            ).one()
        )
        self._session.exec(
            update(OpeningRequestRow)
            .where(
                col(OpeningRequestRow.leaf_index) == leaf_index,
                col(OpeningRequestRow.state) == state.value,
            )
            .values(
                state=next_state(state, event).value,
                code=code,
                detail=detail,
                opened_ug=opened_ug,
                attempts=col(OpeningRequestRow.attempts) + more_attempts,
            )
            .execution_options(synchronize_session=False)
        )


def _stored(row: OpeningRequestRow) -> StoredRequest:
    return StoredRequest(
        operator_id=PartyId(row.operator_id),
        request_id=row.request_id,
        leaf_index=row.leaf_index,
        programme_id=ProgrammeId(row.programme_id),
        account_token=row.account_token,
        epoch=EpochIndex(row.epoch),
        state=OpeningState(row.state),
        code=row.code,
        detail=row.detail,
        opened_ug=None if row.opened_ug is None else MicrogramsCO2e(row.opened_ug),
        attempts=row.attempts,
    )
