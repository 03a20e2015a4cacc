"""What changed between two versions of a methodology, and what that does to their examples.

Everything that an answer depends on is laid out as named facts, each a text; a change is a fact
that one side lacks or words otherwise.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from fedcarbon.methodology.arithmetic import decimal_text
from fedcarbon.methodology.definition import (
    Example,
    Field,
    FieldKind,
    Legal,
    Limit,
    Methodology,
    Source,
)
from fedcarbon.methodology.dimension import PLAIN
from fedcarbon.methodology.examples import outcome_of


class Part(StrEnum):
    """Which part of a methodology a fact belongs to, in the order in which a reviewer reads."""

    IDENTITY = "identity"
    FIELD = "field"
    NUMBER = "number"
    SOURCE = "source"
    FORMULA = "formula"
    RULE = "rule"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One fact that differs; an empty text where a side lacks it."""

    part: Part
    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleChange:
    """What one worked example comes to under both versions."""

    name: str
    of: str
    """The version whose file holds the example: `old`, `new` or `both`."""
    old: str
    new: str

    @property
    def differs(self) -> bool:
        """Whether the two versions disagree on it."""
        return self.old != self.new


Facts = Mapping[tuple[Part, str], str]


def changes_between(old: Methodology, new: Methodology) -> tuple[Change, ...]:
    """Return every fact that differs, part by part."""
    before, after = facts_of(old), facts_of(new)
    keys = [*before, *(key for key in after if key not in before)]
    found = [
        Change(part=part, name=name, old=before.get(key, ""), new=after.get(key, ""))
        for key in keys
        for part, name in (key,)
        if before.get(key) != after.get(key)
    ]
    order = list(Part)
    return tuple(sorted(found, key=lambda change: order.index(change.part)))


def example_changes(old: Methodology, new: Methodology) -> tuple[ExampleChange, ...]:
    """Return what the examples of both files come to under both; none if one is a draft."""
    if not (old.status.computes and new.status.computes):
        return ()
    theirs = {example.name: example for example in new.examples}
    found = []
    for example in old.examples:
        twin = theirs.get(example.name)
        same = twin is not None and _wording(twin) == _wording(example)
        found.append(_example_change(example, "both" if same else "old", old, new))
        if same:
            del theirs[example.name]
    return (*found, *(_example_change(example, "new", old, new) for example in theirs.values()))


def _wording(example: Example) -> object:
    """Return an example without its days, which follow the version where it names none."""
    events = [replace(event, day=dt.date.min) for event in example.events]
    return events, example.expect, example.refused


def _example_change(example: Example, of: str, old: Methodology, new: Methodology) -> ExampleChange:
    return ExampleChange(
        name=example.name, of=of, old=_answer(old, example), new=_answer(new, example)
    )


def _answer(methodology: Methodology, example: Example) -> str:
    amount, refusal = outcome_of(methodology, example)
    if amount is None:
        return f"refused: {refusal}"
    return f"{decimal_text(amount)} {methodology.result.unit}"


def facts_of(methodology: Methodology) -> Facts:
    """Return everything that an answer depends on, and who says so."""
    return {(part, name): text for part, name, text in _facts(methodology)}


def _facts(methodology: Methodology) -> Iterator[tuple[Part, str, str]]:
    yield from _identity(methodology)
    for field in methodology.inputs.values():
        yield Part.FIELD, field.name, field_text(field)
    for name, text, source in numbers_of(methodology):
        yield Part.NUMBER, name, text
        yield Part.SOURCE, f"of {name}", source.name
    for source in methodology.sources.values():
        yield Part.SOURCE, source.name, f"[{source.tag}] {source.cite} (read {source.read})"
    for formula in methodology.formulas:
        yield Part.FORMULA, formula.name, formula.formula
    if methodology.amount is not None:
        yield Part.FORMULA, "amount", methodology.amount.formula
    for modifier in methodology.modifiers:
        text = f"times {decimal_text(modifier.times)} when {modifier.formula}"
        yield Part.FORMULA, modifier.modifier_id, text
    for place, rule in enumerate(methodology.rules, start=1):
        yield Part.RULE, rule.rule_id, f"{place}. {rule.formula}"
    for limit in methodology.limits:
        yield Part.LIMIT, limit.limit_id, limit_text(limit)


def _identity(methodology: Methodology) -> Iterator[tuple[Part, str, str]]:
    result, history = methodology.result, methodology.history
    exclusivity = methodology.exclusivity
    texts = {
        "id": methodology.methodology_id,
        "version": methodology.version,
        "status": methodology.status.value,
        "title": " / ".join(methodology.title.values()),
        "issuer": methodology.issuer,
        "missing": "; ".join(methodology.missing),
        "notes": "; ".join(methodology.notes),
        "document": _document(methodology.legal),
        "regions": ", ".join(methodology.regions),
        "subject": methodology.subject,
        "result": f"{result.kind} in {result.unit}, {result.basis}, below zero: {result.negative}",
        "activity": methodology.activity_type.value,
        "evidence": ", ".join(methodology.evidence),
        "baseline": ""
        if history is None
        else f"{history.field}, {history.years} years, at least {history.at_least}",
        "in force": f"{methodology.valid_from or ''} to {methodology.valid_to or ''}",
        "exclusive": f"{exclusivity.group}; with {', '.join(exclusivity.exclusive_with)}; "
        f"not in {', '.join(exclusivity.regimes)}",
        **{key: _plain(tree) for key, tree in methodology.details.items()},
    }
    for name, text in texts.items():
        if text:
            yield Part.IDENTITY, name, text


def _document(legal: Legal) -> str:
    parts = [legal.document]
    if legal.issued is not None:
        parts.append(f"issued {legal.issued}")
    if legal.renew_before_days is not None:
        parts.append(f"to be renewed {legal.renew_before_days} days before it ends")
    return ", ".join(filter(None, parts))


def numbers_of(methodology: Methodology) -> Iterator[tuple[str, str, Source]]:
    """Yield name, value with unit, and source of every number, in the order of the file."""
    for parameter in methodology.parameters.values():
        known = parameter.value is not None
        text = decimal_text(Fraction(parameter.value or 0)) if known else "not known"
        yield parameter.name, f"{text} {parameter.unit}", parameter.source
    for table in methodology.tables.values():
        for keys, value in table.rows.items():
            name = f"{table.name}[{', '.join(map(str, keys))}]"
            source = methodology.row_sources[table.name, keys]
            yield name, f"{decimal_text(value)} {table.unit}", source
    for band in methodology.bands.values():
        for step in band.steps:
            high = "..." if step.high is None else decimal_text(step.high)
            name = f"{band.name} from {decimal_text(step.low)} to {high}"
            source = methodology.table_sources[band.name]
            yield name, f"{decimal_text(step.value)} {band.unit}", source
    for curve in methodology.curves.values():
        for at, value in curve.points:
            name = f"{curve.name} at {decimal_text(at)} {curve.of}"
            source = methodology.table_sources[curve.name]
            yield name, f"{decimal_text(value)} {curve.unit}", source


def field_text(field: Field) -> str:
    """Return kind and range of a field in words."""
    if field.kind is FieldKind.INTEGER:
        unit = "" if field.unit == PLAIN else f" {field.unit}"
        text = f"{field.low} to {field.high}{unit}"
    elif field.kind is FieldKind.WORD:
        text = " | ".join(sorted(field.words)) or "any text"
    else:
        text = "true | false"
    return text if field.default is None else f"{text}, {field.default!r} if it is missing"


def limit_text(limit: Limit) -> str:
    """Return what a limit takes away in words."""
    most = f"{limit.count} times" if limit.sum is None else decimal_text(limit.sum)
    return f"at most {most} per {limit.per}" + (f" when {limit.formula}" if limit.formula else "")


def _plain(tree: object) -> str:
    if isinstance(tree, Mapping):
        return ", ".join(f"{key} {_plain(value)}" for key, value in tree.items())
    if isinstance(tree, list):
        return " ".join(map(_plain, tree))
    return str(tree)
