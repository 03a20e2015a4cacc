from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from rich.console import Console

from fedcarbon.methodology.activity import InvalidActivityError
from partner_node.commands.asking_warehouses import (
    evaluate,
    import_warehouse,
    show,
    to_json,
)
from partner_node.warehouse import compiling
from partner_node.warehouse.engines import opened_warehouse
from partner_node.warehouse.evaluating import evaluate_table
from partner_node.warehouse.reading import WarehouseDiffersError, check_row, read_counted
from partner_node.warehouse.table import WarehouseTableError
from tests.partner_node.warehouse.conftest import NewView
from tests.partner_node.warehouse.rows import (
    ZONE,
    arrow_table,
    computing,
    expected,
    meter_rows,
    own,
    table_rows,
)
from tests.partner_node.world import World, at
from tests.trips import METHODOLOGY, trip

QUIET = Console(quiet=True)


def _rides(path: Path, **changes: Any) -> str:
    """Write three rides of enrolled riders and what is no ride, and return their address."""
    rides = [
        ("good", 1, "rail", 10_000, at(8), at(8, 20)),
        ("also good", 2, "bike", 3_000, at(9), at(9, 20)),
        ("a bus", 1, "bus", 3_000, at(10), at(10, 20)),
        ("overlapping", 1, "rail", 8_000, at(8, 10), at(8, 40)),
        ("unknown rider", 9, "rail", 8_000, at(8, 10), at(8, 40)),
        ("too fast", 2, "rail", 90_000, at(11), at(11, 5)),
    ]
    columns = {
        "activity_id": [name for name, *_ in rides],
        "person_ref": [f"rider-{serial}" for _, serial, *_ in rides],
        "mode": [mode for _, _, mode, *_ in rides],
        "distance_m": [distance_m for _, _, _, distance_m, *_ in rides],
        "started_at": [start for *_, start, _ in rides],
        "ended_at": [end for *_, end in rides],
        "evidence": [0] * len(rides),
    }
    parquet.write_table(pa.table(columns | changes), path / "rides.parquet")
    return f"parquet:{path / 'rides.parquet'}"


def test_rows_that_count_are_recorded_and_the_node_has_the_last_word(
    riders: World, tmp_path: Path
) -> None:
    address = _rides(tmp_path)

    summary = import_warehouse(riders.node, address, METHODOLOGY, tmp_path / "rejects.csv", QUIET)
    again = import_warehouse(riders.node, address, "", tmp_path / "rejects.csv", QUIET)

    assert (summary.read, summary.accepted) == (4, 2)
    assert summary.rejected == {"unknown_person": 1, "overlapping_activity": 1}
    assert again == summary
    same = riders.record(
        trip("good", "rider-1", at(8), at(8, 20)),
        trip("also good", "rider-2", at(9), at(9, 20), mode="bike", distance_m=3_000),
        trip("good", "rider-1", at(8), at(8, 21)),
    )
    assert same.accepted == 2
    assert same.rejected[2].reason == "duplicate_id_other_content"


def test_rides_are_recorded_from_a_spark_connect_server(
    riders: World, tmp_path: Path, spark_address: str, new_view: NewView
) -> None:
    _rides(tmp_path)
    table = new_view("rides", parquet.read_table(tmp_path / "rides.parquet"))

    summary = import_warehouse(
        riders.node, f"{spark_address}?table={table}", "", tmp_path / "rejects.csv", QUIET
    )

    assert (summary.read, summary.accepted) == (4, 2)


def test_an_amount_that_differs_stops_the_import(
    riders: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = _rides(tmp_path)
    straight = compiling._literal
    monkeypatch.setattr(compiling, "_literal", lambda value: straight(value + (value == 97_000)))

    with pytest.raises(WarehouseDiffersError, match=r"'good'.*970010000.*970000000") as caught:
        import_warehouse(riders.node, address, METHODOLOGY, tmp_path / "rejects.csv", QUIET)

    assert caught.value.code == "WAREHOUSE_DIFFERS"
    assert riders.record(trip("good", "rider-1", at(8), at(8, 20), distance_m=1_000)).accepted == 1


def test_a_row_that_should_have_been_refused_stops_the_import(
    riders: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = _rides(tmp_path)
    monkeypatch.setattr(compiling, "_input_refusals", lambda *_: [])

    with pytest.raises(WarehouseDiffersError, match=r"'a bus'.*the refusal mode_not_covered"):
        import_warehouse(riders.node, address, METHODOLOGY, tmp_path / "rejects.csv", QUIET)


def test_a_methodology_that_the_node_does_not_count_by_is_refused(
    riders: World, tmp_path: Path
) -> None:
    with pytest.raises(InvalidActivityError, match="does not count by this methodology"):
        evaluate(riders.node, _rides(tmp_path), "cn-hellobike-2022", tmp_path / "out.csv")


def test_an_import_needs_to_know_who_rode(riders: World, tmp_path: Path) -> None:
    path = tmp_path / "nobody.parquet"
    _rides(tmp_path)
    parquet.write_table(
        parquet.read_table(tmp_path / "rides.parquet").drop_columns(["person_ref"]), path
    )

    assert evaluate(riders.node, f"parquet:{path}", "", tmp_path / "out.csv")[""] == 4
    with pytest.raises(WarehouseTableError, match="no column person_ref"):
        import_warehouse(riders.node, f"parquet:{path}", "", tmp_path / "rejects.csv", QUIET)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_evaluation_is_a_file_with_an_answer_per_row(
    riders: World, tmp_path: Path, suffix: str
) -> None:
    out = tmp_path / f"answers.{suffix}"

    counts = evaluate(riders.node, _rides(tmp_path), METHODOLOGY, out)

    if suffix == "csv":
        with out.open(encoding="utf-8", newline="") as file:
            rows = [tuple(row) for row in csv.reader(file)][1:]
        found = {name: (int(amount), refusal or None) for name, amount, refusal in rows}
    else:
        found = {
            row["activity_id"]: (row["amount"], row["refusal"])
            for row in parquet.read_table(out).to_pylist()
        }
    assert found == {
        "good": (970_000_000, None),
        "also good": (294_000_000, None),
        "a bus": (0, "mode_not_covered"),
        "overlapping": (776_000_000, None),
        "unknown rider": (776_000_000, None),
        "too fast": (0, "implausible_speed"),
    }
    assert counts == {"": 4, "mode_not_covered": 1, "implausible_speed": 1}


def test_counts_are_told_to_people_and_programs() -> None:
    counts = {"": 4, "mode_not_covered": 1}
    console = Console(record=True, width=80, quiet=False, file=None)

    with console.capture() as captured:
        show(counts, console)

    assert "5 rows, 4 count" in captured.get()
    assert "mode_not_covered" in captured.get()
    assert to_json(counts) == (
        '{\n  "counted": 4,\n  "read": 5,\n  "refused": {\n    "mode_not_covered": 1\n  }\n}'
    )


def test_every_row_that_counts_passes_the_check_against_the_reference(tmp_path: Path) -> None:
    methodology = own("own-history")
    rows = [row | {"evidence": 0} for row in meter_rows(methodology, 8, 60)]
    table = arrow_table(methodology, rows).append_column("evidence", pa.array([0] * len(rows)))
    parquet.write_table(table, tmp_path / "meters.parquet")
    wanted = {
        name
        for name, (_, refusal) in expected(methodology, rows).items()
        if refusal in (None, "too_little_history")
    }

    with opened_warehouse(f"parquet:{tmp_path / 'meters.parquet'}") as warehouse:
        found = [item.value for item in read_counted(warehouse, methodology, ZONE)]

    assert {fields["activity_id"] for fields in found} == wanted
    assert not any(name.startswith("history") for fields in found for name in fields)
    assert {fields["methodology"] for fields in found} == {"own-history"}


def test_fields_are_the_text_of_a_canonical_file(tmp_path: Path) -> None:
    methodology = own("every-word")
    row = table_rows(methodology, 1)[0] | {
        "started_at": 1_700_000_000,
        "ended_at": 1_700_003_600,
        "mode": "it's",
        "label": None,
        "distance_m": 7,
        "riders": 2,
        "tries": 0,
        "alert": False,
        "checked": True,
        "regime": None,
    }
    table = arrow_table(methodology, [row | {"mode": "rail", "riders": 1}])
    table = table.append_column("evidence", pa.array([1], pa.int8()))
    parquet.write_table(table, tmp_path / "one.parquet")

    with opened_warehouse(f"parquet:{tmp_path / 'one.parquet'}") as warehouse:
        (read,) = read_counted(warehouse, methodology, ZONE)

    assert read.row == 1
    assert read.value == {
        "activity_id": "a0",
        "person_ref": "p1",
        "methodology": "every-word",
        "started_at": "2023-11-14T22:13:20+00:00",
        "ended_at": "2023-11-14T23:13:20+00:00",
        "evidence": "1",
        "mode": "rail",
        "label": "",
        "distance_m": "7",
        "riders": "1",
        "tries": "0",
        "alert": "false",
        "checked": "true",
        "regime": "",
    }


def test_a_check_is_made_with_the_row_s_own_history() -> None:
    methodology = own("own-history")
    row = {
        "activity_id": "a",
        "started_at": 1_700_000_000,
        "ended_at": 1_700_003_600,
        "use_wh": 1_000,
        "history_1": 2_000,
        "history_2": None,
        "history_3": 2_000,
        "amount": 570_333_300,
        "refusal": None,
    }

    check_row(methodology, row, ZONE)
    with pytest.raises(WarehouseDiffersError, match="the refusal too_little_history"):
        check_row(methodology, row | {"history_1": None}, ZONE)
    with pytest.raises(WarehouseDiffersError, match="the amount 570333300"):
        check_row(methodology, row | {"amount": 570_333_301}, ZONE)


def test_a_table_without_rows_has_no_answers(tmp_path: Path) -> None:
    methodology = computing()[METHODOLOGY]
    parquet.write_table(arrow_table(methodology, []), tmp_path / "none.parquet")

    with opened_warehouse(f"parquet:{tmp_path / 'none.parquet'}") as warehouse:
        counts = evaluate_table(warehouse, methodology, ZONE, tmp_path / "out.parquet")

    assert counts == {}
    assert parquet.read_table(tmp_path / "out.parquet").num_rows == 0
