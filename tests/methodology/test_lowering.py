"""Both evaluators agree on what they are made for: formulas at the ends of their ranges."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.methodology.definition import InvalidMethodologyError, Methodology
from fedcarbon.methodology.integer_program import INT64_MAX, run
from fedcarbon.methodology.lowering import lower
from fedcarbon.methodology.reader import parse_methodology
from fedcarbon.methodology.reference import EPOCH, evaluate

DAY = dt.date(2026, 3, 2)
TEXT = """
schema: fedcarbon/v2/methodology
id: a-meter
version: 2026-01-01
title: {{zh: 表, en: a meter}}
issuer: a test
status: academic
scope: {{regions: [CN], subject: household}}
result: {{kind: points, unit: point, negative: {negative}}}
legal: {{document: a test, in_force: 2026-01-01, valid_to: 2026-12-31}}
activity:
  type: meter_period
  fields:
    use_wh: {{unit: Wh, min: 1, max: {high}}}
    sort: {{enum: [a, b, c], default: a}}
    alert: {{bool: true, default: false}}
    aged: {{unit: "1", min: 0, max: 3, default: 0}}
baseline: {{field: use_wh, years: 2, at_least: 1}}
sources: {{t: {{cite: a test, tag: project, read: 2026-11-21}}}}
parameters:
  AGE: {{value: "9/10", unit: "1", source: t}}
  POINTS: {{value: "1.5", unit: point/Wh, source: t}}
tables:
  SORT: {{unit: "1", key: [sort], source: t, rows: [{{sort: a, value: "1/3"}},
      {{sort: b, value: 2}}]}}
bands:
  AWARD: {{of: "1", unit: point, source: t, rows: [{{from: "5/100", to: "10/100", value: 5000},
    {{from: "10/100", value: 10000}}]}}
curves:
  CURVE: {{of: Wh, unit: "1", source: t, points: [{{at: 0, value: 1}}, {{at: 300, value: "1/2"}},
    {{at: 900, value: 0}}]}}
formulas:
  saved: baseline - use_wh
  rate: saved / max(baseline, {one})
eligibility:
  - {{id: too_much, require: "use_wh <= 3 * baseline or alert", zh: 多, en: too much}}
amount: {amount}
modifiers:
  - {{id: alert, when: alert and sort != 'b', times: "3/2", zh: 警, en: alert, source: t}}
limits:
  - {{id: at_most, per: event, sum: 12000, when: "sort == 'a'", zh: 限, en: limit, source: t}}
rounding: {{stage: activity, mode: floor}}
exclusivity: {{group: meter, regimes: [CEA]}}
examples:
  - {{name: none, values: {{use_wh: 1}}, refused: too_little_history}}
"""
AMOUNTS = [
    "band(AWARD, rate)",
    "POINTS * saved * SORT[sort]",
    "POINTS * saved * AGE ** aged",
    "curve(CURVE, use_wh) * POINTS * use_wh",
    "max(saved, 0) * POINTS if baseline_years == 2 else 0",
    "floor(use_wh / {one}) * POINTS * {one}",
    "min(saved, baseline / 2, use_wh) * POINTS",
    "clamp(rate, 0, 1) * POINTS * {one}",
    "-saved * POINTS",
]


def methodology(amount: str, negative: str = "clamp", high: int = 1_000) -> Methodology:
    text = TEXT.replace("value: 5000},", "value: 5000}},")
    text = text.format(amount="@@", negative=negative, high=high, one="@one@")
    # 1 Wh, which no literal can say
    text = text.replace("@@", amount.replace("{one}", "@one@")).replace("@one@", "ONE")
    text = text.replace("  AGE:", "  ONE: {value: 1, unit: Wh, source: t}\n  AGE:")
    return parse_methodology(text.encode(), "a-meter.yaml")


READING = st.one_of(st.integers(1, 1_000), st.sampled_from([1, 2, 999, 1_000]))
ROW = st.fixed_dictionaries(
    {"use_wh": st.one_of(READING, st.sampled_from([0, 1_001]))},
    optional={
        "sort": st.sampled_from(["a", "b", "c", "d"]),
        "alert": st.booleans(),
        "aged": st.integers(-1, 4),
        "regime": st.sampled_from(["", "CEA", "CCER"]),
    },
)
HISTORY = st.lists(st.one_of(st.none(), READING), max_size=2)
ON = st.sampled_from(
    [dt.date(2025, 12, 31), dt.date(2026, 1, 1), DAY, dt.date(2026, 12, 31), dt.date(2027, 1, 1)]
)
ALL = [methodology(amount, negative) for amount in AMOUNTS for negative in ("clamp", "refuse")]


@given(chosen=st.sampled_from(ALL), values=ROW, history=HISTORY, day=ON)
def test_integers_say_what_rationals_say(
    chosen: Methodology, values: dict[str, Any], history: list[int | None], day: dt.date
) -> None:
    outcome = evaluate(chosen, values, duration_s=600, day=day, history=history)
    past = {f"history_{k}": reading for k, reading in enumerate(history, start=1)}
    row = {**values, **past, "duration_s": 600, "day": (day - EPOCH).days, "year": day.year}

    assert run(lower(chosen), row) == (outcome.amount, outcome.refusal)
    if outcome.refusal is None:
        assert Fraction(outcome.amount, 10**6) <= outcome.exact


def test_a_range_that_could_overflow_does_not_load() -> None:
    methodology("POINTS * saved * SORT[sort]", high=10**10)

    with pytest.raises(InvalidMethodologyError, match="OVERFLOW_POSSIBLE"):
        methodology("POINTS * saved * SORT[sort]", high=10**13)


def test_the_greatest_amount_of_a_loaded_methodology_fits_int64() -> None:
    for chosen in ALL:
        assert lower(chosen).amount.low >= 0
        assert lower(chosen).amount.high <= INT64_MAX
