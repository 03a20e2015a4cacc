"""What must hold of every methodology of a kind, whatever its numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.methodology.definition import MICRO, FieldKind
from fedcarbon.methodology.expression import Value
from fedcarbon.methodology.limits import Counted, apply_limits
from fedcarbon.methodology.reference import evaluate
from tests.methodology.loaded import computing, methodology

DAY: Final = dt.date(2026, 11, 21)
SLOW_S: Final = 7_000
"""Long enough for any distance below to be plausible."""


def amount(
    name: str,
    values: Mapping[str, Value],
    duration_s: int = SLOW_S,
    history: tuple[int | None, ...] = (),
) -> int:
    found = methodology(name)
    outcome = evaluate(found, values, duration_s=duration_s, day=DAY, history=history)
    assert outcome.refusal is None, outcome.refusal
    return outcome.amount


COMPUTING: Final = computing()


def modes_of(name: str) -> list[str]:
    """Return the words of a methodology's modes; an empty one if it has only one mode."""
    fields = methodology(name).fields
    return sorted(fields["mode"].words) if "mode" in fields else [""]


BY_DISTANCE: Final = [
    (name, mode)
    for name in COMPUTING
    if "distance_m" in methodology(name).fields and "instead_of" not in methodology(name).fields
    for mode in modes_of(name)
]


def trip(mode: str, distance_m: int) -> dict[str, Value]:
    return {"distance_m": distance_m, **({"mode": mode} if mode else {})}


@pytest.mark.parametrize(("name", "mode"), BY_DISTANCE)
@given(one=st.integers(100, 40_000), other=st.integers(100, 40_000))
def test_more_distance_never_gives_less(name: str, mode: str, one: int, other: int) -> None:
    short, long = sorted((one, other))

    assert amount(name, trip(mode, short), 7_000) <= amount(name, trip(mode, long), 7_000)


@pytest.mark.parametrize(("name", "mode"), BY_DISTANCE)
@given(first=st.integers(100, 20_000), second=st.integers(100, 20_000))
def test_the_parts_of_a_way_give_what_the_whole_gives(
    name: str, mode: str, first: int, second: int
) -> None:
    parts = [amount(name, trip(mode, part), 5_000) for part in (first, second)]
    whole = amount(name, trip(mode, first + second), 7_000)

    # Every activity is rounded down once, so two parts lack less than two micrograms.
    assert 0 <= whole - sum(parts) <= 1


OWN_HISTORY: Final = [name for name in COMPUTING if methodology(name).history]
HALF_YEAR_S: Final = 184 * 86_400


def reading(name: str, use: int) -> dict[str, Value]:
    """Return the values of a meter period with this use; words are the first there are."""
    found = methodology(name)
    values: dict[str, Value] = {
        field.name: min(field.words)
        for field in found.fields.values()
        if field.kind is FieldKind.WORD
    }
    assert found.history is not None
    return {**values, found.history.field: use}


@pytest.mark.parametrize("name", OWN_HISTORY)
@given(
    use=st.integers(1, 10**9),
    more=st.integers(0, 10**9),
    history=st.tuples(st.integers(1, 10**9), st.one_of(st.none(), st.integers(1, 10**9))),
)
def test_a_meter_never_earns_below_zero_and_never_more_for_using_more(
    name: str, use: int, more: int, history: tuple[int, int | None]
) -> None:
    less = amount(name, reading(name, use + more), HALF_YEAR_S, history)

    assert 0 <= less <= amount(name, reading(name, use), HALF_YEAR_S, history)


@pytest.mark.parametrize("name", OWN_HISTORY)
@given(reading_before=st.integers(1, 10**9), use=st.integers(1, 10**9))
def test_the_order_of_the_years_before_does_not_matter(
    name: str, reading_before: int, use: int
) -> None:
    values = reading(name, use)

    assert amount(name, values, HALF_YEAR_S, (reading_before, None)) == amount(
        name, values, HALF_YEAR_S, (None, reading_before)
    )
    assert amount(name, values, HALF_YEAR_S, (reading_before, use)) == amount(
        name, values, HALF_YEAR_S, (use, reading_before)
    )


# --- limits --------------------------------------------------------------------------------------

ACTS: Final = sorted(methodology("cn-antforest-energy").fields["act"].words)
PER_DAY: Final = {"metro": 5 * 52, "offline_payment": 10 * 5, "e_invoice": 5 * 5, "walk": 296}
PER_MONTH: Final = {
    "utility_bill": 10 * 262,
    "ticket": 10 * 180,
    "train_ticket": 10 * 136,
    "hospital_booking": 5 * 277,
}

EVENTS: Final = st.lists(
    st.tuples(st.sampled_from(ACTS), st.integers(1, 30), st.integers(0, 400)), max_size=60
)


def counted(events: list[tuple[str, int, int]]) -> list[Counted]:
    found = methodology("cn-antforest-energy")
    items = []
    for number, (act, day, walk_points) in enumerate(events):
        walk = walk_points if act == "walk" else 0
        values: dict[str, Value] = {"act": act, "payment_fen": 100, "walk_points": walk}
        on = DAY.replace(day=day)
        outcome = evaluate(found, values, duration_s=60, day=on)
        items.append(
            Counted(
                activity_id=f"a-{number}",
                started_at_s=day * 86_400 + number,
                day=on,
                values=values,
                duration_s=60,
                amount=outcome.amount,
            )
        )
    return items


@given(events=EVENTS, seed=st.randoms(use_true_random=False))
def test_the_order_in_which_activities_arrive_does_not_matter(
    events: list[tuple[str, int, int]], seed: object
) -> None:
    found, items = methodology("cn-antforest-energy"), counted(events)
    shuffled = items.copy()
    seed.shuffle(shuffled)  # type: ignore[attr-defined]  # a `random.Random`

    assert apply_limits(found, shuffled) == apply_limits(found, items)


@given(events=EVENTS)
def test_no_day_and_no_month_is_above_its_cap(events: list[tuple[str, int, int]]) -> None:
    items = counted(events)
    left = apply_limits(methodology("cn-antforest-energy"), items)

    for act, cap in PER_DAY.items():
        for day in {item.day for item in items}:
            total = sum(
                left[item.activity_id].amount
                for item in items
                if item.day == day and item.values["act"] == act
            )
            assert total <= cap * MICRO
    for act, cap in PER_MONTH.items():
        total = sum(left[item.activity_id].amount for item in items if item.values["act"] == act)
        assert total <= cap * MICRO
    assert all(left[item.activity_id].amount <= item.amount for item in items)
