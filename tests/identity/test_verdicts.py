from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.identity.claims import ClaimEntry, TokenList
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.identity.verdicts import ContestedToken, VerdictRule, judge, tie_hash
from fedcarbon.ids import Claimant, PartyId, ProgrammeId

METRO, BIKE, TAXI, BUS = (
    Claimant(ProgrammeId(programme), PartyId(name))
    for programme, name in (("one", "metro"), ("one", "bike"), ("two", "metro"), ("two", "bus"))
)
"""The first and the third are one partner in two programmes of a domain."""
BEACON = b"\x07" * 64

Claims = dict[Claimant, dict[int, int]]
"""Token number to rank, by claimant."""


def token_of(number: int) -> ClaimToken:
    return ClaimToken(number.to_bytes(16, "big"))


def lists_of(claims: Claims) -> dict[Claimant, TokenList]:
    return {
        party: TokenList.from_entries(
            ClaimEntry(token=token_of(number), rank=rank, salt=bytes(16))
            for number, rank in ranks.items()
        )
        for party, ranks in claims.items()
    }


claim_tables = st.dictionaries(
    st.sampled_from([METRO, BIKE, TAXI, BUS]),
    st.dictionaries(
        st.integers(min_value=0, max_value=9), st.integers(min_value=0, max_value=5), max_size=8
    ),
)


@settings(deadline=None)
@given(claims=claim_tables, beacon=st.binary(min_size=64, max_size=64))
def test_verdicts_agree_with_a_brute_force_model(claims: Claims, beacon: bytes) -> None:
    contested, lost = [], {party: list[ClaimToken]() for party in claims}
    for number in range(10):
        bids = sorted(
            (ranks[number], tie_hash(beacon, token_of(number), party), party)
            for party, ranks in claims.items()
            if number in ranks
        )
        if len(bids) < 2:
            continue
        tied = bids[0][0] == bids[1][0]
        contested.append(
            ContestedToken(
                token=token_of(number),
                claimants=tuple(sorted(party for _, _, party in bids)),
                winner=bids[0][2],
                rule=VerdictRule.BEACON if tied else VerdictRule.RANK,
            )
        )
        for _, _, party in bids[1:]:
            lost[party].append(token_of(number))

    verdicts = judge(lists_of(claims), beacon)

    assert list(verdicts.contested) == contested
    assert verdicts.lost == {party: tuple(tokens) for party, tokens in lost.items()}


@settings(deadline=None)
@given(claims=claim_tables)
def test_every_contested_token_has_one_winner_and_the_others_lose_it(claims: Claims) -> None:
    verdicts = judge(lists_of(claims), BEACON)

    for item in verdicts.contested:
        losers = {party for party in claims if item.token in verdicts.lost[party]}
        assert losers == set(item.claimants) - {item.winner}
    assert sum(map(len, verdicts.lost.values())) == sum(
        len(item.claimants) - 1 for item in verdicts.contested
    )


@settings(deadline=None)
@given(claims=claim_tables)
def test_the_order_in_which_lists_come_does_not_matter(claims: Claims) -> None:
    lists = lists_of(claims)

    assert judge(lists, BEACON) == judge(dict(reversed(lists.items())), BEACON)


def test_the_better_rank_wins_whatever_the_beacon() -> None:
    lists = lists_of({METRO: {1: 0}, BIKE: {1: 1}, TAXI: {1: 1}})

    for fill in range(20):
        verdicts = judge(lists, bytes([fill]) * 64)

        assert verdicts.contested[0].winner == METRO
        assert verdicts.contested[0].rule is VerdictRule.RANK
        assert verdicts.lost == {METRO: (), BIKE: (token_of(1),), TAXI: (token_of(1),)}


def test_a_tie_goes_by_the_beacon_and_not_to_the_same_party_always() -> None:
    lists = lists_of({METRO: {1: 2}, BIKE: {1: 2}, TAXI: {1: 5}})

    verdicts = [judge(lists, bytes([fill]) * 64).contested[0] for fill in range(30)]

    assert {item.winner for item in verdicts} == {METRO, BIKE}
    assert {item.rule for item in verdicts} == {VerdictRule.BEACON}


def test_a_tie_hash_is_sha256_over_length_prefixed_items() -> None:
    items = (b"fedcarbon/v1/tie", BEACON, token_of(3), b"one", b"metro")
    joined = b"".join(len(item).to_bytes(8, "big") + item for item in items)

    assert tie_hash(BEACON, token_of(3), METRO) == hashlib.sha256(joined).digest()


def test_a_partner_in_two_programmes_gets_a_token_for_one_of_them() -> None:
    lists = lists_of({METRO: {1: 2}, TAXI: {1: 2}})

    verdicts = [judge(lists, bytes([fill]) * 64) for fill in range(30)]

    assert METRO.partner_id == TAXI.partner_id
    assert {item.contested[0].winner for item in verdicts} == {METRO, TAXI}
    assert {sum(map(len, item.lost.values())) for item in verdicts} == {1}


def test_no_lists_and_empty_lists_give_no_verdicts() -> None:
    assert judge({}, BEACON).contested == ()
    assert judge(lists_of({METRO: {}, BIKE: {}}), BEACON).lost == {METRO: (), BIKE: ()}


def test_a_large_join_finds_exactly_the_shared_tokens() -> None:
    size, shared = 20_000, 500
    lists = lists_of(
        {
            METRO: dict.fromkeys(range(size), 0),
            BIKE: dict.fromkeys(range(size - shared, 2 * size), 2),
        }
    )

    verdicts = judge(lists, BEACON)

    expected = tuple(token_of(number) for number in range(size - shared, size))
    assert tuple(item.token for item in verdicts.contested) == expected
    assert verdicts.lost == {METRO: (), BIKE: expected}
