import json
from collections.abc import Callable
from typing import Any

import pytest

from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.definition import (
    InvalidMethodologyError,
    Methodology,
    MethodologyNotUsableError,
)
from fedcarbon.methodology.document import DOCUMENT_BYTES_MAX, read_document
from fedcarbon.methodology.reader import parse_methodology
from fedcarbon.methodology.reference import evaluate
from tests.methodology.test_crediting import DAY


def tree_of(data: bytes) -> Any:
    return read_document(data).tree()


def file_of(tree: object) -> bytes:
    """JSON is in the subset."""
    return json.dumps(tree).encode()


def test_the_catalogue_holds_the_published_factors(ecny: Methodology) -> None:
    assert ecny.tables["FACTOR"].rows == {
        ("rail",): 97_000,
        ("bike",): 98_000,
        ("ev_ride",): 88_000,
    }


def test_every_number_of_the_catalogue_names_its_source(ecny: Methodology) -> None:
    for table, data in ecny.tables.items():
        for keys in data.rows:
            source = ecny.row_sources[table, keys]
            assert source.tag == ("S" if table == "FACTOR" else "project")
            assert source.read == "2026-11-21"


def test_the_content_hash_ignores_white_space_and_nothing_else(catalogue_bytes: bytes) -> None:
    tree = tree_of(catalogue_bytes)
    compact = file_of(tree)
    tree["notes"][0] += "."

    original = parse_methodology(catalogue_bytes).content_hash

    assert len(original) == 32
    assert parse_methodology(compact).content_hash == original
    assert parse_methodology(file_of(tree)).content_hash != original


def without(*path: Any) -> Callable[[Any], None]:
    def change(tree: Any) -> None:
        for key in path[:-1]:
            tree = tree[key]
        del tree[path[-1]]

    return change


def put(*path: Any, value: object) -> Callable[[Any], None]:
    def change(tree: Any) -> None:
        for key in path[:-1]:
            tree = tree[key]
        tree[path[-1]] = value

    return change


FACTOR = ("tables", "FACTOR")
BROKEN: dict[str, tuple[Callable[[Any], None], str]] = {
    "no status": (without("status"), "lacks 'status'"),
    "an unknown key": (put("bonus", value=1), "has no key 'bonus'"),
    "another schema": (put("schema", value="fedcarbon/v1/methodology"), "the schema is"),
    "an unknown status": (put("status", value="great"), "one of official"),
    "a name that is no name": (put("id", value="CN ECNY"), "name"),
    "a version that is no date": (put("version", value="latest"), "a version is a date"),
    "an unknown mode in a table": (put(*FACTOR, "rows", 0, "mode", value="plane"), "never 'plane'"),
    "a row twice": (put(*FACTOR, "rows", 0, "mode", value="bike"), "two rows"),
    "a factor as a boolean": (put(*FACTOR, "rows", 0, "value", value=True), "a number is"),
    "a denominator of zero": (put(*FACTOR, "rows", 0, "value", value="1/0"), "a number is"),
    "grams instead of micrograms": (put(*FACTOR, "unit", value="g/m"), "is no unit"),
    "a factor per second": (put(*FACTOR, "unit", value="ug/s"), "is in m*ug/s, not in ug"),
    "a factor without a source": (without(*FACTOR, "source"), "lacks 'source'"),
    "a source that is not there": (put(*FACTOR, "source", value="nowhere"), "no source"),
    "a source without a citation": (put("sources", "announcement", "cite", value=""), "a text"),
    "a quarantined source": (put("sources", "announcement", "tag", value="X"), "a tag is"),
    "a source without a date": (put("sources", "announcement", "read", value="May"), "a date is"),
    "an amount of metres": (put("amount", value="distance_m"), "is in m, not in ug"),
    "an amount of an unknown name": (put("amount", value="FACTOR[mode] * km"), "'km' is unknown"),
    "a rule that is no condition": (put("eligibility", 0, "require", value="distance_m"), "in m"),
    "a rule without a text": (without("eligibility", 0, "zh"), "lacks 'zh'"),
    "a limit in another unit": (
        put("eligibility", 0, "require", value="duration_s <= DISTANCE_MAX[mode]"),
        "is in s",
    ),
    "a range upside down": (put("activity", "fields", "distance_m", "max", value=0), "range"),
    "points in grams": (put("result", "unit", value="point"), "grams are counted in ug"),
    "rounding up": (put("rounding", "mode", value="ceil"), "rounded down"),
    "another group": (put("exclusivity", "group", value="meter"), "movement"),
    "an example that does not hold": (put("examples", 0, "expect", value=1), "gives 1212500000"),
    "no examples": (put("examples", value=[]), "has worked examples"),
    "a draft that lacks nothing": (put("status", value="draft"), "under `missing`"),
    "an official file that lacks something": (put("missing", value=["a factor"]), "is a draft"),
    "an overflow": (
        put("activity", "fields", "distance_m", "max", value=10**15),
        "OVERFLOW_POSSIBLE",
    ),
    "a divisor that may be zero": (
        put("amount", value="FACTOR[mode] * distance_m * distance_m / (distance_m - distance_m)"),
        "DIVISOR_MAY_BE_ZERO",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_methodology_is_refused_with_file_line_and_rule(
    case: str, catalogue_bytes: bytes
) -> None:
    change, said = BROKEN[case]
    tree = tree_of(catalogue_bytes)
    change(tree)

    with pytest.raises(InvalidMethodologyError, match=r"^own\.yaml:1: ") as caught:
        parse_methodology(file_of(tree), "own.yaml")

    assert said in str(caught.value)


def test_the_line_of_a_mistake_is_named(catalogue_bytes: bytes) -> None:
    wrong = catalogue_bytes.replace(b"{mode: bike, value: 98000}", b"{mode: bike, value: 98.5}")
    line = wrong[: wrong.index(b"98.5")].count(b"\n") + 1

    with pytest.raises(InvalidMethodologyError, match=rf"^own\.yaml:{line}: 98\.5 is not an int"):
        parse_methodology(wrong, "own.yaml")


NO_DOCUMENT = {
    "nothing": b"",
    "a list": b"[]",
    "not UTF-8": b"\xff\xfe{}",
    "nested without end": b"[" * 10_000,
    "a key twice": b'{"id": 1, "id": 2}',
    "an anchor": b"id: &a x\nversion: *a",
    "a tag": b"id: !!python/object x",
    "a merge key": b"<<: {id: x}",
    "two documents": b"id: x\n---\nid: y",
    "a float": b"id: 97.0",
    "not a number": b"id: .nan",
    "a key that is no text": b"1: x",
    "too long": b" " * (DOCUMENT_BYTES_MAX + 1),
}


@pytest.mark.parametrize("case", NO_DOCUMENT)
def test_bytes_that_are_no_methodology_are_refused(case: str) -> None:
    with pytest.raises(InvalidMethodologyError):
        parse_methodology(NO_DOCUMENT[case])


@pytest.mark.parametrize("status", ["draft", "quarantined"])
def test_a_draft_refuses_to_compute(
    status: str, catalogue_bytes: bytes, make_activity: Callable[..., Activity]
) -> None:
    tree = tree_of(catalogue_bytes) | {"status": status, "missing": ["the truth"]}
    methodology = parse_methodology(file_of(tree))

    with pytest.raises(MethodologyNotUsableError, match="the truth"):
        evaluate(methodology, make_activity().values, duration_s=600, day=DAY)


def test_two_files_of_one_hash_refuse_alike_whatever_the_order_of_their_keys(
    catalogue_bytes: bytes,
) -> None:
    tree = tree_of(catalogue_bytes)
    fields = tree["activity"]["fields"]
    tree["activity"]["fields"] = dict(reversed(fields.items()))
    one, other = parse_methodology(catalogue_bytes), parse_methodology(file_of(tree))
    both_wrong = {"mode": "plane", "distance_m": 0}

    assert one.content_hash == other.content_hash
    assert (
        evaluate(one, both_wrong, duration_s=600, day=DAY).refusal
        == evaluate(other, both_wrong, duration_s=600, day=DAY).refusal
    )


def test_the_condition_of_a_limit_names_fields_only(catalogue_bytes: bytes) -> None:
    tree = tree_of(catalogue_bytes)
    tree["formulas"] = {"far": "distance_m * 2"}
    limit = {
        "id": "a_day",
        "per": "day",
        "count": 5,
        "zh": "x",
        "en": "x",
        "source": "announcement",
    }
    tree["limits"] = [{**limit, "when": "far > DISTANCE_MIN[mode]"}]

    with pytest.raises(InvalidMethodologyError, match="'far' is unknown"):
        parse_methodology(file_of(tree))
