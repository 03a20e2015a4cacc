"""A meter, a car and a budget have one period at a time at one node."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from fedcarbon.cli.catalogue import load_from_catalogue
from fedcarbon.methodology.activity import Activity
from fedcarbon.registry.programme import midnight_s
from fedcarbon.units import Seconds
from tests.meters import month, saving
from tests.partner_node.world import ZONE, new_world, person

METER = "METER:SGCC-SH:3100000017"
HOME = "rider-1"
KG = 1_000_000_000
"""Micrograms in a kilogram."""


def on(day: str, hour: int = 0) -> int:
    return midnight_s(dt.date.fromisoformat(day), ZONE) + 3600 * hour


def metered(name: str, start: str, end: str) -> Activity:
    return month(name, HOME, on(start), on(end), 80_000)


def test_a_meter_has_one_period_at_a_time_even_if_they_share_no_month(tmp_path: Path) -> None:
    """Otherwise what it counted in the days that both hold would be credited twice."""
    plain = saving(
        **{
            "baseline: {field: use_wh, years: 2, at_least: 1}": "",
            "(baseline - use_wh)": "use_wh",
            "history: [5000], expect: 500000000": "expect: 2000000000",
        }
    )
    made = new_world(
        tmp_path,
        methodologies=[plain],
        first_day="2026-03-01",
        last_day="2026-04-30",
        epoch_days=61,
    )
    made.link(person(1, id_type="METER", id_number="TEST:3100000017"))

    first = metered("a", "2026-03-01", "2026-04-04")
    second = metered("b", "2026-04-01", "2026-04-30")
    touching = metered("c", "2026-04-04", "2026-04-30")

    (together,) = made.record(first, second).rejected.values()
    (later,) = made.record(second).rejected.values()
    assert together.reason == later.reason == "overlapping_activity"
    assert made.record(touching).accepted == 1
    made.database.close()


def test_a_person_has_one_budget_at_a_time(tmp_path: Path) -> None:
    """Two budgets over the same days would both be rewarded for them."""
    name = "personal-carbon-budget"
    made = new_world(
        tmp_path,
        methodologies=[load_from_catalogue(name)],
        first_day="2026-03-01",
        last_day="2026-04-30",
        epoch_days=61,
    )
    made.link(person(1))
    first, second, third = (
        Activity(
            activity_id=f"b-{start}",
            person_ref=HOME,
            methodology_id=name,
            started_at_s=Seconds(on(start)),
            ended_at_s=Seconds(on(end)),
            evidence=0,
            values={"budget_ug": 20 * KG, "used_ug": 0},
        )
        for start, end in (
            ("2026-03-02", "2026-03-09"),
            ("2026-03-07", "2026-03-14"),
            ("2026-03-09", "2026-03-16"),
        )
    )

    outcome = made.record(first, second, third)

    assert [item.reason for item in outcome.rejected.values()] == ["overlapping_activity"]
    assert outcome.accepted == 2
    made.database.close()
