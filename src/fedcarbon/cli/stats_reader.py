"""What a regulator's commands believe of a hub's tables: what the record and the roots say.

A table is taken only if root keys signed its shell, the hub signed its release, both stand in the
record under a witnessed head, and the file is the one that the release names.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from fedcarbon.canonical import statement as statements
from fedcarbon.cli.public_record import (
    PublicRecord,
    RecordNotReadyError,
    RecordUnreadableError,
    read_public_record,
)
from fedcarbon.disclosure.release import RecordEntry, Release, ReleaseParts, checked_release
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.table import period_days
from fedcarbon.errors import CallerError, ConfigurationError, StateError
from fedcarbon.ids import Role, party_id
from fedcarbon.opening.logged import LoggedBody
from fedcarbon.parameters.roots import parse_roots
from fedcarbon.registry.admission import PartyAdmission
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import Leaf, LeafType
from fedcarbon.v1 import statistics_pb2
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.hub_client import GrpcHubClient, HubClient
from fedcarbon.wire.party import load_party
from fedcarbon.wire.tls import dial

RELEASED: Final = statistics_pb2.PERIOD_STATE_RELEASED
SPENDING: Final = frozenset({statistics_pb2.PERIOD_STATE_STARTED, RELEASED})
"""States in which a period's budget is spent."""


class StatsConfigError(ConfigurationError):
    """The regulator's configuration or a file that a command needs is wrong."""

    code: ClassVar[str] = "STATS_CONFIG"


class NoSuchTableError(CallerError):
    """The hub lists no such table, or several of that name; the message names those that it has."""

    code: ClassVar[str] = "NO_SUCH_TABLE"


class NothingReleasedError(StateError):
    """No period that was asked for is released; `fedcarbon stats list` says where each stands."""

    code: ClassVar[str] = "NOTHING_RELEASED"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegulatorConfig:
    """`regulator.toml`; paths are relative to it."""

    identity: Path
    """The party's identity file (party.toml)."""
    roots: Path
    hub_address: str
    """Host and port."""
    hub_id: str


def load_config(path: Path) -> RegulatorConfig:
    """Return the configuration in the TOML file `path`.

    Raises:
        StatsConfigError: unreadable, or not exactly the known keys.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
        for key in ("identity", "roots"):
            tree[key] = path.parent / tree[key]
        return RegulatorConfig(**tree)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StatsConfigError(f"{path.name}: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTable:
    """A shell that stands in the record, and where the hub says that its periods stand."""

    leaf: int
    shell: TableShell
    programme: Programme
    periods: Sequence[statistics_pb2.TablePeriod]

    def days(self, period: int) -> tuple[str, str]:
        """Return the first and the last day of a period, by ISO 8601."""
        return period_days(self.shell, self.programme, period)

    def released(self) -> list[int]:
        """Return the periods whose tables can be fetched."""
        return [item.period for item in self.periods if item.state == RELEASED]


class TableReader:
    """Asks a hub for tables and checks its answers."""

    def __init__(self, hub: HubClient, record: PublicRecord) -> None:
        """Take a hub and the public part of its record.

        Raises:
            RecordNotReadyError, RecordUnreadableError, ForkedRecordError: see `PublicRecord.head`.
        """
        self._hub = hub
        self._record = record
        self._witnessed: Final = record.head().size

    @property
    def threshold(self) -> int:
        """How many trustees add noise at least."""
        return self._record.parameters.threshold

    def tables(self, programme: str | None = None) -> list[ListedTable]:
        """Return the tables of a programme, or all.

        Raises:
            RecordUnreadableError: a shell is not what the record holds.
            PeerError, MalformedError: root keys did not sign it.
        """
        answer = self._hub.list_tables(
            statistics_pb2.ListTablesRequest(programme_id=programme or "")
        )
        return [self._listed(item) for item in answer.tables]

    def table(self, name: str, programme: str | None = None) -> ListedTable:
        """Return the one table of a name.

        Raises:
            NoSuchTableError: none, or several.
        """
        listed = self.tables(programme)
        found = [item for item in listed if item.shell.shell_id == name]
        if len(found) != 1:
            known = ", ".join(f"{t.shell.programme_id}/{t.shell.shell_id}" for t in listed)
            raise NoSuchTableError(
                f"{len(found)} tables are called {name!r}; the hub has {known or 'none'}"
            )
        return found[0]

    def release(self, table: ListedTable, period: int) -> Release:
        """Return a released period, checked.

        Raises:
            RecordUnreadableError: shell or release are not what the record holds.
            PeerError, MalformedError: see `checked_release`.
        """
        answer = self._hub.get_table(
            statistics_pb2.GetTableRequest(shell_leaf=table.leaf, period=period)
        )
        shell = self._entry(table.leaf, LeafType.TABLE_SHELL, answer.signed_shell)
        release = self._entry(answer.release_leaf, LeafType.TABLE_RELEASE, answer.signed_release)
        parts = ReleaseParts(
            shell=shell,
            release=release,
            hub_admission=self._admission(release),
            programme=self._programme(table.shell),
            table=answer.table,
        )
        checked = checked_release(parts, self._record.book.roots)
        if checked.table.period != period:
            raise RecordUnreadableError(f"the hub sent period {checked.table.period}, not {period}")
        return checked

    def _listed(self, item: statistics_pb2.TableCalendar) -> ListedTable:
        entry = self._entry(item.shell_leaf, LeafType.TABLE_SHELL, item.signed_shell)
        logged = LoggedBody(
            index=entry.index, leaf=self._record.leaves[entry.index], body=entry.body
        )
        shell = self._record.book.open_rooted(TableShell, logged)
        return ListedTable(
            leaf=entry.index,
            shell=shell,
            programme=self._record.programme(shell.programme_id),
            periods=item.periods,
        )

    def _entry(self, index: int, leaf_type: LeafType, body: bytes) -> RecordEntry:
        """Return an entry of the record that the hub has named, if it is what the hub has sent."""
        if index >= self._witnessed:
            raise RecordNotReadyError(f"leaf {index} is not under a witnessed head yet: try again")
        entry = self._record.published.get(index)
        if (
            entry is None
            or entry.body != body
            or Leaf.from_bytes(self._record.leaves[index]).type is not leaf_type
        ):
            raise RecordUnreadableError(f"leaf {index} is not the {leaf_type.kind} that was sent")
        return entry

    def _admission(self, release: RecordEntry) -> bytes:
        """Return how the signer of a release was admitted before it."""
        signers = {item.keyid for item in Envelope.from_bytes(release.body).signatures}
        bodies = [
            entry.body
            for entry in self._of(LeafType.PARTY_ADMISSION)
            if entry.index < release.index
            and statements.decode(PartyAdmission, Envelope.from_bytes(entry.body).payload).party_id
            in signers
        ]
        if not bodies:
            raise RecordUnreadableError(f"nobody admitted has signed leaf {release.index}")
        return bodies[-1]

    def _programme(self, shell: TableShell) -> bytes:
        """Return the body of a shell's programme."""
        return next(
            entry.body
            for entry in self._of(LeafType.PROGRAMME)
            if statements.decode(Programme, Envelope.from_bytes(entry.body).payload).programme_id
            == shell.programme_id
        )

    def _of(self, leaf_type: LeafType) -> list[RecordEntry]:
        return [
            entry
            for index, entry in self._record.published.items()
            if Leaf.from_bytes(self._record.leaves[index]).type is leaf_type
        ]


@contextmanager
def connected(config: RegulatorConfig) -> Iterator[TableReader]:
    """Dial the hub, verify the public record, and give the reader."""
    party = load_party(config.identity)
    hub_name = PartyName(
        party_id=party_id(config.hub_id), role=Role.HUB, trust_domain=party.trust_domain
    )
    try:
        roots = parse_roots(config.roots.read_bytes())
    except OSError as error:
        raise StatsConfigError(f"cannot read {config.roots.name}: {error.strerror}") from error
    with dial(config.hub_address, party, hub_name) as channel:
        hub = GrpcHubClient(channel)
        yield TableReader(hub, read_public_record(hub, roots))
