"""What a reviewer is told about two versions of a methodology."""

from __future__ import annotations

from fedcarbon.cli.catalogue import catalogue_bytes
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.difference import (
    Change,
    ExampleChange,
    Part,
    changes_between,
    example_changes,
)
from fedcarbon.methodology.reader import parse_methodology


def rail(*changes: tuple[str, str]) -> Methodology:
    text = catalogue_bytes("cn-shanghai-rail").decode()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_methodology(text.encode())


NEXT = (
    ("version: 2026-11-21", "version: 2027-01-01"),
    ("BASELINE: {value: 130000", "BASELINE: {value: 125000"),
    ("expect: 970000000", "expect: 920000000"),
    ("expect: 3880000000", "expect: 3680000000"),
)


def test_a_file_does_not_differ_from_itself() -> None:
    assert changes_between(rail(), rail()) == ()
    assert not any(example.differs for example in example_changes(rail(), rail()))


def test_a_changed_factor_shows_as_a_number_and_in_the_examples() -> None:
    old, new = rail(), rail(*NEXT)

    assert changes_between(old, new) == (
        Change(part=Part.IDENTITY, name="version", old="2026-11-21", new="2027-01-01"),
        Change(part=Part.NUMBER, name="BASELINE", old="130000 ug/m", new="125000 ug/m"),
    )
    found = {(item.name, item.of): item for item in example_changes(old, new)}
    assert found["rail 10 km", "old"] == ExampleChange(
        name="rail 10 km", of="old", old="970000000 ug", new="920000000 ug"
    )
    assert found["rail 10 km", "new"].differs
    assert not found["no way at all", "both"].differs
    assert found["too fast by a metre", "both"].new == "refused: implausible_speed"


def test_a_rule_a_source_and_a_formula_show_where_they_changed() -> None:
    old = rail()
    new = rail(
        ("distance_m <= SPEED_MAX * duration_s", "distance_m < 2 * SPEED_MAX * duration_s"),
        ("tag: S,", "tag: O,"),
        ("amount: (BASELINE - RAIL) * distance_m", "amount: distance_m * (BASELINE - RAIL)"),
        (
            "values: {distance_m: 40001}, duration_s: 1200",
            "values: {distance_m: 80000}, duration_s: 1200",
        ),
    )

    changes = {(item.part, item.name): item.new for item in changes_between(old, new)}

    assert set(changes) == {
        (Part.SOURCE, "diary"),
        (Part.FORMULA, "amount"),
        (Part.RULE, "implausible_speed"),
    }
    assert changes[Part.SOURCE, "diary"].startswith("[O] ")
    (example,) = [item for item in example_changes(old, new) if item.of == "old"]
    assert (example.old, example.new) == ("refused: implausible_speed", "3880097000 ug")


def test_what_one_side_lacks_is_empty_there() -> None:
    old = rail()
    new = rail(
        ("quality: {tier: modelled}", "quality: {tier: modelled}\nexpiry: {claim_within_s: 60}")
    )

    assert changes_between(old, new) == (
        Change(part=Part.IDENTITY, name="expiry", old="", new="claim_within_s 60"),
    )
    assert changes_between(new, old)[0].new == ""


def test_the_examples_of_a_draft_are_not_compared() -> None:
    draft = parse_methodology(catalogue_bytes("cn-shanghai-bus"))

    assert example_changes(rail(), draft) == ()
    assert changes_between(rail(), draft)
