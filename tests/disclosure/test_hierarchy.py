"""Rows of a table: where they stand, and what they add up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.disclosure.hierarchy import Hierarchy, tree_of
from tests.disclosure.shells import DISTRICT, dimension, one_way, shell


def test_a_tree_begins_with_its_total_and_a_group_stands_before_its_categories() -> None:
    tree = tree_of(dimension("district", DISTRICT))

    assert [node.code for node in tree] == ["", "north", "n1", "n2", "n3", "south", "s1", "s2"]
    assert tree[0].children == (1, 5)
    assert tree[0].categories == (0, 1, 2, 3, 4)
    assert tree[5].children == (6, 7)
    assert tree[6].categories == (3,)


def test_a_dimension_without_groups_is_split_at_once() -> None:
    assert [node.children for node in tree_of(dimension("mode", {"": ("a", "b")}))] == [
        (1, 2),
        (),
        (),
    ]


def test_categories_of_a_group_need_not_stand_together() -> None:
    scattered = dimension("district", DISTRICT)
    categories = tuple(sorted(scattered.categories, key=lambda item: item.code[::-1]))
    axis = type(scattered)(
        name="district",
        label=scattered.label,
        code_list="a list",
        categories=categories,
        groups=scattered.groups,
    )

    below = {node.code: [categories[at].code for at in node.categories] for node in tree_of(axis)}

    assert below["north"] == ["n1", "n2", "n3"]
    assert below["s2"] == ["s2"]


def test_every_row_adds_up_the_cells_below_it() -> None:
    table = shell()
    hierarchy = Hierarchy(table)

    for codes, cells in zip(hierarchy.codes, hierarchy.cells, strict=True):
        mode, district = codes
        wanted = {
            (of_mode, of_district)
            for of_mode, of_district in table.cells
            if mode in {"", of_mode}
            and (district in {"", of_district} or of_district in DISTRICT.get(district, ()))
        }
        assert {table.cells[at] for at in cells} == wanted
        assert len(cells) == len(wanted)


def test_rows_stand_in_the_order_of_the_product() -> None:
    hierarchy = Hierarchy(shell())

    assert hierarchy.codes[:3] == [("", ""), ("", "north"), ("", "n1")]
    assert hierarchy.codes[8] == ("metro", "")
    assert hierarchy.size == len(set(hierarchy.codes)) == 4 * 8


@given(st.lists(st.integers(-1_000, 1_000), min_size=15, max_size=15))
def test_every_equation_holds_for_whatever_stands_in_the_cells(values: list[int]) -> None:
    hierarchy = Hierarchy(shell())
    sums = hierarchy.sums(values)

    assert sums[0] == sum(values)
    # Totals and groups of districts for every mode, and totals of modes for every district.
    assert len(hierarchy.equations) == 4 * 3 + 8
    for equation in hierarchy.equations:
        assert sums[equation.total] == sum(sums[part] for part in equation.parts)


def test_one_cell_is_a_table_of_two_rows() -> None:
    assert Hierarchy(one_way(1)).codes == [("",), ("c0",)]
