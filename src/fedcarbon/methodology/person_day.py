"""A person's day at one partner: pieces by slot, claims for slots, and what verdicts leave of it.

The order is fixed (DESIGN 7): full pieces are claimed, verdicts fall, an activity that lost at
least half of its slots of the day loses all of them, and only then the cap applies.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fedcarbon.methodology.activity import EVIDENCE_MAX, Activity
from fedcarbon.methodology.definition import ActivityType
from fedcarbon.methodology.occupancy import SlotKey, slots_of
from fedcarbon.methodology.slots import SlotGrid, split
from fedcarbon.units import MicrogramsCO2e

RANK_MAX = 2 * EVIDENCE_MAX + 1
"""Worst rank: self-declared and short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The part of one activity's reduction that lies in one slot."""

    activity_id: str
    day: dt.date
    """Local day on which it is credited."""
    slot: SlotKey
    piece_ug: MicrogramsCO2e
    rank: int
    """2 * evidence tier + 1 if the activity is short; 0 to `RANK_MAX`, lower wins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotClaim:
    """What a partner claims for one account in one slot, over all activities in it."""

    slot: SlotKey
    reduction_ug: MicrogramsCO2e
    """Sum of the pieces."""
    rank: int
    """Best rank of the pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySettlement:
    """What becomes of one person's pieces of one day; the four masses add up to all pieces."""

    submitted_ug: MicrogramsCO2e
    """Counts towards the account: at most the cap."""
    lost_ug: MicrogramsCO2e
    """Lay in slots that another partner won."""
    half_lost_ug: MicrogramsCO2e
    """Fell with an activity that lost at least half of its slots of the day."""
    capped_ug: MicrogramsCO2e
    """Was above the cap."""

    def total_ug(self) -> MicrogramsCO2e:
        """Return the sum of all pieces that were settled."""
        parts = (self.submitted_ug, self.lost_ug, self.half_lost_ug, self.capped_ug)
        return MicrogramsCO2e(sum(parts))


def pieces_of(
    activity: Activity, kind: ActivityType, reduction_ug: MicrogramsCO2e, grid: SlotGrid
) -> tuple[Piece, ...]:
    """Return the pieces of `reduction_ug` over the slots of the whole activity, in order of time.

    They add up to `reduction_ug`. A trip over midnight has pieces of two days.

    Raises:
        InvalidActivityError: it cannot be of the type `kind`; see `check_type`.
    """
    occupied = slots_of(activity, kind, grid)
    rank = 2 * activity.evidence + int(occupied.short)
    pieces = split(reduction_ug, len(occupied.slots))
    return tuple(
        Piece(
            activity_id=activity.activity_id,
            day=slot.day,
            slot=slot.key,
            piece_ug=piece_ug,
            rank=rank,
        )
        for slot, piece_ug in zip(occupied.slots, pieces, strict=True)
    )


def claims_of(pieces: Iterable[Piece]) -> tuple[SlotClaim, ...]:
    """Return one claim per slot for the pieces of one account, in order of owner and time."""
    by_slot: defaultdict[SlotKey, list[Piece]] = defaultdict(list)
    for piece in pieces:
        by_slot[piece.slot].append(piece)
    return tuple(
        SlotClaim(
            slot=slot,
            reduction_ug=_sum_ug(by_slot[slot]),
            rank=min(piece.rank for piece in by_slot[slot]),
        )
        for slot in sorted(by_slot)
    )


def by_day(pieces: Iterable[Piece]) -> Mapping[dt.date, tuple[Piece, ...]]:
    """Return the pieces of one person grouped by local day, days in order."""
    days: defaultdict[dt.date, list[Piece]] = defaultdict(list)
    for piece in pieces:
        days[piece.day].append(piece)
    return {day: tuple(days[day]) for day in sorted(days)}


def settle_day(
    pieces: Sequence[Piece], lost_slots: Collection[SlotKey], cap_ug: MicrogramsCO2e
) -> DaySettlement:
    """Return what the verdicts and the cap leave of one person's pieces of one day.

    Args:
        pieces: all pieces of one person and one local day.
        lost_slots: those that another partner won; others are ignored.
        cap_ug: the programme's cap per person and day.
    """
    assert len({piece.day for piece in pieces}) <= 1
    assert cap_ug >= 0
    lost = [piece for piece in pieces if piece.slot in lost_slots]
    left = [piece for piece in pieces if piece.slot not in lost_slots]
    slots_count = Counter(piece.activity_id for piece in pieces)
    lost_count = Counter(piece.activity_id for piece in lost)
    half_lost = {
        activity_id
        for activity_id, count in slots_count.items()
        if 2 * lost_count[activity_id] >= count
    }
    kept_ug = _sum_ug(piece for piece in left if piece.activity_id not in half_lost)
    submitted_ug = MicrogramsCO2e(min(cap_ug, kept_ug))
    settlement = DaySettlement(
        submitted_ug=submitted_ug,
        lost_ug=_sum_ug(lost),
        half_lost_ug=_sum_ug(piece for piece in left if piece.activity_id in half_lost),
        capped_ug=MicrogramsCO2e(kept_ug - submitted_ug),
    )
    assert settlement.total_ug() == _sum_ug(pieces)
    return settlement


def _sum_ug(pieces: Iterable[Piece]) -> MicrogramsCO2e:
    return MicrogramsCO2e(sum(piece.piece_ug for piece in pieces))
