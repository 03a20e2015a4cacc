"""From the text of a formula to typed nodes: units and types are checked here, once.

The text is parsed with Python's own grammar and never run: only the node kinds named here exist.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Final

from fedcarbon.errors import CallerError
from fedcarbon.methodology.dimension import PLAIN, Unit
from fedcarbon.methodology.expression import (
    BOOLEAN,
    TEXT,
    Apply,
    Band,
    Constant,
    Curve,
    Expression,
    Input,
    Keys,
    Lookup,
    Operator,
    Power,
    Step,
    Truth,
    Word,
    type_of,
)

FORMULA_CHARACTERS_MAX: Final = 4_000
EXPONENT_MAX: Final = 40
_DEPTH_MAX: Final = 60
_LITERAL_MAX: Final = 10**18

_ARITHMETIC: Final[Mapping[type[ast.operator], Operator]] = {
    ast.Add: Operator.ADD,
    ast.Sub: Operator.SUBTRACT,
    ast.Mult: Operator.MULTIPLY,
    ast.Div: Operator.DIVIDE,
}
_COMPARISONS: Final[Mapping[type[ast.cmpop], Operator]] = {
    ast.Eq: Operator.EQUAL,
    ast.NotEq: Operator.NOT_EQUAL,
    ast.Lt: Operator.LESS,
    ast.LtE: Operator.LESS_EQUAL,
    ast.Gt: Operator.GREATER,
    ast.GtE: Operator.GREATER_EQUAL,
}

ZERO: Final = Constant(value=Fraction(0))


class FormulaError(CallerError):
    """A formula outside the language, or whose units do not fit."""

    code: ClassVar[str] = "FORMULA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Numbers by the values of one or more fields."""

    name: str
    unit: Unit
    keys: tuple[str, ...]
    """Names of fields."""
    rows: Mapping[Keys, Fraction]


@dataclass(frozen=True, slots=True, kw_only=True)
class BandTable:
    """Steps of a plain or dimensioned number."""

    name: str
    of: Unit
    unit: Unit
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoints:
    """Points of a piecewise linear function, in order."""

    name: str
    of: Unit
    unit: Unit
    points: tuple[tuple[Fraction, Fraction], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a formula may name."""

    values: Mapping[str, Expression]
    """Fields, parameters and the formulas above."""
    words: Mapping[str, frozenset[str]]
    """The words of every enumerated field."""
    exponents: Mapping[str, tuple[int, int]]
    """Ranges of integer fields."""
    tables: Mapping[str, Table]
    bands: Mapping[str, BandTable]
    curves: Mapping[str, CurvePoints]


def parse_formula(text: str, scope: Scope) -> Expression:
    """Return the typed tree of `text`.

    Raises:
        FormulaError: not in the language, an unknown name, or units that do not fit.
    """
    if len(text) > FORMULA_CHARACTERS_MAX:
        raise FormulaError(f"a formula has at most {FORMULA_CHARACTERS_MAX} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise FormulaError(f"{text[:60]!r} is no formula") from error
    return _Parser(scope).node(tree.body, 0)


class _Parser:
    """Turns one grammar node after the other into a typed one."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def node(self, tree: ast.expr, depth: int) -> Expression:  # noqa: C901, PLR0911 - one case per kind
        if depth > _DEPTH_MAX:
            raise FormulaError(f"nested deeper than {_DEPTH_MAX}: name a step under `formulas`")
        deeper = depth + 1
        match tree:
            case ast.Constant():
                return _literal(tree.value)
            case ast.Name():
                return self._named(tree.id)
            case ast.BinOp(op=ast.Pow()):
                return self._power(tree, deeper)
            case ast.BinOp():
                return self._arithmetic(tree, deeper)
            case ast.UnaryOp():
                return self._unary(tree, deeper)
            case ast.BoolOp():
                operator = Operator.AND if isinstance(tree.op, ast.And) else Operator.OR
                operands = tuple(self._condition(item, deeper) for item in tree.values)
                return Apply(operator=operator, operands=operands, type=BOOLEAN)
            case ast.Compare():
                return self._comparison(tree, deeper)
            case ast.IfExp():
                return self._choice(tree, deeper)
            case ast.Subscript(value=ast.Name()):
                return self._lookup(tree)
            case ast.Call(func=ast.Name(), keywords=[]):
                return self._call(tree, deeper)
            case _:
                raise FormulaError(f"{type(tree).__name__} is not part of the language")

    # --- names ----------------------------------------------------------------------------

    def _named(self, name: str) -> Expression:
        found = self._scope.values.get(name)
        if found is None:
            known = ", ".join(sorted(self._scope.values))
            raise FormulaError(f"{name!r} is unknown; there are {known[:300]}")
        return found

    def _field(self, tree: ast.expr) -> Input:
        found = self._named(tree.id) if isinstance(tree, ast.Name) else None
        if not isinstance(found, Input):
            raise FormulaError("the key of a table is a field of the activity")
        return found

    def _lookup(self, tree: ast.Subscript) -> Expression:
        assert isinstance(tree.value, ast.Name)
        table = self._scope.tables.get(tree.value.id)
        if table is None:
            raise FormulaError(f"there is no table {tree.value.id!r}")
        items = tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
        keys = tuple(self._field(item) for item in items)
        if tuple(key.name for key in keys) != table.keys:
            raise FormulaError(f"the keys of {table.name} are {', '.join(table.keys)}")
        return Lookup(table=table.name, keys=keys, rows=table.rows, unit=table.unit)

    # --- arithmetic -----------------------------------------------------------------------

    def _number(self, tree: ast.expr, depth: int) -> tuple[Expression, Unit]:
        expression = self.node(tree, depth)
        unit = type_of(expression)
        if not isinstance(unit, Unit):
            raise FormulaError(f"{ast.unparse(tree)!r} is a {unit}, not a number")
        return expression, unit

    def _same(self, trees: list[ast.expr], depth: int) -> tuple[tuple[Expression, ...], Unit]:
        """Return numbers of one unit; a plain 0 is of every unit."""
        found = [self._number(tree, depth) for tree in trees]
        units = [
            (tree, unit) for tree, (item, unit) in zip(trees, found, strict=True) if item != ZERO
        ]
        first, unit = units[0] if units else (trees[0], PLAIN)
        for tree, other in units:
            if other != unit:
                raise FormulaError(
                    f"{ast.unparse(first)!r} is in {unit}, {ast.unparse(tree)!r} in {other}"
                )
        return tuple(expression for expression, _ in found), unit

    def _arithmetic(self, tree: ast.BinOp, depth: int) -> Expression:
        operator = _ARITHMETIC.get(type(tree.op))
        if operator is None:
            raise FormulaError("there are + - * / and **, nothing else")
        if operator in {Operator.ADD, Operator.SUBTRACT}:
            operands, unit = self._same([tree.left, tree.right], depth)
            return Apply(operator=operator, operands=operands, type=unit)
        (left, above), (right, other) = (
            self._number(tree.left, depth),
            self._number(tree.right, depth),
        )
        unit = above * other if operator is Operator.MULTIPLY else above / other
        return Apply(operator=operator, operands=(left, right), type=unit)

    def _power(self, tree: ast.BinOp, depth: int) -> Expression:
        base, unit = self._number(tree.left, depth)
        exponent = self.node(tree.right, depth)
        if isinstance(exponent, Constant) and not exponent.name:
            power = exponent.value
            if power.denominator != 1 or not 0 <= power <= EXPONENT_MAX:
                raise FormulaError(f"an exponent is an integer from 0 to {EXPONENT_MAX}")
            return Power(base=base, exponent=int(power), unit=unit ** int(power))
        if not isinstance(exponent, Input) or unit != PLAIN:
            raise FormulaError("an exponent is a literal, or a field if the base has no unit")
        low, high = self._scope.exponents.get(exponent.name, (-1, 0))
        if not 0 <= low <= high <= EXPONENT_MAX:
            raise FormulaError(f"an exponent ranges from 0 to at most {EXPONENT_MAX}")
        return Power(base=base, exponent=exponent, unit=PLAIN)

    def _unary(self, tree: ast.UnaryOp, depth: int) -> Expression:
        if isinstance(tree.op, ast.Not):
            operand = self._condition(tree.operand, depth)
            return Apply(operator=Operator.NOT, operands=(operand,), type=BOOLEAN)
        if not isinstance(tree.op, ast.USub):
            raise FormulaError("there are - and not, nothing else")
        number, unit = self._number(tree.operand, depth)
        return Apply(operator=Operator.NEGATE, operands=(number,), type=unit)

    # --- conditions -----------------------------------------------------------------------

    def _condition(self, tree: ast.expr, depth: int) -> Expression:
        expression = self.node(tree, depth)
        if type_of(expression) != BOOLEAN:
            raise FormulaError(f"{ast.unparse(tree)!r} is no condition")
        return expression

    def _comparison(self, tree: ast.Compare, depth: int) -> Expression:
        sides = [tree.left, *tree.comparators]
        parts = tuple(
            self._compared(left, operator, right, depth)
            for left, operator, right in zip(sides, tree.ops, sides[1:], strict=False)
        )
        if len(parts) == 1:
            return parts[0]
        return Apply(operator=Operator.AND, operands=parts, type=BOOLEAN)

    def _compared(
        self, left: ast.expr, operator: ast.cmpop, right: ast.expr, depth: int
    ) -> Expression:
        if isinstance(operator, ast.In) and isinstance(right, ast.Tuple | ast.List):
            options = tuple(self._compared(left, ast.Eq(), item, depth) for item in right.elts)
            if not options:
                raise FormulaError("nothing is in an empty list")
            return Apply(operator=Operator.OR, operands=options, type=BOOLEAN)
        found = _COMPARISONS.get(type(operator))
        if found is None:
            raise FormulaError("there are == != < <= > >= and in (..), nothing else")
        first, second = self.node(left, depth), self.node(right, depth)
        if TEXT in {type_of(first), type_of(second)}:
            return self._words(first, found, second)
        operands, _ = self._same([left, right], depth)
        return Apply(operator=found, operands=operands, type=BOOLEAN)

    def _words(self, first: Expression, operator: Operator, second: Expression) -> Expression:
        """Return the comparison of a field with one of its words."""
        if operator not in {Operator.EQUAL, Operator.NOT_EQUAL}:
            raise FormulaError("words are only equal or not")
        if not isinstance(first, Input) or not isinstance(second, Word):
            raise FormulaError("a word is compared as: field == 'word'")
        words = self._scope.words.get(first.name)
        if words is not None and second.text not in words:
            raise FormulaError(f"{first.name} is never {second.text!r}")
        return Apply(operator=operator, operands=(first, second), type=BOOLEAN)

    def _choice(self, tree: ast.IfExp, depth: int) -> Expression:
        condition = self._condition(tree.test, depth)
        values, unit = self._same([tree.body, tree.orelse], depth)
        return Apply(operator=Operator.IF, operands=(condition, *values), type=unit)

    # --- functions ------------------------------------------------------------------------

    def _call(self, tree: ast.Call, depth: int) -> Expression:
        assert isinstance(tree.func, ast.Name)
        name, arguments = tree.func.id, tree.args
        if name in {"min", "max"} and arguments:
            operands, unit = self._same(arguments, depth)
            return Apply(operator=Operator(name), operands=operands, type=unit)
        if name == "clamp" and len(arguments) == 3:  # noqa: PLR2004 - value, low, high
            (value, low, high), unit = self._same(arguments, depth)
            raised = Apply(operator=Operator.MAXIMUM, operands=(value, low), type=unit)
            return Apply(operator=Operator.MINIMUM, operands=(raised, high), type=unit)
        if name == "floor" and len(arguments) == 1:
            number, unit = self._number(arguments[0], depth)
            if unit != PLAIN:
                raise FormulaError(f"floor is taken of a plain number, not of {unit}")
            return Apply(operator=Operator.FLOOR, operands=(number,), type=PLAIN)
        if name in {"band", "curve", "weighted_sum"} and len(arguments) == 2:  # noqa: PLR2004
            return self._of_table(name, arguments, depth)
        raise FormulaError(f"there is no function {name!r} of {len(arguments)} values")

    def _of_table(self, name: str, arguments: list[ast.expr], depth: int) -> Expression:
        first = arguments[0]
        table = first.id if isinstance(first, ast.Name) else ""
        if name == "weighted_sum":
            second = arguments[1]
            return self._weighted_sum(table, second.id if isinstance(second, ast.Name) else "")
        operand, of = self._number(arguments[1], depth)
        found: BandTable | CurvePoints | None
        found = self._scope.bands.get(table) if name == "band" else self._scope.curves.get(table)
        if found is None:
            raise FormulaError(f"there is no {name} {table!r}")
        if of != found.of:
            raise FormulaError(f"{name} {table} is of {found.of}, not of {of}")
        if isinstance(found, BandTable):
            return Band(name=table, operand=operand, steps=found.steps, unit=found.unit)
        return Curve(name=table, operand=operand, points=found.points, unit=found.unit)

    def _weighted_sum(self, shares: str, factors: str) -> Expression:
        left, right = self._scope.tables.get(shares), self._scope.tables.get(factors)
        if left is None or right is None:
            raise FormulaError("a weighted sum is of two tables")
        if left.keys != right.keys or left.rows.keys() != right.rows.keys():
            raise FormulaError(f"{shares} and {factors} have the same keys and rows")
        total = sum((left.rows[key] * right.rows[key] for key in left.rows), Fraction(0))
        return Constant(
            value=total, unit=left.unit * right.unit, name=f"weighted_sum({shares}, {factors})"
        )


def _literal(value: object) -> Expression:
    if isinstance(value, bool):
        return Truth(value=value)
    if isinstance(value, str):
        return Word(text=value)
    if not isinstance(value, int) or value > _LITERAL_MAX:
        raise FormulaError(f"{str(value)[:20]} is no integer: numbers are named parameters")
    return Constant(value=Fraction(value))
