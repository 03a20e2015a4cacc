"""A program's nodes, each once, and which of them several others use.

Formulas that a methodology names, and the comparisons behind `min`, `max` and bands, stand in a
program's tree again and again. Written out, a query would double with every level. So equal nodes
are one step here, and a step that is used twice gets a level: it is computed after the levels
below it, once, and then it has a name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import fields
from functools import cached_property

from fedcarbon.methodology.integer_program import Choice, Condition, IntegerProgram, Number

Node = Number | Condition
Step = int
"""Number of a node; operands have lower ones."""

_BOUNDS = frozenset({"low", "high"})


class Steps:
    """The nodes of a program in an order in which operands come first."""

    def __init__(self, program: IntegerProgram) -> None:
        """Number all nodes of `program`."""
        self._program = program
        self._by_key: dict[Hashable, Step] = {}
        self._by_identity: dict[int, Step] = {}
        self.nodes: list[Node] = []
        """By step."""
        self.operands: list[tuple[Step, ...]] = []
        """By step: the nodes inside a node, in order."""
        self.amount = self._number(program.amount)
        self.refusals = [(rule, self._number(item)) for rule, item in program.refusals]

    @cached_property
    def shared(self) -> frozenset[Step]:
        """Steps with operands of their own that more than one other needs."""
        uses = Counter(operand for operands in self.operands for operand in operands)
        uses.update([self.amount, *(step for _, step in self.refusals)])
        return frozenset(step for step, count in uses.items() if count > 1 and self.operands[step])

    @cached_property
    def levels(self) -> list[list[Step]]:
        """The shared steps, those first that need no others."""
        below: list[int] = []
        found: dict[int, list[Step]] = {}
        for step, operands in enumerate(self.operands):
            level = max((below[item] + (item in self.shared) for item in operands), default=0)
            below.append(level)
            if step in self.shared:
                found.setdefault(level, []).append(step)
        return [found[level] for level in sorted(found)]

    def _number(self, node: Node) -> Step:
        if id(node) not in self._by_identity:
            operands = tuple(self._number(item) for item in operands_of(node))
            key = (type(node), tuple(_attributes_of(node)), operands)
            if key not in self._by_key:
                self._by_key[key] = len(self.nodes)
                self.nodes.append(node)
                self.operands.append(operands)
            # The program holds every node, so an identity is not given out again.
            self._by_identity[id(node)] = self._by_key[key]
        return self._by_identity[id(node)]


def operands_of(node: Node) -> Iterable[Node]:
    """Yield the nodes inside a node, in the order of its fields."""
    if isinstance(node, Choice):
        for condition, value in node.cases:
            yield condition
            yield value
        yield node.otherwise
        return
    for field in fields(node):
        value = getattr(node, field.name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Node):
                yield item


def _attributes_of(node: Node) -> Iterable[Hashable]:
    """Yield what a node is apart from its operands; of the bounds only what a literal's say."""
    operands = set(map(id, operands_of(node)))
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, tuple) or id(value) in operands:
            continue
        if field.name not in _BOUNDS or not operands:
            yield value
