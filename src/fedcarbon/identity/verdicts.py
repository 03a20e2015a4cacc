"""Judging claims: every token that several parties claim goes to exactly one of them.

The lowest rank wins; among equal ranks the smallest SHA-256 of (beacon, token, party), which
nobody could know when the lists were committed. Anyone with lists and beacon gets the same
verdicts. Each epoch is judged for itself.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import compress, islice

from fedcarbon.canonical.hashing import digest
from fedcarbon.identity.claims import TokenList
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.ids import PartyId


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
    claimants: tuple[PartyId, ...]
    """All of them, sorted."""
    winner: PartyId
    rule: VerdictRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """The result of the join."""

    contested: tuple[ContestedToken, ...]
    """Sorted by token."""
    lost: Mapping[PartyId, tuple[ClaimToken, ...]]
    """For every party that handed in a list, the tokens that went to another; sorted."""


def judge(lists: Mapping[PartyId, TokenList], beacon: bytes) -> Verdicts:
    """Return who keeps which of the claimed tokens.

    Args:
        lists: the checked list of every party that committed and revealed one.
        beacon: the epoch's tie beacon, fixed after all lists were committed.
    """
    claims_of = _contested_claims(lists)
    lost: dict[PartyId, list[ClaimToken]] = {party: [] for party in sorted(lists)}
    contested = []
    for token in sorted(claims_of):
        verdict = _verdict(token, claims_of[token], beacon)
        for party in verdict.claimants:
            if party != verdict.winner:
                lost[party].append(token)
        contested.append(verdict)
    return Verdicts(
        contested=tuple(contested), lost={party: tuple(tokens) for party, tokens in lost.items()}
    )


def tie_hash(beacon: bytes, token: ClaimToken, party: PartyId) -> bytes:
    """Return the 32 bytes by which claims of equal rank are ordered; the smallest wins."""
    return digest(b"fedcarbon/v1/tie", beacon, token, party.encode())


def _verdict(token: ClaimToken, ranks: Mapping[PartyId, int], beacon: bytes) -> ContestedToken:
    best_rank = min(ranks.values())
    best = [party for party, rank in ranks.items() if rank == best_rank]
    if len(best) == 1:
        winner, rule = best[0], VerdictRule.RANK
    else:
        winner = min(best, key=lambda party: tie_hash(beacon, token, party))
        rule = VerdictRule.BEACON
    return ContestedToken(token=token, claimants=tuple(sorted(ranks)), winner=winner, rule=rule)


def _contested_claims(
    lists: Mapping[PartyId, TokenList],
) -> dict[ClaimToken, dict[PartyId, int]]:
    """Return the ranks by party of every token that stands in more than one list.

    The lists are sorted already, so sorting their concatenation merges them without comparing in
    Python; a token that equals its neighbour is contested. Only those get a dictionary entry.
    """
    merged = sorted(token for claims in lists.values() for token in claims.tokens())
    repeated = compress(merged, map(operator.eq, merged, islice(merged, 1, None)))
    claims_of: dict[ClaimToken, dict[PartyId, int]] = {token: {} for token in repeated}
    for party, claims in lists.items():
        tokens = claims.tokens()
        is_contested = list(map(claims_of.__contains__, tokens))
        for token, rank in zip(
            compress(tokens, is_contested), compress(claims.ranks(), is_contested), strict=True
        ):
            claims_of[token][party] = rank
    return claims_of
