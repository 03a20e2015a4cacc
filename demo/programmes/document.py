"""Programme files: a known scheme as data, and what happens in it in the demo.

A file names one or more programmes with their rules, partners with the methodologies that they
use, events that are invented for them, and steps that wallet operators, buyers and verifiers then
take. Unknown keys are refused, so that a misspelt one is noticed; every number that no source
gives is listed under `hypothetical` in words.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Final

from demo.programmes.step_kinds import step_of
from demo.programmes.steps import Step
from fedcarbon.errors import ConfigurationError
from fedcarbon.ids import PartyId, ProgrammeId, party_id, programme_id

FOLDER: Final = Path(__file__).parent
Value = int | str | bool
Drawn = Value | tuple[int, int]
"""A constant, or the lowest and the highest of whole numbers that are drawn."""
Range = tuple[int, int]
"""Of invented people: the first, and the one after the last."""
PEOPLE_MAX: Final = 1_000


class ProgrammeFileError(ConfigurationError):
    """A programme file is wrong or does not exist; its author must change it."""

    code: ClassVar[str] = "PROGRAMME_FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text for people in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """`[[programme]]`: what t root keys sign. What is left out has the registry's default."""

    id: ProgrammeId
    measure: str = "grams"
    time_zone: str = "Asia/Shanghai"
    first_day: dt.date
    last_day: dt.date
    epoch_days: int = 1
    rest: Mapping[str, Any] = field(default_factory=dict)
    """`domain`, `group`, `cap`, `unit`, `unit_fen`, `slot_s`; amounts in millionths of the
    measure."""
    policy: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """`[[event.period]]`: whole local days, such as those between two readings of a meter."""

    days: tuple[dt.date, dt.date]
    """The first, and the one after the last."""
    values: Mapping[str, Drawn] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`[[event]]`: something that invented people do, at times of the day or over periods."""

    id: str
    who: Range
    every: int = 1
    """Days from one to the next."""
    at: tuple[dt.time, ...] = ()
    """Local times; several for several a day."""
    period: tuple[Period, ...] = ()
    """Instead: with values of their own. Periods before the programme are history."""
    spread_min: int = 0
    """Up to so many minutes later than `at`."""
    lasts_s: int = 1
    speed_m_s: int | None = None
    """With it an event lasts as long as its `distance_m` takes."""
    values: Mapping[str, Drawn] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """`[[partner.sees]]`: how a partner records an event."""

    event: str
    methodology: str
    evidence: int = 0
    skew_s: int = 0
    """How far its clock is ahead."""
    values: Mapping[str, Drawn] = field(default_factory=dict)
    """What it knows besides the event's own values."""
    claim_window: str = ""
    """A methodology whose `expiry` says when people must claim; the rest is not recorded."""
    claimed_after_s: Drawn = 0
    """How long after it ended they do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """`[[partner]]`: one organisation in one programme."""

    id: PartyId
    programme: ProgrammeId
    methodologies: tuple[str, ...]
    best_tier: int = 0
    members: Range
    sees: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """`[[wallet_operator]]`."""

    id: PartyId
    holders: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """`[[expect]]`: a figure that must come out."""

    figure: str
    programme: ProgrammeId
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeFile:
    """A whole file."""

    name: str
    """Of the file, without `.toml`."""
    title: Text
    original: str
    """What the scheme is that this file follows, in a sentence."""
    evidence: str
    """How far the numbers can be trusted: which are official, and which are not."""
    hypothetical: tuple[str, ...]
    """Every number that no source gives."""
    people: int
    organisations: Range = (0, 0)
    """Which of the people are organisations."""
    households: Range = (0, 0)
    """Which are households: accounts of meters. Of n households, the member of each is the person
    n later."""
    programmes: tuple[Rules, ...]
    events: tuple[Event, ...]
    partners: tuple[Partner, ...]
    operators: tuple[Operator, ...]
    steps: tuple[Step, ...]
    expected: tuple[Expected, ...]


def names() -> list[str]:
    """Return the names of all programme files."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> ProgrammeFile:
    """Return the programme file called `name`.

    Raises:
        ProgrammeFileError: there is none, or it is wrong.
    """
    if name not in names():
        raise ProgrammeFileError(f"there is no programme {name!r}; there are {', '.join(names())}")
    return parse((FOLDER / f"{name}.toml").read_text(encoding="utf-8"), name)


def parse(text: str, name: str) -> ProgrammeFile:
    """Return the programme file with this text.

    Raises:
        ProgrammeFileError: it is wrong; the message says where.
    """
    try:
        return _file(tomllib.loads(text), name)
    except (KeyError, TypeError, ValueError, ConfigurationError) as error:
        raise ProgrammeFileError(f"{name}.toml: {type(error).__name__}: {error}") from error


_TABLES: Final = frozenset({
    "title", "original", "evidence", "hypothetical", "people", "organisations", "households",
    "programme", "event", "partner", "wallet_operator", "step", "expect",
})  # fmt: skip
_REST: Final = frozenset({"domain", "group", "cap", "unit", "unit_fen", "slot_s", "token_epoch"})


def _file(tree: dict[str, Any], name: str) -> ProgrammeFile:
    if tree.keys() - _TABLES:
        raise ProgrammeFileError(f"unknown keys {sorted(tree.keys() - _TABLES)}")
    people = int(tree["people"])
    if not 1 <= people <= PEOPLE_MAX:
        raise ProgrammeFileError(f"people is 1 to {PEOPLE_MAX}")
    everyone = (0, people)
    rules = tuple(_rules(item) for item in tree["programme"])
    own = {item.id for item in rules}
    first = rules[0].id
    built = ProgrammeFile(
        name=name,
        title=_build(Text, tree["title"]),
        original=str(tree["original"]),
        evidence=str(tree["evidence"]),
        hypothetical=tuple(str(item) for item in tree["hypothetical"]),
        people=people,
        organisations=_range(tree.get("organisations", (0, 0))),
        households=_range(tree.get("households", (0, 0))),
        programmes=rules,
        events=tuple(_event(item, everyone) for item in tree["event"]),
        partners=tuple(_partner(item, first, everyone) for item in tree["partner"]),
        operators=tuple(
            _build(
                Operator,
                {
                    "id": party_id(item["id"]),
                    "holders": _range(item.get("holders", everyone)),
                    **{key: value for key, value in item.items() if key not in {"id", "holders"}},
                },
            )
            for item in tree["wallet_operator"]
        ),
        steps=tuple(step_of({"programme": first, **item}, everyone) for item in tree["step"]),
        expected=tuple(_build(Expected, {"programme": first, **item}) for item in tree["expect"]),
    )
    _check(built, own)
    return built


def _check(built: ProgrammeFile, own: set[ProgrammeId]) -> None:
    """Refuse names that lead nowhere, and files that hide what is invented."""
    if not built.hypothetical or not built.expected or not built.steps:
        raise ProgrammeFileError("a file says what is hypothetical, what happens and what is due")
    events = {event.id for event in built.events}
    if any(bool(event.at) == bool(event.period) for event in built.events):
        raise ProgrammeFileError("an event happens at times of the day or over periods")
    for partner in built.partners:
        for sighting in partner.sees:
            if sighting.event not in events:
                raise ProgrammeFileError(f"{partner.id} sees {sighting.event}, which is no event")
            if sighting.methodology not in partner.methodologies:
                raise ProgrammeFileError(f"{partner.id} does not use {sighting.methodology}")
    named = {item.programme for item in built.partners}
    named |= {item.programme for item in built.steps}
    strange = (named | {item.programme for item in built.expected}) - own
    if strange:
        raise ProgrammeFileError(f"no such programmes: {sorted(strange)}")
    first_home, end_of_homes = built.households
    if not 0 <= first_home <= end_of_homes <= built.people - (end_of_homes - first_home):
        raise ProgrammeFileError("after the households there is a person for each of them")
    ranges = [
        *(event.who for event in built.events),
        *(partner.members for partner in built.partners),
        *(operator.holders for operator in built.operators),
    ]
    if any(not 0 <= first < end <= built.people for first, end in ranges):
        raise ProgrammeFileError(f"a range of people lies within 0 to {built.people}")


def _build(cls: type[Any], tree: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any entry class
    known = {item.name for item in fields(cls)}
    if tree.keys() - known:
        raise ProgrammeFileError(f"unknown keys {sorted(tree.keys() - known)} in {cls.__name__}")
    return cls(**tree)


def _rules(tree: Mapping[str, Any]) -> Rules:
    first, last = (dt.date.fromisoformat(str(day)) for day in tree["days"])
    kept = {key: value for key, value in tree.items() if key not in {"id", "days", *_REST}}
    built: Rules = _build(
        Rules,
        {
            "id": programme_id(tree["id"]),
            "first_day": first,
            "last_day": last,
            "rest": {key: tree[key] for key in sorted(_REST & tree.keys())},
            **kept,
        },
    )
    return built


def _event(tree: Mapping[str, Any], everyone: Range) -> Event:
    built: Event = _build(
        Event,
        {
            **tree,
            "who": _range(tree.get("who", everyone)),
            "at": tuple(dt.time.fromisoformat(text) for text in tree.get("at", ())),
            "period": tuple(_period(item) for item in tree.get("period", ())),
            "values": _drawn(tree.get("values", {})),
        },
    )
    return built


def _period(tree: Mapping[str, Any]) -> Period:
    first, after = (dt.date.fromisoformat(str(day)) for day in tree["days"])
    built: Period = _build(
        Period, {**tree, "days": (first, after), "values": _drawn(tree.get("values", {}))}
    )
    return built


def _partner(tree: Mapping[str, Any], first: ProgrammeId, everyone: Range) -> Partner:
    built: Partner = _build(
        Partner,
        {
            "programme": first,
            **tree,
            "id": party_id(tree["id"]),
            "methodologies": tuple(tree["methodologies"]),
            "members": _range(tree.get("members", everyone)),
            "sees": tuple(
                _build(Sighting, {**_drawn(item), "values": _drawn(item.get("values", {}))})
                for item in tree["sees"]
            ),
        },
    )
    return built


def _drawn(tree: Mapping[str, Any]) -> dict[str, Drawn]:
    return {key: _range(value) if isinstance(value, list) else value for key, value in tree.items()}


def _range(pair: Sequence[int]) -> Range:
    first, end = pair
    return int(first), int(end)
