"""Claim lists: which slots a partner claims, committed by a root before anyone sees a token.

A list is two files under one root. This one is the token file: the magic line, then one record of
33 bytes per claim (token 16, rank 1, salt 16), strictly ascending by token. The other holds
H(salt | token | rank) and the piece commitment K of every claim in the same order, and gives the
root (`fedcarbon.identity.commitment_list`): it can be shown to somebody who may not see a token.

Tokens of a list are padded with random ones to a size that hides the real count.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, islice
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import digest, length_prefixed
from fedcarbon.canonical.slices import Slices
from fedcarbon.errors import MalformedError, PeerError
from fedcarbon.identity.commitment_list import LENGTH_MAX
from fedcarbon.identity.tokens import CLAIM_TOKEN_BYTES, ClaimToken

SALT_BYTES: Final = 16
RANK_MAX: Final = 5
"""2 * tier + short, with tier 0 to 2; lower wins."""
CLAIMS_MAX: Final = LENGTH_MAX
"""Limit of one list; a padded size."""
FILE_MAGIC: Final = b"fedcarbon/v1/claims\n"
RECORD_BYTES: Final = CLAIM_TOKEN_BYTES + 1 + SALT_BYTES

_RECORD: Final = struct.Struct(f"{CLAIM_TOKEN_BYTES}sB{SALT_BYTES}s")
_HIDDEN: Final = struct.Struct(f"{CLAIM_TOKEN_BYTES}s1s{SALT_BYTES}s")
TOKEN_OF_RECORD: Final = struct.Struct(f"{CLAIM_TOKEN_BYTES}s{1 + SALT_BYTES}x")
_LENGTH: Final = struct.Struct(">Q")
_HIDDEN_LABEL: Final = b"fedcarbon/v1/claim"
_AT_ONCE: Final = RECORD_BYTES << 14
"""Bytes whose tokens are compared at once."""


class MalformedClaimListError(MalformedError):
    """Bytes that are not a claim list, or a claim that cannot stand in one."""

    code: ClassVar[str] = "MALFORMED_CLAIM_LIST"


class DuplicateTokenInListError(MalformedClaimListError):
    """A token stands twice in one list; a partner has one claim per token."""

    code: ClassVar[str] = "DUPLICATE_TOKEN_IN_LIST"


class ListDiffersFromRootError(PeerError):
    """A revealed list is not the one whose root was logged."""

    code: ClassVar[str] = "LIST_DIFFERS_FROM_ROOT"


class TierAboveAllowedError(PeerError):
    """A list claims a better rank than the partner's admission allows."""

    code: ClassVar[str] = "TIER_ABOVE_ALLOWED"


class ClaimQuotaExceededError(PeerError):
    """A list is longer than the partner's enrolled accounts allow."""

    code: ClassVar[str] = "CLAIM_QUOTA_EXCEEDED"


class ListNotPaddedError(PeerError):
    """The length of a list is none of the padded sizes."""

    code: ClassVar[str] = "LIST_NOT_PADDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimEntry:
    """One claim: a slot's token, how good the evidence is, and the salt of its leaf."""

    token: ClaimToken
    rank: int
    """0 to `RANK_MAX`; see `rank_of`."""
    salt: bytes
    """16 random bytes, kept by the partner until the list is revealed."""

    def __post_init__(self) -> None:
        """Check sizes and range.

        Raises:
            MalformedClaimListError: one of them is wrong.
        """
        if len(self.token) != CLAIM_TOKEN_BYTES or len(self.salt) != SALT_BYTES:
            raise MalformedClaimListError("a claim's token and salt have 16 bytes each")
        if not 0 <= self.rank <= RANK_MAX:
            raise MalformedClaimListError(f"a rank is 0 to {RANK_MAX}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenList:
    """The records of a claim list: sorted by token, every token once."""

    records: bytes
    """`RECORD_BYTES` per claim."""

    def __post_init__(self) -> None:
        """Check sizes, ranks and order.

        Raises:
            DuplicateTokenInListError: a token stands twice.
            MalformedClaimListError: anything else is wrong.
        """
        require_list(self.records)

    def __len__(self) -> int:
        """Return the number of claims."""
        return len(self.records) // RECORD_BYTES

    def __iter__(self) -> Iterator[ClaimEntry]:
        """Return the claims in order."""
        for token, rank, salt in _RECORD.iter_unpack(self.records):
            yield ClaimEntry(token=ClaimToken(token), rank=rank, salt=salt)

    def tokens(self) -> list[ClaimToken]:
        """Return all tokens in order."""
        return list(chain.from_iterable(TOKEN_OF_RECORD.iter_unpack(self.records)))

    def ranks(self) -> bytes:
        """Return all ranks in order, one byte each."""
        return self.records[CLAIM_TOKEN_BYTES::RECORD_BYTES]

    def hidden(self) -> list[bytes]:
        """Return H(salt | token | rank) of every claim, in order, 32 bytes each."""
        return hidden_claims(self.records)

    def to_bytes(self) -> bytes:
        """Return the list as a file."""
        return FILE_MAGIC + self.records

    @classmethod
    def from_bytes(cls, data: bytes) -> TokenList:
        """Return the list in a file.

        Raises:
            DuplicateTokenInListError: a token stands twice.
            MalformedClaimListError: anything else is wrong.
        """
        if not data.startswith(FILE_MAGIC):
            raise MalformedClaimListError("a claim list must begin with its magic line")
        return cls(records=data[len(FILE_MAGIC) :])

    @classmethod
    def from_entries(cls, entries: Iterable[ClaimEntry]) -> TokenList:
        """Return the list of `entries`, which may come in any order.

        Raises:
            DuplicateTokenInListError: a token stands twice.
        """
        packed = [_RECORD.pack(entry.token, entry.rank, entry.salt) for entry in entries]
        return cls(records=b"".join(sorted(packed)))


def claim_record(token: bytes, rank: int, salt: bytes) -> bytes:
    """Return one record of a token file."""
    return _RECORD.pack(token, rank, salt)


def require_list(records: Slices) -> None:
    """Check size, ranks and order of the records of a list.

    Raises:
        DuplicateTokenInListError: a token stands twice.
        MalformedClaimListError: anything else is wrong.
    """
    size = len(records)
    if size % RECORD_BYTES or size > CLAIMS_MAX * RECORD_BYTES:
        raise MalformedClaimListError(
            f"a claim list has at most {CLAIMS_MAX} records of {RECORD_BYTES} bytes"
        )
    for start in range(0, size, _AT_ONCE):
        # One more than is compared, so that no neighbours fall between two.
        require_records(records[start : start + _AT_ONCE + RECORD_BYTES])


def require_records(records: bytes) -> None:
    """Check ranks and order of some records in a row.

    Raises:
        DuplicateTokenInListError: a token equals the next.
        MalformedClaimListError: a token is above the next, or there is no such rank.
    """
    if max(records[CLAIM_TOKEN_BYTES::RECORD_BYTES], default=0) > RANK_MAX:
        raise MalformedClaimListError(f"a rank is 0 to {RANK_MAX}")
    tokens = list(chain.from_iterable(TOKEN_OF_RECORD.iter_unpack(records)))
    if not all(map(operator.lt, tokens, islice(tokens, 1, None))):
        if any(map(operator.eq, tokens, islice(tokens, 1, None))):
            raise DuplicateTokenInListError("a token stands twice in a claim list")
        raise MalformedClaimListError("a claim list must ascend by token")


def hidden_claim(token: bytes, rank: int, salt: bytes) -> bytes:
    """Return H(salt | token | rank), 32 bytes: what a commitment file shows of a claim."""
    return digest(_HIDDEN_LABEL, salt, token, rank.to_bytes(1, "big"))


def hidden_claims(records: bytes) -> list[bytes]:
    """Return `hidden_claim` of some records in a row."""
    # All have the same lengths, whose prefixes are joined once instead of for each of millions.
    before_salt = length_prefixed(_HIDDEN_LABEL) + _LENGTH.pack(SALT_BYTES)
    before_token, before_rank = _LENGTH.pack(CLAIM_TOKEN_BYTES), _LENGTH.pack(1)
    return [
        sha256(before_salt + salt + before_token + token + before_rank + rank).digest()
        for token, rank, salt in _HIDDEN.iter_unpack(records)
    ]


def rank_of(tier: int, *, short: bool) -> int:
    """Return the rank of a claim, lower being better.

    Args:
        tier: 0 metered or validated, 1 tracked, 2 self-declared.
        short: whether the activity covers no majority slot and holds this one by its midpoint only.

    Raises:
        MalformedClaimListError: there is no such tier.
    """
    rank = 2 * tier + short
    if not 0 <= rank <= RANK_MAX:
        raise MalformedClaimListError("a tier is 0, 1 or 2")
    return rank


def padded_size(count: int) -> int:
    """Return the smallest of 0, 2^i and 1.5 * 2^i that is not below `count`."""
    if count <= 1:
        return max(count, 0)
    power = 1 << (count - 1).bit_length()
    # 3/4 of a power of two is 1.5 times the one half as large.
    return 3 * power // 4 if count <= 3 * power // 4 else power


def claim_quota(slots_per_account_day: int, enrolled: int, days: int) -> int:
    """Return how many claims, pads included, a list over `days` local days may hold.

    Args:
        slots_per_account_day: a field of the partner's admission, before padding.
        enrolled: accounts enrolled at the partner in the epoch's snapshot.
        days: local days of the epoch.
    """
    return min(padded_size(slots_per_account_day * enrolled * days), CLAIMS_MAX)


def pad(
    entries: Iterable[ClaimEntry],
    random_bytes: Callable[[int], bytes],
    choose_rank: Callable[[], int],
) -> TokenList:
    """Return `entries` with random claims added up to the padded size.

    Args:
        entries: the real claims, in any order.
        random_bytes: returns so many random bytes, as `secrets.token_bytes` does.
        choose_rank: rank of the next pad; it should be drawn like the ranks of real claims, or
            pads stand out.

    Raises:
        DuplicateTokenInListError: a token stands twice among `entries`.
    """
    real = list(entries)
    pads = (
        ClaimEntry(
            token=ClaimToken(random_bytes(CLAIM_TOKEN_BYTES)),
            rank=choose_rank(),
            salt=random_bytes(SALT_BYTES),
        )
        for _ in range(padded_size(len(real)) - len(real))
    )
    return TokenList.from_entries(chain(real, pads))
