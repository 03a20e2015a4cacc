"""What lies in the record about statistics besides the shell: contributions, starts, releases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import PartyId, ProgrammeId, checked_name


@dataclass(frozen=True, slots=True, kw_only=True)
class TableContribution(Statement):
    """One partner's encrypted cells of one period, zeros included; signed by the partner."""

    KIND: ClassVar[str] = "table_contribution"

    parameter_id: bytes
    programme_id: ProgrammeId
    shell_leaf: int
    """Index of the shell's leaf."""
    period: int
    """From 1."""
    partner_id: PartyId
    members: int
    """Accounts that were enrolled here in any epoch of the period; bounds every value."""
    file_sha256: bytes
    """The encrypted blocks with their proofs (`fedcarbon.disclosure.block_file`)."""

    def __post_init__(self) -> None:
        """Check names, sizes and ranges."""
        checked_name(self.partner_id)
        _check(self.programme_id, self.shell_leaf, self.period, self.parameter_id, self.file_sha256)
        if self.members < 0:
            raise MalformedError("a partner has no fewer than 0 members")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contributor:
    """A partner whose contribution is counted."""

    partner_id: PartyId
    contribution_leaf: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisePart:
    """A trustee whose noise is added."""

    trustee_id: PartyId
    file_sha256: bytes
    """The encrypted noise with its proofs (`fedcarbon.disclosure.block_file`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseStart(Statement):
    """The budget of a release is spent from this leaf on; signed by every trustee that adds noise.

    There is one per shell and period, ever: what is opened after it, by whichever t trustees, is
    always the same sum with the same noise.
    """

    KIND: ClassVar[str] = "release_start"

    parameter_id: bytes
    programme_id: ProgrammeId
    shell_leaf: int
    period: int
    contributors: tuple[Contributor, ...]
    """Sorted by partner: all contributions that stand before this leaf; none comes after it."""
    noise: tuple[NoisePart, ...]
    """Sorted by trustee."""
    noised_sha256: bytes
    """SHA-256 over the ciphertexts that are opened: all contributions times all noise, in order."""
    year: int
    """The calendar year, in the programme's time zone, of the period's last day."""
    rho_millionths: int
    """What this release spends."""
    spent_millionths: int
    """What earlier releases of the programme in that year have spent."""

    def __post_init__(self) -> None:
        """Check names, sizes, order and ranges."""
        partners = [item.partner_id for item in self.contributors]
        trustees = [item.trustee_id for item in self.noise]
        for names in (partners, trustees):
            if not names or names != sorted(set(names)):
                raise MalformedError("contributors and trustees are sorted and stand once")
        hashes = (self.noised_sha256, *(item.file_sha256 for item in self.noise))
        _check(self.programme_id, self.shell_leaf, self.period, self.parameter_id, *hashes)
        if min(self.rho_millionths, self.spent_millionths) < 0:
            raise MalformedError("budgets are not negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableShares:
    """The shares of one trustee for all blocks of a release, with their proof."""

    trustee_id: PartyId
    file_sha256: bytes
    """A `ReleaseShareFile`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRelease(Statement):
    """What came out, signed by the hub; anyone can make the table again from what it names."""

    KIND: ClassVar[str] = "table_release"

    parameter_id: bytes
    programme_id: ProgrammeId
    shell_leaf: int
    period: int
    start_leaf: int
    table_sha256: bytes
    """The released table (`fedcarbon.disclosure.table.ReleasedTable`)."""
    shares: tuple[TableShares, ...]
    """Sorted by trustee."""

    def __post_init__(self) -> None:
        """Check sizes and order."""
        trustees = [item.trustee_id for item in self.shares]
        if not trustees or trustees != sorted(set(trustees)):
            raise MalformedError("shares are sorted by trustee and stand once")
        hashes = (self.table_sha256, *(item.file_sha256 for item in self.shares))
        _check(self.programme_id, self.shell_leaf, self.period, self.parameter_id, *hashes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseShareFile(Statement):
    """One trustee's decryption shares of a release, block by block, and their one proof."""

    KIND: ClassVar[str] = "release_share_file"

    parameter_id: bytes
    trustee_id: PartyId
    start_leaf: int
    shares: tuple[bytes, ...]
    """2 |n| / 8 bytes each."""
    proof: bytes


def _check(programme_id: ProgrammeId, shell_leaf: int, period: int, *hashes: bytes) -> None:
    checked_name(programme_id)
    if shell_leaf < 0 or period < 1:
        raise MalformedError("a shell is a leaf, and periods count from 1")
    if {len(item) for item in hashes} != {DIGEST_BYTES}:
        raise MalformedError("parameter id and hashes have 32 bytes")
