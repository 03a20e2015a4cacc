"""Use cases of reading: the calendar of every table, and a released table. There is no other query.

What is told is what every reader of the record may know: shells and releases are public, and of
contributions only their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from sqlmodel import Session

from fedcarbon.canonical import statement as statements
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.statements import TableRelease
from fedcarbon.errors import MalformedError
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.opening.tables import PeriodRef
from fedcarbon.opening.view import RecordView
from fedcarbon.submission.signed_message import NotAdmittedError
from fedcarbon.transparency.envelope import Envelope
from hub.context import Hub
from hub.record.folded_record import FoldedRecord
from hub.registry.parties import reader_of
from hub.statistics.calendar import closes_at_s, is_sealed
from hub.statistics.errors import TableNotReleasedError, TableUnknownError
from hub.statistics.states import PeriodState
from hub.statistics.storage.period_store import PeriodStore, StoredPeriod


class SeenState(StrEnum):
    """Where a period stands, as its readers see it."""

    NOT_OVER = "not over"
    CONTRIBUTING = "contributing"
    STARTED = "started"
    RELEASED = "released"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPeriod:
    """One period."""

    period: int
    state: SeenState
    detail: str
    """A sentence for people."""
    contributions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTable:
    """A shell and its periods."""

    shell_leaf: int
    signed_shell: bytes
    periods: Sequence[SeenPeriod]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTable:
    """A released table with what its reader checks."""

    signed_shell: bytes
    signed_release: bytes
    release_leaf: int
    table: bytes


def require_reader(session: Session, party_id: PartyId, role: Role) -> None:
    """Check that a caller may read tables: every admitted party may.

    Raises:
        NotAdmittedError: it is not admitted in the role of its certificate.
    """
    if reader_of(session, party_id, role).role is None:
        raise NotAdmittedError(f"{party_id} is not admitted as {role}; root keys must admit it")


def list_tables(
    session: Session, hub: Hub, folded: FoldedRecord, programme_id: ProgrammeId | None
) -> list[SeenTable]:
    """Return the shells of a programme, or all, with where every period stands."""
    stored = PeriodStore(session).all()
    with folded.at(session) as view:
        return [
            SeenTable(
                shell_leaf=leaf,
                signed_shell=hub.record.body(session, leaf),
                periods=[
                    _seen(view, shell.statement, PeriodRef(leaf, period), stored)
                    for period in range(1, shell.statement.periods + 1)
                ],
            )
            for leaf, shell in view.tables.shells.items()
            if programme_id in {None, shell.statement.programme_id}
        ]


def get_table(session: Session, hub: Hub, folded: FoldedRecord, ref: PeriodRef) -> FoundTable:
    """Return the table of a period; the same bytes for ever.

    Raises:
        TableUnknownError: there is no such shell or period.
        TableNotReleasedError: it has no table, and why.
    """
    with folded.at(session) as view:
        shell = view.tables.shells.get(ref.shell_leaf)
        if shell is None:
            raise TableUnknownError(f"leaf {ref.shell_leaf} is no table shell")
        try:
            shell.statement.epochs_of(ref.period)
        except MalformedError as error:
            raise TableUnknownError(str(error)) from error
        seen = _seen(view, shell.statement, ref, PeriodStore(session).all())
    found = PeriodStore(session).find(ref)
    if found is None or found.release_leaf is None:
        raise TableNotReleasedError(f"period {ref.period} is {seen.state}: {seen.detail}")
    signed = hub.record.body(session, found.release_leaf)
    release = statements.decode(TableRelease, Envelope.from_bytes(signed).payload)
    return FoundTable(
        signed_shell=hub.record.body(session, ref.shell_leaf),
        signed_release=signed,
        release_leaf=found.release_leaf,
        table=hub.record.files.get(release.table_sha256),
    )


_SEEN: Final = {
    PeriodState.CLOSED: SeenState.CONTRIBUTING,
    PeriodState.STARTED: SeenState.STARTED,
    PeriodState.RELEASED: SeenState.RELEASED,
    PeriodState.WITHHELD: SeenState.WITHHELD,
}
_DETAILS: Final = {
    PeriodState.CLOSED: "contributions are closed; trustees add noise next",
    PeriodState.STARTED: "its budget is spent; trustees open it next",
    PeriodState.RELEASED: "its table can be fetched",
}


def _seen(
    view: RecordView, shell: TableShell, ref: PeriodRef, stored: Mapping[PeriodRef, StoredPeriod]
) -> SeenPeriod:
    period = stored.get(ref)
    if period is not None:
        state = _SEEN[period.state]
        detail = f"{period.detail} [{period.code}]" if period.code else _DETAILS[period.state]
    elif not is_sealed(view, shell, ref):
        epochs = shell.epochs_of(ref.period)
        state = SeenState.NOT_OVER
        detail = f"epochs {epochs[0]} to {epochs[-1]} are not all sealed"
    else:
        state, closes_s = SeenState.CONTRIBUTING, closes_at_s(view, shell, ref)
        detail = "partners contribute"
        if closes_s is not None:
            until = datetime.fromtimestamp(closes_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            detail += f" until {until}, or until all have"
    return SeenPeriod(
        period=ref.period,
        state=state,
        detail=detail,
        contributions=len(view.tables.contributions.get(ref, {})),
    )
