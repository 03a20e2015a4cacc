"""Which files lie behind the leaves of statistics, and who may read each of them.

Released tables are public. Contributions and noise are for trustees, who prove and open what they
make together, and for auditors. So are the shares: put together they give the noisy table before
small cells are hidden in it.
"""

from __future__ import annotations

from typing import NamedTuple

from fedcarbon.disclosure.statements import ReleaseStart, TableContribution, TableRelease
from fedcarbon.transparency.leaf import LeafType


class NamedFile(NamedTuple):
    """A file that a body names."""

    sha256: bytes
    readable_as: LeafType
    """Who reads it is what `fedcarbon.transparency.leaf.may_read_file` says of this type."""


def named_files(
    statement: TableContribution | ReleaseStart | TableRelease,
) -> tuple[NamedFile, ...]:
    """Return the files that a body names, in the order in which it names them."""
    match statement:
        case TableContribution():
            return (NamedFile(statement.file_sha256, LeafType.TABLE_CONTRIBUTION),)
        case ReleaseStart():
            return tuple(
                NamedFile(part.file_sha256, LeafType.RELEASE_START) for part in statement.noise
            )
        case TableRelease():
            return (
                NamedFile(statement.table_sha256, LeafType.TABLE_RELEASE),
                *(NamedFile(item.file_sha256, LeafType.RELEASE_START) for item in statement.shares),
            )
