"""Rows that count: a partner's input file as amounts by slot, worked out for the cross-check.

This is the same rule as in the partner's node (DESIGN 4 and 7), written a second time and shorter.
Amounts come from the reference evaluator.
"""

from __future__ import annotations

import csv
import datetime as dt
import zoneinfo
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from pyarrow import parquet
from typing_extensions import override

from demo.catalogue import methodology
from demo.scenario import PartnerEntry, ProgrammeEntry
from fedcarbon.methodology.definition import ActivityType, FieldKind, Methodology
from fedcarbon.methodology.limits import Counted, apply_limits
from fedcarbon.methodology.reference import evaluate

SLOT_S: Final = 300
ALWAYS: Final = "true"
NEVER: Final = frozenset({"", "false"})
TIERS: Final = ("0", "1", "2")
MONTHS: Final = 12
CHECKED_ELSEWHERE: Final = frozenset({"PASSPORT", "METER", "ORGANISATION"})
GROUPS: Final = {
    ActivityType.TRIP: "movement",
    ActivityType.METER_PERIOD: "meter",
    ActivityType.PURCHASE: "receipt",
    ActivityType.COUNT: "receipt",
    ActivityType.STATE_WINDOW: "state",
    ActivityType.BUDGET_PERIOD: "budget",
}
AFTERWARDS: Final = frozenset(
    {ActivityType.METER_PERIOD, ActivityType.STATE_WINDOW, ActivityType.BUDGET_PERIOD}
)
"""Types that are credited on the first day after they end."""


class Claimant(NamedTuple):
    """Who claims: a partner, in a programme."""

    programme: str
    partner: str

    @override
    def __str__(self) -> str:
        """Return it as `verdicts.csv` names it."""
        return f"{self.programme}/{self.partner}"


class Slot(NamedTuple):
    """What is claimed."""

    owner: str
    """The object, or the person's id number."""
    group: str
    start_s: int
    """0 for a receipt, which has no time."""


class Piece(NamedTuple):
    """The part of an activity that lies in one slot."""

    activity: str
    person: str
    day: dt.date
    slot: Slot
    rank: int
    amount: int


@dataclass(slots=True, kw_only=True)
class CountedRow:
    """One row that counts."""

    activity: str
    methodology: Methodology
    person: str
    """The id number."""
    owner: str
    start_s: int
    end_s: int
    tier: int
    values: Mapping[str, int | str | bool]
    starts: Sequence[tuple[int, dt.date]]
    """Start of every slot, and the day on which its piece is credited."""
    short: int
    amount: int = field(default=0)

    def pieces(self) -> Iterable[Piece]:
        """Yield the amount in equal pieces that add up to it."""
        count, group = len(self.starts), GROUPS[self.methodology.activity_type]
        for i, (start_s, day) in enumerate(self.starts):
            part = self.amount * (i + 1) // count - self.amount * i // count
            slot = Slot(self.owner, group, start_s)
            yield Piece(self.activity, self.person, day, slot, 2 * self.tier + self.short, part)


def counted_rows(entry: ProgrammeEntry, partner: PartnerEntry) -> list[CountedRow]:
    """Return the rows of a partner's file that count, each with what it earns."""
    zone = zoneinfo.ZoneInfo(entry.time_zone)
    cap = int(entry.rest.get("cap_ug", 50_000_000_000))
    bundle = {name: methodology(name) for name in partner.methodologies}
    people = people_of(partner, zone)
    readings: dict[tuple[str, dt.date, dt.date], Mapping[str, Any]] = {}
    found: dict[str, CountedRow] = {}
    taken: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in read_rows(partner.activities):
        item = _row(row, bundle, people, zone)
        if item is None or item.activity in found:
            continue
        first, after = (_local(at_s, zone).date() for at_s in (item.start_s, item.end_s))
        readings[item.owner, first, after] = item.values
        if not all(entry.first_day <= day <= entry.last_day for _, day in item.starts):
            continue
        if item.methodology.activity_type is ActivityType.TRIP:
            own = taken[item.person]
            if any(start < item.end_s and item.start_s < end for start, end in own):
                continue
        history = _history(item, first, after, readings)
        outcome = evaluate(
            item.methodology,
            item.values,
            duration_s=item.end_s - item.start_s,
            day=first,
            history=history,
        )
        if outcome.refusal is None:
            taken[item.person].append((item.start_s, item.end_s))
            item.amount = min(outcome.amount, cap * len(item.starts))
            found[item.activity] = item
    _limit(found.values())
    return [item for item in found.values() if item.amount]


def _history(
    item: CountedRow,
    first: dt.date,
    after: dt.date,
    readings: Mapping[tuple[str, dt.date, dt.date], Mapping[str, Any]],
) -> list[int | None]:
    wanted = item.methodology.history
    if wanted is None:
        return []
    earlier = (
        (item.owner, first.replace(year=first.year - k), after.replace(year=after.year - k))
        for k in range(1, wanted.years + 1)
    )
    return [readings.get(key, {}).get(wanted.field) for key in earlier]


def _limit(rows: Iterable[CountedRow]) -> None:
    """Cut amounts by the limits per day and month of whom they are about."""
    owned: dict[tuple[str, str], list[CountedRow]] = defaultdict(list)
    for row in rows:
        by_object = GROUPS[row.methodology.activity_type] in {"meter", "state"}
        owned[row.methodology.methodology_id, row.owner if by_object else row.person].append(row)
    for own in owned.values():
        left = apply_limits(
            own[0].methodology,
            [
                Counted(
                    activity_id=row.activity,
                    started_at_s=row.start_s,
                    day=row.starts[0][1],
                    values=row.values,
                    duration_s=row.end_s - row.start_s,
                    amount=row.amount,
                )
                for row in own
            ],
        )
        for row in own:
            row.amount = left[row.activity].amount


def _row(
    row: Mapping[str, Any],
    bundle: Mapping[str, Methodology],
    people: Mapping[str, tuple[str, int]],
    zone: zoneinfo.ZoneInfo,
) -> CountedRow | None:
    """Return the row if it can be read and its person has consented."""
    row = {key: value.strip() if isinstance(value, str) else value for key, value in row.items()}
    named = row.get("methodology") or (next(iter(bundle)) if len(bundle) == 1 else "")
    methodology, person = bundle.get(named), people.get(row["person_ref"] or "")
    if methodology is None or person is None or str(row["evidence"]) not in TIERS:
        return None
    kind = methodology.activity_type
    start_s, end_s = _instant(row["started_at"], zone), _instant(row.get("ended_at"), zone)
    if end_s is None and start_s is not None and GROUPS[kind] == "receipt" and not row["ended_at"]:
        end_s = start_s + 1
    values = _values(row, methodology)
    if start_s is None or end_s is None or end_s <= start_s or values is None:
        return None
    starts, short = _slots(kind, start_s, end_s, zone)
    is_history = methodology.history is not None
    if start_s < person[1] and not is_history:
        return None
    return CountedRow(
        activity=row["activity_id"],
        methodology=methodology,
        person=person[0],
        owner=str(row.get("object_ref") or "").upper() or person[0],
        start_s=start_s,
        end_s=end_s,
        tier=int(row["evidence"]),
        values=values,
        starts=starts,
        short=short,
    )


def _values(row: Mapping[str, Any], methodology: Methodology) -> dict[str, Any] | None:
    """Return the typed values of a row, None if one of them is malformed."""
    values: dict[str, Any] = {}
    for name, declared in methodology.fields.items():
        cell = row.get(name)
        if cell is None or cell == "":
            continue
        value: Any = str(cell)
        if declared.kind is FieldKind.INTEGER:
            value = _whole_number(cell)
        elif declared.kind is FieldKind.TRUTH:
            value = {"true": True, "false": False}.get(str(cell).lower())
        if value is None:
            return None
        values[name] = value
    return values


def _slots(
    kind: ActivityType, start_s: int, end_s: int, zone: zoneinfo.ZoneInfo
) -> tuple[list[tuple[int, dt.date]], int]:
    """Return the slots that are covered by more than half, else the one at the midpoint."""
    day, last = _local(start_s, zone).date(), _local(end_s - 1, zone).date()
    after = last + dt.timedelta(days=1)
    if GROUPS[kind] == "receipt":
        return [(0, day)], 0
    if kind is ActivityType.BUDGET_PERIOD:
        monday = day - dt.timedelta(days=day.weekday())
        first, step = _midnight_s(monday, zone), _next_week_s
    elif kind is ActivityType.METER_PERIOD:
        first, step = _midnight_s(day.replace(day=1), zone), _next_month_s
    elif kind is ActivityType.STATE_WINDOW:
        first, step = _midnight_s(day, zone), _next_day_s
    else:
        midnight_s = _midnight_s(day, zone)
        first, step = start_s - (start_s - midnight_s) % SLOT_S, _next_slot_s
    covered, middle, at_s = [], first, first
    while at_s < end_s:
        next_s = step(at_s, zone)
        if 2 * (min(next_s, end_s) - max(at_s, start_s)) > next_s - at_s:
            covered.append(at_s)
        if at_s <= (start_s + end_s) // 2 < next_s:
            middle = at_s
        at_s = next_s
    found = covered or [middle]
    credited = [after if kind in AFTERWARDS else _local(item, zone).date() for item in found]
    return list(zip(found, credited, strict=True)), int(not covered)


Step = Callable[[int, zoneinfo.ZoneInfo], int]


def _next_slot_s(at_s: int, zone: zoneinfo.ZoneInfo) -> int:
    return min(at_s + SLOT_S, _next_day_s(at_s, zone))


def _next_day_s(at_s: int, zone: zoneinfo.ZoneInfo) -> int:
    return _midnight_s(_local(at_s, zone).date() + dt.timedelta(days=1), zone)


def _next_week_s(at_s: int, zone: zoneinfo.ZoneInfo) -> int:
    return _midnight_s(_local(at_s, zone).date() + dt.timedelta(days=7), zone)


def _next_month_s(at_s: int, zone: zoneinfo.ZoneInfo) -> int:
    years, month = divmod(_local(at_s, zone).month, MONTHS)
    return _midnight_s(dt.date(_local(at_s, zone).year + years, month + 1, 1), zone)


def _local(instant_s: int, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    return dt.datetime.fromtimestamp(instant_s, tz=zone)


def _midnight_s(day: dt.date, zone: zoneinfo.ZoneInfo) -> int:
    return int(dt.datetime.combine(day, dt.time(), tzinfo=zone).timestamp())


def people_of(partner: PartnerEntry, zone: zoneinfo.ZoneInfo) -> dict[str, tuple[str, int]]:
    """Return person_ref -> (id number, instant from which both consents are there)."""
    people = {}
    for row in read_rows(partner.identities):
        since = [_consent(row[name], zone) for name in ("consent_data", "consent_claim")]
        number = str(row["id_number"] or "").strip().upper()
        given = [instant for instant in since if instant is not None]
        if len(given) == len(since) and _id_holds(str(row["id_type"]).strip(), number):
            people[str(row["person_ref"]).strip()] = (number, max(given))
    return people


def _consent(value: object, zone: zoneinfo.ZoneInfo) -> int | None:
    """Return the instant from which a consent counts, 0 for ever, None for never."""
    text = str(value or "").strip().lower()
    if text in NEVER:
        return None
    return 0 if text == ALWAYS else _instant(value, zone)


def _id_holds(id_type: str, number: str) -> bool:
    return id_type in CHECKED_ELSEWHERE or _check_digit_holds(number)


def _check_digit_holds(number: str) -> bool:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    if len(number) != len(weights) + 1 or not number[:-1].isdigit():
        return False
    total = sum(weight * int(digit) for weight, digit in zip(weights, number, strict=False))
    return number[-1] == "10X98765432"[total % 11]


def _instant(value: object, zone: zoneinfo.ZoneInfo) -> int | None:
    """Return the instant that a cell holds, or None if it holds none."""
    try:
        read = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return int((read if read.tzinfo else read.replace(tzinfo=zone)).timestamp())


def _whole_number(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() else None


def read_rows(path: Path) -> Iterable[dict[str, Any]]:
    """Yield the rows of a CSV or Parquet file; bytes that are not UTF-8 show as U+FFFD."""
    if path.suffix == ".parquet":
        yield from parquet.read_table(path).to_pylist()
        return
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            whole = None not in row and None not in row.values()
            if whole and not any("\ufffd" in value for value in row.values()):
                yield row
