"""The reference evaluator: a methodology over integers and exact rationals, step by step.

Order: values in their ranges, enough history, a factor for every look-up, days on which the
methodology is in force, excluded regimes, the eligibility rules of the file; then the amount, its
modifiers and its limit per event, rounded down once. What is refused first is the refusal.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from fedcarbon.methodology.arithmetic import Computed, compute, keys_of, nodes_of, show
from fedcarbon.methodology.definition import Methodology, Negative, Period, Source
from fedcarbon.methodology.dimension import Unit
from fedcarbon.methodology.expression import (
    Band,
    Constant,
    Curve,
    Expression,
    Lookup,
    Type,
    Value,
    lookups_of,
    type_of,
)

EPOCH: Final = dt.date(1970, 1, 1)


class LineKind(StrEnum):
    """What a line of a trace is about."""

    FIELD = "field"
    BASELINE = "baseline"
    PARAMETER = "parameter"
    LOOKUP = "lookup"
    FORMULA = "formula"
    RULE = "rule"
    AMOUNT = "amount"
    MODIFIER = "modifier"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceLine:
    """One step of an evaluation, for people."""

    kind: LineKind
    name: str
    formula: str
    """As in the file; empty for fields."""
    arithmetic: str
    """The formula with values in place of names."""
    value: Computed
    unit: Type
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a methodology makes of one activity."""

    amount: int
    """Counted parts (ug; millionths of a point or of money), rounded down; 0 if refused."""
    refusal: str | None
    """Id of the first rule that is broken."""
    exact: Fraction
    """The amount before rounding, in the unit of the result."""
    trace: tuple[TraceLine, ...]
    """Every step; empty unless it was asked for."""


def evaluate(
    methodology: Methodology,
    values: Mapping[str, Value],
    *,
    duration_s: int,
    day: dt.date,
    history: Sequence[int | None] = (),
    enable_draft: bool = False,
    traced: bool = False,
) -> Outcome:
    """Return what `methodology` makes of one activity.

    Args:
        methodology: what to evaluate.
        values: the fields that it declares, and `regime` if the activity belongs to one.
        duration_s: seconds from start to end.
        day: local day on which the activity began.
        history: values of the baseline's field in the same period 1, 2, ... years before, None
            where it is not known.
        enable_draft: compute even under a draft whose parameters are all given; for tests.
        traced: write down every step, which takes longer than the steps.

    Raises:
        MethodologyNotUsableError: it is a draft or quarantined.
    """
    if not (enable_draft and methodology.amount is not None):
        methodology.require_computing()
    given: dict[str, object] = {
        **values,
        "duration_s": duration_s,
        "day": (day - EPOCH).days,
        "year": day.year,
    }
    return _Run(methodology, given, tuple(history), traced=traced).outcome()


class _Run:
    """One activity under one methodology."""

    def __init__(
        self,
        methodology: Methodology,
        given: Mapping[str, object],
        history: Sequence[int | None],
        *,
        traced: bool,
    ) -> None:
        self._methodology = methodology
        self._traced = traced
        self._given = given
        wanted = methodology.history
        self._history = list(history[: wanted.years]) if wanted else []
        self._env: dict[str, Computed] = {}
        self._trace: list[TraceLine] = []
        self._seen: set[str] = set()

    def outcome(self) -> Outcome:
        refusal = self._refused_input() or self._refused_by_rule()
        if refusal is not None:
            return Outcome(amount=0, refusal=refusal, exact=Fraction(0), trace=tuple(self._trace))
        exact = self._amount()
        if exact < 0 and self._methodology.result.negative is Negative.REFUSE:
            return Outcome(
                amount=0, refusal="negative_result", exact=exact, trace=tuple(self._trace)
            )
        exact = max(Fraction(0), exact)
        parts = exact * self._methodology.result.scale
        amount = parts.numerator // parts.denominator
        return Outcome(amount=amount, refusal=None, exact=exact, trace=tuple(self._trace))

    # --- refusals -------------------------------------------------------------------------

    def _refused_input(self) -> str | None:
        inputs = self._methodology.inputs
        for name, wanted in inputs.items():
            value = self._given.get(name)
            if value is None:
                value = wanted.default
            if value is None:
                return f"{name}_missing"
            if not wanted.holds(value):
                return wanted.refusal
            self._env[name] = _computed(value)
        if self._given.keys() - inputs.keys() - {"regime"}:
            return "field_unknown"
        for name in self._methodology.fields:
            unit = _unit(inputs[name].unit, self._env[name])
            self._say(LineKind.FIELD, name, "", self._show(self._env[name]), self._env[name], unit)
        return self._refused_history()

    def _refused_history(self) -> str | None:
        wanted = self._methodology.history
        if wanted is None:
            return None
        field = self._methodology.fields[wanted.field]
        known = [item for item in self._history if item is not None]
        if any(not field.holds(item) for item in known):
            return "history_out_of_range"
        if len(known) < wanted.at_least:
            return "too_little_history"
        years = Fraction(len(known))
        self._env["baseline_years"] = years
        self._env["baseline"] = baseline = Fraction(sum(known)) / years
        arithmetic = f"({' + '.join(map(str, known))}) / {len(known)}"
        mean = f"mean({wanted.field}, {wanted.years})"
        self._say(LineKind.BASELINE, "baseline", mean, arithmetic, baseline, field.unit)
        return None

    def _refused_by_rule(self) -> str | None:
        methodology = self._methodology
        for lookup in lookups_in(methodology):
            if keys_of(lookup, self._env) not in lookup.rows:
                return "no_factor"
        day = EPOCH + dt.timedelta(days=int(Fraction(self._env["day"])))
        if not (methodology.valid_from or day) <= day <= (methodology.valid_to or day):
            return "outside_validity"
        if self._env.get("regime", "") in methodology.exclusivity.regimes:
            return "in_excluded_regime"
        for step in methodology.formulas:
            self._env[step.name] = value = self._of(step.expression)
            text = self._show(step.expression)
            unit = type_of(step.expression)
            self._say(LineKind.FORMULA, step.name, step.formula, text, value, unit)
        for rule in methodology.rules:
            holds = self._of(rule.condition)
            text = self._show(rule.condition)
            self._say(LineKind.RULE, rule.rule_id, rule.formula, text, holds, "boolean")
            if not holds:
                return rule.rule_id
        return None

    # --- the amount -----------------------------------------------------------------------

    def _amount(self) -> Fraction:
        methodology = self._methodology
        formula = methodology.amount
        assert formula is not None
        exact = Fraction(self._of(formula.expression))
        unit = methodology.result.unit
        text = self._show(formula.expression)
        self._say(LineKind.AMOUNT, formula.name, formula.formula, text, exact, unit)
        for modifier in methodology.modifiers:
            if self._of(modifier.condition):
                text = f"{self._show(exact)} * {self._show(modifier.times)}"
                exact *= modifier.times
                name, condition = modifier.modifier_id, modifier.formula
                self._say(LineKind.MODIFIER, name, condition, text, exact, unit, modifier.source)
        for limit in methodology.limits:
            if limit.per is not Period.EVENT or limit.sum is None or exact <= limit.sum:
                continue
            if limit.condition is None or self._of(limit.condition):
                text = f"min({self._show(exact)}, {self._show(limit.sum)})"
                exact = limit.sum
                name = limit.limit_id
                self._say(LineKind.LIMIT, name, limit.formula, text, exact, unit, limit.source)
        return exact

    def _of(self, expression: Expression) -> Computed:
        if self._traced:
            self._cite(expression)
        return compute(expression, self._env)

    def _show(self, item: Expression | Computed) -> str:
        return show(item, self._env) if self._traced else ""

    # --- the trace ------------------------------------------------------------------------

    def _say(
        self,
        kind: LineKind,
        name: str,
        formula: str,
        arithmetic: str,
        value: Computed,
        unit: Type,
        source: Source | None = None,
    ) -> None:
        if not self._traced:
            return
        self._trace.append(
            TraceLine(
                kind=kind,
                name=name,
                formula=formula,
                arithmetic=arithmetic,
                value=value,
                unit=unit,
                source=source,
            )
        )

    def _cite(self, expression: Expression) -> None:
        """Add the parameters and rows that `expression` uses, each once, with their sources."""
        methodology = self._methodology
        for node in nodes_of(expression):
            if isinstance(node, Constant) and node.name and node.name not in self._seen:
                self._seen.add(node.name)
                found = methodology.parameters.get(node.name)
                source = found.source if found else None
                shown = show(node.value)
                self._say(LineKind.PARAMETER, node.name, "", shown, node.value, node.unit, source)
            elif isinstance(node, Lookup):
                keys = keys_of(node, self._env)
                name = f"{node.table}[{', '.join(map(str, keys))}]"
                if name not in self._seen and keys in node.rows:
                    self._seen.add(name)
                    value, cited = node.rows[keys], methodology.row_sources[node.table, keys]
                    self._say(LineKind.LOOKUP, name, "", show(value), value, node.unit, cited)
            elif isinstance(node, Band | Curve) and node.name not in self._seen:
                self._seen.add(node.name)
                found_value = compute(node, self._env)
                self._say(
                    LineKind.LOOKUP,
                    node.name,
                    f"{node.name}({show(node.operand, self._env)})",
                    show(found_value),
                    found_value,
                    node.unit,
                    methodology.table_sources[node.name],
                )


def lookups_in(methodology: Methodology) -> tuple[Lookup, ...]:
    """Return every look-up that a methodology makes, wherever it stands."""
    return tuple(item for part in expressions_of(methodology) for item in lookups_of(part))


def expressions_of(methodology: Methodology) -> Iterable[Expression]:
    """Yield every expression of a methodology."""
    yield from (item.expression for item in methodology.formulas)
    yield from (item.condition for item in methodology.rules)
    if methodology.amount is not None:
        yield methodology.amount.expression
    yield from (item.condition for item in methodology.modifiers)
    yield from (item.condition for item in methodology.limits if item.condition is not None)


def environment(
    methodology: Methodology, values: Mapping[str, Value], *, duration_s: int, day: dt.date
) -> Mapping[str, Computed]:
    """Return the names that a condition on an activity may use, which has been evaluated before."""
    always = {"duration_s": duration_s, "day": (day - EPOCH).days, "year": day.year}
    given = {**values, **always}
    return {
        name: _computed(given.get(name, field.default))
        for name, field in methodology.inputs.items()
    }


def _computed(value: object) -> Computed:
    if isinstance(value, bool | str):
        return value
    assert isinstance(value, int)
    return Fraction(value)


def _unit(unit: Unit, value: Computed) -> Type:
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else unit
