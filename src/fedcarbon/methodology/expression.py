"""The closed language of formulas: typed nodes, each a value of a known unit.

There is nothing else that a methodology can compute with. A node is made by `parsing`, which
checks units, so that every tree of these nodes has a meaning. Two modules read it: `reference`
evaluates it over rationals, and `lowering` turns it into integer arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from fedcarbon.methodology.dimension import PLAIN, Unit

BOOLEAN: Final = "boolean"
TEXT: Final = "text"
Type = Unit | str
"""A unit for a number, else `BOOLEAN` or `TEXT`."""

Value = int | str | bool
"""What a field holds."""
Keys = tuple[int | str, ...]


class Operator(StrEnum):
    """Operations on values."""

    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    NEGATE = "neg"
    MINIMUM = "min"
    MAXIMUM = "max"
    FLOOR = "floor"
    EQUAL = "=="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="
    AND = "and"
    OR = "or"
    NOT = "not"
    IF = "if"
    """Condition, value if it holds, value otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A literal, a parameter, or what a weighted sum of two tables comes to."""

    value: Fraction
    unit: Unit = PLAIN
    name: str = ""
    """Of the parameter; empty for a literal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A text literal."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """A truth literal."""

    value: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A field of the activity."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The mean of the field in the same period of earlier years, over those that are known."""

    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineYears:
    """How many of those years are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A formula that stands above, by name."""

    name: str
    expression: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """An operation on operands; its type follows from theirs."""

    operator: Operator
    operands: tuple[Expression, ...]
    type: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """A base to the power of a literal or of an integer field."""

    base: Expression
    exponent: int | Input
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """The row of a table that the activity's own fields name."""

    table: str
    keys: tuple[Input, ...]
    rows: Mapping[Keys, Fraction]
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row of bands: a value from `low` up to but not including `high` (None: no end)."""

    low: Fraction
    high: Fraction | None
    value: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The value of the band that holds the operand, 0 outside of all."""

    name: str
    operand: Expression
    steps: tuple[Step, ...]
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A piecewise linear function through points, flat before the first and after the last."""

    name: str
    operand: Expression
    points: tuple[tuple[Fraction, Fraction], ...]
    unit: Unit


Expression = (
    Constant
    | Word
    | Truth
    | Input
    | Baseline
    | BaselineYears
    | Named
    | Apply
    | Power
    | Lookup
    | Band
    | Curve
)


def type_of(expression: Expression) -> Type:
    """Return the unit of a number, or `BOOLEAN` or `TEXT`."""
    match expression:
        case Word():
            return TEXT
        case Truth():
            return BOOLEAN
        case Input() | Apply():
            return expression.type
        case BaselineYears():
            return PLAIN
        case Named():
            return type_of(expression.expression)
        case _:
            return expression.unit


def lookups_of(expression: Expression) -> tuple[Lookup, ...]:
    """Return every look-up in the tree, formulas by name left out: they stand for themselves."""
    match expression:
        case Lookup():
            return (expression,)
        case Apply():
            return tuple(found for item in expression.operands for found in lookups_of(item))
        case Power():
            return lookups_of(expression.base)
        case Band() | Curve():
            return lookups_of(expression.operand)
        case _:
            return ()
