"""Conflict files: the claims of tokens that were judged in two epochs, for auditors.

A token belongs to one slot, and a slot to one epoch, so a token in two epochs proves that somebody
broke a rule: claimed tomorrow's slot, or held a trip back. Order does not decide who: both claims
are listed, and auditors open the evidence of both, always (DESIGN section 7).

Format: the magic line `fedcarbon/v1/conflicts` with its line feed, then one record per claim:

    token      16 bytes
    epoch      4 bytes, big-endian
    position   4 bytes, big-endian: where the claim stands in the claimant's list of that epoch
    length     1 byte
    partner    so many bytes: the id of the claimant

strictly ascending by (token, epoch, partner). Without a conflict the file is the magic line alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final, NamedTuple

from fedcarbon.canonical.hashing import u32
from fedcarbon.errors import MalformedError
from fedcarbon.identity.tokens import CLAIM_TOKEN_BYTES, ClaimToken
from fedcarbon.ids import EpochIndex, PartyId, checked_name

FILE_MAGIC: Final = b"fedcarbon/v1/conflicts\n"
_FIXED_BYTES: Final = CLAIM_TOKEN_BYTES + 4 + 4 + 1


class MalformedConflictFileError(MalformedError):
    """Bytes that are no conflict file."""

    code: ClassVar[str] = "MALFORMED_CONFLICT_FILE"


class ConflictingClaim(NamedTuple):
    """One claim of a token that was claimed in another epoch too."""

    token: ClaimToken
    epoch: EpochIndex
    partner_id: PartyId
    position: int
    """In the partner's list of that epoch, from 0: the number of its evidence leaf too."""


def conflict_file_bytes(claims: Iterable[ConflictingClaim]) -> bytes:
    """Return the file of `claims`, which may come in any order."""
    parts = [FILE_MAGIC]
    for claim in sorted(claims):
        name = claim.partner_id.encode()
        parts += [claim.token, u32(claim.epoch), u32(claim.position), bytes((len(name),)), name]
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
        name = data[at + _FIXED_BYTES : at + _FIXED_BYTES + fixed[-1]]
        if len(fixed) != _FIXED_BYTES or len(name) != fixed[-1]:
            raise MalformedConflictFileError("the last record of a conflict file is incomplete")
        try:
            partner_id = PartyId(checked_name(name.decode("ascii")))
        except (ValueError, MalformedError) as error:
            raise MalformedConflictFileError("a conflict file names no such party") from error
        claims.append(
            ConflictingClaim(
                token=ClaimToken(fixed[:CLAIM_TOKEN_BYTES]),
                epoch=EpochIndex(int.from_bytes(fixed[16:20], "big")),
                partner_id=partner_id,
                position=int.from_bytes(fixed[20:24], "big"),
            )
        )
        at += _FIXED_BYTES + len(name)
    keys = [claim[:3] for claim in claims]
    if keys != sorted(set(keys)):
        raise MalformedConflictFileError("conflicting claims must ascend")
    return claims
