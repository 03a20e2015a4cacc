"""From the bytes of a methodology file to a checked `Methodology`.

Errors name the file, the line and the rule that is broken. Loading checks units and types, that no
step can overflow (`lowering`), and that every worked example gives what it says. The page for
authors is `docs/METHODOLOGY.md`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from fedcarbon.canonical.hashing import digest
from fedcarbon.errors import ConfigurationError, FedcarbonError, MalformedError
from fedcarbon.ids import checked_name
from fedcarbon.methodology.definition import (
    ALWAYS,
    GROUPS,
    SCHEMA,
    ActivityType,
    Basis,
    Exclusivity,
    Field,
    FieldKind,
    Formula,
    History,
    InvalidMethodologyError,
    Legal,
    Limit,
    Methodology,
    MethodologyStatus,
    Modifier,
    Negative,
    Period,
    Result,
    ResultKind,
    Rule,
    Source,
)
from fedcarbon.methodology.dimension import PLAIN, Unit
from fedcarbon.methodology.document import DocumentError, Entry, read_document
from fedcarbon.methodology.examples import check_examples, read_examples
from fedcarbon.methodology.expression import (
    BOOLEAN,
    TEXT,
    Baseline,
    BaselineYears,
    Constant,
    Expression,
    Input,
    Named,
    Type,
    type_of,
)
from fedcarbon.methodology.lowering import lower
from fedcarbon.methodology.numbers import Numbers, read_numbers
from fedcarbon.methodology.parsing import Scope, parse_formula
from fedcarbon.methodology.section import Section, date_of, option_of

_VERSION: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[0-9]{1,3})?")
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_RULE: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
FORMULAS_MAX: Final = 200
"""Limit of formulas, and of rules, modifiers and limits each."""
_INTEGER_MAX: Final = 10**15
_RESULT_UNITS: Final[Mapping[ResultKind, frozenset[str]]] = {
    ResultKind.GRAMS: frozenset({"ug"}),
    ResultKind.POINTS: frozenset({"point"}),
    ResultKind.MONEY: frozenset({"fen", "eur_cent", "usd_cent", "krw"}),
}
_DETAILS: Final = ("expiry", "ownership", "packaging", "quality")


def parse_methodology(
    data: bytes, name: str = "methodology", given: Mapping[str, Fraction] | None = None
) -> Methodology:
    """Return the methodology that a file's bytes hold, its worked examples recomputed.

    Args:
        data: the file.
        name: of the file, for messages.
        given: hypothetical values of parameters that a draft does not know.

    Raises:
        InvalidMethodologyError: `name:line: what is wrong`.
    """
    try:
        return _Builder(read_document(data), given or {}).methodology(data, given is None)
    except DocumentError as error:
        raise InvalidMethodologyError(f"{name}:{error.line}: {error.message}") from error


def canonical_json(tree: object) -> bytes:
    """Return the one JSON text of `tree`: sorted keys, no spaces, UTF-8."""
    text = json.dumps(
        tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


class _Builder:
    """One file on its way."""

    def __init__(self, document: Entry, given: Mapping[str, Fraction]) -> None:
        self._document: Final = document
        self._given: Final = given
        self._top: Final = Section(document, "a methodology")
        self._fields: dict[str, Field] = {}
        self._history: History | None = None
        self._formulas: list[Formula] = []
        self._numbers: Numbers

    def methodology(self, data: bytes, check: bool) -> Methodology:  # noqa: FBT001
        top = self._top
        schema = top.take("schema")
        if schema.content != SCHEMA:
            raise DocumentError(schema.line, f"the schema is {SCHEMA}")
        identity = top.take("id")
        try:
            methodology_id = checked_name(str(identity.content))
        except MalformedError as error:
            raise DocumentError(identity.line, str(error)) from error
        version = top.take("version")
        if not isinstance(version.content, str) or _VERSION.fullmatch(version.content) is None:
            raise DocumentError(
                version.line, "a version is a date, YYYY-MM-DD, with an optional .N"
            )
        status_at = top.take("status")
        status = option_of(status_at, MethodologyStatus)
        regions, subject = self._scope_of(top.section("scope"))
        result = self._result(top.section("result"))
        activity_type, evidence = self._activity(top.section("activity"))
        self._history = self._baseline(activity_type)
        self._numbers = read_numbers(top, self._fields, self._given, draft=not status.computes)
        self._read_formulas()
        rules = tuple(self._rule(item) for item in top.items("eligibility", FORMULAS_MAX))
        amount = self._amount(result, required=status.computes)
        modifiers = tuple(self._modifier(item) for item in top.items("modifiers", FORMULAS_MAX))
        limits = tuple(self._limit(item) for item in top.items("limits", FORMULAS_MAX))
        missing = top.texts("missing")
        if missing and status.computes:
            raise DocumentError(status_at.line, "a methodology that lacks a number is a draft")
        if status is MethodologyStatus.DRAFT and not missing:
            raise DocumentError(status_at.line, "a draft says under `missing` what it lacks")
        self._rounding(top.section("rounding"))
        built = Methodology(
            methodology_id=methodology_id,
            version=version.content,
            title=top.bilingual("title"),
            issuer=top.text("issuer"),
            status=status,
            missing=missing,
            notes=top.texts("notes"),
            legal=self._legal(),
            regions=regions,
            subject=subject,
            result=result,
            activity_type=activity_type,
            evidence=evidence,
            fields=self._fields,
            history=self._history,
            sources=self._numbers.sources,
            parameters=self._numbers.parameters,
            tables=self._numbers.tables,
            row_sources=self._numbers.row_sources,
            bands=self._numbers.bands,
            curves=self._numbers.curves,
            table_sources=self._numbers.table_sources,
            formulas=tuple(self._formulas),
            rules=rules,
            amount=amount,
            modifiers=modifiers,
            limits=limits,
            exclusivity=self._exclusivity(activity_type),
            details={key: top.plain(key) for key in _DETAILS if key in top},
            examples=read_examples(top, date_of(Entry(version.content[:10], version.line))),
            content_hash=digest(SCHEMA.encode(), canonical_json(self._document.tree())),
        )
        top.finish()
        if check:
            self._check(built, data)
        return built

    def _check(self, built: Methodology, data: bytes) -> None:
        """Refuse what could overflow, and examples whose answer differs."""
        if built.status.computes:
            try:
                lower(built)
            except ConfigurationError as error:
                raise DocumentError(self._amount_line(), f"{error.code}: {error}") from error
        check_examples(built, self._top, lambda given: parse_methodology(data, given=given))

    def _amount_line(self) -> int:
        entry = self._document.content
        assert isinstance(entry, dict)
        return entry["amount"].line

    # --- what it is about -----------------------------------------------------------------

    def _scope_of(self, section: Section) -> tuple[tuple[str, ...], str]:
        regions = section.texts("regions")
        subject = section.text("subject")
        if subject not in {"person", "household", "organisation"}:
            raise DocumentError(section.line, "a subject is person, household or organisation")
        section.finish()
        return regions, subject

    def _result(self, section: Section) -> Result:
        kind = option_of(section.take("kind"), ResultKind)
        unit_at = section.take("unit")
        if str(unit_at.content) not in _RESULT_UNITS[kind]:
            wanted = ", ".join(sorted(_RESULT_UNITS[kind]))
            raise DocumentError(unit_at.line, f"{kind} are counted in {wanted}")
        basis = section.optional("basis")
        result = Result(
            kind=kind,
            unit=Unit.parse(str(unit_at.content)),
            negative=option_of(section.take("negative"), Negative),
            basis=Basis.REDUCTION if basis is None else option_of(basis, Basis),
        )
        section.finish()
        return result

    def _activity(self, section: Section) -> tuple[ActivityType, tuple[str, ...]]:
        activity_type = option_of(section.take("type"), ActivityType)
        evidence = section.texts("evidence")
        fields = section.section("fields")
        for name, entry in fields.rest().items():
            if _FIELD.fullmatch(name) is None or name in ALWAYS or name == "regime":
                raise DocumentError(entry.line, f"{name[:40]!r} is not free as the name of a field")
            self._fields[name] = _field(name, Section(entry, f"field {name}"))
        # The hash does not see the order of keys, so the order of refusals must not either.
        self._fields = dict(sorted(self._fields.items()))
        section.finish()
        return activity_type, evidence

    def _baseline(self, activity_type: ActivityType) -> History | None:
        section = self._top.optional_section("baseline")
        if section is None:
            return None
        if activity_type is not ActivityType.METER_PERIOD:
            raise DocumentError(section.line, "only a meter period has an own-history baseline")
        field = self._fields.get(section.text("field"))
        if field is None or field.kind is not FieldKind.INTEGER or field.low < 0:
            raise DocumentError(section.line, "a baseline is of a field that is never below 0")
        history = History(
            field=field.name,
            years=section.integer("years", 1, 5),
            at_least=section.integer("at_least", 1, 5),
        )
        if history.at_least > history.years:
            raise DocumentError(section.line, "at_least is at most years")
        section.finish()
        return history

    def _exclusivity(self, activity_type: ActivityType) -> Exclusivity:
        section = self._top.section("exclusivity")
        group = section.text("group")
        if group != GROUPS[activity_type]:
            raise DocumentError(
                section.line, f"the group of a {activity_type} is {GROUPS[activity_type]}"
            )
        found = Exclusivity(
            group=group,
            regimes=section.texts("regimes"),
            exclusive_with=section.texts("exclusive_with"),
        )
        section.finish()
        return found

    def _legal(self) -> Legal:
        section = self._top.optional_section("legal")
        if section is None:
            return Legal()
        named = section.optional("renew_before_days") is not None
        legal = Legal(
            document=section.text("document"),
            issued=section.optional_date("issued"),
            in_force=section.optional_date("in_force"),
            valid_to=section.optional_date("valid_to"),
            renew_before_days=section.integer("renew_before_days", 0, 3650) if named else None,
        )
        section.finish()
        return legal

    def _rounding(self, section: Section) -> None:
        if section.entry.tree() != {"stage": "activity", "mode": "floor"}:
            raise DocumentError(section.line, "amounts are rounded down once, per activity")

    # --- formulas -------------------------------------------------------------------------

    def _scope(self, *, steps: bool = True) -> Scope:
        """Return what a formula may name; `steps` are the baseline and the formulas above."""
        inputs = {**self._fields, **{k: v for k, v in ALWAYS.items() if k != "day"}}
        values: dict[str, Expression] = {
            name: Input(name=name, type=_type(field)) for name, field in inputs.items()
        }
        for name, parameter in self._numbers.parameters.items():
            value = Fraction(1) if parameter.value is None else parameter.value
            values[name] = Constant(value=value, unit=parameter.unit, name=name)
        if self._history is not None and steps:
            unit = self._fields[self._history.field].unit
            values["baseline"] = Baseline(unit=unit)
            values["baseline_years"] = BaselineYears()
        for step in self._formulas if steps else ():
            values[step.name] = Named(name=step.name, expression=step.expression)
        return Scope(
            values=values,
            words={name: field.words for name, field in self._fields.items() if field.words},
            exponents={
                name: (field.low, field.high)
                for name, field in inputs.items()
                if field.kind is FieldKind.INTEGER and field.unit == PLAIN
            },
            tables=self._numbers.tables,
            bands=self._numbers.bands,
            curves=self._numbers.curves,
        )

    def _parsed(
        self, entry: Entry, wanted: Type | None, *, steps: bool = True
    ) -> tuple[str, Expression]:
        """Return the text of a formula and its tree, which is of type `wanted` if that is given."""
        text = str(entry.content)
        try:
            expression = parse_formula(text, self._scope(steps=steps))
        except FedcarbonError as error:
            raise DocumentError(entry.line, str(error)) from error
        found = type_of(expression)
        if wanted is not None and found != wanted:
            raise DocumentError(entry.line, f"{text[:60]!r} is in {found}, not in {wanted}")
        return text, expression

    def _read_formulas(self) -> None:
        section = self._top.optional_section("formulas")
        for name, entry in (section.rest() if section else {}).items():
            if len(self._formulas) >= FORMULAS_MAX:
                raise DocumentError(entry.line, f"there are at most {FORMULAS_MAX} formulas")
            taken = name in self._scope().values or name in {"day", "regime"}
            if _FIELD.fullmatch(name) is None or taken:
                raise DocumentError(entry.line, f"{name[:40]!r} is not free as a name")
            text, expression = self._parsed(entry, None)
            if type_of(expression) == TEXT:
                raise DocumentError(entry.line, "a formula is a number or a condition")
            self._formulas.append(Formula(name=name, formula=text, expression=expression))

    def _rule(self, section: Section) -> Rule:
        text, condition = self._parsed(section.take("require"), BOOLEAN)
        rule = Rule(
            rule_id=_identifier(section),
            formula=text,
            condition=condition,
            text={"zh": section.text("zh"), "en": section.text("en")},
        )
        section.finish()
        return rule

    def _amount(self, result: Result, *, required: bool) -> Formula | None:
        entry = self._top.take("amount") if required else self._top.optional("amount")
        if entry is None:
            return None
        text, expression = self._parsed(entry, result.unit)
        return Formula(name="amount", formula=text, expression=expression)

    def _modifier(self, section: Section) -> Modifier:
        text, condition = self._parsed(section.take("when"), BOOLEAN)
        modifier = Modifier(
            modifier_id=_identifier(section),
            formula=text,
            condition=condition,
            times=section.rational("times"),
            text={"zh": section.text("zh"), "en": section.text("en")},
            source=self._source(section),
        )
        if modifier.times < 0:
            raise DocumentError(section.line, "a modifier is not below 0")
        section.finish()
        return modifier

    def _limit(self, section: Section) -> Limit:
        when = section.optional("when")
        text, condition = ("", None) if when is None else self._parsed(when, BOOLEAN, steps=False)
        count = section.optional("count")
        total = section.optional("sum")
        if (count is None) == (total is None):
            raise DocumentError(section.line, "a limit has either a count or a sum")
        limit = Limit(
            limit_id=_identifier(section),
            per=option_of(section.take("per"), Period),
            count=None if count is None else section.integer("count", 0, 1_000_000),
            sum=None if total is None else section.rational("sum"),
            formula=text,
            condition=condition,
            text={"zh": section.text("zh"), "en": section.text("en")},
            source=self._source(section),
        )
        if limit.per is Period.EVENT and limit.count is not None:
            raise DocumentError(section.line, "one event is one event: give a sum")
        section.finish()
        return limit

    def _source(self, section: Section) -> Source:
        return self._numbers.source_of(section)


def _identifier(section: Section) -> str:
    text = section.text("id")
    if _RULE.fullmatch(text) is None:
        raise DocumentError(section.line, "an id is lower case letters, digits and _")
    return text


def _type(field: Field) -> Type:
    if field.kind is FieldKind.INTEGER:
        return field.unit
    return TEXT if field.kind is FieldKind.WORD else BOOLEAN


def _field(name: str, section: Section) -> Field:
    """Read one field: `enum`, `bool`, or an integer with unit, min and max."""
    refusal = section.text("refusal") if "refusal" in section else f"{name}_out_of_range"
    privacy = section.text("privacy") if "privacy" in section else "local"
    if privacy not in {"local", "aggregate"}:
        raise DocumentError(section.line, "privacy is local or aggregate")
    default = section.optional("default")
    value = None if default is None else default.content
    if value is not None and not isinstance(value, int | str):
        raise DocumentError(section.line, "a default is one value")
    if "enum" in section:
        words = frozenset(section.texts("enum"))
        field = Field(
            name=name,
            kind=FieldKind.WORD,
            words=words,
            default=value,
            refusal=refusal,
            privacy=privacy,
        )
    elif "bool" in section:
        section.take("bool")
        field = Field(
            name=name, kind=FieldKind.TRUTH, default=value, refusal=refusal, privacy=privacy
        )
    else:
        field = Field(
            name=name,
            kind=FieldKind.INTEGER,
            unit=section.unit("unit"),
            low=section.integer("min", -_INTEGER_MAX, _INTEGER_MAX),
            high=section.integer("max", -_INTEGER_MAX, _INTEGER_MAX),
            default=value,
            refusal=refusal,
            privacy=privacy,
        )
    if field.low > field.high or (value is not None and not field.holds(value)):
        raise DocumentError(section.line, f"range or default of {name} is wrong")
    section.finish()
    return field
