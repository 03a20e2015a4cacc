"""What a person is shown: every part of an amount, every reason, and nothing of anybody else."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fedcarbon.cli.catalogue import load_from_catalogue
from fedcarbon.errors import MalformedError
from fedcarbon.identity.person_id import make_test_id
from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.reader import parse_methodology
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.registry.measure import Measure
from fedcarbon.units import MicrogramsCO2e
from partner_node.activities.intake import DETAILS as AT_INTAKE
from partner_node.epochs.collecting import DETAILS as IN_EPOCHS
from partner_node.persons.activity_days import Amounts
from partner_node.persons.summary import Asked, PersonSummary, as_tree
from partner_node.persons.withdrawal import UnknownPersonError
from partner_node.persons.words import REASONS, Language, UnknownLanguageError, language_named
from tests.meters import SOURCE, goods, month, purchase, saving
from tests.partner_node.fake_hub import NODE, RIVAL
from tests.partner_node.test_objects import on
from tests.partner_node.world import World, at, new_world, person, ride

METRO = 97_000
KG = 1_000_000_000
CASHBACK = """
schema: fedcarbon/v2/methodology
id: test-cashback
version: 2026-11-21
title: {zh: 返现, en: cashback}
issuer: test
status: academic
scope: {regions: [CN], subject: person}
result: {kind: money, unit: fen, negative: clamp}
activity:
  type: purchase
  fields: {price_fen: {unit: fen, min: 1, max: 1000000}}
%s
parameters: {SHARE: {value: "1/3", unit: "1", source: test}}
amount: SHARE * price_fen
rounding: {stage: activity, mode: floor}
exclusivity: {group: receipt}
examples:
  - {name: three yuan, values: {price_fen: 300}, duration_s: 1, expect: 100}
"""


def seen(world: World, ref: str = "rider-1", **asked: Any) -> PersonSummary:
    """Return the view in English, after checking that its parts add up."""
    terms: dict[str, Any] = {"person_ref": ref, "language": Language.EN}
    summary = world.node.summary(Asked(**terms | asked))
    entries = [
        item.amounts
        for day in summary.days
        for methodology in day.methodologies
        for item in methodology.activities
    ]
    assert sum(entries, start=Amounts()) == summary.totals
    for item in (*entries, summary.totals, *(day.amounts for day in summary.days)):
        parts = (
            item.submitted_micro,
            item.lost_micro,
            item.half_lost_micro,
            item.above_cap_micro,
            item.missed_micro,
            item.waiting_micro,
        )
        assert item.before_claims_micro == sum(parts)
    return summary


def states(summary: PersonSummary) -> dict[str, tuple[str, list[str]]]:
    """Return activity to state and reasons, of the last day on which it is shown."""
    return {
        item.activity_id: (item.state, [reason.id for reason in item.reasons])
        for day in summary.days
        for methodology in day.methodologies
        for item in methodology.activities
    }


# --- activities -----------------------------------------------------------------------------------


def test_what_another_partner_won_is_shown_by_activity_with_the_reason(riders: World) -> None:
    riders.record(
        ride("half", 1, at(8), minutes=20, km=4, evidence=1),
        ride("slot", 1, at(10), minutes=20, km=8, evidence=1),
        ride("kept", 1, at(12), minutes=20, km=1, evidence=1),
    )
    riders.reveal()
    tokens = riders.claim_tokens(1, 1)
    riders.hub.judge(1, [(tokens[at(8)], 0), (tokens[at(8, 15)], 0), (tokens[at(10)], 0)])
    riders.hub.open_submissions(1)
    riders.settle()

    summary = seen(riders)

    assert states(summary) == {
        "half": ("lost", ["claimed_elsewhere", "half_lost"]),
        "slot": ("partly_lost", ["claimed_elsewhere"]),
        "kept": ("counted", []),
    }
    assert summary.totals == Amounts(
        before_claims_micro=13_000 * METRO,
        submitted_micro=7_000 * METRO,
        lost_micro=4_000 * METRO,
        half_lost_micro=2_000 * METRO,
        lost_slots=3,
    )
    assert summary.totals.submitted_micro == riders.submitted(1)["rider-1"]
    (day,) = summary.days
    assert (day.day, day.epoch) == ("2026-03-02", 1)
    assert day.text == (
        "2026-03-02: 679 g counted; 388 g lost to another partner; 194 g fell with what was lost"
    )


def test_an_activity_waits_for_its_epoch_and_then_for_the_verdicts(riders: World) -> None:
    riders.record(ride("a", 1, at(8), km=3))

    before = seen(riders)
    riders.reveal()
    claimed = seen(riders)

    assert states(before) == {"a": ("waiting", ["epoch_open"])}
    assert before.totals == Amounts(expected_micro=3_000 * METRO)
    assert states(claimed) == {"a": ("waiting", ["verdicts_open"])}
    assert claimed.totals == Amounts(before_claims_micro=3_000 * METRO, waiting_micro=3_000 * METRO)


def test_a_trip_over_midnight_is_shown_on_both_days_and_expected_once(riders: World) -> None:
    riders.record(ride("night", 1, at(23, 50), minutes=20, km=4))

    before = seen(riders)
    riders.run_epoch(1)
    between = seen(riders)
    riders.run_epoch(2)
    after = seen(riders)

    assert before.totals.expected_micro == 4_000 * METRO
    assert [item.amounts.submitted_micro for item in between.days] == [2_000 * METRO, 0]
    assert between.totals.expected_micro == 0
    assert [item.amounts.submitted_micro for item in after.days] == [2_000 * METRO] * 2


def test_what_is_above_the_cap_is_shown_with_the_activity_that_came_last(tmp_path: Path) -> None:
    world = new_world(tmp_path, cap_ug=MicrogramsCO2e(500_000_000))
    world.link(person(1))
    world.settle()
    world.record(
        ride("first", 1, at(8), km=3), ride("second", 1, at(9), km=4), ride("third", 1, at(10))
    )
    world.run_epoch(1)

    summary = seen(world)
    world.database.close()

    assert states(summary) == {
        "first": ("counted", []),
        "second": ("partly_above_cap", ["above_cap"]),
        "third": ("above_cap", ["above_cap"]),
    }
    assert summary.totals.submitted_micro == 500_000_000


def test_an_epoch_that_the_platform_missed_is_said_to_be_its_fault(riders: World) -> None:
    riders.record(ride("a", 1, at(8), km=3))
    riders.commit()
    riders.hub.epochs[1].state += 1
    riders.hub.seal(1, missing=(NODE,))
    riders.settle()

    summary = seen(riders)

    assert states(summary) == {"a": ("missed", ["epoch_missed"])}
    assert summary.totals.missed_micro == 3_000 * METRO


def test_claims_that_were_not_committed_in_time_are_missed_too(riders: World) -> None:
    riders.record(ride("a", 1, at(8), km=3))
    riders.clock.at_s = at(1, day=2)
    riders.hub.plan(1)
    riders.hub.close_commitments(1)
    riders.hub.witness()
    riders.settle()
    riders.hub.judge(1)
    riders.hub.open_submissions(1)
    riders.settle()
    riders.hub.seal(1)
    riders.settle()

    assert riders.submitted(1)["rider-1"] == 0
    assert states(seen(riders)) == {"a": ("missed", ["epoch_missed"])}


def test_every_reference_of_one_document_shows_its_one_person(riders: World) -> None:
    riders.link(person(1, person_ref="desk-1-phone", consent_claim="2026-03-02T09:00:00"))
    riders.record(ride("a", 1, at(8)), ride("b", 1, at(10), person_ref="desk-1-phone"))

    views = [seen(riders, name) for name in ("rider-1", "desk-1-phone")]

    assert states(views[0]) == states(views[1])
    assert list(states(views[0])) == ["a", "b"]
    assert [item.consents[0].since_s for item in views] == [0, at(9)]


def test_what_is_refused_at_intake_is_shown_to_its_person_in_both_languages(
    riders: World,
) -> None:
    riders.record(
        ride("good", 1, at(8)),
        ride("overlap", 1, at(8, 10)),
        ride("outside", 1, at(8, day=9)),
        ride("rocket", 1, at(9), mode="rocket"),
        ride("other", 2, at(9), mode="rocket"),
    )

    english, chinese = seen(riders), seen(riders, language=Language.ZH)

    assert states(english) == {
        "good": ("waiting", ["epoch_open"]),
        "overlap": ("refused", ["overlapping_activity"]),
        "outside": ("refused", ["outside_programme_days"]),
        "rocket": ("refused", ["mode_not_covered"]),
    }
    texts = json.dumps(as_tree(chinese), ensure_ascii=False)
    assert "同一时间已登记另一次出行" in texts
    assert "数据缺失或超出范围" in texts


def test_what_is_accepted_later_is_not_shown_as_refused(riders: World) -> None:
    riders.record(ride("a", 1, at(8), mode="rocket"))
    riders.record(ride("a", 1, at(8), mode="rocket"), ride("a", 1, at(8)))

    assert states(seen(riders)) == {"a": ("waiting", ["epoch_open"])}


def test_nothing_is_kept_of_what_the_consents_do_not_cover(world: World) -> None:
    world.link(person(1, consent_claim=""), person(2, consent_data="2026-03-02T09:00:00"))

    world.record(ride("a", 1, at(8), mode="rocket"), ride("b", 2, at(8), mode="rocket"))

    assert world.database.number("SELECT count(*) FROM refused_activities") == 0
    assert not seen(world).consented
    assert [item.since_s for item in seen(world, "rider-2").consents] == [at(9)]


def test_a_withdrawal_and_what_it_ends_are_shown(riders: World) -> None:
    riders.record(ride("before", 1, at(8)), ride("night", 1, at(8, day=2)))
    riders.node.withdraw_consent("rider-1")
    riders.clock.at_s = at(9, day=2)
    riders.run_epoch(1)
    riders.run_epoch(2)

    summary = seen(riders)

    assert not summary.consented
    (period,) = summary.consents
    assert (period.withdrawn_at_s, period.first_epoch_without) == (at(12), 2)
    assert states(summary) == {
        "before": ("counted", []),
        "night": ("refused", ["consent_withdrawn"]),
    }
    assert "no consents stand now" in summary.app


# --- meters, receipts, and programmes of points and money -----------------------------------------


@pytest.fixture
def spring(tmp_path: Path) -> Iterator[World]:
    """A household and a person in one epoch over two months."""
    made = new_world(
        tmp_path,
        methodologies=[saving(), goods()],
        first_day="2026-03-01",
        last_day="2026-04-30",
        epoch_days=61,
    )
    made.link(person(1, id_type="METER", id_number="TEST:3100000017"), person(2))
    made.settle()
    yield made
    made.database.close()


def march(year: int, use_wh: int, object_ref: str = "METER:SGCC-SH:3100000017") -> Activity:
    name = f"march-{year}-{object_ref[-1]}"
    ends = (on(f"{year}-03-01"), on(f"{year}-04-01"))
    return month(name, "rider-1", *ends, use_wh, object_ref=object_ref)


def test_too_little_history_says_so_and_history_earns_nothing(spring: World) -> None:
    spring.record(march(2025, 100_000), march(2026, 80_000), march(2026, 1, "METER:SGCC-SH:5"))

    summary = seen(spring)

    assert states(summary) == {
        "march-2025-7": ("history", ["history_only"]),
        "march-2026-5": ("refused", ["too_little_history"]),
        "march-2026-7": ("waiting", ["epoch_open"]),
    }
    assert summary.totals == Amounts(expected_micro=10 * KG)
    assert "there is no baseline" in json.dumps(as_tree(summary))
    refused = as_tree(seen(spring, language=Language.ZH))
    assert "往年同期的数据不足" in json.dumps(refused, ensure_ascii=False)


def test_what_a_limit_took_is_shown_on_top(spring: World) -> None:
    spring.record(
        *(purchase(f"p-{hour}", "rider-2", on("2026-03-05", hour)) for hour in (8, 9, 10))
    )
    spring.run_epoch(1)

    summary = seen(spring, "rider-2")

    assert states(summary)["p-10"] == ("refused", ["two_a_day"])
    assert summary.totals.over_limits_micro == 10_000_000
    assert summary.totals.submitted_micro == 20_000_000
    assert "10 g above the methodology's limits" in summary.days[0].text


def test_points_are_counted_in_points_and_a_limit_that_takes_a_part_is_named(
    tmp_path: Path,
) -> None:
    points = load_from_catalogue("cn-zhengzhou-points")
    world = new_world(tmp_path, methodologies=[points], measure=Measure.POINTS)
    world.link(person(1))
    world.settle()
    walk = Activity(
        activity_id="walk",
        person_ref="rider-1",
        methodology_id="cn-zhengzhou-points",
        started_at_s=at(8),
        ended_at_s=at(9),
        evidence=0,
        object_ref="EVENT:ZZ:WALK-1",
        values={"act": "walk", "walk_points": 60},
    )
    world.record(walk)
    world.run_epoch(1)

    summary = seen(world)
    world.database.close()

    assert (summary.measure, summary.unit, summary.parts_per_unit) == ("points", "point", 10**6)
    assert states(summary) == {"walk": ("counted", ["walking_a_day"])}
    assert summary.days[0].text == (
        "2026-03-02: 50 points counted; 10 points above the methodology's limits"
    )
    assert {item.kind for item in summary.uses} == {"redemption"}


def test_money_is_counted_to_the_millionth_of_its_smallest_unit(tmp_path: Path) -> None:
    cashback = parse_methodology((CASHBACK % SOURCE).encode())
    world = new_world(tmp_path, methodologies=[cashback], measure=Measure.MONEY)
    world.link(person(1))
    world.settle()
    world.record(purchase("p", "rider-1", at(8), 100, methodology_id="test-cashback"))
    world.run_epoch(1)

    summary = seen(world)
    world.database.close()

    assert (summary.unit, summary.totals.submitted_micro) == ("fen", 33_333_333)
    assert summary.days[0].text == "2026-03-02: 33.333333 fen counted"


# --- the view itself ------------------------------------------------------------------------------


def test_days_can_be_asked_for(riders: World) -> None:
    riders.record(ride("one", 1, at(8)), ride("two", 1, at(8, day=2)))

    assert list(states(seen(riders, from_day="2026-03-03"))) == ["two"]
    assert list(states(seen(riders, until_day="2026-03-02"))) == ["one"]
    with pytest.raises(MalformedError, match="YYYY-MM-DD"):
        seen(riders, from_day="yesterday")


def test_nobody_and_no_language_are_refused(riders: World) -> None:
    with pytest.raises(UnknownPersonError):
        seen(riders, "nobody")
    with pytest.raises(UnknownLanguageError):
        language_named("fr")


def test_every_reason_that_a_node_finds_for_a_known_person_has_words_in_both_languages() -> None:
    hidden = {  # either nobody is known, or nothing is kept, so there is nobody to show it to
        RejectReason.UNKNOWN_PERSON,
        RejectReason.MISSING_CONSENT,
        RejectReason.BEFORE_CONSENT,
    }

    assert (AT_INTAKE.keys() | IN_EPOCHS.keys()) - hidden <= REASONS.keys()
    for text in REASONS.values():
        assert sorted(text) == ["en", "zh"]


def test_a_view_holds_nothing_of_other_people_and_no_secret(riders: World) -> None:
    """Everything that the store has of others, and every token, is searched for in the view."""
    riders.record(
        ride("mine", 1, at(8), km=4, evidence=1),
        ride("refused-mine", 1, at(9), mode="rocket"),
        ride("theirs", 2, at(8), km=7),
        ride("refused-theirs", 2, at(9), mode="rocket"),
    )
    riders.reveal()
    tokens = riders.claim_tokens(1, 1)
    riders.hub.judge(1, [(tokens[at(8)], 0)])
    riders.hub.open_submissions(1)
    riders.settle()

    for language in Language:
        text = json.dumps(as_tree(seen(riders, language=language)), ensure_ascii=False)

        assert "mine" in text
        forbidden = ["theirs", "rider-2", "rider-3", RIVAL, make_test_id(1), make_test_id(2)]
        forbidden += [token.hex() for token in (*tokens.values(), riders.token_of(1))]
        forbidden += [str(7_000 * METRO)]
        assert [item for item in forbidden if item in text] == []


SHAPE = {
    "": "app as_of_s consented consents days language measure parts_per_unit person_ref "
    "programme_id schema totals unit unknown uses",
    "consents": "first_epoch_without since_s withdrawn_at_s",
    "days": "amounts day epoch methodologies text",
    "methodologies": "activities amounts methodology_id title",
    "activities": "activity_id amounts ended_at_s reasons started_at_s state",
    "amounts": "above_cap_micro before_claims_micro expected_micro half_lost_micro lost_micro "
    "lost_slots missed_micro over_limits_micro submitted_micro waiting_micro",
    "reasons": "id text",
    "uses": "from_s id kind pays_fen price_micro text title until_s",
    "unknown": "id text",
}
"""The fields of fedcarbon/v1/person, by the field that holds them."""


def test_the_schema_is_stable_and_holds_integers_only(riders: World) -> None:
    riders.record(ride("a", 1, at(8), mode="rocket"))
    tree = json.loads(json.dumps(as_tree(seen(riders))))
    found: dict[str, set[str]] = {}
    walk(tree, "", found)
    found["amounts"] |= found.pop("totals")

    assert tree["schema"] == "fedcarbon/v1/person"
    assert {name: " ".join(sorted(fields)) for name, fields in found.items()} == SHAPE
    document = (Path(__file__).parents[2] / "docs/PERSON.md").read_text(encoding="utf-8")
    names = {field for fields in found.values() for field in fields}
    assert [name for name in sorted(names) if f"`{name}`" not in document] == []


def walk(value: object, name: str, found: dict[str, set[str]]) -> None:
    if isinstance(value, dict):
        found.setdefault(name, set()).update(value)
        for key, item in value.items():
            walk(item, key, found)
    elif isinstance(value, list):
        for item in value:
            walk(item, name, found)
    else:
        assert type(value) in {int, bool, str}


def test_the_app_text_is_ready_to_show(riders: World) -> None:
    riders.record(ride("a", 1, at(8), km=3))
    riders.run_epoch(1)

    text = seen(riders, language=Language.ZH).app

    assert text.splitlines()[:4] == [
        "计入291克",
        "您已授权本平台使用数据并代为申报",
        "2026-03-02: 计入291克",
        "兑换:每1,250克兑0.01元",
    ]
    assert dt.date(2026, 3, 2).isoformat() in text
