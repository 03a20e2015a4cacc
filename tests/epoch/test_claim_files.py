"""Position and conflict files, and what a dispute may name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.epoch import conflict_file, lost_positions
from fedcarbon.epoch.conflict_file import (
    ConflictingClaim,
    MalformedConflictFileError,
    conflict_file_bytes,
    conflicting_claims,
)
from fedcarbon.epoch.dispute import (
    WINDOW_S,
    ClaimNotLostError,
    DisputeTooLargeError,
    DisputeTooLateError,
    check_dispute,
    claims_max,
)
from fedcarbon.epoch.lost_positions import (
    MalformedPositionsError,
    PositionsDifferError,
    position_file_bytes,
    positions_of,
)
from fedcarbon.epoch.statements import Dispute
from fedcarbon.errors import MalformedError
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.ids import Claimant, EpochIndex, PartyId, ProgrammeId
from fedcarbon.units import Seconds

METRO, BIKES = PartyId("metro"), PartyId("bikes")
ONE, TWO = ClaimToken(b"\x01" * 16), ClaimToken(b"\x02" * 16)


# --- positions -----------------------------------------------------------------------------------


def test_positions_survive_their_file() -> None:
    data = position_file_bytes([0, 2, 70_000])

    assert data == b"fedcarbon/v1/lost-positions\n" + bytes.fromhex("000000000000000200011170")
    assert list(lost_positions.lost_positions(data, 70_001)) == [0, 2, 70_000]
    assert list(lost_positions.lost_positions(position_file_bytes([]), 0)) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        lost_positions.FILE_MAGIC + bytes(3),
        lost_positions.FILE_MAGIC + bytes(8),
        lost_positions.FILE_MAGIC + bytes.fromhex("0000000200000001"),
        lost_positions.FILE_MAGIC + bytes.fromhex("00000003"),
    ],
    ids=["empty", "half a position", "one twice", "descending", "beyond the list"],
)
def test_bytes_that_are_no_position_file_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedPositionsError):
        lost_positions.lost_positions(data, 3)


def test_positions_that_do_not_ascend_are_not_written() -> None:
    with pytest.raises(MalformedPositionsError):
        position_file_bytes([2, 1])


def test_lost_tokens_are_found_in_the_list() -> None:
    tokens = [bytes([number]) * 16 for number in range(5)]

    assert positions_of(tokens, [tokens[3], tokens[1]]) == [1, 3]
    for lost in ([b"\x09" * 16], [tokens[1], tokens[1]]):
        with pytest.raises(PositionsDifferError):
            positions_of(tokens, lost)


# --- conflicts -----------------------------------------------------------------------------------

RIDES, WALKS = ProgrammeId("rides"), ProgrammeId("walks")
CLAIMS = [
    ConflictingClaim(ONE, EpochIndex(1), Claimant(RIDES, METRO), 7),
    ConflictingClaim(ONE, EpochIndex(2), Claimant(RIDES, BIKES), 0),
    ConflictingClaim(ONE, EpochIndex(2), Claimant(WALKS, BIKES), 0),
    ConflictingClaim(TWO, EpochIndex(1), Claimant(RIDES, BIKES), 1),
]


def test_conflicts_survive_their_file_in_any_order() -> None:
    data = conflict_file_bytes(reversed(CLAIMS))

    assert conflicting_claims(data) == CLAIMS
    assert data.startswith(
        b"fedcarbon/v1/conflicts\n" + ONE + b"\0\0\0\1" + b"\0\0\0\7" + b"\5rides" + b"\5metro"
    )
    assert conflicting_claims(conflict_file_bytes(())) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        conflict_file_bytes(CLAIMS)[:-1],
        conflict_file.FILE_MAGIC + ONE,
        conflict_file.FILE_MAGIC + ONE + bytes(9),
        conflict_file.FILE_MAGIC + ONE + bytes(8) + b"\5rides",
        conflict_file.FILE_MAGIC + ONE + bytes(8) + b"\5rides\x02\xff\xff",
        conflict_file_bytes(CLAIMS) + conflict_file_bytes(CLAIMS[:1])[23:],
    ],
    ids=["empty", "cut off", "half a record", "nothing", "nobody", "no name", "descending"],
)
def test_bytes_that_are_no_conflict_file_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedConflictFileError):
        conflicting_claims(data)


@settings(deadline=None)
@given(data=st.binary(max_size=120))
def test_arbitrary_bytes_are_conflicts_or_a_known_error(data: bytes) -> None:
    try:
        claims = conflicting_claims(conflict_file.FILE_MAGIC + data)
    except MalformedConflictFileError:
        return

    assert conflict_file_bytes(claims) == conflict_file.FILE_MAGIC + data


# --- disputes ------------------------------------------------------------------------------------


def dispute(*positions: int) -> Dispute:
    return Dispute(
        parameter_id=bytes(32),
        programme_id=ProgrammeId("city"),
        epoch=EpochIndex(1),
        partner_id=METRO,
        verdict_leaf=9,
        positions=positions,
    )


def check(named: Dispute, lost: range, late_s: int = 0) -> None:
    check_dispute(named, lost, verdicts_s=Seconds(1_000), now_s=Seconds(1_000 + late_s))


def test_one_in_a_thousand_losses_may_be_disputed_and_twenty_always() -> None:
    assert [claims_max(losses) for losses in (0, 19, 20_999, 21_000, 50_000)] == [
        20,
        20,
        20,
        21,
        50,
    ]

    check(dispute(*range(20)), range(30))
    check(dispute(*range(21)), range(21_000), late_s=WINDOW_S)
    with pytest.raises(DisputeTooLargeError):
        check(dispute(*range(21)), range(20_999))


def test_a_dispute_comes_within_thirty_days() -> None:
    with pytest.raises(DisputeTooLateError):
        check(dispute(1), range(5), late_s=WINDOW_S + 1)


def test_only_a_loss_can_be_disputed() -> None:
    with pytest.raises(ClaimNotLostError):
        check(dispute(1, 5), range(5))


@pytest.mark.parametrize("positions", [(), (2, 1), (1, 1)])
def test_a_dispute_names_positions_that_ascend(positions: tuple[int, ...]) -> None:
    with pytest.raises(MalformedError):
        dispute(*positions)
