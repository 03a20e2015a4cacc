"""Makes true double claims: copies of rides that a second platform of the same person saw too.

A share of one platform's activities is copied to a second platform on which the same (dealt) person
is a user, the second clock 0 to 180 s late and its distance up to 100 m off, as two apps that watch
one ride would record it. `copies.csv` records which ones, so that a test knows the truth.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from fedcarbon.errors import ConfigurationError
from fedcarbon.methodology.activity import EVIDENCE_MAX
from partner_node.adapters.canonical_output import OUTPUT_COLUMNS
from partner_node.adapters.dealing import Assignment
from partner_node.adapters.seeded_draw import PER_MILLE, chosen, draw_below
from partner_node.importing.table_file import Columns, Fields, Reject, read_table

CLOCK_OFFSET_S_MAX: Final = 180
DISTANCE_NOISE_M_MAX: Final = 100
COPY_COLUMNS: Final = (
    "original_platform",
    "original_activity_id",
    "copy_platform",
    "copy_activity_id",
    "synthetic_identity",
    "clock_offset_s",
    "distance_noise_m",
)

_COLUMNS: Final = Columns(subject="activity_id", required=OUTPUT_COLUMNS)
_COPY_PREFIX: Final = "copy-"


class DoubleClaimError(ConfigurationError):
    """Settings for copies that make no sense; the scenario's author must act."""

    code: ClassVar[str] = "DOUBLE_CLAIM"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopySettings:
    """Which activities are copied, and how the copies look."""

    seed: int
    copy_per_mille: int
    """Share of those activities whose person is on the second platform too, 0 to 1000."""
    evidence: int = 1
    """Tier of the copies: the second platform tracks the phone."""

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            DoubleClaimError: one is out of range.
        """
        if not 0 <= self.copy_per_mille <= PER_MILLE or not 0 <= self.evidence <= EVIDENCE_MAX:
            raise DoubleClaimError("copy_per_mille is 0 to 1000, evidence 0 to 2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One activity that two platforms claim."""

    original_platform: str
    original_activity_id: str
    copy_platform: str
    copy_activity_id: str
    synthetic_identity: str
    clock_offset_s: int
    """How late the second clock is, 0 to `CLOCK_OFFSET_S_MAX`."""
    distance_noise_m: int
    """-`DISTANCE_NOISE_M_MAX` to `DISTANCE_NOISE_M_MAX`."""


def copy_activities(
    activities: Mapping[str, Path],
    *,
    source: str,
    target: str,
    assignments: Sequence[Assignment],
    settings: CopySettings,
) -> tuple[Copy, ...]:
    """Append copies of `source` activities to the activity file of `target`; return them.

    Args:
        activities: platform name to its canonical activity file, as an adapter wrote it.
        source: platform whose activities are copied; copies of copies are not made.
        target: platform that claims them too.
        assignments: who is who.
        settings: see there.

    Raises:
        ImportFileError: a file cannot be read.
        DoubleClaimError: source and target are the same, or a row that no adapter would write.
    """
    if source == target:
        raise DoubleClaimError("a copy needs a second platform")
    person_of = {
        item.platform_user_id: item.synthetic_identity
        for item in assignments
        if item.platform == source
    }
    user_of = {
        item.synthetic_identity: item.platform_user_id
        for item in assignments
        if item.platform == target
    }
    copies: list[Copy] = []
    rows: list[tuple[object, ...]] = []
    for item in read_table(activities[source], _COLUMNS):
        if isinstance(item, Reject) or item.value["activity_id"].startswith(_COPY_PREFIX):
            continue
        fields = item.value
        identity = person_of.get(fields["person_ref"], "")
        user = user_of.get(identity)
        draw = ("copy", source, target, fields["activity_id"])
        if user is None or not chosen(settings.copy_per_mille, settings.seed, *draw):
            continue
        try:
            copy = _copy_of(fields, source, target, identity=identity, seed=settings.seed)
            rows.append(_row_of(copy, fields, user=user, evidence=settings.evidence))
        except ValueError as error:
            message = f"row {item.row} of {activities[source].name} was not written by an adapter"
            raise DoubleClaimError(message) from error
        copies.append(copy)
    with activities[target].open("a", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return tuple(copies)


def write_copies(path: Path, copies: Sequence[Copy]) -> None:
    """Write which activities are claimed twice."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COPY_COLUMNS)
        writer.writerows([getattr(copy, name) for name in COPY_COLUMNS] for copy in copies)


def _copy_of(fields: Fields, source: str, target: str, *, identity: str, seed: int) -> Copy:
    activity_id = fields["activity_id"]
    noise_span = 2 * DISTANCE_NOISE_M_MAX + 1
    noise_m = draw_below(noise_span, seed, "noise", activity_id) - DISTANCE_NOISE_M_MAX
    return Copy(
        original_platform=source,
        original_activity_id=activity_id,
        copy_platform=target,
        copy_activity_id=f"{_COPY_PREFIX}{activity_id}",
        synthetic_identity=identity,
        clock_offset_s=draw_below(CLOCK_OFFSET_S_MAX + 1, seed, "clock", activity_id),
        # A distance stays positive.
        distance_noise_m=max(noise_m, 1 - int(fields["distance_m"])),
    )


def _row_of(copy: Copy, fields: Fields, *, user: str, evidence: int) -> tuple[object, ...]:
    offset = dt.timedelta(seconds=copy.clock_offset_s)
    start, end = (dt.datetime.fromisoformat(fields[name]) for name in ("started_at", "ended_at"))
    return (
        copy.copy_activity_id,
        user,
        fields["mode"],
        (start + offset).isoformat(),
        (end + offset).isoformat(),
        int(fields["distance_m"]) + copy.distance_noise_m,
        evidence,
        fields["place"],
        fields["original_started_at"],
        fields["original_ended_at"],
    )
