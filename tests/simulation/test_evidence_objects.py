"""An audit on site of meters and purchases: what is recomputed, and the lies that it finds."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from fedcarbon.audit.evidence_amounts import EvidenceAmounts
from fedcarbon.audit.opened_evidence import OpenedEvidence
from fedcarbon.cli.catalogue import catalogue_bytes
from fedcarbon.evidence.leaf import ActivityEvidence
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.limits import Limited
from fedcarbon.methodology.reader import parse_methodology
from fedcarbon.registry.programme import midnight_s
from partner_node.epochs import collecting
from tests.meters import GOODS_FILE, SAVING_FILE, goods, month, purchase
from tests.simulation.audited import BIKE, MAAS, METRO, Audited
from tests.simulation.operations import Run
from tests.simulation.world import ZONE, World
from tests.trips import METHODOLOGY

FILES = (catalogue_bytes(METHODOLOGY), SAVING_FILE, GOODS_FILE)
RULES = tuple(parse_methodology(data) for data in FILES)


def on(day: str, hour: int = 0) -> int:
    return midnight_s(dt.date.fromisoformat(day), ZONE) + 3600 * hour


def march(name: str, person: str, year: int, use_wh: int, evidence: int = 0) -> Any:
    start_s, end_s = on(f"{year}-03-01"), on(f"{year}-04-01")
    return month(f"{name}-{year}", person, start_s, end_s, use_wh, evidence=evidence)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    """One epoch of 32 days: metro and maas hold one meter, bike takes more than its limit."""
    world = World(
        tmp_path_factory.mktemp("objects"),
        documents=FILES,
        programme_changes={"first_day": "2026-03-01", "last_day": "2026-04-01", "epoch_days": 32},
    )
    run = Run(world, people=2)
    world.loop.run(world.desk.witness())
    run.link_everyone()
    run.enrol()
    recorded = {
        METRO: [
            march("metro", "metro-0", 2024, 100_000),
            march("metro", "metro-0", 2025, 110_000),
            march("metro", "metro-0", 2026, 80_000),
            purchase("metro-p", "metro-1", on("2026-03-05", 9)),
            world.activity("metro-ride", "metro-1", day=4, hour=9),
        ],
        MAAS: [
            march("maas", "maas-1", 2025, 90_000, evidence=1),
            march("maas", "maas-1", 2026, 80_000, evidence=1),
        ],
        BIKE: [purchase(f"bike-p{hour}", "bike-0", on("2026-03-05", hour)) for hour in (9, 10, 11)],
    }
    for name, activities in recorded.items():
        assert not world.nodes[name].record_activities(activities).rejected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collecting, "limited", _without_limits(collecting.limited))
        run.seal(0)
    world.advance()
    world.advance()
    yield Audited(world)
    world.close()


def _without_limits(real: Any) -> Any:
    """Let the node of bike be a build that forgets limits."""

    def limited(methodology: Methodology, earned: list[Any]) -> Mapping[str, Limited]:
        found: Mapping[str, Limited] = real(methodology, earned)
        amounts = {item.activity.activity_id: item.amount_ug for item in earned}
        return {
            name: Limited(amount=amounts[name], limit_id=None) if "bike" in name else left
            for name, left in found.items()
        }

    return limited


@pytest.fixture(scope="module")
def opened(sealed: Audited) -> OpenedEvidence:
    return sealed.opened()


def codes(sealed: Audited, opened: OpenedEvidence) -> set[str]:
    return sealed.codes(opened, *RULES)


def activities(opened: OpenedEvidence) -> dict[str, ActivityEvidence]:
    days = [day.evidence for day in opened.person_days]
    return {item.activity_id: item for day in days for item in day.activities}


def test_meters_purchases_and_trips_of_an_honest_partner_fit_together(
    sealed: Audited, opened: OpenedEvidence
) -> None:
    found = activities(opened)

    assert codes(sealed, opened) == set()
    assert sorted(found) == ["metro-2026", "metro-p", "metro-ride"]
    assert found["metro-2026"].history == ("110000", "100000")
    assert found["metro-2026"].credited_ug == 12_500_000_000
    assert sum(slot.value_ug for slot in opened.slots) == 12_500_000_000 + 10_000_000 + 97_000_000


def test_a_meter_of_two_partners_counts_once(sealed: Audited) -> None:
    opened = sealed.opened(MAAS)

    assert codes(sealed, opened) == set()
    assert sealed.record(MAAS).contested
    assert sum(slot.value_ug for slot in opened.slots) == 0


def test_limit_exceeded(sealed: Audited) -> None:
    """bike credits three purchases of a day where its methodology allows two."""
    assert codes(sealed, sealed.opened(BIKE)) == {"LIMIT_EXCEEDED"}


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "another methodology": ({"methodology": bytes(32)}, "METHODOLOGY_UNKNOWN"),
    "another id": ({"methodology_id": "test-goods"}, "METHODOLOGY_UNKNOWN"),
    "more than it gives": ({"credited_ug": 12_500_000_001}, "REDUCTION_DIFFERS"),
    "less than it gives": ({"credited_ug": 1}, "REDUCTION_DIFFERS"),
    "no history": ({"history": ("", "")}, "ACTIVITY_NOT_ELIGIBLE"),
    "a value out of range": ({"values": '{"use_wh":-1}'}, "ACTIVITY_NOT_ELIGIBLE"),
    "a value that is not declared": (
        {"values": '{"use_wh":80000,"x":1}'},
        "ACTIVITY_NOT_ELIGIBLE",
    ),
    "a month that is a day short": ({"ended_at_s": on("2026-03-31")}, "ACTIVITY_NOT_ELIGIBLE"),
    "a receipt instead of a meter": ({"object_ref": "RECEIPT:A:1"}, "ACTIVITY_NOT_ELIGIBLE"),
    "another day": ({"started_at_s": on("2026-02-01")}, "DAY_OUTSIDE_EPOCH"),
}


@pytest.mark.parametrize("case", LIES)
def test_every_value_of_a_meters_month_is_recomputed(
    sealed: Audited, opened: OpenedEvidence, case: str
) -> None:
    changes, code = LIES[case]
    if case == "another day":
        changes = {**changes, "ended_at_s": on("2026-03-01")}
    lied = dataclasses.replace(activities(opened)["metro-2026"], **changes)
    found: list[str] = []
    amounts = EvidenceAmounts(
        sealed.record(),
        {item.content_hash: item for item in RULES},
        lambda code, *_: found.append(code),
    )

    amounts.pieces_of_day("a day", [lied], dt.date(2026, 4, 1))

    assert found == [code]


def test_two_periods_of_a_meter_that_overlap_are_found(
    sealed: Audited, opened: OpenedEvidence
) -> None:
    """They share no month, so no claim shows that the days in both were credited twice."""
    real = activities(opened)["metro-2026"]
    longer = dataclasses.replace(
        real, activity_id="metro-more", started_at_s=on("2026-03-31"), ended_at_s=on("2026-05-01")
    )
    found: list[str] = []
    amounts = EvidenceAmounts(sealed.record(), {}, lambda code, *_: found.append(code))

    amounts.check_together("an account", [real, longer])

    assert found == ["ACTIVITIES_OVERLAP"]


def test_a_limit_of_the_month_is_held_against_all_days_of_the_epoch(
    sealed: Audited, opened: OpenedEvidence
) -> None:
    """Each day for itself keeps a limit of a month; a node that forgets it was never found."""
    monthly = goods(**{"per: day": "per: month"})
    real = activities(opened)["metro-p"]
    bought = [
        dataclasses.replace(
            real,
            activity_id=f"p-{day}",
            object_ref=f"RECEIPT:SHOP:{day}",
            methodology=monthly.content_hash,
            started_at_s=on(f"2026-03-1{day}", 9),
            ended_at_s=on(f"2026-03-1{day}", 9) + 1,
        )
        for day in (1, 2, 3)
    ]
    found: list[str] = []
    amounts = EvidenceAmounts(
        sealed.record(), {monthly.content_hash: monthly}, lambda code, *_: found.append(code)
    )

    amounts.check_limits("an account", bought[:2])
    assert found == []
    amounts.check_limits("an account", bought)
    assert found == ["LIMIT_EXCEEDED"]


def test_object_shared(sealed: Audited, opened: OpenedEvidence) -> None:
    """Two months of one meter, or two purchases with one receipt."""
    real = activities(opened)["metro-2026"]
    twin = dataclasses.replace(real, activity_id="metro-again")
    found: list[str] = []
    amounts = EvidenceAmounts(
        sealed.record(),
        {item.content_hash: item for item in RULES},
        lambda code, *_: found.append(code),
    )

    amounts.pieces_of_day("a day", [real, twin], dt.date(2026, 4, 1))

    assert found == ["OBJECT_SHARED"]
