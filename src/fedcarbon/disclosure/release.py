"""One released table as its reader gets it: signatures, hashes and shell, checked by the roots.

A release file holds all of this as one JSON object: labels, the table as it was released, and in
`signed` the exact bytes from which everything before was made. It needs no hub to be checked, and
a changed number or label shows, as the whole file is made again and compared.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from fedcarbon.canonical import statement as statements
from fedcarbon.disclosure.shell import Label, TableShell
from fedcarbon.disclosure.statements import TableRelease
from fedcarbon.disclosure.table import ReleasedTable, period_days, require_table_of
from fedcarbon.errors import MalformedError, PeerError
from fedcarbon.ids import PartyId, Role
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.registry.admission import PartyAdmission, open_rooted
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.envelope import open_signed
from fedcarbon.transparency.leaf import LeafType, commit

FORMAT: Final = "fedcarbon/v1/release-file"
FILE_BYTES_MAX: Final = 64 * 1024 * 1024


class ReleasePartsDifferError(PeerError):
    """Shell, release, hub, programme and table are not of one another; keep what was sent."""

    code: ClassVar[str] = "RELEASE_PARTS_DIFFER"


class ReleaseFileMalformedError(MalformedError):
    """Bytes that are no release file, or whose readable part is not what its signed part says."""

    code: ClassVar[str] = "RELEASE_FILE_MALFORMED"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEntry:
    """A public leaf of the record with what it commits to."""

    index: int
    salt: bytes
    body: bytes
    """DSSE envelope."""

    def leaf(self, leaf_type: LeafType) -> bytes:
        """Return the 34 bytes that the record holds for it."""
        return commit(leaf_type, self.salt, self.body).to_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseParts:
    """Everything by which a table is believed, as bytes."""

    shell: RecordEntry
    release: RecordEntry
    hub_admission: bytes
    """DSSE envelope, signed by root keys: whose signature the release bears."""
    programme: bytes
    """DSSE envelope, signed by root keys."""
    table: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A released table that belongs to a shell which root keys signed; see `checked_release`."""

    parts: ReleaseParts
    shell: TableShell
    programme: Programme
    hub_id: PartyId
    statement: TableRelease
    table: ReleasedTable

    @property
    def name(self) -> str:
        """Of its files: programme, shell and period."""
        return f"{self.shell.programme_id}-{self.shell.shell_id}-{self.table.period:03d}"

    @property
    def shell_leaf(self) -> bytes:
        """The 34 bytes of the shell's leaf."""
        return self.parts.shell.leaf(LeafType.TABLE_SHELL)

    @property
    def release_leaf(self) -> bytes:
        """The 34 bytes of the release's leaf."""
        return self.parts.release.leaf(LeafType.TABLE_RELEASE)


def checked_release(parts: ReleaseParts, roots: TrustRoots) -> Release:
    """Return the release that its parts make.

    Whether the two leaves are under a witnessed head is for whoever has the record.

    Raises:
        SignatureInvalidError, MalformedError: a part is not signed by whom it should be.
        ReleasePartsDifferError: the parts are not of one another.
        TableDiffersError: see `require_table_of`.
    """
    # (1) the shell, the programme and the hub are what t root keys signed
    keys, at_least = roots.root_keys, roots.threshold
    shell = open_rooted(TableShell, parts.shell.body, keys, at_least)
    programme = open_rooted(Programme, parts.programme, keys, at_least)
    hub = open_rooted(PartyAdmission, parts.hub_admission, keys, at_least)
    if hub.role is not Role.HUB:
        raise ReleasePartsDifferError(f"{hub.party_id!r} is no hub and releases no table")
    # (2) the hub signed the release
    release = open_signed(
        TableRelease, parts.release.body, {hub.party_id: hub.signing_key}, signers={hub.party_id}
    )
    ids = {item.parameter_id for item in (shell, programme, hub, release)}
    if ids != {roots.parameter_id}:
        raise ReleasePartsDifferError("a part names another parameter set than the trust roots")
    # (3) the table is the one that the release names
    if hashlib.sha256(parts.table).digest() != release.table_sha256:
        raise ReleasePartsDifferError("the table has another hash than its release says")
    table = statements.decode(ReleasedTable, parts.table)
    # (4) release, shell, programme and table are of one another
    named = (release.programme_id, release.shell_leaf, release.period)
    if named != (shell.programme_id, parts.shell.index, table.period):
        raise ReleasePartsDifferError("the release is of another shell or period")
    if programme.programme_id != shell.programme_id:
        raise ReleasePartsDifferError("the programme is another one than the shell's")
    require_table_of(parts.shell.index, shell, table)
    if (table.first_day, table.last_day) != period_days(shell, programme, table.period):
        raise ReleasePartsDifferError("the table names other days than its period has")
    return Release(
        parts=parts,
        shell=shell,
        programme=programme,
        hub_id=hub.party_id,
        statement=release,
        table=table,
    )


def release_file(release: Release) -> bytes:
    """Return the release file of a release, which `release_from_file` reads."""
    shell, parts = release.shell, release.parts
    tree = {
        "format": FORMAT,
        "labels": {
            "table": _label(shell.label),
            "dimensions": {
                axis.name: {
                    "label": _label(axis.label),
                    "code_list": axis.code_list,
                    "codes": {code: _label(label) for code, label in axis.labels.items()},
                }
                for axis in shell.dimensions
            },
            "quantities": {item.name: _label(item.label) for item in shell.quantities},
        },
        "table": json.loads(parts.table),
        "record": {
            "shell_leaf": release.shell_leaf.hex(),
            "release_leaf": release.release_leaf.hex(),
            "release_index": parts.release.index,
            "table_sha256": release.statement.table_sha256.hex(),
        },
        "signed": {
            "shell": _entry(parts.shell),
            "release": _entry(parts.release),
            "hub_admission": _base64(parts.hub_admission),
            "programme": _base64(parts.programme),
            "table": _base64(parts.table),
        },
    }
    return (json.dumps(tree, indent=1, ensure_ascii=False) + "\n").encode()


def release_from_file(data: bytes, roots: TrustRoots) -> Release:
    """Return the release in a release file.

    Raises:
        ReleaseFileMalformedError: it is none, or was changed.
        PeerError, MalformedError: see `checked_release`.
    """
    release = checked_release(_parts(data), roots)
    if release_file(release) != data:
        raise ReleaseFileMalformedError("the file was changed: it is not what its signed part says")
    return release


def _parts(data: bytes) -> ReleaseParts:
    if len(data) > FILE_BYTES_MAX:
        raise ReleaseFileMalformedError(f"a release file has at most {FILE_BYTES_MAX} bytes")
    try:
        tree = json.loads(data)
        if tree["format"] != FORMAT:
            raise ReleaseFileMalformedError(f"a release file says that it is {FORMAT}")
        signed = tree["signed"]
        return ReleaseParts(
            shell=_read_entry(signed["shell"]),
            release=_read_entry(signed["release"]),
            hub_admission=_bytes(signed["hub_admission"]),
            programme=_bytes(signed["programme"]),
            table=_bytes(signed["table"]),
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ReleaseFileMalformedError(f"no release file: {type(error).__name__}") from error


def _entry(entry: RecordEntry) -> Mapping[str, object]:
    return {"index": entry.index, "salt": entry.salt.hex(), "body": _base64(entry.body)}


def _read_entry(tree: Any) -> RecordEntry:  # noqa: ANN401 - foreign JSON
    index = tree["index"]
    if type(index) is not int or index < 0:
        raise ReleaseFileMalformedError("a leaf has an index")
    return RecordEntry(index=index, salt=bytes.fromhex(tree["salt"]), body=_bytes(tree["body"]))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _label(label: Label) -> Mapping[str, str]:
    return {"zh": label.zh, "en": label.en}
