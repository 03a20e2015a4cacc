"""A person's day at one partner: pieces by slot, claims for slots, and what verdicts leave of it.

The order is fixed (DESIGN 7): full pieces are claimed, verdicts fall, an activity that lost at
least half of its slots of the day loses all of them, and only then the cap applies.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fedcarbon.methodology.activity import EVIDENCE_MAX, Activity
from fedcarbon.methodology.definition import ActivityType
from fedcarbon.methodology.occupancy import ActivitySlots, SlotKey, slots_of
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
    activity: Activity,
    kind: ActivityType,
    reduction_ug: MicrogramsCO2e,
    grid: SlotGrid,
    *,
    occupied: ActivitySlots | None = None,
) -> tuple[Piece, ...]:
    """Return the pieces of `reduction_ug` over the slots of the whole activity, in order of time.

    They add up to `reduction_ug`. A trip over midnight has pieces of two days.

    Args:
        activity: of the type `kind`.
        kind: its type.
        reduction_ug: what is credited for it.
        grid: of the programme.
        occupied: what `slots_of` says of the activity, if it has been asked.

    Raises:
        InvalidActivityError: it cannot be of the type `kind`; see `check_type`.
    """
    occupied = occupied or slots_of(activity, kind, grid)
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


def settle_activities(
    pieces: Sequence[Piece], lost_slots: Collection[SlotKey], cap_ug: MicrogramsCO2e
) -> Mapping[str, DaySettlement]:
    """Return what the verdicts and the cap leave of one person's day, by activity id.

    The cap is used up in the order of slots: what comes last is above it.

    Args:
        pieces: see `settle_day`.
        lost_slots: likewise.
        cap_ug: likewise.
    """
    assert len({piece.day for piece in pieces}) <= 1
    assert cap_ug >= 0
    of_activity: defaultdict[str, list[Piece]] = defaultdict(list)
    for piece in sorted(pieces, key=lambda piece: (piece.slot.start_s, piece.activity_id)):
        of_activity[piece.activity_id].append(piece)
    settled = {}
    room_ug = cap_ug
    for activity_id, own in of_activity.items():
        lost = [piece for piece in own if piece.slot in lost_slots]
        lost_ug, left_ug = _sum_ug(lost), MicrogramsCO2e(_sum_ug(own) - _sum_ug(lost))
        half_lost = 2 * len(lost) >= len(own)
        submitted_ug = MicrogramsCO2e(0 if half_lost else min(room_ug, left_ug))
        room_ug = MicrogramsCO2e(room_ug - submitted_ug)
        settled[activity_id] = DaySettlement(
            submitted_ug=submitted_ug,
            lost_ug=lost_ug,
            half_lost_ug=left_ug if half_lost else MicrogramsCO2e(0),
            capped_ug=MicrogramsCO2e(0 if half_lost else left_ug - submitted_ug),
        )
    return settled


def settle_day(
    pieces: Sequence[Piece], lost_slots: Collection[SlotKey], cap_ug: MicrogramsCO2e
) -> DaySettlement:
    """Return what the verdicts and the cap leave of one person's pieces of one day.

    Args:
        pieces: all pieces of one person and one local day.
        lost_slots: those that another partner won; others are ignored.
        cap_ug: the programme's cap per person and day.
    """
    settled = settle_activities(pieces, lost_slots, cap_ug).values()
    settlement = DaySettlement(
        submitted_ug=MicrogramsCO2e(sum(item.submitted_ug for item in settled)),
        lost_ug=MicrogramsCO2e(sum(item.lost_ug for item in settled)),
        half_lost_ug=MicrogramsCO2e(sum(item.half_lost_ug for item in settled)),
        capped_ug=MicrogramsCO2e(sum(item.capped_ug for item in settled)),
    )
    assert settlement.total_ug() == _sum_ug(pieces)
    return settlement


def _sum_ug(pieces: Iterable[Piece]) -> MicrogramsCO2e:
    return MicrogramsCO2e(sum(piece.piece_ug for piece in pieces))
