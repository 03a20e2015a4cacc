"""Meters and receipts written by the project, and methodologies that count them."""

from __future__ import annotations

from typing import Any

from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.reader import parse_methodology
from fedcarbon.units import Seconds

SOURCE = 'sources: {test: {cite: written for a test, tag: project, read: "2026-11-21"}}'
SAVING = """
schema: fedcarbon/v2/methodology
id: test-saving
version: 2026-11-21
title: {zh: 节电, en: electricity saved}
issuer: test
status: academic
scope: {regions: [CN], subject: household}
result: {kind: grams, unit: ug, negative: clamp}
activity:
  type: meter_period
  fields: {use_wh: {unit: Wh, min: 0, max: 10000000}}
baseline: {field: use_wh, years: 2, at_least: 1}
%s
parameters: {FACTOR: {value: 500000, unit: ug/Wh, source: test}}
amount: FACTOR * (baseline - use_wh)
rounding: {stage: activity, mode: floor}
exclusivity: {group: meter}
examples:
  - {name: 1 kWh, values: {use_wh: 4000}, duration_s: 2678400, history: [5000], expect: 500000000}
"""
GOODS = """
schema: fedcarbon/v2/methodology
id: test-goods
version: 2026-11-21
title: {zh: 绿色商品, en: green goods}
issuer: test
status: academic
scope: {regions: [CN], subject: person}
result: {kind: grams, unit: ug, negative: clamp}
activity:
  type: purchase
  fields: {price_fen: {unit: fen, min: 1, max: 1000000}}
%s
parameters: {FACTOR: {value: 1000, unit: ug/fen, source: test}}
amount: FACTOR * price_fen
limits:
  - {id: two_a_day, per: day, count: 2, zh: 每日两次, en: two purchases a day, source: test}
rounding: {stage: activity, mode: floor}
exclusivity: {group: receipt}
examples:
  - {name: one yuan, values: {price_fen: 100}, duration_s: 1, expect: 100000}
"""


SAVING_FILE = (SAVING % SOURCE).encode()
GOODS_FILE = (GOODS % SOURCE).encode()


def saving(**texts: str) -> Methodology:
    """Return a methodology of electricity against the meter's own two years before."""
    text = SAVING_FILE.decode()
    for old, new in texts.items():
        text = text.replace(old, new)
    return parse_methodology(text.encode())


def goods(**texts: str) -> Methodology:
    """Return a methodology of purchases, two a day for one person."""
    text = GOODS_FILE.decode()
    for old, new in texts.items():
        text = text.replace(old, new)
    return parse_methodology(text.encode())


def month(
    name: str, person_ref: str, start_s: int, end_s: int, use_wh: int, **changes: Any
) -> Activity:
    """Return what a meter counted from `start_s` to `end_s`."""
    fields: dict[str, Any] = {
        "activity_id": name,
        "person_ref": person_ref,
        "methodology_id": "test-saving",
        "started_at_s": Seconds(start_s),
        "ended_at_s": Seconds(end_s),
        "evidence": 0,
        "object_ref": "METER:SGCC-SH:3100000017",
        "values": {"use_wh": use_wh},
    }
    return Activity(**fields | changes)


def purchase(
    name: str, person_ref: str, at_s: int, price_fen: int = 10_000, **changes: Any
) -> Activity:
    """Return a purchase; its receipt is named as it is."""
    fields: dict[str, Any] = {
        "activity_id": name,
        "person_ref": person_ref,
        "methodology_id": "test-goods",
        "started_at_s": Seconds(at_s),
        "ended_at_s": Seconds(at_s + 1),
        "evidence": 0,
        "object_ref": f"RECEIPT:SHOP:{name.upper()}",
        "values": {"price_fen": price_fen},
    }
    return Activity(**fields | changes)
