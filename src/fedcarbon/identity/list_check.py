"""Checking a revealed list against what was committed, range by range of its claims.

The two files of a list have 97 bytes per claim and millions of claims. Each range is checked for
itself, in whatever process, and leaves a few bytes (`CheckedRange`) from which the whole is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from fedcarbon.canonical.slices import Slices
from fedcarbon.identity import claims, commitment_list
from fedcarbon.identity.claims import (
    CLAIMS_MAX,
    RANK_MAX,
    ClaimQuotaExceededError,
    DuplicateTokenInListError,
    ListDiffersFromRootError,
    ListNotPaddedError,
    MalformedClaimListError,
    TierAboveAllowedError,
    hidden_claims,
    padded_size,
    require_records,
)
from fedcarbon.identity.commitment_list import (
    CommitmentInvalidError,
    MalformedCommitmentsError,
    elements_in,
    hidden_in,
    leaf_hashes,
)
from fedcarbon.identity.ristretto import Point, sum_of, sum_of_elements
from fedcarbon.identity.tokens import CLAIM_TOKEN_BYTES
from fedcarbon.transparency import merkle

RANGE_CLAIMS: Final = 1 << 13
"""A power of two, so that the ranges are subtrees: 800 kB, and a quarter of a second of work."""


class ListRange(NamedTuple):
    """Claims of a list in a row."""

    start: int
    """Position of the first."""
    tokens: bytes
    """Their records in the token file."""
    commitments: bytes
    """Their records in the commitment file."""


class CheckedPieces(NamedTuple):
    """What is left of the commitments of a range."""

    root: bytes
    """Of the subtree of its leaves."""
    hidden: bytes
    """SHA-256 of H(salt | token | rank) of its claims, one after the other: what the root is over,
    for whoever holds tokens against it later and must not rest on what the file says by then."""
    invalid: int
    """Position of the first commitment that is no element, or -1."""
    total: bytes
    """The sum of its commitments, if all are elements."""


class CheckedRange(NamedTuple):
    """What is left of a range: plain values, whatever carries them here."""

    fault: str
    """Code of the error for which the tokens cannot stand in a list; empty if they can."""
    first: bytes
    """The first record, to be held against the last one before."""
    last: bytes
    best_rank: int
    root: bytes
    """Of the subtree of its leaves."""
    same: bool
    """Whether both files are about the same claims."""
    invalid: int
    """Position of the first commitment that is no element, or -1."""
    total: bytes
    """The sum of its commitments, if all are elements."""


RunRanges = Callable[[Iterable[ListRange]], Iterable[CheckedRange]]
"""Does `checked_range` with every range, and keeps their order."""


def check_list(
    data: Slices,
    commitments: Slices,
    *,
    count: int,
    root: bytes,
    best_rank: int,
    quota: int,
    run: RunRanges | None = None,
) -> Point:
    """Accept the two files of a list if it is the committed one and within its bounds.

    Args:
        data: the revealed token file.
        commitments: the commitment file that was revealed with it.
        count: the logged number of claims.
        root: the logged root, 32 bytes.
        best_rank: the best rank the partner's admission allows: 2 * best tier.
        quota: see `claim_quota`.
        run: where ranges are checked; here if it is None.

    Returns:
        The sum of all piece commitments.

    Raises:
        DuplicateTokenInListError: a token stands twice.
        MalformedClaimListError: the file is not a claim list.
        MalformedCommitmentsError: the other is no commitment file.
        ListDiffersFromRootError: count or root are not the logged ones, or the two files are not
            about the same claims.
        CommitmentInvalidError: a piece commitment is no canonical group element.
        ListNotPaddedError: the count is no padded size.
        ClaimQuotaExceededError: more claims than the quota.
        TierAboveAllowedError: a claim's rank is better than `best_rank`.
    """
    require_length(data, commitments, count)
    ranges = (list_range(data, commitments, *bounds) for bounds in bounds_of_ranges(count))
    found = list(map(checked_range, ranges) if run is None else run(ranges))
    return judge_ranges(found, count=count, root=root, best_rank=best_rank, quota=quota)


def judge_ranges(
    found: Sequence[CheckedRange], *, count: int, root: bytes, best_rank: int, quota: int
) -> Point:
    """Accept a list by what is left of its ranges: see `check_list`.

    Args:
        found: what came of every range, in their order; `require_length` held.
        count: see there, as everything else.
        root: see there.
        best_rank: see there.
        quota: see there.
    """
    # (1) a well-formed list without duplicates
    _require_well_formed(found)
    # (2) it is the list that was logged before any list was revealed
    if merkle.root_of_hashes([part.root for part in found]) != root:
        raise ListDiffersFromRootError("the revealed list is not the one whose root is logged")
    # (3) and both files are about the same claims
    if not all(part.same for part in found):
        raise ListDiffersFromRootError("the commitment file is about other claims")
    # (4) every piece commitment is a canonical group element
    invalid = [part.invalid for part in found if part.invalid >= 0]
    if invalid:
        raise CommitmentInvalidError(f"the commitment at {invalid[0]} is no group element")
    # (5) its length tells no more than a padded size, (6) within the quota
    if padded_size(count) != count:
        raise ListNotPaddedError(f"{count} claims are not padded to {padded_size(count)}")
    if count > quota:
        raise ClaimQuotaExceededError(f"{count} claims exceed the quota of {quota}")
    # (7) no claim ranks better than the partner's evidence may
    best = min((part.best_rank for part in found), default=RANK_MAX)
    if best < best_rank:
        raise TierAboveAllowedError(f"a claim has rank {best}; {best_rank} is the best allowed")
    return sum_of(Point(part.total) for part in found)


def checked_pieces(start: int, commitments: bytes) -> CheckedPieces:
    """Return what is to be known of the commitments of a range, whose first claim is `start`."""
    total, invalid = sum_of_elements(elements_in(commitments))
    return CheckedPieces(
        root=merkle.root_of_hashes(leaf_hashes(commitments)),
        hidden=_joined_hash(hidden_in(commitments)),
        invalid=-1 if invalid is None else start + invalid,
        total=total,
    )


def checked_range(part: ListRange, pieces: CheckedPieces | None = None) -> CheckedRange:
    """Return what is to be known of a range; nothing is raised, so that the rules keep order.

    Args:
        part: the range; its commitments are not looked at if they are known.
        pieces: what is known of its commitments already, if anything is.
    """
    fault = ""
    try:
        require_records(part.tokens)
    except MalformedClaimListError as error:
        fault = error.code
    known = checked_pieces(part.start, part.commitments) if pieces is None else pieces
    return CheckedRange(
        fault=fault,
        first=part.tokens[: claims.RECORD_BYTES],
        last=part.tokens[-claims.RECORD_BYTES :],
        best_rank=min(part.tokens[CLAIM_TOKEN_BYTES :: claims.RECORD_BYTES]),
        root=known.root,
        same=known.hidden == _joined_hash(hidden_claims(part.tokens)),
        invalid=known.invalid,
        total=known.total,
    )


def require_length(data: Slices, commitments: Slices, count: int) -> None:
    """Check that both files of a list are such files and have as many claims as were logged.

    If they have not they cannot be the list; but what is no list at all is called so.

    Raises:
        DuplicateTokenInListError, MalformedClaimListError, MalformedCommitmentsError,
            ListDiffersFromRootError: see `check_list`.
    """
    length, pieces = _claims_in(data), _commitments_in(commitments)
    if pieces == length == count:
        return
    last = b""
    for bounds in bounds_of_ranges(length):
        part = list_range(data, b"", *bounds)
        require_records(last + part.tokens)
        last = part.tokens[-claims.RECORD_BYTES :]
    if pieces is None:
        raise MalformedCommitmentsError("a commitment file has a magic line and whole records")
    raise ListDiffersFromRootError(
        f"the revealed list of {length} claims is not the logged one of {count}"
    )


def bounds_of_ranges(length: int) -> Iterator[tuple[int, int]]:
    """Yield the position of the first claim of every range, and that behind its last."""
    for start in range(0, length, RANGE_CLAIMS):
        yield start, min(start + RANGE_CLAIMS, length)


def list_range(data: Slices, commitments: Slices, start: int, stop: int) -> ListRange:
    """Return the claims of a range in both files."""
    tokens_at = [len(claims.FILE_MAGIC) + n * claims.RECORD_BYTES for n in (start, stop)]
    pieces_at = [
        len(commitment_list.FILE_MAGIC) + n * commitment_list.RECORD_BYTES for n in (start, stop)
    ]
    return ListRange(start, data[slice(*tokens_at)], commitments[slice(*pieces_at)])


def _joined_hash(hidden: Iterable[bytes]) -> bytes:
    return sha256(b"".join(hidden)).digest()


def _require_well_formed(parts: Iterable[CheckedRange]) -> None:
    last = b""
    for part in parts:
        require_records(last + part.first)
        if part.fault == DuplicateTokenInListError.code:
            raise DuplicateTokenInListError("a token stands twice in a claim list")
        if part.fault:
            raise MalformedClaimListError("a claim list has other ranks, or does not ascend")
        last = part.last


def _claims_in(data: Slices) -> int:
    """Return how many claims a token file holds."""
    if data[: len(claims.FILE_MAGIC)] != claims.FILE_MAGIC:
        raise MalformedClaimListError("a claim list must begin with its magic line")
    body = len(data) - len(claims.FILE_MAGIC)
    if body % claims.RECORD_BYTES or body > CLAIMS_MAX * claims.RECORD_BYTES:
        raise MalformedClaimListError(
            f"a claim list has at most {CLAIMS_MAX} records of {claims.RECORD_BYTES} bytes"
        )
    return body // claims.RECORD_BYTES


def _commitments_in(data: Slices) -> int | None:
    """Return how many commitments a file holds, or None if it is no commitment file."""
    body = len(data) - len(commitment_list.FILE_MAGIC)
    is_file = data[: len(commitment_list.FILE_MAGIC)] == commitment_list.FILE_MAGIC
    if not is_file or body % commitment_list.RECORD_BYTES:
        return None
    return body // commitment_list.RECORD_BYTES
