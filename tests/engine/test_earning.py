"""What activities earn, and their pieces: the same on every engine, and what the core says of one.

The auditor on site asks the core's functions of one activity; the node has the engine ask them of
batches, with queries in place of the reference where there are many.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from fedcarbon.cli.catalogue import load_from_catalogue
from fedcarbon.engine.local import LocalEngine
from fedcarbon.engine.port import Engine, reader_of, row_by_row
from fedcarbon.errors import FedcarbonError
from fedcarbon.methodology.activity import Activity, InvalidActivityError, values_text
from fedcarbon.methodology.crediting import NotEligibleError, earned_by
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.occupancy import slots_of
from fedcarbon.methodology.person_day import pieces_of
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.methodology.slots import SlotGrid
from fedcarbon.registry.programme import midnight_s
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.wire.processes import ProcessMap
from partner_node.activities.bundle import Bundle
from partner_node.activities.evaluating import BulkEvaluation
from partner_node.epochs.earn_task import ACTIVITIES, EARNED, EarnTask
from tests.chance import seeded
from tests.meters import goods, month, purchase, saving
from tests.trips import METHODOLOGY, trip

ZONE = "Europe/Lisbon"
"""Its clocks change in the time of the trips, at 01:00 UTC on 29 March 2026."""
DAY = dt.date(2026, 3, 29)
CAP_UG = MicrogramsCO2e(400_000_000)
"""So low that a long ride of few slots meets it."""
GRID = SlotGrid(zone=ZoneInfo(ZONE))
RULES = {
    item.methodology_id: item for item in (load_from_catalogue(METHODOLOGY), saving(), goods())
}
NO_RIDE = trip("r", "rider-1", 0, 900, object_ref="RECEIPT:SHOP:1")
Known = tuple[Activity, tuple[int | None, ...]]
"""An activity, and its meter's history."""


def trips(count: int) -> Iterator[Known]:
    """Yield trips of that night: long and short, over midnight, and some that do not count."""
    chance = seeded(4)
    first_s = midnight_s(DAY, ZONE) - 7_200
    for number in range(count):
        start_s = first_s + chance.randrange(30 * 3_600)
        values = {"mode": chance.choice(["rail", "bike", "ev_ride", "rocket"]), "distance_m": 1_500}
        if chance.random() < 0.5:
            values["distance_m"] = chance.randrange(200_000)
        if chance.random() < 0.05:
            values["weather"] = "rain"  # no query: the reference says what it is
        yield (
            trip(
                f"t{number}",
                "rider-1",
                start_s,
                start_s + chance.randrange(1, chance.choice([300, 9_000])),
                values=values,
            ),
            (),
        )


def others() -> Iterator[Known]:
    """Yield months of a meter and purchases: evaluated by the reference."""
    start_s, end_s = (midnight_s(dt.date(2026, at, 1), ZONE) for at in (3, 4))
    for number, history in enumerate(((100_000, 90_000), (None, 120_000), (), (50_000, None))):
        yield month(f"m{number}", "rider-1", start_s, end_s, 80_000), history
    yield month("odd", "rider-1", start_s + 60, end_s, 80_000), (100_000, 90_000)
    for number in range(5):
        yield purchase(f"p{number}", "rider-1", start_s + 7 * number, 100 + number), ()


def rows_of(known: list[Known]) -> pa.Table:
    columns = zip(
        *(
            (
                item.activity_id,
                item.methodology_id,
                item.object_ref,
                item.started_at_s,
                item.ended_at_s,
                values_text(item.values),
                json.dumps(history),
            )
            for item, history in known
        ),
        strict=True,
    )
    return pa.table(list(map(list, columns)), schema=ACTIVITIES)


def said_by_the_core(methodology: Methodology, item: Activity, history: Any) -> dict[str, Any]:
    """Return a row of `EARNED` from what the auditor's functions say."""
    try:
        earned = earned_by(item, methodology, GRID, CAP_UG, history)
    except NotEligibleError as error:
        nothing = {"amount_ug": 0, "short": False, "pieces": []}
        return {"activity_id": item.activity_id, "refusal": error.refusal} | nothing
    kind = methodology.activity_type
    return {
        "activity_id": item.activity_id,
        "refusal": None,
        "amount_ug": earned.amount_ug,
        "short": slots_of(item, kind, GRID).short,
        "pieces": [
            {"start_s": piece.slot.start_s, "day": piece.day, "piece_ug": piece.piece_ug}
            for piece in pieces_of(item, kind, earned.amount_ug, GRID)
        ],
    }


def earning(*, bulk: bool) -> EarnTask:
    counts = Counter(dict.fromkeys(RULES, 1))
    evaluation = BulkEvaluation(Bundle(RULES.values()), bulk_from=1)
    queries = evaluation.queries(counts, ZONE) if bulk else {}
    return EarnTask(methodologies=RULES, queries=queries, grid=GRID, cap_ug=CAP_UG)


@pytest.mark.parametrize("bulk", [True, False])
def test_engines_give_the_same_bytes_and_what_the_core_says(
    here: Engine, cluster: Engine, *, bulk: bool
) -> None:
    known = [*trips(200), *others()]
    rows, task = rows_of(known), earning(bulk=bulk)
    assert (METHODOLOGY in task.queries) is bulk

    one = here.map(task, reader_of(rows)).read_all().combine_chunks()

    expected = [said_by_the_core(RULES[item.methodology_id], item, past) for item, past in known]
    assert one.schema == EARNED
    assert one.to_pylist() == expected
    assert cluster.map(task, reader_of(rows, 70)).read_all().combine_chunks().equals(one)
    cut = row_by_row(here, task, reader_of(rows, 40), "activity_id")
    assert pa.Table.from_batches(cut).combine_chunks().equals(one)
    # Whatever there is to be said has been said of some of them.
    assert len({row["refusal"] for row in expected}) > 6
    assert any(row["short"] for row in expected)
    assert any(len({piece["day"] for piece in row["pieces"]}) == 2 for row in expected)
    assert any(row["amount_ug"] == CAP_UG * len(row["pieces"]) > 0 for row in expected)


def test_what_cannot_be_of_its_type_is_refused_everywhere(here: Engine, cluster: Engine) -> None:
    """A ride that is about a receipt: its slots would be those of a receipt, which nobody rides."""
    rows = rows_of([(trip("a", "rider-1", 0, 900), ()), (NO_RIDE, ())])

    for engine in (here, cluster):
        with pytest.raises(FedcarbonError) as caught:
            engine.map(earning(bulk=True), reader_of(rows, 1)).read_all()

        assert caught.value.code == "INVALID_ACTIVITY"


def test_what_one_process_refuses_is_said_and_breaks_no_pool_of_processes() -> None:
    """An error that asks for more than a message came back as a process that was killed."""
    rows = rows_of([(trip("a", "rider-1", 0, 900), ()), (NO_RIDE, ())])

    with LocalEngine(ProcessMap(2)) as engine, pytest.raises(InvalidActivityError) as caught:
        engine.map(earning(bulk=False), reader_of(rows, 1)).read_all()

    assert caught.value.reason is RejectReason.OBJECT_UNEXPECTED
    assert "not about this kind of object" in str(caught.value)
