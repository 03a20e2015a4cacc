"""A person's own view at this platform: what apps show, in one language.

One function makes it; the service and the command line hand out the same fields. It holds what this
node knows of this person and what the record publishes for everybody: no token, no document, nobody
else, and never who won what was lost.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from fedcarbon.errors import MalformedError
from fedcarbon.registry.measure import Measure
from partner_node.activities.bundle import Bundle
from partner_node.membership import Membership
from partner_node.persons.activity_days import ActivityDay, ActivityDays, Amounts
from partner_node.persons.uses import Uses, UseView
from partner_node.persons.withdrawal import UnknownPersonError
from partner_node.persons.words import UNKNOWN, Language, amount_text, reason_text
from partner_node.record.publications import publications
from partner_node.storage.database import Database
from partner_node.storage.persons import PersonStore, Standing

SCHEMA: Final = "fedcarbon/v1/person"
"""Fields may be added under it; one that changes or goes makes a new one."""
MICRO: Final = 1_000_000
DAYS_IN_APP_TEXT: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class TextView:
    """A reason or a remark: an id for programs, a text for people."""

    id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityView:
    """One activity on one day."""

    activity_id: str
    started_at_s: int
    ended_at_s: int
    state: str
    """See `State`."""
    amounts: Amounts
    reasons: tuple[TextView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodologyView:
    """What one methodology gave on one day."""

    methodology_id: str
    title: str
    amounts: Amounts
    activities: tuple[ActivityView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayView:
    """One local day."""

    day: str
    epoch: int
    """0 outside the programme."""
    amounts: Amounts
    methodologies: tuple[MethodologyView, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView:
    """A time in which both consents stood."""

    since_s: int
    """0 for ever."""
    withdrawn_at_s: int
    """0 while it stands."""
    first_epoch_without: int
    """0 while it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSummary:
    """Everything that a person is shown; integers, and texts in one language."""

    schema: str
    language: str
    person_ref: str
    as_of_s: int
    programme_id: str
    measure: str
    """grams, points or money."""
    unit: str
    """What `MICRO` parts are: `g`, `point`, or a currency's smallest unit."""
    parts_per_unit: int
    consented: bool
    """Whether both consents stand now."""
    consents: tuple[ConsentView, ...]
    totals: Amounts
    """Of the days shown."""
    days: tuple[DayView, ...]
    uses: tuple[UseView, ...]
    unknown: tuple[TextView, ...]
    """What this node cannot know."""
    app: str
    """All of it in a few lines, ready to show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose view is asked for, and of which days."""

    person_ref: str
    language: Language = Language.ZH
    from_day: str = ""
    """ISO 8601, the first local day shown; empty for all."""
    until_day: str = ""
    """The last one; empty for all."""

    def __post_init__(self) -> None:
        """Check that the bounds are dates.

        Raises:
            MalformedError: one is not.
        """
        try:
            _ = self.days
        except ValueError as error:
            raise MalformedError("a day is written as YYYY-MM-DD") from error

    @property
    def days(self) -> tuple[dt.date, dt.date]:
        """The first and the last local day that are asked for."""
        first = dt.date.fromisoformat(self.from_day) if self.from_day else dt.date.min
        last = dt.date.fromisoformat(self.until_day) if self.until_day else dt.date.max
        return first, last


def summary_of(
    database: Database, member: Membership, bundle: Bundle, asked: Asked
) -> PersonSummary:
    """Return the view of the person behind a reference.

    Activities under any reference of the same identity are shown: they are one person's.

    Raises:
        UnknownPersonError: never linked.
        PublicationUnreadableError, SignatureInvalidError: the record holds what nobody signed.
    """
    standing = PersonStore(database).standings([asked.person_ref]).get(asked.person_ref)
    if standing is None:
        raise UnknownPersonError("no person of this reference is linked")
    now_s, programme, language = member.clock.now_s(), member.programme, asked.language
    unit = _unit_of(programme.measure, bundle)
    first, last = asked.days
    found = ActivityDays(database, member, bundle, standing.person_id).all()
    shown = [item for item in found if first <= item.day <= last]
    writer = _Writer(bundle, unit, language)
    days = writer.days(shown)
    totals = _sum(item.amounts for item in days)
    uses = Uses(programme, publications(database, member), now_s, unit, language).all()
    unknown = tuple(TextView(id=name, text=text[language]) for name, text in UNKNOWN.items())
    return PersonSummary(
        schema=SCHEMA,
        language=language.value,
        person_ref=asked.person_ref,
        as_of_s=now_s,
        programme_id=programme.programme_id,
        measure=programme.measure.value,
        unit=unit,
        parts_per_unit=MICRO,
        consented=standing.consented,
        consents=_consents(standing),
        totals=totals,
        days=days,
        uses=uses,
        unknown=unknown,
        app=writer.app(standing, totals, days, uses, unknown),
    )


class _Writer:
    """Groups days and puts them into words."""

    def __init__(self, bundle: Bundle, unit: str, language: Language) -> None:
        self._bundle = bundle
        self._unit = unit
        self._language = language

    def days(self, items: Sequence[ActivityDay]) -> tuple[DayView, ...]:
        """Return the days in order, each with its methodologies in order of their ids."""
        return tuple(
            self._day(day, list(of_day)) for day, of_day in groupby(items, key=lambda i: i.day)
        )

    def _day(self, day: dt.date, items: Sequence[ActivityDay]) -> DayView:
        names = sorted({item.methodology_id for item in items})
        methodologies = tuple(
            self._methodology(name, [item for item in items if item.methodology_id == name])
            for name in names
        )
        amounts = _sum(item.amounts for item in methodologies)
        return DayView(
            day=day.isoformat(),
            epoch=max(item.epoch for item in items),
            amounts=amounts,
            methodologies=methodologies,
            text=f"{day.isoformat()}: {self._sentence(amounts)}",
        )

    def _methodology(self, name: str, items: Sequence[ActivityDay]) -> MethodologyView:
        methodology = self._bundle.find(name)
        activities = tuple(
            ActivityView(
                activity_id=item.activity_id,
                started_at_s=item.started_at_s,
                ended_at_s=item.ended_at_s,
                state=item.state.value,
                amounts=item.amounts,
                reasons=tuple(
                    TextView(id=str(name), text=reason_text(name, methodology, self._language))
                    for name in item.reasons
                ),
            )
            for item in items
        )
        return MethodologyView(
            methodology_id=name,
            title=name if methodology is None else methodology.title[self._language],
            amounts=_sum(item.amounts for item in items),
            activities=activities,
        )

    def app(
        self,
        standing: Standing,
        totals: Amounts,
        days: Sequence[DayView],
        uses: Sequence[UseView],
        unknown: Sequence[TextView],
    ) -> str:
        """Return everything in a few lines: totals, the last days, uses, what is not known."""
        latest = [item.text for item in reversed(days[-DAYS_IN_APP_TEXT:])]
        consent = _CONSENT[standing.consented][self._language]
        lines = (self._sentence(totals), consent, *latest, *(item.text for item in uses))
        return "\n".join((*lines, *(item.text for item in unknown)))

    def _sentence(self, amounts: Amounts) -> str:
        parts = [
            words[self._language].format(
                amount_text(getattr(amounts, name), self._unit, self._language)
            )
            for name, words in _PARTS.items()
            if getattr(amounts, name) or name == "submitted_micro"
        ]
        return _BETWEEN[self._language].join(parts)


def _unit_of(measure: Measure, bundle: Bundle) -> str:
    if measure is Measure.GRAMS:
        return "g"
    return str(bundle.all()[0].result.unit)


def _consents(standing: Standing) -> tuple[ConsentView, ...]:
    return tuple(
        ConsentView(
            since_s=item.since_s,
            withdrawn_at_s=item.withdrawn_at_s or 0,
            first_epoch_without=item.until_epoch or 0,
        )
        for item in standing.periods
    )


def _sum(amounts: Iterable[Amounts]) -> Amounts:
    return sum(amounts, start=Amounts())


def as_tree(summary: PersonSummary) -> dict[str, object]:
    """Return the view as JSON has it: objects, lists, texts, integers and truth values."""
    return dataclasses.asdict(summary)


_BETWEEN: Final = {"zh": ";", "en": "; "}
_CONSENT: Final = {
    True: {
        "zh": "您已授权本平台使用数据并代为申报",
        "en": "you have agreed to the use of your data and to claims on your behalf",
    },
    False: {
        "zh": "目前没有有效授权:不再为您申报新的活动",
        "en": "no consents stand now: nothing new is claimed for you",
    },
}
_PARTS: Final = {
    "submitted_micro": {"zh": "计入{}", "en": "{} counted"},
    "waiting_micro": {"zh": "待裁定{}", "en": "{} claimed and waiting for verdicts"},
    "expected_micro": {"zh": "预计{}", "en": "{} expected, before limits and claims"},
    "lost_micro": {"zh": "由其他合作方申报{}", "en": "{} lost to another partner"},
    "half_lost_micro": {"zh": "随之不计{}", "en": "{} fell with what was lost"},
    "above_cap_micro": {"zh": "超过每日上限{}", "en": "{} above the cap of a day"},
    "over_limits_micro": {"zh": "超过方法学限额{}", "en": "{} above the methodology's limits"},
    "missed_micro": {"zh": "平台未按时提交{}", "en": "{} not submitted in time by the platform"},
}
"""What there is of each part, in the order in which people are told."""
