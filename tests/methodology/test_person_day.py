import datetime as dt
from collections.abc import Callable
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.definition import ActivityType
from fedcarbon.methodology.occupancy import SlotKey
from fedcarbon.methodology.person_day import (
    DaySettlement,
    Piece,
    by_day,
    claims_of,
    pieces_of,
    settle_activities,
    settle_day,
)
from fedcarbon.methodology.slots import SlotGrid
from fedcarbon.units import MicrogramsCO2e, Seconds

GRID = SlotGrid(zone=ZoneInfo("Asia/Shanghai"))
DAY = dt.date(2026, 3, 2)
MIDNIGHT_S = GRID.midnight_s(DAY)
CAP = MicrogramsCO2e(50_000_000_000)


def _slot(number: int) -> SlotKey:
    return SlotKey(owner="", group="movement", start_s=Seconds(MIDNIGHT_S + 300 * number))


def _piece(activity_id: str, slot: int, ug: int, rank: int = 0) -> Piece:
    return Piece(
        activity_id=activity_id,
        day=DAY,
        slot=_slot(slot),
        piece_ug=MicrogramsCO2e(ug),
        rank=rank,
    )


def _settle(pieces: list[Piece], lost: set[int], cap: int = CAP) -> tuple[int, int, int, int]:
    lost_slots = {_slot(slot) for slot in lost}
    found = settle_day(pieces, lost_slots, MicrogramsCO2e(cap))
    return found.submitted_ug, found.lost_ug, found.half_lost_ug, found.capped_ug


def test_pieces_of_an_activity_add_up_over_both_days(
    make_activity: Callable[..., Activity],
) -> None:
    activity = make_activity(start_s=MIDNIGHT_S + 86_400 - 900, duration_s=1_500, evidence=1)

    pieces = pieces_of(activity, ActivityType.TRIP, MicrogramsCO2e(1_000_003), GRID)

    assert [piece.piece_ug for piece in pieces] == [200_000, 200_001, 200_000, 200_001, 200_001]
    assert {piece.rank for piece in pieces} == {2}
    assert [(day.day, len(part)) for day, part in by_day(pieces).items()] == [(2, 3), (3, 2)]


def test_a_short_activity_ranks_one_worse(make_activity: Callable[..., Activity]) -> None:
    activity = make_activity(start_s=MIDNIGHT_S + 200, duration_s=150, evidence=2)

    (piece,) = pieces_of(activity, ActivityType.TRIP, MicrogramsCO2e(7), GRID)

    assert (piece.rank, piece.slot.start_s, piece.piece_ug) == (5, MIDNIGHT_S, 7)


def test_a_claim_sums_the_pieces_of_a_slot_under_the_best_rank() -> None:
    pieces = [_piece("a", 5, 10, rank=3), _piece("b", 5, 200, rank=0), _piece("b", 4, 4_000)]

    claims = claims_of(pieces)

    assert [(c.slot.start_s - MIDNIGHT_S, c.reduction_ug, c.rank) for c in claims] == [
        (1_200, 4_000, 0),
        (1_500, 210, 0),
    ]


def test_nothing_lost_is_everything_kept() -> None:
    pieces = [_piece("a", 0, 1), _piece("a", 1, 20)]

    assert _settle(pieces, set()) == (21, 0, 0, 0)


def test_less_than_half_lost_keeps_the_rest() -> None:
    pieces = [_piece("a", 0, 1), _piece("a", 1, 20), _piece("a", 2, 300)]

    assert _settle(pieces, {1}) == (301, 20, 0, 0)


def test_exactly_half_lost_loses_all() -> None:
    pieces = [_piece("a", slot, 10**slot) for slot in range(4)]

    assert _settle(pieces, {0, 3}) == (0, 1_001, 110, 0)


def test_half_is_counted_in_slots_of_that_day_only() -> None:
    # The rest of the ride lies in tomorrow, which is judged by itself.
    pieces = [_piece("a", 286, 1), _piece("a", 287, 20)]

    assert _settle(pieces, {287}) == (0, 20, 1, 0)


def test_a_lost_slot_counts_against_every_activity_in_it() -> None:
    pieces = [
        *[_piece("long", slot, 10**slot) for slot in range(4)],
        _piece("short", 3, 50_000, rank=1),
    ]

    assert _settle(pieces, {3}) == (111, 51_000, 0, 0)


def test_the_cap_comes_last() -> None:
    pieces = [_piece("a", slot, 100) for slot in range(6)]

    # Capping first would have left 350 - 100.
    assert _settle(pieces, {0}, cap=350) == (350, 100, 0, 150)


def test_a_slot_lost_by_somebody_else_changes_nothing() -> None:
    assert _settle([_piece("a", 0, 9)], {77}) == (9, 0, 0, 0)


def test_an_empty_day_settles_to_nothing() -> None:
    assert _settle([], {1}) == (0, 0, 0, 0)


piece_lists = st.lists(
    st.builds(
        _piece,
        st.sampled_from("abcd"),
        st.integers(0, 6),
        st.integers(0, 10_000),
        st.integers(0, 5),
    ),
    unique_by=lambda piece: (piece.activity_id, piece.slot),
    max_size=20,
)


@given(pieces=piece_lists, lost=st.sets(st.integers(0, 7)), cap=st.integers(0, 60_000))
def test_settling_agrees_with_a_brute_force_model(
    pieces: list[Piece], lost: set[int], cap: int
) -> None:
    found = _settle(pieces, lost, cap)

    kept = 0
    for name in "abcd":
        mine = [piece for piece in pieces if piece.activity_id == name]
        won = [p for p in mine if (p.slot.start_s - MIDNIGHT_S) // 300 not in lost]
        if mine and Fraction(len(mine) - len(won), len(mine)) < Fraction(1, 2):
            kept += sum(piece.piece_ug for piece in won)
    assert found[0] == min(cap, kept)
    assert found[3] == max(0, kept - cap)
    assert sum(found) == sum(piece.piece_ug for piece in pieces)
    assert min(found) >= 0


@given(pieces=piece_lists, lost=st.sets(st.integers(0, 7)))
def test_losing_more_never_gives_more(pieces: list[Piece], lost: set[int]) -> None:
    fewer = set(list(lost)[1:])

    assert _settle(pieces, lost)[0] <= _settle(pieces, fewer)[0]


@given(pieces=piece_lists)
def test_claims_hold_every_piece_once(pieces: list[Piece]) -> None:
    claims = claims_of(pieces)

    starts = [claim.slot for claim in claims]
    assert starts == sorted(set(starts))
    assert sum(claim.reduction_ug for claim in claims) == sum(piece.piece_ug for piece in pieces)


def test_a_settlement_adds_up() -> None:
    settlement = DaySettlement(
        submitted_ug=MicrogramsCO2e(1),
        lost_ug=MicrogramsCO2e(20),
        half_lost_ug=MicrogramsCO2e(300),
        capped_ug=MicrogramsCO2e(4_000),
    )

    assert settlement.total_ug() == 4_321


def test_the_cap_is_used_up_in_the_order_of_slots_and_the_last_is_above_it() -> None:
    pieces = [_piece("late", 9, 40), _piece("early", 1, 50), _piece("lost", 4, 7)]

    settled = settle_activities(pieces, {_slot(4)}, MicrogramsCO2e(60))

    assert {
        name: (item.submitted_ug, item.lost_ug, item.capped_ug) for name, item in settled.items()
    } == {"early": (50, 0, 0), "lost": (0, 7, 0), "late": (10, 0, 30)}
