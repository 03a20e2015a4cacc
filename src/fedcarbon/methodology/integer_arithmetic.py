"""Integers with intervals, and rationals of them: the arithmetic that `lowering` builds with."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from fedcarbon.methodology.integer_program import (
    Choice,
    Comparison,
    Condition,
    Difference,
    Literal,
    Number,
    OverflowPossibleError,
    Product,
    Quotient,
    Sum,
)


class DivisorMayBeZeroError(OverflowPossibleError):
    """A divisor is not above zero for every input in range; bound it with max(..)."""

    code: ClassVar[str] = "DIVISOR_MAY_BE_ZERO"


@dataclass(frozen=True, slots=True)
class Ratio:
    """numerator / denominator, the denominator at least 1."""

    numerator: Number
    denominator: Number


# --- integers with intervals --------------------------------------------------------------------


def literal(value: int) -> Literal:
    """Return a known integer."""
    return Literal(low=value, high=value)


def add(left: Number, right: Number) -> Number:
    """Return left + right."""
    if isinstance(left, Literal) and isinstance(right, Literal):
        return literal(left.low + right.low)
    low, high = left.low + right.low, left.high + right.high
    return Sum(left=left, right=right, low=low, high=high)


def subtract(left: Number, right: Number) -> Number:
    """Return left - right."""
    low, high = left.low - right.high, left.high - right.low
    return Difference(left=left, right=right, low=low, high=high)


def multiply(left: Number, right: Number) -> Number:
    """Return left * right."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Literal) and one.low == 1:
            return other
    corners = [a * b for a in (left.low, left.high) for b in (right.low, right.high)]
    if isinstance(left, Literal) and isinstance(right, Literal):
        return literal(corners[0])
    return Product(left=left, right=right, low=min(corners), high=max(corners))


def quotient(left: Number, right: Number) -> Number:
    """Return left / right rounded down, for left >= 0 and right >= 1."""
    assert left.low >= 0
    assert right.low >= 1
    if isinstance(right, Literal) and right.low == 1:
        return left
    low, high = left.low // right.high, left.high // right.low
    return Quotient(left=left, right=right, low=low, high=high)


def choose(cases: tuple[tuple[Condition, Number], ...], otherwise: Number) -> Number:
    """Return the first case that holds."""
    values = [value for _, value in cases] + [otherwise]
    if all(isinstance(value, Literal) and value.low == values[0].low for value in values):
        return values[0]
    low, high = min(value.low for value in values), max(value.high for value in values)
    return Choice(cases=cases, otherwise=otherwise, low=low, high=high)


def at_least(number: Number, bound: int) -> Number:
    """Return the greater of `number` and `bound`."""
    if number.low >= bound:
        return number
    below = Comparison(operator="<", left=number, right=literal(bound))
    low, high = max(number.low, bound), max(number.high, bound)
    return Choice(cases=((below, literal(bound)),), otherwise=number, low=low, high=high)


# --- rationals of integers ----------------------------------------------------------------------


def whole(number: Number) -> Ratio:
    """Return an integer as a ratio."""
    return Ratio(number, literal(1))


def ratio(value: Fraction) -> Ratio:
    """Return a constant as a ratio."""
    return Ratio(literal(value.numerator), literal(value.denominator))


def negative(number: Ratio) -> Ratio:
    """Return -number."""
    return Ratio(subtract(literal(0), number.numerator), number.denominator)


def _over_one(left: Ratio, right: Ratio) -> tuple[Number, Number, Number]:
    """Return both numerators over one denominator, and that."""
    if left.denominator == right.denominator:
        return left.numerator, right.numerator, left.denominator
    if isinstance(left.denominator, Literal) and isinstance(right.denominator, Literal):
        shared = math.lcm(left.denominator.low, right.denominator.low)
        first = multiply(left.numerator, literal(shared // left.denominator.low))
        second = multiply(right.numerator, literal(shared // right.denominator.low))
        return first, second, literal(shared)
    first = multiply(left.numerator, right.denominator)
    second = multiply(right.numerator, left.denominator)
    return first, second, multiply(left.denominator, right.denominator)


def plus(left: Ratio, right: Ratio) -> Ratio:
    """Return left + right."""
    first, second, shared = _over_one(left, right)
    return Ratio(add(first, second), shared)


def times(left: Ratio, right: Ratio) -> Ratio:
    """Return left * right, constants reduced against constants."""
    first, below = _reduced(left.numerator, right.denominator)
    second, under = _reduced(right.numerator, left.denominator)
    return Ratio(multiply(first, second), multiply(under, below))


def _reduced(above: Number, below: Number) -> tuple[Number, Number]:
    """Return numerator and denominator without their common divisor, if both are known."""
    if not isinstance(above, Literal) or not isinstance(below, Literal):
        return above, below
    shared = math.gcd(above.low, below.low)
    return literal(above.low // shared), literal(below.low // shared)


def divided(left: Ratio, right: Ratio) -> Ratio:
    """Return left / right, where right is above zero."""
    if right.numerator.low < 1:
        raise DivisorMayBeZeroError(
            "a divisor could be 0 or below: raise the minimum of its field or use max(..)"
        )
    return Ratio(
        multiply(left.numerator, right.denominator), multiply(left.denominator, right.numerator)
    )


def power(base: Ratio, exponent: int) -> Ratio:
    """Return base to an integer power."""
    found = whole(literal(1))
    for _ in range(exponent):
        found = times(found, base)
    return found


def compare(operator: str, left: Ratio, right: Ratio) -> Condition:
    """Return the comparison of two ratios."""
    first, second, _ = _over_one(left, right)
    return Comparison(operator=operator, left=first, right=second)


def select(condition: Condition, then: Ratio, otherwise: Ratio) -> Ratio:
    """Return one of two ratios."""
    if isinstance(then.denominator, Literal) and isinstance(otherwise.denominator, Literal):
        first, second, shared = _over_one(then, otherwise)
        return Ratio(choose(((condition, first),), second), shared)
    return Ratio(
        choose(((condition, then.numerator),), otherwise.numerator),
        choose(((condition, then.denominator),), otherwise.denominator),
    )


def lesser(left: Ratio, right: Ratio) -> Ratio:
    """Return the smaller of two ratios."""
    return _bounded(select(compare("<=", left, right), left, right), (left, right), min)


def greater(left: Ratio, right: Ratio) -> Ratio:
    """Return the greater of two ratios."""
    return _bounded(select(compare("<=", left, right), right, left), (left, right), max)


def _bounded(chosen: Ratio, of: tuple[Ratio, Ratio], extreme: Callable[[int, int], int]) -> Ratio:
    """Narrow the interval of a minimum or maximum where all denominators are known."""
    number = chosen.numerator
    known = isinstance(chosen.denominator, Literal)
    if not known or not isinstance(number, Choice):
        return chosen
    assert isinstance(chosen.denominator, Literal)
    first, second, _ = _over_one(*of)
    low, high = extreme(first.low, second.low), extreme(first.high, second.high)
    narrowed = Choice(cases=number.cases, otherwise=number.otherwise, low=low, high=high)
    return Ratio(narrowed, chosen.denominator)


def limited(number: Ratio, low: Fraction, high: Fraction) -> Ratio:
    """Return `number`, or the nearer bound outside of them."""
    return lesser(greater(number, ratio(low)), ratio(high))
