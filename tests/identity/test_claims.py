from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.errors import FedcarbonError
from fedcarbon.identity.claims import (
    FILE_MAGIC,
    RANK_MAX,
    RECORD_BYTES,
    ClaimEntry,
    ClaimQuotaExceededError,
    DuplicateTokenInListError,
    ListDiffersFromRootError,
    ListNotPaddedError,
    MalformedClaimListError,
    TierAboveAllowedError,
    TokenList,
    claim_quota,
    pad,
    padded_size,
    rank_of,
)
from fedcarbon.identity.commitment_list import CommitmentList, piece_commitment
from fedcarbon.identity.list_check import check_list
from fedcarbon.identity.ristretto import (
    IDENTITY,
    Point,
    RandomBelow,
    hash_to_group,
    multiply_base,
)
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.transparency.merkle import leaf_hash, node_hash
from fedcarbon.units import MicrogramsCO2e

GENERATOR = hash_to_group(b"test", b"test")


def entry(number: int, rank: int = 2, salt: int = 9) -> ClaimEntry:
    return ClaimEntry(
        token=ClaimToken(number.to_bytes(16, "big")), rank=rank, salt=bytes([salt]) * 16
    )


def list_of(count: int, rank: int = 2) -> TokenList:
    return TokenList.from_entries(entry(number, rank) for number in range(count))


entries = st.lists(
    st.builds(
        entry,
        st.integers(min_value=0, max_value=(1 << 128) - 1),
        st.integers(min_value=0, max_value=RANK_MAX),
        st.integers(min_value=0, max_value=255),
    ),
    unique_by=lambda item: item.token,
    max_size=40,
)


@settings(deadline=None)
@given(claims=entries)
def test_a_list_survives_its_file_and_is_sorted(claims: list[ClaimEntry]) -> None:
    written = TokenList.from_entries(claims)

    read = TokenList.from_bytes(written.to_bytes())

    assert read == written
    assert list(read) == sorted(claims, key=lambda item: item.token)
    assert read.tokens() == [item.token for item in read]
    assert list(read.ranks()) == [item.rank for item in read]


def sha256_of_items(*items: bytes) -> bytes:
    joined = b"".join(len(item).to_bytes(8, "big") + item for item in items)
    return hashlib.sha256(joined).digest()


def test_the_root_is_the_tree_over_double_hashes() -> None:
    def leaf(item: ClaimEntry, commitment: bytes) -> bytes:
        hidden = sha256_of_items(b"fedcarbon/v1/claim", item.salt, item.token, bytes([item.rank]))
        return leaf_hash(sha256_of_items(b"fedcarbon/v1/claim-leaf", hidden, commitment))

    first, second = entry(1, 0), entry(2, 5)
    claims = TokenList.from_entries([second, first])
    pieces = [piece_commitment(MicrogramsCO2e(5), 7, GENERATOR), multiply_base(3)]

    listed = CommitmentList.of(claims.hidden(), pieces)

    assert listed.root() == node_hash(leaf(first, pieces[0]), leaf(second, pieces[1]))


def test_as_many_commitments_as_claims_are_needed() -> None:
    with pytest.raises(ValueError, match="shorter"):
        CommitmentList.of(list_of(3).hidden(), [multiply_base(1), multiply_base(2)])


# --- padding and bounds --------------------------------------------------------------------------


def test_padded_sizes_are_powers_of_two_and_one_and_a_half_times_them() -> None:
    sizes = sorted({padded_size(count) for count in range(100)})

    assert sizes == [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128]


@settings(deadline=None)
@given(count=st.integers(min_value=1, max_value=1 << 40))
def test_padding_is_tight_and_settled(count: int) -> None:
    size = padded_size(count)

    assert count <= size < 1.5 * count + 1
    assert padded_size(size) == size
    assert size.bit_count() <= 2


@settings(deadline=None)
@given(claims=entries)
def test_a_padded_list_holds_the_claims_and_its_length_is_a_padded_size(
    claims: list[ClaimEntry],
) -> None:
    counter = iter(range(1, 1000))

    padded = pad(
        claims,
        lambda size: next(counter).to_bytes(size, "big")[::-1],
        lambda: rank_of(1, short=True),
    )

    assert len(padded) == padded_size(len(claims))
    assert set(claims) <= set(padded)
    assert all(item.rank == 3 for item in set(padded) - set(claims))


def test_ranks_order_tiers_first_and_short_trips_after() -> None:
    ranks = [rank_of(tier, short=short) for tier in range(3) for short in (False, True)]

    assert ranks == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("tier", [-1, 3])
def test_there_is_no_other_tier(tier: int) -> None:
    with pytest.raises(MalformedClaimListError):
        rank_of(tier, short=False)


# --- what the hub refuses ------------------------------------------------------------------------


def commitments_of(claims: TokenList) -> CommitmentList:
    """Return commitments to 1, 2, 3, ... ug; the same for every list."""
    pieces = [
        piece_commitment(MicrogramsCO2e(number), number, GENERATOR)
        for number in range(1, len(claims) + 1)
    ]
    return CommitmentList.of(claims.hidden(), pieces)


def check(
    claims: TokenList, logged: TokenList | None = None, *, best_rank: int = 0, quota: int = 96
) -> Point:
    logged = claims if logged is None else logged
    return check_list(
        claims.to_bytes(),
        commitments_of(claims).to_bytes(),
        count=len(logged),
        root=commitments_of(logged).root(),
        best_rank=best_rank,
        quota=quota,
    )


def test_the_committed_list_within_its_bounds_is_accepted(random_below: RandomBelow) -> None:
    claims = pad(
        list_of(70), lambda size: random_below(1 << (8 * size)).to_bytes(size, "big"), lambda: 2
    )

    assert check(claims, best_rank=2) == commitments_of(claims).sum_without(())
    assert check(list_of(0)) == IDENTITY


DIFFERENT = {
    "a claim less": list_of(3),
    "a claim more": list_of(6),
    "a better rank": TokenList.from_entries([entry(0, 0), *map(entry, (1, 2, 3))]),
    "another token": TokenList.from_entries(map(entry, (0, 1, 2, 4))),
    "another salt": TokenList.from_entries([entry(0, salt=1), *map(entry, (1, 2, 3))]),
    "nothing": list_of(0),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_list_differs_from_root(name: str) -> None:
    with pytest.raises(ListDiffersFromRootError):
        check(DIFFERENT[name], logged=list_of(4))


def test_a_count_other_than_the_logged_one_is_refused() -> None:
    claims = list_of(4)

    with pytest.raises(ListDiffersFromRootError):
        check_list(
            claims.to_bytes(),
            commitments_of(claims).to_bytes(),
            count=6,
            root=commitments_of(claims).root(),
            best_rank=0,
            quota=96,
        )


def test_copied_token_after_reveal() -> None:
    # A partner that saw another's tokens cannot slip one into its own list: the root is logged.
    mine, copied = list_of(4), entry(1000, rank=0)
    with_copy = TokenList.from_entries([*list(mine)[:3], copied])

    with pytest.raises(ListDiffersFromRootError):
        check(with_copy, logged=mine)


def test_duplicate_token_in_list() -> None:
    once, again = entry(1, 0), entry(1, 5)
    with pytest.raises(DuplicateTokenInListError):
        TokenList.from_entries([once, again])

    records = list_of(2).records
    data = FILE_MAGIC + records[:RECORD_BYTES] * 2
    with pytest.raises(DuplicateTokenInListError) as caught:
        check_list(data, b"", count=2, root=bytes(32), best_rank=0, quota=96)

    assert caught.value.code == "DUPLICATE_TOKEN_IN_LIST"


@pytest.mark.parametrize(("rank", "best_rank"), [(0, 2), (1, 2), (3, 4), (0, 4)])
def test_tier_above_allowed(rank: int, best_rank: int) -> None:
    with pytest.raises(TierAboveAllowedError):
        check(list_of(4, rank), best_rank=best_rank)


def test_all_slots_probe_hits_quota() -> None:
    # One enrolled person, all 288 slots of one day claimed to see which ones somebody else has.
    quota = claim_quota(72, enrolled=1, days=1)
    probe = list_of(padded_size(288))

    with pytest.raises(ClaimQuotaExceededError):
        check(probe, quota=quota)
    assert check(list_of(padded_size(72)), quota=quota)


def test_an_unpadded_list_is_refused() -> None:
    with pytest.raises(ListNotPaddedError):
        check(list_of(5))


FILES = {
    "no magic line": list_of(4).records,
    "another version": list_of(4).to_bytes().replace(b"v1", b"v2"),
    "half a record": list_of(4).to_bytes()[:-1],
    "a byte too many": list_of(4).to_bytes() + b"\x00",
    "not sorted": FILE_MAGIC + list_of(2).records[RECORD_BYTES:] + list_of(1).records,
    "rank six": FILE_MAGIC + bytes(16) + b"\x06" + bytes(16),
    "empty file": b"",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_claim_list_is_refused(name: str) -> None:
    with pytest.raises(MalformedClaimListError):
        check_list(FILES[name], b"", count=4, root=bytes(32), best_rank=0, quota=96)


@settings(deadline=None)
@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_are_a_list_or_a_known_error(data: bytes) -> None:
    try:
        claims = TokenList.from_bytes(FILE_MAGIC + data)
    except MalformedClaimListError:
        return

    assert claims.to_bytes() == FILE_MAGIC + data


@pytest.mark.parametrize(
    ("token", "rank", "salt"),
    [(bytes(15), 0, bytes(16)), (bytes(16), 0, bytes(17)), (bytes(16), 6, bytes(16))],
)
def test_a_malformed_claim_cannot_be_constructed(token: bytes, rank: int, salt: bytes) -> None:
    with pytest.raises(FedcarbonError) as caught:
        ClaimEntry(token=ClaimToken(token), rank=rank, salt=salt)

    assert isinstance(caught.value, MalformedClaimListError)
