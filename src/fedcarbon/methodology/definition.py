"""A methodology as versioned data: what it counts, by which formula, each number with its source.

Values only. `reader` makes a `Methodology` from the bytes of a file, and no other way is meant:
what is here has been checked for units, ranges and overflow, and its worked examples recomputed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar, Final

from fedcarbon.errors import ConfigurationError
from fedcarbon.methodology.dimension import PLAIN, Unit
from fedcarbon.methodology.expression import Expression, Keys, Value
from fedcarbon.methodology.parsing import BandTable, CurvePoints, Table

SCHEMA: Final = "fedcarbon/v2/methodology"
MICRO: Final = 1_000_000
"""Millionths in one point or fen: what a programme of points or money counts."""


class InvalidMethodologyError(ConfigurationError):
    """A methodology file that breaks its schema; its author must correct it."""

    code: ClassVar[str] = "INVALID_METHODOLOGY"


class MethodologyNotUsableError(ConfigurationError):
    """A draft or quarantined methodology refuses to compute; choose another one."""

    code: ClassVar[str] = "METHODOLOGY_NOT_USABLE"


class MethodologyStatus(StrEnum):
    """Who stands behind a methodology, and how well its numbers are known."""

    OFFICIAL = "official"
    """Every number was read in what the issuing body published."""
    SECONDHAND = "secondhand"
    """An official rule whose numbers were read in the press or in somebody's copy."""
    ENTERPRISE = "enterprise"
    ACADEMIC = "academic"
    DRAFT = "draft"
    """A number is missing or not verified: it refuses to compute."""
    QUARANTINED = "quarantined"
    """Contradicted by a better source: it refuses to compute."""

    @property
    def computes(self) -> bool:
        """Whether anything may be computed under it."""
        return self not in {MethodologyStatus.DRAFT, MethodologyStatus.QUARANTINED}


class ActivityType(StrEnum):
    """Shapes of what people do: each has its own way to occupy slots."""

    TRIP = "trip"
    METER_PERIOD = "meter_period"
    PURCHASE = "purchase"
    COUNT = "count"
    STATE_WINDOW = "state_window"
    BUDGET_PERIOD = "budget_period"


GROUPS: Final[Mapping[ActivityType, str]] = {
    ActivityType.TRIP: "movement",
    ActivityType.METER_PERIOD: "meter",
    ActivityType.PURCHASE: "receipt",
    ActivityType.COUNT: "receipt",
    ActivityType.STATE_WINDOW: "state",
    ActivityType.BUDGET_PERIOD: "budget",
}
"""The exclusivity group of every type: within one, a slot of a person or object earns once."""


class ResultKind(StrEnum):
    """What an amount is; kinds never add."""

    GRAMS = "grams"
    POINTS = "points"
    MONEY = "money"


class Basis(StrEnum):
    """Whether an amount may be credited."""

    REDUCTION = "reduction"
    FOOTPRINT = "footprint"
    """Emissions, not savings: for people to see, never credited."""


class Negative(StrEnum):
    """What becomes of an amount below zero."""

    CLAMP = "clamp"
    """It counts 0."""
    REFUSE = "refuse"
    """The activity is refused as `negative_result`."""


class Period(StrEnum):
    """Over what a limit counts."""

    EVENT = "event"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a number comes from."""

    name: str
    cite: str
    """Title or address of what was read."""
    tag: str
    """O official text, S second hand, D derived, M general knowledge, `project` our own limit."""
    read: str
    """ISO 8601 date on which it was read or decided."""


class FieldKind(StrEnum):
    """What a field holds."""

    INTEGER = "integer"
    WORD = "word"
    TRUTH = "truth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of the activity, with the range that every bound is computed from."""

    name: str
    kind: FieldKind
    unit: Unit = PLAIN
    low: int = 0
    high: int = 0
    words: frozenset[str] = frozenset()
    """Of a word; empty for any text."""
    default: Value | None = None
    """None: it must be there."""
    refusal: str
    """Id under which a value out of range is refused; a missing one is `<name>_missing`."""
    privacy: str = "local"
    """`local` never leaves the partner, `aggregate` may stand in sums."""

    def holds(self, value: object) -> bool:
        """Tell whether `value` is of the kind and in the range."""
        if self.kind is FieldKind.TRUTH:
            return isinstance(value, bool)
        if self.kind is FieldKind.WORD:
            return isinstance(value, str) and (not self.words or value in self.words)
        return type(value) is int and self.low <= value <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One number with its unit and source."""

    name: str
    value: Fraction | None
    """None only in a draft: it is not known."""
    unit: Unit
    source: Source
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A condition that must hold, in the order of the file."""

    rule_id: str
    formula: str
    condition: Expression
    text: Mapping[str, str]
    """What people are told, by language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A named step."""

    name: str
    formula: str
    expression: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Modifier:
    """A factor on the amount when a condition holds."""

    modifier_id: str
    formula: str
    condition: Expression
    times: Fraction
    text: Mapping[str, str]
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most so many events, or so much, per event, local day or local month of one owner."""

    limit_id: str
    per: Period
    count: int | None
    sum: Fraction | None
    """In the unit of the result."""
    formula: str
    condition: Expression | None
    """Which activities it is about; None for all."""
    text: Mapping[str, str]
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """An own-history baseline: the mean of a field in the same period of earlier years."""

    field: str
    years: int
    at_least: int
    """With fewer known years the activity is refused as `too_little_history`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the amount is."""

    kind: ResultKind
    unit: Unit
    negative: Negative
    basis: Basis

    @property
    def scale(self) -> int:
        """Smallest counted parts in one unit of the result: 1 for ug, else `MICRO`."""
        return 1 if self.kind is ResultKind.GRAMS else MICRO


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusivity:
    """What else must not credit the same."""

    group: str
    regimes: tuple[str, ...]
    """An activity inside one of these (its value `regime`) is refused as `in_excluded_regime`."""
    exclusive_with: tuple[str, ...]
    """Ids of methodologies that credit the same behaviour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Legal:
    """The published text behind the methodology."""

    document: str = ""
    issued: dt.date | None = None
    in_force: dt.date | None = None
    """Activities before this day are refused as `outside_validity`."""
    valid_to: dt.date | None = None
    """Activities after this day are refused likewise."""
    renew_before_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleEvent:
    """One activity of a worked example."""

    values: Mapping[str, Value]
    duration_s: int
    day: dt.date
    history: tuple[int | None, ...]
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A known answer in the file itself; all its events are one person's, on their days."""

    name: str
    events: tuple[ExampleEvent, ...]
    expect: Fraction | None
    """In the unit of the result, rounded down to counted parts, over all events after limits."""
    refused: str | None
    """Or the rule that refuses the (only) event."""
    given: Mapping[str, Fraction]
    """Hypothetical values of parameters that a draft does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Methodology:
    """A methodology that has been read and checked."""

    methodology_id: str
    version: str
    """Date of the published text it follows, with a number if we revise our data: 2026-01-08.1."""
    title: Mapping[str, str]
    """By language, `zh` and `en`."""
    issuer: str
    status: MethodologyStatus
    missing: tuple[str, ...]
    """What a draft does not know, in words."""
    notes: tuple[str, ...]
    legal: Legal
    regions: tuple[str, ...]
    subject: str
    """person, household or organisation."""
    result: Result
    activity_type: ActivityType
    evidence: tuple[str, ...]
    fields: Mapping[str, Field]
    """Declared ones; see `inputs`."""
    history: History | None
    sources: Mapping[str, Source]
    parameters: Mapping[str, Parameter]
    tables: Mapping[str, Table]
    row_sources: Mapping[tuple[str, Keys], Source]
    """Source of every row of every table."""
    bands: Mapping[str, BandTable]
    curves: Mapping[str, CurvePoints]
    table_sources: Mapping[str, Source]
    """Of every table, band and curve as a whole."""
    formulas: tuple[Formula, ...]
    rules: tuple[Rule, ...]
    amount: Formula | None
    """None only in a draft."""
    modifiers: tuple[Modifier, ...]
    limits: tuple[Limit, ...]
    exclusivity: Exclusivity
    details: Mapping[str, Mapping[str, object]]
    """Data that nothing here computes with, as in the file: expiry, ownership, packaging,
    quality."""
    examples: tuple[Example, ...]
    content_hash: bytes
    """32 bytes over the canonical form of the whole file."""

    @property
    def inputs(self) -> Mapping[str, Field]:
        """Every field that an evaluator is given: the declared ones and the ones always there."""
        regime = Field(name="regime", kind=FieldKind.WORD, default="", refusal="regime_unknown")
        return {**self.fields, **ALWAYS, **({"regime": regime} if self.exclusivity.regimes else {})}

    @property
    def valid_from(self) -> dt.date | None:
        """The first local day of activities that count: the latest of law and parameters."""
        days = [item.valid_from for item in self.parameters.values()] + [self.legal.in_force]
        return max((day for day in days if day is not None), default=None)

    @property
    def valid_to(self) -> dt.date | None:
        """The last local day of activities that count."""
        days = [item.valid_to for item in self.parameters.values()] + [self.legal.valid_to]
        return min((day for day in days if day is not None), default=None)

    def require_computing(self) -> None:
        """Raise `MethodologyNotUsableError` for a draft or a quarantined methodology."""
        if not self.status.computes:
            why = f": {'; '.join(self.missing)}" if self.missing else ""
            raise MethodologyNotUsableError(
                f"methodology {self.methodology_id} {self.version} is {self.status}{why}: "
                "it must not be used to compute"
            )

    def text_of(self, refusal: str, language: str = "en") -> str:
        """Return what people are told about a refusal, in `zh` or `en`."""
        for rule in self.rules:
            if rule.rule_id == refusal:
                return rule.text[language]
        for limit in self.limits:
            if limit.limit_id == refusal:
                return limit.text[language]
        return GENERAL_TEXTS.get(refusal, FIELD_TEXT)[language]


_SECOND: Final = Unit.parse("s")
DURATION_S_MAX: Final = 400 * 86_400
DAY_MAX: Final = 99_999
"""In the year 2243."""

ALWAYS: Final[Mapping[str, Field]] = {
    "duration_s": Field(
        name="duration_s",
        kind=FieldKind.INTEGER,
        unit=_SECOND,
        low=1,
        high=DURATION_S_MAX,
        refusal="duration_s_out_of_range",
    ),
    "year": Field(
        name="year", kind=FieldKind.INTEGER, low=1970, high=2242, refusal="year_out_of_range"
    ),
    "day": Field(
        name="day", kind=FieldKind.INTEGER, low=0, high=DAY_MAX, refusal="day_out_of_range"
    ),
}
"""Fields of every activity: seconds from start to end; year and day (since 1970-01-01) of the
local day on which it began."""

GENERAL_TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "too_little_history": {
        "zh": "往年同期的数据不足,无法确定基准",
        "en": "too few readings of the same period in earlier years: there is no baseline",
    },
    "no_factor": {"zh": "方法学没有适用的系数", "en": "the methodology has no factor for this"},
    "outside_validity": {
        "zh": "不在方法学有效期内",
        "en": "on a day on which the methodology or its approval is not in force",
    },
    "in_excluded_regime": {
        "zh": "该行为已纳入其他减排机制",
        "en": "it belongs to another regime already, and nothing counts twice",
    },
    "negative_result": {"zh": "没有减排", "en": "there was no reduction"},
}
FIELD_TEXT: Final[Mapping[str, str]] = {
    "zh": "数据缺失或超出范围",
    "en": "a value is missing or out of range",
}
