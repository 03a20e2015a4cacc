"""The rows of a table: every cell, and every margin over groups and totals.

Each dimension is a tree: its total (code `""`), its groups, its categories. A row of the table is
one node of each tree; it adds up the cells below it. Rows stand in the order of the product, the
last dimension fastest, each tree from the total downwards, a group before its categories.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple

from fedcarbon.disclosure.shell import Dimension, TableShell

ALL: Final = ""
"""Code of the total of a dimension."""


class Node(NamedTuple):
    """One node of a dimension's tree."""

    code: str
    """Of a category or a group; empty for the total."""
    children: tuple[int, ...]
    """Positions in the tree; none for a category."""
    categories: tuple[int, ...]
    """Positions, in the dimension, of the categories below; its own for a category."""


class Equation(NamedTuple):
    """A row that is the sum of others, along one dimension."""

    total: int
    parts: tuple[int, ...]
    """Rows, in order."""


def tree_of(dimension: Dimension) -> tuple[Node, ...]:
    """Return the nodes of a dimension in order; the total first."""
    position = {item.code: at for at, item in enumerate(dimension.categories)}
    if not dimension.groups:
        leaves = [Node(code, (), (at,)) for code, at in position.items()]
        below = tuple(range(len(leaves)))
        return (Node(ALL, tuple(at + 1 for at in below), below), *leaves)
    nodes: list[Node] = []
    groups: list[int] = []
    for group in dimension.groups:
        codes = [item.code for item in dimension.categories if item.group == group.code]
        groups.append(1 + len(nodes))
        first = groups[-1] + 1
        nodes.append(
            Node(
                group.code,
                tuple(range(first, first + len(codes))),
                tuple(position[code] for code in codes),
            )
        )
        nodes.extend(Node(code, (), (position[code],)) for code in codes)
    return (Node(ALL, tuple(groups), tuple(range(len(position)))), *nodes)


class Hierarchy:
    """The rows of a shell's table, by number."""

    __slots__ = ("_strides", "cells", "codes", "descents", "equations", "size")

    def __init__(self, shell: TableShell) -> None:
        """Lay out the rows."""
        trees = [tree_of(dimension) for dimension in shell.dimensions]
        self._strides: Final = _strides([len(tree) for tree in trees])
        nodes = list(itertools.product(*(range(len(tree)) for tree in trees)))
        self.size: Final = len(nodes)
        """How many rows there are."""
        self.codes: Final = [
            tuple(tree[at].code for tree, at in zip(trees, node, strict=True)) for node in nodes
        ]
        """Of each row, one code per dimension."""
        widths = _strides([len(dimension.categories) for dimension in shell.dimensions])
        self.cells: Final = [
            tuple(
                sum(at * width for at, width in zip(cell, widths, strict=True))
                for cell in itertools.product(
                    *(tree[at].categories for tree, at in zip(trees, node, strict=True))
                )
            )
            for node in nodes
        ]
        """Of each row, the cells that it adds up: positions in `TableShell.cells`."""
        self.descents: Final = [
            tuple(
                Equation(row, tuple(row + (child - at) * stride for child in tree[at].children))
                for tree, at, stride in zip(trees, node, self._strides, strict=True)
                if tree[at].children
            )
            for row, node in enumerate(nodes)
        ]
        """Of each row, how it splits: one equation per dimension in which it is no category."""
        self.equations: Final = [item for of_row in self.descents for item in of_row]

    def sums(self, cells: Sequence[int]) -> list[int]:
        """Return what each row adds up to."""
        return [sum(cells[at] for at in below) for below in self.cells]


def _strides(sizes: Sequence[int]) -> list[int]:
    strides = [1]
    for size in reversed(sizes[1:]):
        strides.append(strides[-1] * size)
    return strides[::-1]
