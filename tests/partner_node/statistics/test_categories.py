"""The partner's own rules: from an activity to a cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from partner_node.config import load_settings
from partner_node.statistics.categories import (
    Categories,
    CategoriesFileError,
    CellFinder,
    Source,
    Word,
    load_categories,
)
from partner_node.statistics.districts import DistrictsFileError
from tests.partner_node.statistics.shells import HUANGPU, PUDONG, categories, dimension, shell

RULES = """
[dimensions.mode]
by = "value:mode"
codes = { rail = "metro", bus = "bus" }

[dimensions.district]
by = "place"
table = "districts.csv"
"""


def written(folder: Path, rules: str) -> Path:
    """Write the rules and a table of districts."""
    path = folder / "categories.toml"
    path.write_text(rules, encoding="utf-8")
    (folder / "districts.csv").write_text("place,district\nthe bund,310101\n", encoding="utf-8")
    return path


def test_a_file_says_how_every_dimension_is_found(tmp_path: Path) -> None:
    finder = CellFinder(shell(), load_categories(written(tmp_path, RULES)))

    assert finder.words == (Word(Source.VALUE, "mode"), Word(Source.PLACE))
    cells = shell().cells
    assert cells[finder.cell(("rail", "the bund"))] == ("metro", "310101")
    assert cells[finder.cell(("bus", "nowhere"))] == ("bus", "elsewhere")
    assert cells[finder.cell(("walk", ""))] == ("other", "elsewhere")


def test_every_cell_is_found_by_its_own_words() -> None:
    finder = CellFinder(shell(), categories())

    found = [
        finder.cell((mode, place))
        for mode in ("rail", "bus", "walk")
        for place in (HUANGPU, PUDONG, "")
    ]

    assert found == list(range(9))


def test_without_rules_everything_is_in_the_rest() -> None:
    finder = CellFinder(shell(), load_categories(None))

    assert shell().cells[finder.cell(("", ""))] == ("other", "elsewhere")
    assert finder.words == (Word(Source.NOWHERE), Word(Source.NOWHERE))


def test_without_codes_the_words_are_the_codes(tmp_path: Path) -> None:
    rules = load_categories(written(tmp_path, '[dimensions.kind]\nby = "activity_type"\n'))
    table = shell(dimensions=(dimension("kind", "trip", "meter_period", "rest"),))

    finder = CellFinder(table, rules)

    assert [finder.cell((word,)) for word in ("trip", "meter_period", "event", "")] == [0, 1, 2, 2]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("dimensions = 3", "has tables"),
        ("[dimensions]\n[other]\n", "has tables"),
        ("[dimensions.mode", "is not TOML"),
        ("[dimensions]\nmode = 3\n", r"\[dimensions\.mode\]: there are `by`"),
        ('[dimensions.mode]\nby = "place"\n', "`table` goes with"),
        ('[dimensions.mode]\nby = "value:mode"\ntable = "districts.csv"\n', "`table` goes with"),
        ('[dimensions.mode]\nby = "colour"\n', '`by` is "methodology"'),
        ('[dimensions.mode]\nby = "value:Mode"\n', '`by` is "methodology"'),
        ('[dimensions.mode]\nby = ["place"]\n', '`by` is "methodology"'),
        ("[dimensions.mode]\n", '`by` is "methodology"'),
        ('[dimensions.mode]\nby = "value:mode"\ncodes = { rail = 1 }\n', "gives a text"),
        ('[dimensions.mode]\nby = "value:mode"\ncode = { }\n', "there are `by`"),
        ('[dimensions.mode]\nby = "place"\ntable = 3\n', "path of a CSV"),
        ('[dimensions.mode]\nby = "place"\ntable = "none.csv"\n', r"cannot read none\.csv"),
    ],
)
def test_what_is_wrong_with_the_rules_is_said(tmp_path: Path, rules: str, message: str) -> None:
    with pytest.raises((CategoriesFileError, DistrictsFileError), match=message):
        load_categories(written(tmp_path, rules))


def test_the_settings_name_the_file_beside_them(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(
        'party = "party.toml"\nroots = "roots.toml"\nprogramme = "p"\nmethodologies = ["m"]\n'
        'store = "node.duckdb"\nhub_address = "localhost:1"\n'
        '[statistics]\ncategories = "rules/categories.toml"\n'
    )

    assert load_settings(path).statistics.categories == tmp_path / "rules" / "categories.toml"


def test_a_node_without_the_table_has_no_rules(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(
        'party = "party.toml"\nroots = "roots.toml"\nprogramme = "p"\nmethodologies = ["m"]\n'
        'store = "node.duckdb"\nhub_address = "localhost:1"\n'
    )

    assert load_categories(load_settings(path).statistics.categories) == Categories()
