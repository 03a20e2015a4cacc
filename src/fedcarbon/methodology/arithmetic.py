"""What the nodes of a formula come to, over exact rationals, and how people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import ClassVar, Final

from fedcarbon.errors import CallerError
from fedcarbon.methodology.expression import (
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
)

Computed = Fraction | bool | str
BITS_MAX: Final = 4_096
"""Limit of numerators and denominators, far above what a methodology that computes can reach."""


class UncomputableError(CallerError):
    """A step divides by zero or grows without end; bound it as in a methodology that computes."""

    code: ClassVar[str] = "UNCOMPUTABLE"


def _bounded(number: Fraction, *, power: int = 1) -> Fraction:
    """Return `number`, whose power is not too long to be computed."""
    bits = max(number.numerator.bit_length(), number.denominator.bit_length())
    if bits * power > BITS_MAX:
        raise UncomputableError(f"a step has more than {BITS_MAX} bits")
    return number


def nodes_of(expression: Expression) -> Iterable[Expression]:
    """Yield the nodes of a tree, operands before what uses them; named formulas are leaves."""
    match expression:
        case Apply():
            for operand in expression.operands:
                yield from nodes_of(operand)
        case Power():
            yield from nodes_of(expression.base)
        case Band() | Curve():
            yield from nodes_of(expression.operand)
        case _:
            pass
    yield expression


def keys_of(lookup: Lookup, env: Mapping[str, Computed]) -> Keys:
    """Return the key of the row that the fields in `env` name."""
    found = (env[key.name] for key in lookup.keys)
    return tuple(item if isinstance(item, str) else int(item) for item in found)


def compute(  # noqa: C901, PLR0911 - one case per kind of node
    expression: Expression, env: Mapping[str, Computed]
) -> Computed:
    """Return the value of a tree whose names are all in `env`.

    Raises:
        UncomputableError: only under a draft: others are bounded when they are read.
    """
    match expression:
        case Constant():
            return expression.value
        case Word():
            return expression.text
        case Truth():
            return expression.value
        case Input() | Named():
            return env[expression.name]
        case Baseline():
            return env["baseline"]
        case BaselineYears():
            return env["baseline_years"]
        case Lookup():
            return expression.rows[keys_of(expression, env)]
        case Power():
            exponent = expression.exponent
            power = exponent if isinstance(exponent, int) else int(Fraction(env[exponent.name]))
            return _bounded(Fraction(compute(expression.base, env)), power=power) ** power
        case Band():
            return _band(expression, Fraction(compute(expression.operand, env)))
        case Curve():
            return _curve(expression, Fraction(compute(expression.operand, env)))
        case Apply(operator=Operator.IF):
            condition, then, otherwise = expression.operands
            chosen = then if compute(condition, env) else otherwise
            return compute(chosen, env)
        case Apply():
            operands = [compute(item, env) for item in expression.operands]
            return _apply(expression.operator, operands)


def _apply(operator: Operator, operands: list[Computed]) -> Computed:  # noqa: C901, PLR0911, PLR0912
    """Return the value of one operation; units were checked before."""
    match operator:
        case Operator.AND:
            return all(operands)
        case Operator.OR:
            return any(operands)
        case Operator.NOT:
            return not operands[0]
        case Operator.EQUAL:
            return operands[0] == operands[1]
        case Operator.NOT_EQUAL:
            return operands[0] != operands[1]
        case _:
            pass
    numbers = [Fraction(item) for item in operands]
    match operator:
        case Operator.ADD:
            return _bounded(numbers[0] + numbers[1])
        case Operator.SUBTRACT:
            return _bounded(numbers[0] - numbers[1])
        case Operator.MULTIPLY:
            return _bounded(numbers[0] * numbers[1])
        case Operator.DIVIDE:
            if not numbers[1]:
                raise UncomputableError("a step divides by zero")
            return _bounded(numbers[0] / numbers[1])
        case Operator.NEGATE:
            return -numbers[0]
        case Operator.MINIMUM:
            return min(numbers)
        case Operator.MAXIMUM:
            return max(numbers)
        case Operator.FLOOR:
            return Fraction(numbers[0].numerator // numbers[0].denominator)
        case Operator.LESS:
            return numbers[0] < numbers[1]
        case Operator.LESS_EQUAL:
            return numbers[0] <= numbers[1]
        case Operator.GREATER:
            return numbers[0] > numbers[1]
        case _:
            assert operator is Operator.GREATER_EQUAL
            return numbers[0] >= numbers[1]


def _band(band: Band, at: Fraction) -> Fraction:
    for step in band.steps:
        if step.low <= at and (step.high is None or at < step.high):
            return step.value
    return Fraction(0)


def _curve(curve: Curve, at: Fraction) -> Fraction:
    (first, flat), *_ = curve.points
    if at <= first:
        return flat
    for (low, below), (high, above) in zip(curve.points, curve.points[1:], strict=False):
        if at < high:
            return below + (at - low) * (above - below) / (high - low)
    return curve.points[-1][1]


# --- for people ---------------------------------------------------------------------------------


def show(item: Expression | Computed, env: Mapping[str, Computed] | None = None) -> str:
    """Return a value, or a formula with the values of `env` in place of its names."""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):
        return item
    if isinstance(item, Fraction):
        return decimal_text(item)
    return _formula(item, env or {})


def decimal_text(number: Fraction) -> str:
    """Return a rational as a finite decimal if it is one of at most 12 places, else as a/b."""
    scaled = number * 10**12
    if scaled.denominator != 1:
        return f"{number.numerator}/{number.denominator}"
    whole, rest = divmod(abs(scaled.numerator), 10**12)
    places = f"{rest:012d}".rstrip("0")
    sign = "-" if number < 0 else ""
    return f"{sign}{whole}.{places}" if places else f"{sign}{whole}"


def _formula(  # noqa: C901, PLR0911 - one case per kind of node
    item: Expression, env: Mapping[str, Computed]
) -> str:
    match item:
        case Constant():
            return show(item.value)
        case Word():
            return repr(item.text)
        case Truth():
            return show(item.value)
        case Input() | Named():
            return show(env[item.name]) if item.name in env else item.name
        case Baseline():
            return show(env["baseline"])
        case BaselineYears():
            return show(env["baseline_years"])
        case Lookup():
            return show(item.rows.get(keys_of(item, env), Fraction(0)))
        case Power():
            exponent = item.exponent
            power = str(exponent) if isinstance(exponent, int) else show(env[exponent.name])
            return f"{_inner(item.base, env)} ** {power}"
        case Band() | Curve():
            return f"{item.name}({_formula(item.operand, env)})"
        case Apply():
            return _operation(item, env)


def _operation(item: Apply, env: Mapping[str, Computed]) -> str:
    parts = [_inner(operand, env) for operand in item.operands]
    match item.operator:
        case Operator.IF:
            return f"{parts[1]} if {parts[0]} else {parts[2]}"
        case Operator.MINIMUM | Operator.MAXIMUM | Operator.FLOOR:
            return f"{item.operator}({', '.join(parts)})"
        case Operator.NEGATE:
            return f"-{parts[0]}"
        case Operator.NOT:
            return f"not {parts[0]}"
        case _:
            return f" {item.operator} ".join(parts)


def _inner(item: Expression, env: Mapping[str, Computed]) -> str:
    text = _formula(item, env)
    plain = {Operator.MINIMUM, Operator.MAXIMUM, Operator.FLOOR}
    if isinstance(item, Apply) and item.operator not in plain:
        return f"({text})"
    return text
