"""From a methodology to integer arithmetic with proven bounds.

A rational is a pair of integers, numerator over denominator, where the denominator is never below
1. Constants keep a common denominator, so that most denominators are literals; a quotient of two
quantities has a denominator that is computed. Comparing cross-multiplies; the one division of a
methodology is the last step. `integer_program` refuses any node that could leave int64.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from fractions import Fraction
from functools import reduce
from typing import Final

from fedcarbon.methodology.definition import Field, Methodology, Negative, Period
from fedcarbon.methodology.expression import (
    BOOLEAN,
    Apply,
    Band,
    Baseline,
    BaselineYears,
    Constant,
    Curve,
    Expression,
    Input,
    Keys,
    Lookup,
    Named,
    Operator,
    Power,
    Truth,
    Word,
    type_of,
)
from fedcarbon.methodology.integer_arithmetic import (
    Ratio,
    add,
    at_least,
    choose,
    compare,
    divided,
    greater,
    lesser,
    limited,
    literal,
    multiply,
    negative,
    plus,
    power,
    quotient,
    ratio,
    select,
    times,
    whole,
)
from fedcarbon.methodology.integer_program import (
    Always,
    Both,
    Column,
    Comparison,
    Condition,
    Either,
    Flag,
    InputColumn,
    IntegerProgram,
    Known,
    Not,
    Number,
    OverflowPossibleError,
    WordIs,
)
from fedcarbon.methodology.reference import lookups_in

_EPOCH_ORDINAL: Final = dt.date(1970, 1, 1).toordinal()


def lower(methodology: Methodology) -> IntegerProgram:
    """Return `methodology` as an integer program.

    Raises:
        MethodologyNotUsableError: it is a draft or quarantined.
        OverflowPossibleError: a step could leave int64 for inputs in their ranges.
        DivisorMayBeZeroError: a divisor could be 0 or below.
    """
    methodology.require_computing()
    return _Lowering(methodology).program()


class _Lowering:
    """One methodology on its way to integers."""

    def __init__(self, methodology: Methodology) -> None:
        self._methodology: Final = methodology
        self._named: dict[str, Ratio] = {}
        self._named_conditions: dict[str, Condition] = {}

    def program(self) -> IntegerProgram:
        methodology = self._methodology
        refusals = [*self._history_refusals(), *self._lookup_refusals(), *self._day_refusals()]
        refusals += [
            ("in_excluded_regime", WordIs(column="regime", word=regime))
            for regime in methodology.exclusivity.regimes
        ]
        refusals += [
            (rule.rule_id, _not(self._condition(rule.condition))) for rule in methodology.rules
        ]
        self._check_all()
        amount, below_zero = self._rounded()
        if below_zero is not None and methodology.result.negative is Negative.REFUSE:
            refusals.append(("negative_result", below_zero))
        wanted = methodology.history
        return IntegerProgram(
            methodology_id=methodology.methodology_id,
            content_hash=methodology.content_hash,
            inputs=(*map(_column, methodology.inputs.values()), *self._history_inputs()),
            refusals=tuple(refusals),
            amount=amount,
            history=(wanted.field, wanted.years) if wanted else None,
        )

    def _check_all(self) -> None:
        """Lower what the amount may not use: the reference evaluator computes it all the same."""
        methodology = self._methodology
        for step in methodology.formulas:
            if type_of(step.expression) == BOOLEAN:
                self._condition(step.expression)
            else:
                self._ratio(step.expression)
        for limit in methodology.limits:
            if limit.condition is not None:
                self._condition(limit.condition)

    def _rounded(self) -> tuple[Number, Condition | None]:
        """Return the amount in counted parts, and when it is below zero (None: never)."""
        try:
            exact = self._amount()
        except OverflowPossibleError:
            long = self._product_of_a_long_decimal()
            if long is None:
                raise
            return long, None
        negative_if = Comparison(operator="<", left=exact.numerator, right=literal(0))
        below_zero = negative_if if exact.numerator.low < 0 else None
        exact = times(exact, whole(literal(self._methodology.result.scale)))
        return quotient(at_least(exact.numerator, 0), exact.denominator), below_zero

    def _product_of_a_long_decimal(self) -> Number | None:
        """Return an amount that is a factor of many decimals times a quantity, else None.

        With factor = w + f / d (w whole, f < d) and quantity = a / b,
        floor(factor * a / b) = floor((w * a + floor(f * a / d)) / b): no step holds all the digits.
        """
        methodology = self._methodology
        above, below = _factors(methodology.amount.expression) if methodology.amount else ([], [])
        long = next((item for item in above if isinstance(item, Lookup)), None)
        per_event = any(limit.per is Period.EVENT for limit in methodology.limits)
        if long is None or methodology.modifiers or per_event or methodology.result.scale != 1:
            return None
        others = [self._ratio(item) for item in above if item is not long]
        rest = reduce(times, others, whole(literal(1)))
        rest = reduce(divided, (self._ratio(item) for item in below), rest)
        if rest.numerator.low < 0 or min(long.rows.values()) < 0:
            return None
        wholes = {keys: Fraction(value.__floor__()) for keys, value in long.rows.items()}
        parts = {keys: value - wholes[keys] for keys, value in long.rows.items()}
        fraction = self._rows(long, parts)
        first = multiply(self._rows(long, wholes).numerator, rest.numerator)
        second = quotient(multiply(fraction.numerator, rest.numerator), fraction.denominator)
        return quotient(add(first, second), rest.denominator)

    # --- inputs and refusals --------------------------------------------------------------

    def _history_inputs(self) -> tuple[InputColumn, ...]:
        wanted = self._methodology.history
        if wanted is None:
            return ()
        field = self._methodology.fields[wanted.field]
        return tuple(
            InputColumn(
                name=f"history_{year}",
                kind="integer",
                low=field.low,
                high=field.high,
                missing="",
                refusal="history_out_of_range",
            )
            for year in range(1, wanted.years + 1)
        )

    def _history(self) -> list[tuple[Condition, Number]]:
        wanted = self._methodology.history
        assert wanted is not None
        field = self._methodology.fields[wanted.field]
        names = [f"history_{year}" for year in range(1, wanted.years + 1)]
        return [
            (Known(column=name), Column(name=name, low=field.low, high=field.high))
            for name in names
        ]

    def _years(self) -> Number:
        one, none = literal(1), literal(0)
        return reduce(add, (choose(((known, one),), none) for known, _ in self._history()))

    def _at_least_known(self, total: Number) -> Number:
        """Bound the sum of the known years from below: with fewer of them nothing is computed."""
        wanted = self._methodology.history
        assert wanted is not None
        return at_least(total, wanted.at_least * self._methodology.fields[wanted.field].low)

    def _history_refusals(self) -> list[tuple[str, Condition]]:
        wanted = self._methodology.history
        if wanted is None:
            return []
        few = Comparison(operator="<", left=self._years(), right=literal(wanted.at_least))
        return [("too_little_history", few)]

    def _lookup_refusals(self) -> list[tuple[str, Condition]]:
        seen: dict[str, Condition] = {}
        for lookup in lookups_in(self._methodology):
            rows = tuple(self._row_is(lookup, keys) for keys in lookup.rows)
            seen[lookup.table] = Not(condition=Either(conditions=rows))
        return [("no_factor", condition) for condition in seen.values()]

    def _day_refusals(self) -> list[tuple[str, Condition]]:
        methodology = self._methodology
        found: list[tuple[str, Condition]] = []
        day = self._integer("day")
        for bound, first in ((methodology.valid_from, True), (methodology.valid_to, False)):
            if bound is not None:
                at = literal(bound.toordinal() - _EPOCH_ORDINAL)
                left, right = (day, at) if first else (at, day)
                outside = Comparison(operator="<", left=left, right=right)
                found.append(("outside_validity", outside))
        return found

    def _row_is(self, lookup: Lookup, keys: Keys) -> Condition:
        found: list[Condition] = []
        for key, value in zip(lookup.keys, keys, strict=True):
            if isinstance(value, str):
                found.append(WordIs(column=key.name, word=value))
            else:
                column = self._integer(key.name)
                found.append(Comparison(operator="==", left=column, right=literal(value)))
        return Both(conditions=tuple(found))

    def _integer(self, name: str) -> Number:
        field = self._methodology.inputs[name]
        return Column(name=name, low=field.low, high=field.high)

    # --- the amount -----------------------------------------------------------------------

    def _amount(self) -> Ratio:
        methodology = self._methodology
        assert methodology.amount is not None
        exact = self._ratio(methodology.amount.expression)
        for modifier in methodology.modifiers:
            raised = times(exact, ratio(modifier.times))
            exact = select(self._condition(modifier.condition), raised, exact)
        for limit in methodology.limits:
            if limit.per is Period.EVENT and limit.sum is not None:
                highest = ratio(limit.sum)
                above = compare("<", highest, exact)
                if limit.condition is not None:
                    above = Both(conditions=(self._condition(limit.condition), above))
                exact = select(above, highest, exact)
        return exact

    # --- numbers --------------------------------------------------------------------------

    def _ratio(self, node: Expression) -> Ratio:  # noqa: C901, PLR0911 - one case per kind
        match node:
            case Constant():
                return ratio(node.value)
            case Input():
                return whole(self._integer(node.name))
            case Named():
                if node.name not in self._named:
                    self._named[node.name] = self._ratio(node.expression)
                return self._named[node.name]
            case Baseline():
                none = literal(0)
                known = (choose(((is_known, value),), none) for is_known, value in self._history())
                return Ratio(self._at_least_known(reduce(add, known)), at_least(self._years(), 1))
            case BaselineYears():
                return whole(self._years())
            case Lookup():
                return self._rows(node, node.rows)
            case Band():
                return self._band(node)
            case Curve():
                return self._curve(node)
            case Power():
                return self._power(node)
            case Apply():
                return self._apply(node)
            case _:
                raise AssertionError(node)

    def _rows(self, lookup: Lookup, values: Mapping[Keys, Fraction]) -> Ratio:
        """Return the value of the row that the fields name."""
        cases = ((self._row_is(lookup, keys), value) for keys, value in values.items())
        return self._table(list(cases), next(iter(values.values())))

    def _table(self, cases: list[tuple[Condition, Fraction]], otherwise: Fraction) -> Ratio:
        """Return the value of the first case that holds, all over one denominator."""
        values = [value for _, value in cases] + [otherwise]
        shared = math.lcm(*(value.denominator for value in values))
        numerators = [literal(int(value * shared)) for value in values]
        pairs = zip((condition for condition, _ in cases), numerators, strict=False)
        return Ratio(choose(tuple(pairs), numerators[-1]), literal(shared))

    def _band(self, node: Band) -> Ratio:
        at = self._ratio(node.operand)
        cases: list[tuple[Condition, Fraction]] = []
        for step in node.steps:
            inside: tuple[Condition, ...] = (compare("<=", ratio(step.low), at),)
            if step.high is not None:
                inside += (compare("<", at, ratio(step.high)),)
            cases.append((Both(conditions=inside), step.value))
        return self._table(cases, Fraction(0))

    def _curve(self, node: Curve) -> Ratio:
        at = self._ratio(node.operand)
        (first, flat), *_ = node.points
        found = ratio(node.points[-1][1])
        segments = list(zip(node.points, node.points[1:], strict=False))
        for (low, below), (high, above) in reversed(segments):
            slope = (above - below) / (high - low)
            # Inside the segment the operand lies between its ends: a tighter bound for products.
            inside = limited(at, low, high)
            value = plus(ratio(below - low * slope), times(inside, ratio(slope)))
            found = select(compare("<", at, ratio(high)), value, found)
        return select(compare("<=", at, ratio(first)), ratio(flat), found)

    def _power(self, node: Power) -> Ratio:
        base = self._ratio(node.base)
        if isinstance(node.exponent, int):
            return power(base, node.exponent)
        field = self._methodology.inputs[node.exponent.name]
        column = self._integer(field.name)
        found = power(base, field.high)
        for exponent in range(field.high - 1, field.low - 1, -1):
            is_it = Comparison(operator="==", left=column, right=literal(exponent))
            found = select(is_it, power(base, exponent), found)
        return found

    def _apply(self, node: Apply) -> Ratio:  # noqa: PLR0911 - one case per operator
        if node.operator is Operator.IF:
            condition, then, otherwise = node.operands
            return select(self._condition(condition), self._ratio(then), self._ratio(otherwise))
        operands = [self._ratio(item) for item in node.operands]
        match node.operator:
            case Operator.ADD:
                return plus(operands[0], operands[1])
            case Operator.SUBTRACT:
                return plus(operands[0], negative(operands[1]))
            case Operator.NEGATE:
                return negative(operands[0])
            case Operator.MULTIPLY:
                return times(operands[0], operands[1])
            case Operator.DIVIDE:
                return divided(operands[0], operands[1])
            case Operator.MINIMUM:
                return reduce(lesser, operands)
            case Operator.MAXIMUM:
                return reduce(greater, operands)
            case _:
                assert node.operator is Operator.FLOOR
                number = operands[0]
                if number.numerator.low < 0:
                    raise OverflowPossibleError("floor is taken of what is never below zero")
                return whole(quotient(number.numerator, number.denominator))

    # --- conditions -----------------------------------------------------------------------

    def _condition(self, node: Expression) -> Condition:  # noqa: PLR0911 - one case per kind
        match node:
            case Truth():
                return Always(value=node.value)
            case Input():
                return Flag(column=node.name)
            case Named():
                if node.name not in self._named_conditions:
                    self._named_conditions[node.name] = self._condition(node.expression)
                return self._named_conditions[node.name]
            case Apply(operator=Operator.AND):
                return Both(conditions=tuple(self._condition(item) for item in node.operands))
            case Apply(operator=Operator.OR):
                return Either(conditions=tuple(self._condition(item) for item in node.operands))
            case Apply(operator=Operator.NOT):
                return _not(self._condition(node.operands[0]))
            case Apply():
                return self._compared(node)
            case _:
                raise AssertionError(node)

    def _compared(self, node: Apply) -> Condition:  # noqa: PLR0911 - one case per operator
        left, right = node.operands
        if isinstance(right, Word):
            assert isinstance(left, Input)
            is_it = WordIs(column=left.name, word=right.text)
            return is_it if node.operator is Operator.EQUAL else Not(condition=is_it)
        first, second = self._ratio(left), self._ratio(right)
        match node.operator:
            case Operator.EQUAL:
                return compare("==", first, second)
            case Operator.NOT_EQUAL:
                return _not(compare("==", first, second))
            case Operator.LESS:
                return compare("<", first, second)
            case Operator.LESS_EQUAL:
                return compare("<=", first, second)
            case Operator.GREATER:
                return compare("<", second, first)
            case _:
                return compare("<=", second, first)


def _factors(node: Expression) -> tuple[list[Expression], list[Expression]]:
    """Return what a product multiplies by and what it divides by."""
    match node:
        case Apply(operator=Operator.MULTIPLY | Operator.DIVIDE, operands=(left, right)):
            (above, below), (more, less) = _factors(left), _factors(right)
            if node.operator is Operator.DIVIDE:
                more, less = less, more
            return above + more, below + less
        case _:
            return [node], []


def _not(condition: Condition) -> Condition:
    return condition.condition if isinstance(condition, Not) else Not(condition=condition)


def _column(field: Field) -> InputColumn:
    return InputColumn(
        name=field.name,
        kind=field.kind.value,
        low=field.low,
        high=field.high,
        words=field.words,
        default=field.default,
        missing=f"{field.name}_missing",
        refusal=field.refusal,
    )
