"""The catalogue: every file loads, its status is honest, and no number of it is idle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

from fedcarbon.cli.catalogue import catalogue_bytes, catalogue_names
from fedcarbon.methodology import reader
from fedcarbon.methodology.definition import (
    Basis,
    InvalidMethodologyError,
    MethodologyNotUsableError,
    MethodologyStatus,
    ResultKind,
)
from fedcarbon.methodology.difference import numbers_of
from fedcarbon.methodology.document import DocumentError, Entry
from fedcarbon.methodology.examples import outcome_of
from fedcarbon.methodology.lowering import lower
from fedcarbon.methodology.reader import parse_methodology
from tests.methodology.loaded import methodology

NAMES: Final = catalogue_names()
Tree = Any
Place = tuple[str | int, ...]


def test_the_catalogue_covers_what_the_field_talks_about() -> None:
    computing = {name for name in NAMES if methodology(name).status.computes}

    assert computing >= {
        "cn-antforest-energy",
        "cn-beijing-no-drive",
        "cn-ecny-shanghai",
        "cn-grid-electricity",
        "cn-guangzhou-metro-mean",
        "cn-guangzhou-metro-substitution",
        "cn-hellobike-2022",
        "cn-shanghai-rail",
        "cn-shenzhen-transit",
        "fi-lahti-citicap",
        "kr-carbon-grams-electricity",
        "kr-carbon-grams-net",
        "kr-carbon-point-electricity",
        "kr-carbon-point-gas",
        "kr-carbon-point-water",
        "kr-gwangju-carbon-bank",
        "uk-desnz-2023",
        "uk-desnz-2025-bus",
        "us-epa-spend",
    }
    assert {"cn-jjj-db11t3043", "cn-shanghai-bus", "cn-guangzhou-bike"} <= {*NAMES} - computing


@pytest.mark.parametrize("name", NAMES)
def test_the_worked_examples_of_a_file_hold(name: str) -> None:
    found = methodology(name)

    assert found.examples
    if not found.status.computes:
        return
    for example in found.examples:
        assert outcome_of(found, example) == (example.expect, example.refused)


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_of_a_file_refuses_something(name: str) -> None:
    found = methodology(name)

    refused = {example.refused for example in found.examples}

    assert {rule.rule_id for rule in found.rules} <= refused
    bounded = found.valid_from or found.valid_to
    assert not bounded or "outside_validity" in refused
    assert not found.history or "too_little_history" in refused


@pytest.mark.parametrize("name", NAMES)
def test_a_status_says_no_more_than_the_sources_do(name: str) -> None:
    found = methodology(name)

    tags = {source.tag for _, _, source in numbers_of(found)}

    if found.status.computes:
        assert "M" not in tags
        assert not found.missing
    if found.status is MethodologyStatus.OFFICIAL:
        assert "S" not in tags


@pytest.mark.parametrize("name", NAMES)
def test_every_source_of_a_file_is_the_source_of_something(name: str) -> None:
    found = methodology(name)

    used = {source.name for _, _, source in numbers_of(found)}
    used |= {limit.source.name for limit in found.limits}
    used |= {modifier.source.name for modifier in found.modifiers}

    assert set(found.sources) == used


@pytest.mark.parametrize("name", [name for name in NAMES if not methodology(name).status.computes])
def test_a_draft_names_what_it_lacks_and_refuses_to_compute(name: str) -> None:
    found = methodology(name)

    assert found.missing
    with pytest.raises(MethodologyNotUsableError, match=name):
        lower(found)


def test_points_grams_and_money_are_kinds_of_their_own_and_a_footprint_is_no_reduction() -> None:
    kinds = {name: methodology(name).result.kind for name in NAMES}
    footprints = {name for name in NAMES if methodology(name).result.basis is Basis.FOOTPRINT}

    assert kinds["cn-antforest-energy"] is ResultKind.POINTS
    assert kinds["kr-carbon-point-gas"] is ResultKind.POINTS
    assert kinds["cn-beijing-no-drive"] is ResultKind.MONEY
    assert kinds["fi-lahti-citicap"] is ResultKind.MONEY
    assert footprints == {
        "uk-desnz-2023",
        "uk-desnz-2025-bus",
        "uk-desnz-2025-energy",
        "us-epa-spend",
    }


# --- mutations -----------------------------------------------------------------------------------


def tree_of(name: str) -> Tree:
    """Return a file as plain values, dates and all numbers of it as they are written."""
    return yaml.load(catalogue_bytes(name), Loader=_AsWritten)  # noqa: S506 - our own file


class _AsWritten(yaml.SafeLoader):
    """Leaves dates alone."""


_AsWritten.yaml_implicit_resolvers = {
    first: [item for item in items if item[0] != "tag:yaml.org,2002:timestamp"]
    for first, items in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def numbers_in(tree: Tree) -> Iterator[Place]:
    """Yield the place of every number that a methodology computes with."""
    lists = {"tables": "rows", "bands": "rows", "curves": "points"}
    for name, parameter in tree.get("parameters", {}).items():
        if parameter["value"] is not None:
            yield "parameters", name, "value"
    for kind, rows in lists.items():
        for name, table in tree.get(kind, {}).items():
            for index, row in enumerate(table[rows]):
                for key in {"from", "to", "at", "value"} & row.keys():
                    yield kind, name, rows, index, key
    for kind in ("limits", "modifiers"):
        for index, item in enumerate(tree.get(kind, [])):
            for key in {"count", "sum", "times"} & item.keys():
                yield kind, index, key


def changed(value: int | str, up: bool) -> int | str:  # noqa: FBT001
    """Return a number a little off: an integer by one, another by a thousandth."""
    if isinstance(value, int):
        return value + 1 if up else value - 1
    above, _, below = value.partition("/")
    digits = above.replace(".", "")
    scale = 10 ** len(above.partition(".")[2]) * int(below or 1)
    return f"{int(digits) * (1001 if up else 999)}/{scale * 1000}"


def set_at(tree: Tree, place: Place, value: int | str) -> int | str:
    """Put a number at a place and return what stood there."""
    holder = tree
    for step in place[:-1]:
        holder = holder[step]
    before: int | str = holder[place[-1]]
    holder[place[-1]] = value
    return before


def entry_of(tree: Tree) -> Entry:
    """Return plain values as a document that has been read: reading YAML is what takes long."""
    if isinstance(tree, dict):
        return Entry({key: entry_of(item) for key, item in tree.items()}, 1)
    if isinstance(tree, list):
        return Entry(tuple(map(entry_of, tree)), 1)
    return Entry(tree, 1)


def is_noticed(tree: Tree, *, computes: bool) -> bool:
    """Tell whether a changed file does not load."""
    try:
        if computes:
            reader._Builder(entry_of(tree), {}).methodology(b"", check=True)
        else:
            parse_methodology(written(tree))
    except (DocumentError, InvalidMethodologyError):
        return True
    return False


def written(tree: Tree) -> bytes:
    """Return plain values as a file."""
    text: str = yaml.safe_dump(tree, allow_unicode=True, sort_keys=False)
    return text.encode()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_without_a_change_still_loads_when_it_is_written_anew(name: str) -> None:
    assert parse_methodology(written(tree_of(name))).content_hash == methodology(name).content_hash


@pytest.mark.parametrize("name", NAMES)
def test_any_number_a_little_off_breaks_an_example(name: str) -> None:
    tree, computes = tree_of(name), methodology(name).status.computes
    assert not is_noticed(tree, computes=computes)
    unnoticed = []
    for place in [*numbers_in(tree)]:
        for up in (True, False):
            before = set_at(tree, place, 0)
            after = changed(before, up)
            set_at(tree, place, after)
            # No number of the language is below 0, so that a step below 0 is no mutation.
            if after != -1 and not is_noticed(tree, computes=computes):
                unnoticed.append((*place, "up" if up else "down"))
            set_at(tree, place, before)

    assert unnoticed == []
