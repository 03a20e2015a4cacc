"""What activities earn, and their slots: whatever can be said of each by itself.

It goes to the engine. The task is pure, and does not see whose activities they are: what it must
know of other activities, a meter's history, comes in with the rows.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Final, NamedTuple

import pyarrow as pa
from typing_extensions import override

from fedcarbon.engine.port import Task
from fedcarbon.methodology.activity import Value
from fedcarbon.methodology.crediting import Evaluated, NotEligibleError, earned_ug
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.occupancy import slots_of
from fedcarbon.methodology.slots import SlotGrid, split
from fedcarbon.units import MicrogramsCO2e, Seconds
from partner_node.activities.evaluating import Query, outcomes_of

ACTIVITIES: Final = pa.schema(
    [
        ("activity_id", pa.string()),
        ("methodology_id", pa.string()),
        ("object_ref", pa.string()),
        ("started_at_s", pa.int64()),
        ("ended_at_s", pa.int64()),
        ("field_values", pa.string()),
        ("history", pa.string()),
    ]
)
"""What `EarnTask` is given: accepted activities. `field_values` is as `values_text` writes it,
`history` a JSON list of what the same meter counted 1, 2, ... years before, null if not known."""
PIECE: Final = pa.struct([("start_s", pa.int64()), ("day", pa.date32()), ("piece_ug", pa.int64())])
EARNED: Final = pa.schema(
    [
        ("activity_id", pa.string()),
        ("refusal", pa.string()),
        ("amount_ug", pa.int64()),
        ("short", pa.bool_()),
        ("pieces", pa.list_(PIECE)),
    ]
)
"""What comes out. `refusal` is the id of the rule of the methodology that is broken: then there
are no pieces. Else those of the whole activity, in order of time; they add up to `amount_ug`, which
is what it earns before the limits of its owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarnTask(Task):
    """From `ACTIVITIES` to `EARNED`."""

    methodologies: Mapping[str, Methodology]
    """By id; of every row's, and of the type under which it was accepted."""
    queries: Mapping[str, Query]
    """By methodology id, for those that many activities name; they give the same, faster."""
    grid: SlotGrid
    cap_ug: MicrogramsCO2e
    """The programme's cap per person and day."""

    @property
    @override
    def schema(self) -> pa.Schema:
        """The columns of what comes out."""
        return EARNED

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return what each activity earns, with its pieces.

        Raises:
            InvalidActivityError: one cannot be of its methodology's type.
        """
        columns = [batch.column(name).to_pylist() for name in _DEED]
        values = _each_read(batch.column("field_values"))
        deeds = [_Deed(*row) for row in zip(*columns, values, strict=True)]
        histories = _each_read(batch.column("history"))
        names = batch.column("methodology_id").to_pylist()
        outcomes = outcomes_of(self.queries, names, deeds)
        earned = _Earned()
        for name, deed, outcome, history in zip(names, deeds, outcomes, histories, strict=True):
            self._earn(self.methodologies[name], deed, outcome, history, earned)
        return earned.batch(batch.column("activity_id"))

    def _earn(
        self,
        methodology: Methodology,
        deed: _Deed,
        outcome: Evaluated | None,
        history: Sequence[int | None],
        earned: _Earned,
    ) -> None:
        occupied = slots_of(deed, methodology.activity_type, self.grid)
        try:
            amount_ug = earned_ug(
                deed,
                methodology,
                self.grid,
                self.cap_ug,
                history,
                evaluated=outcome,
                occupied=occupied,
            )
        except NotEligibleError as error:
            earned.refuse(error.refusal)
            return
        earned.refusals.append(None)
        earned.amounts.append(amount_ug)
        earned.short.append(occupied.short)
        earned.counts.append(len(occupied.slots))
        earned.starts += [slot.key.start_s for slot in occupied.slots]
        earned.days += [slot.day for slot in occupied.slots]
        earned.masses += split(amount_ug, len(occupied.slots))


_DEED: Final = ("object_ref", "started_at_s", "ended_at_s")


class _Deed(NamedTuple):
    """See `fedcarbon.methodology.activity.Deed`."""

    object_ref: str
    started_at_s: Seconds
    ended_at_s: Seconds
    values: Mapping[str, Value]

    @property
    def duration_s(self) -> Seconds:
        """Seconds from start to end."""
        return Seconds(self.ended_at_s - self.started_at_s)


def _each_read(texts: pa.Array) -> list[Any]:
    """Return what is in JSON texts of our own: together they are a list, so one call reads all."""
    found: list[Any] = json.loads(f"[{','.join(texts.to_pylist())}]")
    return found


@dataclass(slots=True)
class _Earned:
    """Columns of `EARNED`; those of the pieces one after another."""

    refusals: list[str | None] = field(default_factory=list)
    amounts: list[MicrogramsCO2e] = field(default_factory=list)
    short: list[bool] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    """How many pieces an activity has."""
    starts: list[Seconds] = field(default_factory=list)
    days: list[dt.date] = field(default_factory=list)
    masses: list[MicrogramsCO2e] = field(default_factory=list)

    def refuse(self, refusal: str) -> None:
        """Note that an activity does not count."""
        self.refusals.append(refusal)
        self.amounts.append(MicrogramsCO2e(0))
        self.short.append(False)
        self.counts.append(0)

    def batch(self, activity_ids: pa.Array) -> pa.RecordBatch:
        """Return the columns with the ids of their activities."""
        parts = zip((self.starts, self.days, self.masses), PIECE, strict=True)
        pieces = pa.StructArray.from_arrays(
            [pa.array(values, item.type) for values, item in parts], fields=list(PIECE)
        )
        ends = pa.array(list(accumulate(self.counts, initial=0)), pa.int32())
        return pa.RecordBatch.from_arrays(
            [
                activity_ids.cast(pa.string()),
                pa.array(self.refusals, pa.string()),
                pa.array(self.amounts, pa.int64()),
                pa.array(self.short, pa.bool_()),
                pa.ListArray.from_arrays(ends, pieces),
            ],
            schema=EARNED,
        )
