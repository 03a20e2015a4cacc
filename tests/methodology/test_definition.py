import json
from collections.abc import Callable
from typing import Any

import pytest

from fedcarbon.methodology.activity import Activity, Mode
from fedcarbon.methodology.definition import (
    FILE_BYTES_MAX,
    InvalidMethodologyError,
    Methodology,
    MethodologyNotUsableError,
)
from fedcarbon.methodology.evaluation import reduction_ug


def test_the_catalogue_holds_the_published_factors(ecny: Methodology) -> None:
    factors = {mode: rule.factor for mode, rule in ecny.modes.items()}

    assert {mode: (f.numerator_ug, f.denominator_m) for mode, f in factors.items()} == {
        Mode.RAIL: (97_000, 1),
        Mode.BIKE: (98_000, 1),
        Mode.EV_RIDE: (88_000, 1),
    }


def test_every_number_of_the_catalogue_names_its_source(ecny: Methodology) -> None:
    for rule in ecny.modes.values():
        assert rule.factor.source.tag == "S"
        assert rule.limits.source.tag == "project"
        assert rule.factor.source.read == "2026-11-21"


def test_the_content_hash_ignores_white_space_and_nothing_else(catalogue_bytes: bytes) -> None:
    tree = json.loads(catalogue_bytes)
    compact = json.dumps(tree).encode()
    tree["notes"][0] += "."

    original = Methodology.parse(catalogue_bytes).content_hash

    assert len(original) == 32
    assert Methodology.parse(compact).content_hash == original
    assert Methodology.parse(json.dumps(tree).encode()).content_hash != original


def _without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda tree: tree.pop(key) and None


def _set(*path: Any, value: object) -> Callable[[dict[str, Any]], None]:
    def change(tree: Any) -> None:
        for key in path[:-1]:
            tree = tree[key]
        tree[path[-1]] = value

    return change


RAIL_FACTOR = ("modes", "rail", "factor")
RAIL_LIMITS = ("modes", "rail", "limits")
BROKEN: dict[str, Callable[[dict[str, Any]], None]] = {
    "no status": _without("status"),
    "an unknown key": _set("bonus", value=1),
    "another schema": _set("schema", value="fedcarbon/v2/methodology"),
    "an unknown mode": _set("modes", "plane", value={}),
    "a source that is a number": _set(*RAIL_FACTOR, "source", "cite", value=1),
    "an unknown status": _set("status", value="great"),
    "a name that is no name": _set("id", value="CN ECNY"),
    "a version that is no date": _set("version", value="latest"),
    "a factor as text": _set(*RAIL_FACTOR, "value", value=["97000", 1]),
    "a factor as a boolean": _set(*RAIL_FACTOR, "value", value=[True, 1]),
    "a factor of three numbers": _set(*RAIL_FACTOR, "value", value=[97_000, 1, 1]),
    "a denominator of zero": _set(*RAIL_FACTOR, "value", value=[97_000, 0]),
    "a negative factor": _set(*RAIL_FACTOR, "value", value=[-97_000, 1]),
    "a factor above 1 kg per km": _set(*RAIL_FACTOR, "value", value=[1_000_001, 1]),
    "grams instead of micrograms": _set(*RAIL_FACTOR, "unit", value="g/km"),
    "a factor without a source": _set(*RAIL_FACTOR, value={"value": [1, 1], "unit": "ug/m"}),
    "a source without a citation": _set(*RAIL_FACTOR, "source", "cite", value=""),
    "a quarantined source": _set(*RAIL_FACTOR, "source", "tag", value="X"),
    "a source without a date": _set(*RAIL_FACTOR, "source", "read", value="last week"),
    "a missing limit": _set(*RAIL_LIMITS, value={}),
    "distances out of order": _set(*RAIL_LIMITS, "distance_min_m", value=150_001),
    "durations out of order": _set(*RAIL_LIMITS, "duration_min_s", value=18_001),
    "a speed of zero": _set(*RAIL_LIMITS, "speed_max_m_per_h", value=0),
    "rounding up": _set("rounding", "mode", value="ceil"),
    "a worked example that does not hold": _set(
        "worked_examples", 0, "reduction_ug", value=1_212_500_001
    ),
    "a worked example of a mode that is not covered": _set(
        "worked_examples", 0, "mode", value="bus"
    ),
    "modes as a list": _set("modes", value=[]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_methodology_is_refused(case: str, catalogue_bytes: bytes) -> None:
    tree = json.loads(catalogue_bytes)
    BROKEN[case](tree)

    with pytest.raises(InvalidMethodologyError):
        Methodology.parse(json.dumps(tree).encode())


NOT_JSON = {
    "no JSON": b"id: cn-ecny-shanghai",
    "a list": b"[]",
    "not UTF-8": b"\xff\xfe{}",
    "nested without end": b"[" * 100_000,
    "a key twice": b'{"id": 1, "id": 2}',
    "a float": b'{"id": 97.0}',
    "not a number": b'{"id": NaN}',
    "too long": b" " * (FILE_BYTES_MAX + 1),
}


@pytest.mark.parametrize("case", NOT_JSON)
def test_bytes_that_are_no_methodology_are_refused(case: str) -> None:
    with pytest.raises(InvalidMethodologyError):
        Methodology.parse(NOT_JSON[case])


@pytest.mark.parametrize("status", ["draft", "quarantined"])
def test_a_draft_refuses_to_compute(
    status: str, catalogue_bytes: bytes, make_activity: Callable[..., Activity]
) -> None:
    tree = json.loads(catalogue_bytes) | {"status": status}
    methodology = Methodology.parse(json.dumps(tree).encode())

    with pytest.raises(MethodologyNotUsableError):
        reduction_ug(make_activity(), methodology)
