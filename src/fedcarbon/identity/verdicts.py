"""Judging claims: every token that several parties claim goes to exactly one of them.

Claims compete in a whole exclusivity domain, so whoever hands in a list stands there for one
programme: a partner in two programmes is two claimants, of whom a token goes to one. The lowest
rank wins; among equal ranks the smallest SHA-256 of (beacon, token, programme, partner), which
nobody could know when the lists were committed. Anyone with all lists of the domain and the beacon
gets the same verdicts. Each epoch is judged for itself.
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
from fedcarbon.ids import Claimant


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


def judge(lists: Mapping[Claimant, TokenList], beacon: bytes) -> Verdicts:
    """Return who keeps which of the claimed tokens.

    Args:
        lists: the checked list of every claimant of the domain that committed and revealed one.
        beacon: the epoch's tie beacon, fixed after all lists were committed.
    """
    claims_of = _contested_claims(lists)
    lost: dict[Claimant, list[ClaimToken]] = {claimant: [] for claimant in sorted(lists)}
    contested = []
    for token in sorted(claims_of):
        verdict = _verdict(token, claims_of[token], beacon)
        for claimant in verdict.claimants:
            if claimant != verdict.winner:
                lost[claimant].append(token)
        contested.append(verdict)
    return Verdicts(
        contested=tuple(contested),
        lost={claimant: tuple(tokens) for claimant, tokens in lost.items()},
    )


def tie_hash(beacon: bytes, token: ClaimToken, claimant: Claimant) -> bytes:
    """Return the 32 bytes by which claims of equal rank are ordered; the smallest wins."""
    programme_id, partner_id = claimant
    return digest(b"fedcarbon/v1/tie", beacon, token, programme_id.encode(), partner_id.encode())


def _verdict(token: ClaimToken, ranks: Mapping[Claimant, int], beacon: bytes) -> ContestedToken:
    best_rank = min(ranks.values())
    best = [claimant for claimant, rank in ranks.items() if rank == best_rank]
    if len(best) == 1:
        winner, rule = best[0], VerdictRule.RANK
    else:
        winner = min(best, key=lambda claimant: tie_hash(beacon, token, claimant))
        rule = VerdictRule.BEACON
    return ContestedToken(token=token, claimants=tuple(sorted(ranks)), winner=winner, rule=rule)


def _contested_claims(
    lists: Mapping[Claimant, TokenList],
) -> dict[ClaimToken, dict[Claimant, int]]:
    """Return the ranks by claimant of every token that stands in more than one list.

    The lists are sorted already, so sorting their concatenation merges them without comparing in
    Python; a token that equals its neighbour is contested. Only those get a dictionary entry.
    """
    merged = sorted(token for claims in lists.values() for token in claims.tokens())
    repeated = compress(merged, map(operator.eq, merged, islice(merged, 1, None)))
    claims_of: dict[ClaimToken, dict[Claimant, int]] = {token: {} for token in repeated}
    for claimant, claims in lists.items():
        tokens = claims.tokens()
        is_contested = list(map(claims_of.__contains__, tokens))
        for token, rank in zip(
            compress(tokens, is_contested), compress(claims.ranks(), is_contested), strict=True
        ):
            claims_of[token][claimant] = rank
    return claims_of
