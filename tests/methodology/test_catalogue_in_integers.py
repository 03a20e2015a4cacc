"""The catalogue in integers of 64 bits says what it says in rationals, at the ends of ranges."""

from __future__ import annotations

import dataclasses
import datetime as dt
from fractions import Fraction
from functools import cache
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.cli.catalogue import catalogue_bytes
from fedcarbon.methodology.definition import Field, FieldKind, InvalidMethodologyError
from fedcarbon.methodology.integer_program import IntegerProgram, run
from fedcarbon.methodology.lowering import lower
from fedcarbon.methodology.reader import parse_methodology
from fedcarbon.methodology.reference import EPOCH, evaluate
from tests.methodology.loaded import computing, methodology

DAY: Final = dt.date(2026, 11, 21)


@cache
def program(name: str) -> IntegerProgram:
    return lower(methodology(name))


COMPUTING: Final = computing()


def values_of(field: Field) -> st.SearchStrategy[Any]:
    """Return values in and around the range of a field, its ends above all."""
    if field.kind is FieldKind.WORD:
        return st.sampled_from([*sorted(field.words), "another"])
    if field.kind is FieldKind.TRUTH:
        return st.booleans()
    ends = st.sampled_from([field.low - 1, field.low, field.low + 1, field.high, field.high + 1])
    return st.one_of(
        ends, st.integers(field.low, field.high), st.integers(field.low, field.low + 100_000)
    )


@pytest.mark.parametrize("name", COMPUTING)
@given(data=st.data())
def test_integers_say_what_rationals_say(name: str, data: st.DataObject) -> None:
    found = methodology(name)
    values = {key: data.draw(values_of(field), key) for key, field in found.fields.items()}
    duration_s = data.draw(st.sampled_from([1, 600, 86_400, 604_800, 15_897_600, 34_000_000]))
    past: dict[str, Any] = {}
    if found.history is not None:
        reading = st.one_of(st.none(), values_of(found.fields[found.history.field]))
        past = {f"history_{k}": data.draw(reading) for k in range(1, found.history.years + 1)}

    event: dict[str, Any] = {"duration_s": duration_s, "day": DAY, "history": tuple(past.values())}
    outcome = evaluate(found, values, **event)
    traced = evaluate(found, values, **event, traced=True)

    assert dataclasses.replace(traced, trace=()) == outcome
    always = {"duration_s": duration_s, "day": (DAY - EPOCH).days, "year": DAY.year}
    assert run(program(name), {**values, **past, **always}) == (outcome.amount, outcome.refusal)


DESNZ: Final = sorted(methodology("uk-desnz-2023").fields["mode"].words)


@given(mode=st.sampled_from(DESNZ), distance_m=st.integers(0, 1_000_000), persons=st.integers(1, 9))
def test_a_factor_of_many_decimals_loses_none_of_them(
    mode: str, distance_m: int, persons: int
) -> None:
    table = methodology("uk-desnz-2023").tables["FACTOR"]
    shared = persons if mode.endswith("_car") else 1
    exact = table.rows[mode,] * distance_m / shared
    values = {"mode": mode, "distance_m": distance_m, "persons": persons}

    amount, refusal = run(
        program("uk-desnz-2023"), {**values, "duration_s": 600, "day": 20_000, "year": 2024}
    )

    assert refusal is None
    assert amount <= exact < amount + 1
    assert table.rows["rail",] == Fraction("35462.9637583893")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("max: 1000000}", "max: 1000000000}"),
        ("distance_m / sharing", "(distance_m + distance_m) * distance_m / (sharing * ONE)"),
        ("distance_m / sharing", "distance_m - distance_m * FACTOR[mode]"),
    ],
)
def test_what_still_does_not_fit_does_not_load(old: str, new: str) -> None:
    text = catalogue_bytes("uk-desnz-2023").decode().replace(old, new)
    text = text.replace(
        "tables:", "parameters:\n  ONE: {value: 1, unit: m, source: desnz}\ntables:"
    )

    with pytest.raises(InvalidMethodologyError, match="OVERFLOW_POSSIBLE"):
        parse_methodology(text.encode())
