"""A rail's day as JSON: what is written is read again, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fedcarbon.errors import MalformedError
from fedcarbon.redemption.rail_day_json import rail_day_from_json, rail_day_json
from tests.redemption.drawn_days import FAULTS, HONEST, DrawnDay


def drawn() -> DrawnDay:
    day = DrawnDay()
    for story in (*HONEST.values(), *FAULTS.values()):
        story(day, 100)
    return day


def test_a_day_is_read_as_it_was_written() -> None:
    rail_day = drawn().rail()

    assert rail_day_from_json(rail_day_json(rail_day)) == rail_day


WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "a field is missing": lambda tree: tree.pop("lines"),
    "a field is too many": lambda tree: tree.update(more=1),
    "an amount is a text": lambda tree: tree["lines"][0].update(amount_fen="1"),
    "an amount is true": lambda tree: tree["lines"][0].update(amount_fen=True),
    "an amount is no integer": lambda tree: tree["statement"].update(opening_fen=1.5),
    "a movement moves nothing": lambda tree: tree["statement"]["movements"][0].update(amount_fen=0),
    "a payout id is short": lambda tree: tree["lines"][0].update(payout_id="00"),
    "an outcome is unknown": lambda tree: tree["lines"][0].update(outcome="paid"),
    "a day is none": lambda tree: tree.update(day="2026-02-30"),
    "a programme is no name": lambda tree: tree.update(programme="A B"),
    "a text is too long": lambda tree: tree["lines"][0].update(reference="x" * 501),
}


@pytest.mark.parametrize("spoil", WRONG.values(), ids=WRONG)
def test_anything_else_is_malformed(spoil: Callable[[dict[str, Any]], object]) -> None:
    tree = json.loads(rail_day_json(drawn().rail()))
    spoil(tree)

    with pytest.raises(MalformedError):
        rail_day_from_json(json.dumps(tree).encode())


def test_no_json_is_malformed() -> None:
    for data in (b"", b"[]", b"{", b"\xff", b"[" * 10_000):
        with pytest.raises(MalformedError):
            rail_day_from_json(data)
