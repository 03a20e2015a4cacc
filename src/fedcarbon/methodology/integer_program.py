"""A methodology as integer arithmetic: what any warehouse can run exactly.

Every node carries the interval of its values, computed from the declared ranges of the inputs; none
can be made whose interval leaves int64. So whatever engine runs a program, nothing overflows,
nothing is a float, and the answer is that of the reference evaluator, bit for bit.

An engine does three things with a program: it refuses an activity under the first input check that
fails; it replaces missing and refused inputs by `InputColumn.stand_in`, so that arithmetic on them
stays in bounds; and it maps each node to one operation of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import ClassVar, Final

from typing_extensions import override

from fedcarbon.errors import ConfigurationError

INT64_MAX: Final = (1 << 63) - 1


class OverflowPossibleError(ConfigurationError):
    """A product of a methodology could leave 64 bits; narrow a range or a factor."""

    code: ClassVar[str] = "OVERFLOW_POSSIBLE"


class ProgramTooLargeError(OverflowPossibleError):
    """Written out, a methodology has too many steps; name fewer things twice."""

    code: ClassVar[str] = "PROGRAM_TOO_LARGE"


NODES_MAX: Final = 50_000
"""Limit of a program's nodes, written out: an engine computes a step wherever it is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputColumn:
    """One column that an engine is given."""

    name: str
    kind: str
    """integer, word or truth."""
    low: int = 0
    high: int = 0
    words: frozenset[str] = frozenset()
    """Of a word; empty for any text."""
    default: int | str | bool | None = None
    """Stands for a missing value; None: a missing value is refused."""
    missing: str
    """Refusal of a missing value; empty if it is not refused."""
    refusal: str
    """Refusal of a value out of range."""

    @property
    def stand_in(self) -> int | str | bool:
        """A value in range, for arithmetic on a row that is refused anyway."""
        if self.default is not None:
            return self.default
        if self.kind == "word":
            return min(self.words, default="")
        return self.low if self.kind == "integer" else False


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node, which knows how many it has below it."""

    nodes: int = field(init=False, compare=False, repr=False)
    """Itself and all below, each as often as it is used."""

    def __post_init__(self) -> None:
        """Count, and refuse what no engine should be given: doubling a step thirty times is short.

        Raises:
            ProgramTooLargeError: above `NODES_MAX`.
        """
        below = (getattr(self, item.name) for item in fields(self) if item.init)
        nodes = 1 + sum(map(_nodes_in, below))
        if nodes > NODES_MAX:
            raise ProgramTooLargeError(f"its steps written out are more than {NODES_MAX}")
        object.__setattr__(self, "nodes", nodes)


def _nodes_in(value: object) -> int:
    if isinstance(value, tuple):
        return sum(map(_nodes_in, value))
    return value.nodes if isinstance(value, Node) else 0


# --- numbers ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Node):
    """An integer node: its values lie from `low` to `high`, both inside int64."""

    low: int
    high: int

    @override
    def __post_init__(self) -> None:
        """Refuse what could overflow."""
        Node.__post_init__(self)  # super() does not know a class that slots made anew
        assert self.low <= self.high
        if self.low < -INT64_MAX or self.high > INT64_MAX:
            raise OverflowPossibleError(
                f"a step reaches {max(-self.low, self.high)}, above {INT64_MAX}: narrow the "
                "range of a field, or write a factor with a smaller denominator"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal(Number):
    """A known integer: low = high."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Number):
    """An integer input, its stand-in if it is missing or out of range."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum(Number):
    """left + right."""

    left: Number
    right: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference(Number):
    """left - right."""

    left: Number
    right: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Number):
    """left * right."""

    left: Number
    right: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotient(Number):
    """left / right rounded down; left is never negative and right never below 1."""

    left: Number
    right: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Number):
    """The value of the first case whose condition holds, else `otherwise`."""

    cases: tuple[tuple[Condition, Number], ...]
    otherwise: Number


# --- conditions ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Always(Node):
    """A condition that is known."""

    value: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Node):
    """left `operator` right, where operator is == < or <=."""

    operator: str
    left: Number
    right: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class WordIs(Node):
    """A word input equals a text."""

    column: str
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(Node):
    """A truth input."""

    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known(Node):
    """An input is there (not null)."""

    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Both(Node):
    """Every condition holds."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Either(Node):
    """At least one condition holds."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Not(Node):
    """The condition does not hold."""

    condition: Condition


Condition = Always | Comparison | WordIs | Flag | Known | Both | Either | Not


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegerProgram:
    """One methodology for an engine."""

    methodology_id: str
    content_hash: bytes
    inputs: tuple[InputColumn, ...]
    """In the order in which their refusals are looked at."""
    refusals: tuple[tuple[str, Condition], ...]
    """After the inputs: refused under the first id whose condition holds."""
    amount: Number
    """Counted parts, 0 or more."""
    history: tuple[str, int] | None
    """Field and years of an own-history baseline: the inputs `history_1` ... are the values of
    that field in the same period so many years before."""


# --- a plain interpreter, against which engines are tested --------------------------------------


def run(program: IntegerProgram, row: Mapping[str, object]) -> tuple[int, str | None]:
    """Return amount and refusal of one row; a column that is absent or None is missing."""
    env: dict[str, int | str | bool] = {}
    known: set[str] = set()
    refusal: str | None = None
    for column in program.inputs:
        value = row.get(column.name)
        env[column.name] = column.stand_in
        if value is None:
            if column.default is None and column.missing:
                refusal = refusal or column.missing
        elif not _in_range(column, value):
            refusal = refusal or column.refusal
        else:
            assert isinstance(value, int | str)
            env[column.name] = value
            known.add(column.name)
    for rule, condition in program.refusals:
        if refusal is None and _holds(condition, env, known):
            refusal = rule
    return (0 if refusal else _value(program.amount, env, known)), refusal


def _in_range(column: InputColumn, value: object) -> bool:
    if column.kind == "truth":
        return isinstance(value, bool)
    if column.kind == "word":
        return isinstance(value, str) and (not column.words or value in column.words)
    return type(value) is int and column.low <= value <= column.high


def _value(  # noqa: PLR0911 - one case per kind of node
    node: Number, env: Mapping[str, int | str | bool], known: set[str]
) -> int:
    match node:
        case Literal():
            return node.low
        case Column():
            return int(env[node.name])
        case Sum():
            return _value(node.left, env, known) + _value(node.right, env, known)
        case Difference():
            return _value(node.left, env, known) - _value(node.right, env, known)
        case Product():
            return _value(node.left, env, known) * _value(node.right, env, known)
        case Quotient():
            return _value(node.left, env, known) // _value(node.right, env, known)
        case _:
            assert isinstance(node, Choice)
            for condition, chosen in node.cases:
                if _holds(condition, env, known):
                    return _value(chosen, env, known)
            return _value(node.otherwise, env, known)


def _holds(  # noqa: PLR0911 - one case per kind of node
    node: Condition, env: Mapping[str, int | str | bool], known: set[str]
) -> bool:
    match node:
        case Always():
            return node.value
        case Comparison():
            left, right = _value(node.left, env, known), _value(node.right, env, known)
            if node.operator == "==":
                return left == right
            return left < right if node.operator == "<" else left <= right
        case WordIs():
            return env[node.column] == node.word
        case Flag():
            return env[node.column] is True
        case Known():
            return node.column in known
        case Both():
            return all(_holds(item, env, known) for item in node.conditions)
        case Either():
            return any(_holds(item, env, known) for item in node.conditions)
        case Not():
            return not _holds(node.condition, env, known)
