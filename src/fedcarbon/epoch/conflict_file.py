"""Conflict files: the claims of tokens that were judged in two epochs, for auditors.

A token belongs to one slot, and a slot to one epoch, so a token in two epochs proves that somebody
broke a rule: claimed tomorrow's slot, or held an activity back. Order does not decide who: both
claims are listed, and auditors open the evidence of both, always (DESIGN section 7).

Format: the magic line `fedcarbon/v1/conflicts` with its line feed, then one record per claim:

    token      16 bytes
    epoch      4 bytes, big-endian
    position   4 bytes, big-endian: where the claim stands in the claimant's list of that epoch
    length     1 byte
    programme  so many bytes: for which the claim was made
    length     1 byte
    partner    so many bytes: by whom

strictly ascending by (token, epoch, programme, partner). Without a conflict the file is the magic
line alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final, NamedTuple

from fedcarbon.canonical.hashing import u32
from fedcarbon.errors import MalformedError
from fedcarbon.identity.tokens import CLAIM_TOKEN_BYTES, ClaimToken
from fedcarbon.ids import Claimant, EpochIndex, PartyId, ProgrammeId, checked_name

FILE_MAGIC: Final = b"fedcarbon/v1/conflicts\n"
_FIXED_BYTES: Final = CLAIM_TOKEN_BYTES + 4 + 4


class MalformedConflictFileError(MalformedError):
    """Bytes that are no conflict file."""

    code: ClassVar[str] = "MALFORMED_CONFLICT_FILE"


class ConflictingClaim(NamedTuple):
    """One claim of a token that was claimed in another epoch too."""

    token: ClaimToken
    epoch: EpochIndex
    claimant: Claimant
    position: int
    """In the claimant's list of that epoch, from 0: the number of its evidence leaf too."""


def conflict_file_bytes(claims: Iterable[ConflictingClaim]) -> bytes:
    """Return the file of `claims`, which may come in any order."""
    parts = [FILE_MAGIC]
    for claim in sorted(claims):
        parts += [claim.token, u32(claim.epoch), u32(claim.position)]
        for name in claim.claimant:
            parts += [bytes((len(name),)), name.encode()]
    return b"".join(parts)


def conflicting_claims(data: bytes) -> list[ConflictingClaim]:
    """Return the claims in a file, in order.

    Raises:
        MalformedConflictFileError: it is none, or they do not ascend.
    """
    if not data.startswith(FILE_MAGIC):
        raise MalformedConflictFileError("a conflict file must begin with its magic line")
    claims: list[ConflictingClaim] = []
    at = len(FILE_MAGIC)
    while at < len(data):
        fixed = data[at : at + _FIXED_BYTES]
        at += _FIXED_BYTES
        programme, partner = _name(data, at), _name(data, at + 1 + len(_name(data, at)))
        at += 2 + len(programme) + len(partner)
        claims.append(
            ConflictingClaim(
                token=ClaimToken(fixed[:CLAIM_TOKEN_BYTES]),
                epoch=EpochIndex(int.from_bytes(fixed[16:20], "big")),
                claimant=Claimant(ProgrammeId(programme), PartyId(partner)),
                position=int.from_bytes(fixed[20:24], "big"),
            )
        )
    keys = [claim[:3] for claim in claims]
    if keys != sorted(set(keys)):
        raise MalformedConflictFileError("conflicting claims must ascend")
    return claims


def _name(data: bytes, at: int) -> str:
    """Return the name whose length stands at a place."""
    length, name = data[at : at + 1], data[at + 1 :]
    if not length or len(name) < length[0]:
        raise MalformedConflictFileError("the last record of a conflict file is incomplete")
    try:
        return checked_name(name[: length[0]].decode("ascii"))
    except (ValueError, MalformedError) as error:
        raise MalformedConflictFileError("a conflict file names no such claimant") from error
