"""Table shells of the record: what this node contributes to, as root keys signed it.

The rules are those by which trustees read shells (`fedcarbon.opening.tables`), as far as a partner
can see them. A shell that breaks one is not contributed to, whatever the hub says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from fedcarbon.disclosure.shell import TableShell
from fedcarbon.errors import PeerError
from fedcarbon.ids import EpochIndex
from fedcarbon.opening.logged import Logged
from fedcarbon.registry.admission import open_rooted
from fedcarbon.transparency.leaf import LeafType
from partner_node.membership import Membership
from partner_node.storage.record import RecordStore


class TableShellInvalidError(PeerError):
    """A shell came too late, overlaps another or repeats it; trustees release nothing of it."""

    code: ClassVar[str] = "TABLE_SHELL_INVALID"


class TableShells(NamedTuple):
    """The shells of this node's programme under the witnessed head."""

    usable: Mapping[int, Logged[TableShell]]
    """By leaf index."""
    invalid: Mapping[int, TableShellInvalidError]
    """Likewise: why nothing is contributed."""


def table_shells(
    record: RecordStore, member: Membership, planned: Mapping[EpochIndex, int]
) -> TableShells:
    """Return the shells of the member's programme under the witnessed head, in order.

    Args:
        record: the leaves.
        member: whose programme.
        planned: every planned epoch and the leaf of its plan.

    Raises:
        MalformedError, SignatureInvalidError: a leaf is no shell that root keys signed.
    """
    size = record.head().size
    roots = member.identity.roots
    usable: dict[int, Logged[TableShell]] = {}
    invalid: dict[int, TableShellInvalidError] = {}
    for index, body in record.bodies(LeafType.TABLE_SHELL):
        found = record.leaf(index)
        shell = open_rooted(TableShell, body, roots.root_keys, roots.threshold)
        if index >= size or found is None:
            break
        if shell.programme_id != member.programme.programme_id:
            continue
        logged = Logged(index=index, leaf=found.leaf, statement=shell)
        problem = _problem(logged, member, planned, usable)
        if problem:
            invalid[index] = TableShellInvalidError(f"table {shell.shell_id!r} {problem}")
        else:
            usable[index] = logged
    return TableShells(usable, invalid)


def _problem(
    logged: Logged[TableShell],
    member: Membership,
    planned: Mapping[EpochIndex, int],
    earlier: Mapping[int, Logged[TableShell]],
) -> str:
    """Return what is wrong with a shell, as the end of a sentence; empty if nothing is."""
    shell = logged.statement
    if shell.parameter_id != member.parameters.parameter_id:
        return "is for another parameter set"
    if shell.last_epoch > member.programme.epochs:
        return f"counts epoch {shell.last_epoch}, the programme has {member.programme.epochs}"
    if any(epoch >= shell.first_epoch and leaf < logged.index for epoch, leaf in planned.items()):
        # Made when trips are known, it could be cut around somebody.
        return "came after its first epoch was over"
    for other in (item.statement for item in earlier.values()):
        if other.shell_id == shell.shell_id:
            return "stands twice"
        if other.first_epoch <= shell.last_epoch and shell.first_epoch <= other.last_epoch:
            return f"counts the same epochs as {other.shell_id!r}"
    return ""
