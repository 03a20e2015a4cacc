"""Judging claims: every token that several parties claim goes to exactly one of them.

Claims compete in a whole exclusivity domain, so whoever hands in a list stands there for one
programme: a partner in two programmes is two claimants, of whom a token goes to one. The lowest
rank wins; among equal ranks the smallest SHA-256 of (beacon, token, programme, partner), which
nobody could know when the lists were committed. Anyone with all lists of the domain and the beacon
gets the same verdicts. Each epoch is judged for itself.

Lists are sorted, so they are judged range of tokens by range of tokens (`claim_ranges`): nobody has
to hold them whole, and ranges may be judged anywhere, in any order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final, NamedTuple

from fedcarbon.canonical.hashing import digest
from fedcarbon.canonical.slices import Slices
from fedcarbon.identity.claim_ranges import FEW_CLAIMS, ranges_of, records_of, tokens_in
from fedcarbon.identity.claims import RECORD_BYTES, TokenList
from fedcarbon.identity.tokens import CLAIM_TOKEN_BYTES, ClaimToken
from fedcarbon.ids import Claimant

_LIST_CLAIMS: Final = 64
"""Claims of each list that are looked for in earlier ones at once, at least."""


class VerdictRule(StrEnum):
    """What decided a contested token."""

    RANK = "rank"
    """One claimant had the lowest rank alone."""
    BEACON = "beacon"
    """Several shared the lowest rank; the smallest `tie_hash` among them won."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContestedToken:
    """A token with more than one claimant, and who got it."""

    token: ClaimToken
    claimants: tuple[Claimant, ...]
    """All of them, sorted."""
    winner: Claimant
    rule: VerdictRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """The result of the join."""

    contested: tuple[ContestedToken, ...]
    """Sorted by token."""
    lost: Mapping[Claimant, tuple[ClaimToken, ...]]
    """For every claimant that handed in a list, the tokens that went to another; sorted."""


class Bid(NamedTuple):
    """One claim of a contested token."""

    rank: int
    claimant: int
    """Its number among the claimants."""
    position: int
    """In what was given of its list."""


class Contest(NamedTuple):
    """A contested token, its claims by the number of their claimants, and which of them won."""

    token: ClaimToken
    bids: Sequence[Bid]
    winner: Bid
    rule: VerdictRule


def judge(lists: Mapping[Claimant, TokenList], beacon: bytes) -> Verdicts:
    """Return who keeps which of the claimed tokens, of lists that are in memory.

    Whoever has large ones on a disk goes through them range by range; see `contests`.

    Args:
        lists: the checked list of every claimant of the domain that committed and revealed one.
        beacon: the epoch's tie beacon, fixed after all lists were committed.
    """
    claimants = sorted(lists)
    lost: dict[Claimant, list[ClaimToken]] = {claimant: [] for claimant in claimants}
    contested = []
    for contest in contests([lists[claimant].records for claimant in claimants], claimants, beacon):
        for bid in contest.bids:
            if bid is not contest.winner:
                lost[claimants[bid.claimant]].append(contest.token)
        contested.append(
            ContestedToken(
                token=contest.token,
                claimants=tuple(claimants[bid.claimant] for bid in contest.bids),
                winner=claimants[contest.winner.claimant],
                rule=contest.rule,
            )
        )
    return Verdicts(
        contested=tuple(contested),
        lost={claimant: tuple(tokens) for claimant, tokens in lost.items()},
    )


def contests(
    records: Sequence[bytes], claimants: Sequence[Claimant], beacon: bytes
) -> Iterator[Contest]:
    """Yield every contested token, ascending.

    Args:
        records: of every claimant's list, all that fall into one range of tokens.
        claimants: whose they are; sorted.
        beacon: the epoch's tie beacon.
    """
    for parts in ranges_of(records, FEW_CLAIMS):
        some = [records_of(*pair) for pair in zip(records, parts, strict=True)]
        tokens = [tokens_in(part) for part in some]
        for token in sorted(_repeated(tokens)):
            bids = []
            for number, (own, part) in enumerate(zip(tokens, parts, strict=True)):
                at = bisect_left(own, token)
                if at < len(own) and own[at] == token:
                    rank = some[number][at * RECORD_BYTES + CLAIM_TOKEN_BYTES]
                    bids.append(Bid(rank, number, part.start + at))
            yield _contest(token, bids, claimants, beacon)


class LostClaims(NamedTuple):
    """What a claimant lost in a range of tokens, ascending."""

    positions: list[int]
    """In the whole list."""
    tokens: list[ClaimToken]


def lost_claims(judged: Iterable[Contest], starts: Sequence[int]) -> list[LostClaims]:
    """Return what every claimant lost in a range of tokens.

    Args:
        judged: `contests` of the range.
        starts: of every claimant, the position of its first record of the range in its whole list.
    """
    lost = [LostClaims([], []) for _ in starts]
    for contest in judged:
        for bid in contest.bids:
            if bid is not contest.winner:
                own = lost[bid.claimant]
                own.positions.append(starts[bid.claimant] + bid.position)
                own.tokens.append(contest.token)
    return lost


def repeated_tokens(
    lists: Sequence[Slices], earlier: Sequence[Slices]
) -> Iterator[tuple[ClaimToken, list[int]]]:
    """Yield every token that stands in a list and in an earlier one, ascending, and who has it.

    Args:
        lists: the records of lists of one epoch.
        earlier: the records of lists that were judged in other epochs.

    Returns:
        Token, and the numbers of the lists that have it: those of `earlier` follow those of
        `lists`.
    """
    everything = [*lists, *earlier] if earlier else []
    # Earlier lists may be many: a few claims of each are enough of a range.
    for parts in ranges_of(everything, max(FEW_CLAIMS, _LIST_CLAIMS * len(everything))):
        if not any(parts[: len(lists)]):
            continue
        tokens = [tokens_in(records_of(*pair)) for pair in zip(everything, parts, strict=True)]
        claimed = set(chain.from_iterable(tokens[: len(lists)]))
        found = claimed.intersection(chain.from_iterable(tokens[len(lists) :]))
        holders: dict[ClaimToken, list[int]] = {token: [] for token in sorted(found)}
        for number, own in enumerate(tokens):
            for token in found.intersection(own):
                holders[token].append(number)
        yield from holders.items()


def tie_hash(beacon: bytes, token: ClaimToken, claimant: Claimant) -> bytes:
    """Return the 32 bytes by which claims of equal rank are ordered; the smallest wins."""
    programme_id, partner_id = claimant
    return digest(b"fedcarbon/v1/tie", beacon, token, programme_id.encode(), partner_id.encode())


def _repeated(lists: Sequence[Sequence[ClaimToken]]) -> set[ClaimToken]:
    """Return the tokens that stand in more than one list."""
    seen: set[ClaimToken] = set()
    repeated: set[ClaimToken] = set()
    for tokens in lists:
        repeated |= seen.intersection(tokens)
        seen.update(tokens)
    return repeated


def _contest(
    token: ClaimToken, bids: Sequence[Bid], claimants: Sequence[Claimant], beacon: bytes
) -> Contest:
    best_rank = min(bid.rank for bid in bids)
    best = [bid for bid in bids if bid.rank == best_rank]
    if len(best) == 1:
        return Contest(token, bids, best[0], VerdictRule.RANK)
    winner = min(best, key=lambda bid: tie_hash(beacon, token, claimants[bid.claimant]))
    return Contest(token, bids, winner, VerdictRule.BEACON)
