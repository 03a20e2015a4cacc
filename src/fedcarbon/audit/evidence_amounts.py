"""What opened activities are worth: the part of check V24 that methodologies decide.

Rules (5) to (7) of `evidence_checks`: an activity's methodology is known, counts it, and gives what
is credited; the limits of the day are kept; nothing counts twice within one person or object.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from fedcarbon.audit.evidence_record import EvidenceRecord
from fedcarbon.evidence.leaf import ActivityEvidence
from fedcarbon.methodology.activity import InvalidActivityError, overlaps
from fedcarbon.methodology.crediting import (
    Earned,
    NotEligibleError,
    earned_by,
    limited,
    limits_months,
)
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.occupancy import AT_A_TIME
from fedcarbon.methodology.person_day import Piece, pieces_of
from fedcarbon.methodology.slots import SlotGrid
from fedcarbon.registry.programme import zone
from fedcarbon.units import MicrogramsCO2e

Find = Callable[[str, str, str], None]
"""Notes a finding: code, subject, text."""


class EvidenceAmounts:
    """Recomputes amounts, and notes what does not follow."""

    def __init__(
        self, record: EvidenceRecord, methodologies: Mapping[bytes, Methodology], find: Find
    ) -> None:
        """Recompute under the programme of `record` by `methodologies`, by content hash."""
        self._record: Final = record
        self._methodologies: Final = methodologies
        self._find: Final = find
        self._grid: Final = SlotGrid(
            zone=zone(record.programme.time_zone), slot_s=record.programme.slot_s
        )

    def check_together(self, subject: str, activities: Iterable[ActivityEvidence]) -> None:
        """(6) Nobody makes two trips at a time, and no meter or vehicle two periods."""
        lasting = [item for item in activities if item.activity_type in AT_A_TIME]
        for first, second in itertools.combinations(lasting, 2):
            owners = {(item.activity_type, item.object_ref) for item in (first, second)}
            if len(owners) == 1 and overlaps(first.activity(), second.activity()):
                names = f"{first.activity_id!r} and {second.activity_id!r}"
                self._find("ACTIVITIES_OVERLAP", subject, f"{names} are at the same time")

    def check_limits(self, subject: str, activities: Iterable[ActivityEvidence]) -> None:
        """(7) No limit is exceeded by all that was opened of one account together."""
        earned: defaultdict[tuple[bytes, str], list[Earned]] = defaultdict(list)
        for activity in activities:
            found = self._earned(subject, activity)
            if found is not None:
                credited_ug = min(found.amount_ug, activity.credited_ug)
                found = dataclasses.replace(found, amount_ug=credited_ug)
                earned[activity.methodology, found.owner].append(found)
        for (methodology, _), of_owner in sorted(earned.items()):
            left = limited(self._methodologies[methodology], of_owner)
            for item in of_owner:
                name, most_ug = item.activity.activity_id, left[item.activity.activity_id].amount
                if item.amount_ug > most_ug:
                    self._find(
                        "LIMIT_EXCEEDED",
                        subject,
                        f"activity {name!r} is credited with {item.amount_ug} ug, the limits over "
                        f"all days of the epoch leave {most_ug} ug",
                    )

    def pieces_of_day(
        self, subject: str, activities: Iterable[ActivityEvidence], day: dt.date
    ) -> list[Piece]:
        """(7) Return the pieces of the day's activities; each must have one."""
        pieces: list[Piece] = []
        earned: defaultdict[tuple[bytes, str], list[Earned]] = defaultdict(list)
        credited_ug: dict[str, MicrogramsCO2e] = {}
        for activity in activities:
            found = self._earned(subject, activity)
            if found is None:
                continue
            credited_ug[activity.activity_id] = activity.credited_ug
            if found.day == day:
                earned[activity.methodology, found.owner].append(found)
            of_day = [piece for piece in self._split(activity, found) if piece.day == day]
            if not of_day:
                self._find(
                    "DAY_OUTSIDE_EPOCH",
                    subject,
                    f"activity {activity.activity_id!r} has no slot on {day.isoformat()}",
                )
            pieces += of_day
        for (methodology, _), of_owner in sorted(earned.items()):
            self._check_limits(subject, self._methodologies[methodology], of_owner, credited_ug)
        self.check_shared(subject, pieces)
        return pieces

    def _check_limits(
        self,
        subject: str,
        methodology: Methodology,
        earned: list[Earned],
        credited_ug: Mapping[str, MicrogramsCO2e],
    ) -> None:
        """(7) What is credited is what the limits of the day leave of one owner's activities."""
        left = limited(methodology, earned)
        for item in earned:
            most_ug = left[item.activity.activity_id].amount
            # More than the methodology gives has been said already.
            stated_ug = min(credited_ug[item.activity.activity_id], item.amount_ug)
            if stated_ug > most_ug or (stated_ug < most_ug and not limits_months(methodology)):
                self._find(
                    "LIMIT_EXCEEDED" if stated_ug > most_ug else "REDUCTION_DIFFERS",
                    subject,
                    f"activity {item.activity.activity_id!r} is credited with {stated_ug} ug, its "
                    f"methodology and limits give {most_ug} ug",
                )

    def check_shared(self, subject: str, pieces: Iterable[Piece]) -> None:
        """(6) An object's slot holds one activity."""
        shared = Counter(piece.slot for piece in pieces if piece.slot.owner)
        if max(shared.values(), default=1) > 1:
            self._find("OBJECT_SHARED", subject, "an object's slot holds several activities")

    def pieces(self, subject: str, activity: ActivityEvidence) -> tuple[Piece, ...]:
        """Return all pieces of an activity, none if it does not count."""
        earned = self._earned(subject, activity)
        return () if earned is None else self._split(activity, earned)

    def _earned(self, subject: str, evidence: ActivityEvidence) -> Earned | None:
        """(5), (6) and (7) Return what an activity earns, None if it does not count."""
        rules = self._methodologies.get(evidence.methodology)
        named = f"activity {evidence.activity_id!r}"
        if rules is None or (rules.methodology_id, rules.activity_type) != (
            evidence.methodology_id,
            evidence.activity_type,
        ):
            self._find(
                "METHODOLOGY_UNKNOWN",
                subject,
                f"no given file is {evidence.methodology_id} {evidence.methodology.hex()}",
            )
            return None
        if evidence.evidence < self._record.best_tier:
            self._find(
                "TIER_ABOVE_ALLOWED",
                subject,
                f"tier {evidence.evidence} is better than the admission allows",
            )
        try:
            earned = earned_by(
                evidence.activity(),
                rules,
                self._grid,
                self._record.programme.cap_ug,
                evidence.known_history(),
            )
        except (NotEligibleError, InvalidActivityError) as error:
            self._find("ACTIVITY_NOT_ELIGIBLE", subject, f"{named}: {error}")
            return None
        if evidence.credited_ug > earned.amount_ug:
            self._find(
                "REDUCTION_DIFFERS",
                subject,
                f"{named} is credited with {evidence.credited_ug} ug, its methodology gives "
                f"{earned.amount_ug} ug",
            )
        return earned

    def _split(self, evidence: ActivityEvidence, earned: Earned) -> tuple[Piece, ...]:
        """Return the pieces of what is credited, but never of more than was earned."""
        credited_ug = min(evidence.credited_ug, earned.amount_ug)
        return pieces_of(earned.activity, evidence.activity_type, credited_ug, self._grid)
