"""Meters, receipts and households: the same claims and packing as trips, owned by an object."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.cli.catalogue import catalogue_bytes, load_from_catalogue
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.tokens import object_token
from fedcarbon.ids import EpochIndex
from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.reader import parse_methodology
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.methodology import bundle_hash
from fedcarbon.registry.programme import midnight_s
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.units import Seconds
from fedcarbon.wire.status import UnreachableError
from partner_node.activities.bundle import MeasureDiffersError
from partner_node.epochs.runner import Progress
from partner_node.persons.households import MemberNotAttestedError, NotAHouseholdError
from partner_node.persons.withdrawal import UnknownPersonError
from partner_node.storage.epochs import EpochStore
from partner_node.storage.objects import ObjectStore
from partner_node.storage.outbox import MessageKind, Outbox
from tests.meters import goods, month, purchase, saving
from tests.partner_node.world import ZONE, World, at, new_world, person, restarted, ride
from tests.trips import METHODOLOGY

METER = "METER:SGCC-SH:3100000017"
HOME = "rider-1"
KG = 1_000_000_000
"""Micrograms in a kilogram."""


def on(day: str, hour: int = 0) -> int:
    return midnight_s(dt.date.fromisoformat(day), ZONE) + 3600 * hour


def march(year: int, use_wh: int, **changes: Any) -> Activity:
    name = changes.pop("name", f"march-{year}")
    person_ref = changes.pop("person_ref", HOME)
    return month(name, person_ref, on(f"{year}-03-01"), on(f"{year}-04-01"), use_wh, **changes)


def bundle() -> list[Any]:
    return [saving(), goods(), load_from_catalogue(METHODOLOGY)]


@pytest.fixture
def spring(tmp_path: Path) -> Iterator[World]:
    """A world of one epoch over March and April, with a household's account and a person's."""
    made = new_world(
        tmp_path,
        methodologies=bundle(),
        first_day="2026-03-01",
        last_day="2026-04-30",
        epoch_days=61,
    )
    made.link(
        person(1, id_type="METER", id_number="TEST:3100000017"),
        person(2),
    )
    made.settle()
    yield made
    made.database.close()


# --- a meter's own history ------------------------------------------------------------------------


def test_a_month_earns_against_the_same_month_of_two_years(spring: World) -> None:
    outcome = spring.record(march(2024, 100_000), march(2025, 110_000), march(2026, 80_000))
    spring.run_epoch(1)

    assert outcome.rejected == {}
    # 105 kWh less 80 kWh, at 500 g per kWh
    assert spring.submitted(1) == {HOME: 25 * KG // 2, "rider-2": 0}


def test_earlier_periods_are_history_and_earn_nothing(spring: World) -> None:
    spring.record(march(2023, 500_000), march(2024, 100_000), march(2025, 90_000))
    spring.run_epoch(1)

    assert spring.submitted(1) == {HOME: 0, "rider-2": 0}
    assert spring.node.status().activities == 3
    assert spring.hub.evaluated[KeyLabel.OBJECT] == {}


HISTORIES: dict[str, tuple[Activity, ...]] = {
    "no earlier year": (),
    "another month": (month("f", HOME, on("2025-02-01"), on("2025-03-01"), 100_000),),
    "another meter": (march(2025, 100_000, object_ref="METER:SGCC-SH:1"),),
    "a longer period": (month("l", HOME, on("2025-03-01"), on("2025-05-01"), 100_000),),
    "three years before": (march(2023, 100_000),),
}


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_too_little_history_gives_no_credit_and_says_so(
    spring: World, history: tuple[Activity, ...]
) -> None:
    outcome = spring.record(*history, march(2026, 80_000))

    (rejected,) = outcome.rejected.values()
    assert rejected.reason == "too_little_history"
    assert "往年同期的数据不足" in rejected.detail
    assert "there is no baseline" in rejected.detail


def test_history_may_come_later_than_the_month(spring: World) -> None:
    assert spring.record(march(2026, 80_000)).accepted == 0

    outcome = spring.record(march(2025, 100_000), march(2026, 80_000))

    assert outcome.accepted == 2


@pytest.mark.parametrize(
    ("start", "end"), [("2026-03-02", "2026-04-01"), ("2026-03-01", "2026-03-31")]
)
def test_a_baseline_compares_whole_months_only(spring: World, start: str, end: str) -> None:
    """A month that is a day short would look like a saving."""
    short = month("short", HOME, on(start), on(end), 80_000)

    outcome = spring.record(march(2025, 100_000), short)

    assert [item.reason for item in outcome.rejected.values()] == ["not_whole_months"]


def test_more_use_than_before_earns_nothing_and_is_not_claimed(spring: World) -> None:
    spring.record(march(2025, 100_000), march(2026, 120_000))
    spring.run_epoch(1)

    assert spring.node.status().rejected == {"nothing_earned": 1}


# --- an object owns its slot ----------------------------------------------------------------------


def test_a_meters_month_is_claimed_under_the_meters_token(spring: World) -> None:
    spring.record(march(2025, 100_000), march(2026, 80_000))
    spring.run_epoch(1)

    (claim,) = [row for row in EpochStore(spring.database).claims(1) if row.slot]
    output = ObjectStore(spring.database).outputs([METER])[METER]
    assert claim.slot == (METER, "meter", on("2026-03-01"))
    assert claim.token == object_token(output, "cn-shanghai", "meter", on("2026-03-01"))


def test_another_partner_with_better_evidence_wins_the_meter(spring: World) -> None:
    spring.record(march(2025, 100_000), march(2026, 80_000, evidence=1))
    spring.reveal()
    (claim,) = [row for row in EpochStore(spring.database).claims(1) if row.slot]

    spring.hub.judge(1, [(claim.token, 0)])
    spring.hub.open_submissions(1)
    spring.settle()

    assert spring.submitted(1) == {HOME: 0, "rider-2": 0}


def test_two_members_cannot_claim_one_meter_twice(spring: World) -> None:
    spring.record(march(2025, 100_000), march(2026, 80_000))

    outcome = spring.record(march(2026, 80_000, name="again", person_ref="rider-2"))

    assert [item.reason for item in outcome.rejected.values()] == ["object_slot_taken"]


def test_a_receipt_counts_once_whoever_shows_it(spring: World) -> None:
    first = purchase("p-1", "rider-2", on("2026-03-05", 9))
    same = purchase("p-2", HOME, on("2026-04-05", 9), object_ref=first.object_ref)

    outcome = spring.record(first, same)

    assert {item.activity_id: item.reason for item in outcome.rejected.values()} == {
        "p-2": "object_slot_taken"
    }


def test_a_receipts_token_holds_no_time(spring: World) -> None:
    spring.record(purchase("p-1", "rider-2", on("2026-03-05", 9)))
    spring.run_epoch(1)

    (claim,) = [row for row in EpochStore(spring.database).claims(1) if row.slot]
    output = ObjectStore(spring.database).outputs(["RECEIPT:SHOP:P-1"])["RECEIPT:SHOP:P-1"]
    assert claim.token == object_token(output, "cn-shanghai", "receipt", None)


def test_a_limit_of_the_day_takes_the_third_purchase(spring: World) -> None:
    """A limit of the receipt would limit nothing: it is the person's."""
    day = "2026-03-05"
    spring.record(*(purchase(f"p-{hour}", "rider-2", on(day, hour)) for hour in (8, 9, 10)))
    spring.run_epoch(1)

    # 10 000 fen at 1 mg per fen
    assert spring.node.status().rejected == {"two_a_day": 1}
    assert spring.submitted(1)["rider-2"] == 2 * 10_000_000


def test_a_limit_is_a_persons_however_many_names_the_platform_has_for_it(spring: World) -> None:
    """Otherwise a second user account of the same person earns the same again."""
    spring.link(person(2, person_ref="rider-2-again"))
    spring.record(
        *(
            purchase(f"p-{hour}-{ref}", ref, on("2026-03-05", hour))
            for hour in (8, 9)
            for ref in ("rider-2", "rider-2-again")
        )
    )
    spring.run_epoch(1)

    assert spring.node.status().rejected == {"two_a_day": 2}
    assert spring.submitted(1)["rider-2"] == 2 * 10_000_000


def test_what_is_not_claimed_uses_up_no_limit(spring: World) -> None:
    """An auditor, who sees only what was claimed, would find too little credited."""
    first = [purchase(f"a-{day}", "rider-2", on(f"2026-03-0{day}", 8)) for day in (2, 3, 4)]
    one_day = [
        purchase(name, "rider-2", on("2026-03-05", hour))
        for name, hour in (("z", 8), ("b", 9), ("c", 10))
    ]
    spring.record(*first, *one_day)
    later(spring, "2026-03-20")
    steps(spring)
    spring.clock.at_s = Seconds(spring.hub.programme.epoch_end_s(1) + 3600)
    spring.hub.plan(1)
    steps(spring)

    assert spring.node.status().rejected == {"object_not_evaluated": 1}
    assert len([row for row in EpochStore(spring.database).claims(1) if row.slot]) == 5


def test_a_limit_of_the_month_remembers_earlier_epochs(tmp_path: Path) -> None:
    monthly = goods(**{"per: day": "per: month"})
    world = new_world(tmp_path, methodologies=[monthly])
    world.link(person(1))
    world.settle()
    for day, name in ((1, "a"), (2, "b"), (2, "c")):
        world.record(purchase(name, HOME, at(9 + ord(name) - 97, day=day)))

    world.run_epoch(1)
    world.run_epoch(2)

    assert world.submitted(1)[HOME] == world.submitted(2)[HOME] == 10_000_000
    assert world.node.status().rejected == {"two_a_day": 1}
    world.database.close()


def test_an_epoch_that_was_begun_but_never_committed_uses_up_no_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its claims can never be won, so nobody has had anything of it."""
    monthly = goods(**{"per: day": "per: month"})
    world = new_world(tmp_path, methodologies=[monthly])
    world.link(person(1))
    world.settle()
    for day, name in ((1, "a"), (1, "b"), (2, "c")):
        world.record(purchase(name, HOME, at(9 + ord(name) - 97, day=day)))
    world.clock.at_s = Seconds(world.hub.programme.epoch_end_s(EpochIndex(1)) + 3600)
    world.hub.plan(1)
    with monkeypatch.context() as patches:

        def out_of_time(*_: object) -> None:
            raise UnreachableError("the process ends here")

        patches.setattr("partner_node.epochs.claiming.above_quota", out_of_time)
        assert [type(item.error) for item in world.node.step().problems] == [UnreachableError]
    world.hub.close_commitments(1)
    world.hub.witness()
    world.settle()
    assert EpochStore(world.database).credited_for(1) == {}

    world.run_epoch(2)

    assert world.submitted(2)[HOME] == 10_000_000
    world.database.close()


def test_a_ride_over_midnight_counts_towards_the_limit_of_its_first_day(tmp_path: Path) -> None:
    """Otherwise the part after midnight would slip past the limit of both days."""
    text = catalogue_bytes(METHODOLOGY).decode()
    limit = "limits:\n  - {id: one_a_day, per: day, count: 1, zh: x, en: x, source: rail_limits}\n"
    limited = parse_methodology(text.replace("rounding:", limit + "rounding:").encode())
    world = new_world(tmp_path, methodologies=[limited])
    world.link(person(1))
    world.settle()
    world.record(
        ride("noon", 1, at(12)), ride("night", 1, at(23, 50)), ride("next", 1, at(9, day=2))
    )

    world.run_epoch(1)
    world.run_epoch(2)

    assert world.submitted(1)[HOME] == world.submitted(2)[HOME] == 970_000_000
    world.database.close()


def test_a_ride_over_midnight_earns_no_more_than_the_second_days_methodology_gives(
    tmp_path: Path,
) -> None:
    """Its evidence there names the new methodology, by which an auditor computes it again."""
    world = new_world(tmp_path)
    world.link(person(1))
    world.settle()
    world.record(ride("night", 1, at(23, 50)))
    world.run_epoch(1)
    before_ug = world.submitted(1)[HOME]
    world.database.close()
    text = catalogue_bytes(METHODOLOGY).decode()
    half = (
        "modifiers:\n  - {id: half, when: distance_m >= 0, times: '1/2', zh: x, en: x, "
        "source: rail_limits}\n"
    )
    start = text.index("examples:")
    lower = text[:start].replace("rounding:", half + "rounding:") + (
        "examples:\n  - {name: short, values: {}, refused: distance_m_missing}\n"
    )

    again = restarted(
        tmp_path, world.hub, world.clock, methodologies=[parse_methodology(lower.encode())]
    )
    again.run_epoch(2)

    assert again.submitted(2)[HOME] == before_ug // 2 > 0
    again.database.close()


def test_trips_and_objects_of_one_person_add_up(spring: World) -> None:
    spring.record(
        purchase("p-1", "rider-2", on("2026-03-05", 8)),
        ride("r-1", 2, on("2026-03-05", 8)),
    )
    spring.run_epoch(1)

    assert spring.submitted(1)["rider-2"] == 10_000_000 + 970_000_000


# --- evaluation under the object key --------------------------------------------------------------


def later(world: World, day: str) -> None:
    world.clock.at_s = Seconds(on(day))


def steps(world: World, count: int = 6) -> list[Progress]:
    return [world.node.step() for _ in range(count)]


def test_objects_beyond_the_quota_wait_and_are_not_claimed(spring: World) -> None:
    days = [f"2026-03-{day:02d}" for day in range(2, 9)]
    spring.record(*(purchase(f"p-{day}", "rider-2", on(day, 8)) for day in days))
    later(spring, "2026-03-20")

    problems = [item.error for done in steps(spring) for item in done.problems]
    assert {error.code for error in problems} == {"OBJECT_QUOTA_EXHAUSTED"}
    assert "2 objects wait" in str(problems[-1])

    spring.clock.at_s = spring.hub.programme.epoch_end_s(1) + 3600  # type: ignore[arg-type]
    spring.hub.plan(1)
    steps(spring)
    assert spring.node.status().rejected == {"object_not_evaluated": 2}
    assert len([row for row in EpochStore(spring.database).claims(1) if row.slot]) == 5


def test_a_batch_of_objects_is_asked_for_once_however_often_it_is_sent(spring: World) -> None:
    spring.record(purchase("p-1", "rider-2", on("2026-03-05", 8)))
    later(spring, "2026-03-06")
    spring.hub.absent |= {item.trustee_id for item in spring.hub.dealt.secrets}
    assert {p.error.code for done in steps(spring, 3) for p in done.problems} == {
        "TRUSTEES_MISSING"
    }
    spring.hub.absent.clear()

    spring.settle()

    assert list(spring.hub.evaluated[KeyLabel.OBJECT].values()) == [1]
    assert ObjectStore(spring.database).outputs(["RECEIPT:SHOP:P-1"])


def test_nobody_sees_at_what_hour_somebody_buys(spring: World) -> None:
    """The count of a request is not padded: it comes when the day is over."""
    spring.record(purchase("p-1", "rider-2", on("2026-03-05", 8)))
    spring.clock.at_s = Seconds(on("2026-03-06") - 1)
    spring.settle()
    assert not spring.hub.evaluated[KeyLabel.OBJECT]

    later(spring, "2026-03-06")
    spring.settle()

    assert list(spring.hub.evaluated[KeyLabel.OBJECT].values()) == [1]


def test_a_trustee_that_evaluates_wrongly_is_left_out(spring: World) -> None:
    spring.record(purchase("p-1", "rider-2", on("2026-03-05", 8)))
    later(spring, "2026-03-06")
    spring.hub.cheating.add(spring.hub.dealt.secrets[0].trustee_id)

    spring.settle()

    assert ObjectStore(spring.database).outputs(["RECEIPT:SHOP:P-1"])


# --- the bundle is pinned -------------------------------------------------------------------------


def test_a_methodology_that_changes_in_mid_epoch_changes_nothing_there(
    spring: World, tmp_path: Path
) -> None:
    spring.record(march(2025, 100_000), march(2026, 80_000))
    spring.reveal()
    spring.database.close()
    dearer = saving(**{"value: 500000": "value: 600000", "expect: 500000000": "expect: 600000000"})

    again = restarted(tmp_path, spring.hub, spring.clock, methodologies=[dearer, *bundle()[1:]])
    again.hub.judge(1)
    again.hub.open_submissions(1)
    again.settle()

    message = Outbox(again.database).message(MessageKind.CHUNK, "1", 0)
    assert message is not None
    header = statements.decode(ChunkHeader, Envelope.from_bytes(message.envelope).payload)
    assert header.methodology_bundle == bundle_hash(item.content_hash for item in bundle())
    pinned = EpochStore(again.database).commitment(1)
    assert pinned is not None
    assert pinned.methodologies["test-saving"] == saving().content_hash
    assert again.submitted(1)[HOME] == 10 * KG
    again.database.close()


# --- households -----------------------------------------------------------------------------------


@pytest.fixture
def propose(spring: World) -> Callable[[int], bytes]:
    def proposed(serial: int) -> bytes:
        binding_id = spring.hub.propose(spring.token_of(serial))
        spring.hub.witness()
        spring.settle()
        return binding_id

    return proposed


def test_only_an_attested_member_answers_for_a_household(
    spring: World, propose: Callable[[int], bytes]
) -> None:
    binding_id = propose(1)
    for stranger in ("", "rider-2", HOME):
        with pytest.raises(MemberNotAttestedError):
            spring.node.answer_binding(binding_id, confirm=True, member_ref=stranger)

    spring.node.attest_member(HOME, "rider-2")
    spring.node.attest_member(HOME, "rider-2")

    assert spring.node.members(HOME) == ["rider-2"]
    assert spring.node.answer_binding(binding_id, confirm=True, member_ref="rider-2")


def test_a_person_answers_for_itself(spring: World, propose: Callable[[int], bytes]) -> None:
    assert spring.node.answer_binding(propose(2), confirm=True)


def test_only_people_are_members_and_only_meters_have_them(spring: World) -> None:
    with pytest.raises(NotAHouseholdError):
        spring.node.attest_member("rider-2", "rider-2")
    with pytest.raises(NotAHouseholdError):
        spring.node.attest_member(HOME, HOME)
    with pytest.raises(UnknownPersonError):
        spring.node.attest_member(HOME, "nobody")
    with pytest.raises(UnknownPersonError):
        spring.node.members("nobody")


def test_a_methodology_of_another_kind_than_the_programme_is_refused(tmp_path: Path) -> None:
    world = new_world(tmp_path, methodologies=bundle(), measure=Measure.POINTS)

    (problem,) = world.node.step().problems

    assert problem.error.code == "MEASURE_DIFFERS"
    with pytest.raises(MeasureDiffersError, match="gives grams, the programme counts points"):
        world.record(ride("r", 1, on("2026-03-02", 8)))
    world.database.close()
