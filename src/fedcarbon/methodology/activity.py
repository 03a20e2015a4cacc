"""One activity as a partner holds it: it never leaves the partner.

What it is about, a trip, a meter's month, a purchase, is said by the methodology that counts it;
its typed values are those that the methodology declares. An `Activity` that exists is well formed;
whether it counts is decided in `crediting`, and which slots it occupies in `occupancy`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final, Protocol

from fedcarbon.errors import CallerError, MalformedError
from fedcarbon.ids import checked_name
from fedcarbon.methodology.object_ref import MalformedObjectError, canonical_object
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.units import SECONDS_PER_DAY, Seconds

REFERENCE_CHARACTERS_MAX: Final = 128
"""Limit of an activity id, of a person reference, and of a text among the values."""
DISTANCE_M_MAX: Final = 1_000_000
"""Limit of one activity; farther than anybody rides in one go in a city programme."""
VALUES_MAX: Final = 32
"""Limit of the typed values of one activity."""
VALUE_MAX: Final = (1 << 53) - 1
"""Limit of an integer value, either sign: what every warehouse and JSON reader holds exactly."""
INSTANT_S_MAX: Final = (1 << 33) - 1
"""In the year 2242."""
EVIDENCE_MAX: Final = 2
DURATION_S_MAX: Final = 400 * SECONDS_PER_DAY
"""Limit of any activity; most types have a lower one."""

_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)

Value = int | str | bool
"""What a declared field holds."""


class Mode(StrEnum):
    """How somebody moved, as the adapters of published trips name it."""

    RAIL = "rail"
    BUS = "bus"
    BIKE = "bike"
    EBIKE = "ebike"
    EV_RIDE = "ev_ride"
    """A ride-hail trip in an electric car."""
    WALK = "walk"


class InvalidActivityError(CallerError):
    """Values that no activity can have; the platform must correct them."""

    code: ClassVar[str] = "INVALID_ACTIVITY"

    def __init__(self, reason: RejectReason, message: str) -> None:
        """Keep the reason under which the activity is counted as rejected."""
        super().__init__(message)
        self.reason: Final = reason


class Deed(Protocol):
    """What was done, without who did it: all that methodologies and slots look at."""

    @property
    def object_ref(self) -> str:
        """See `Activity.object_ref`."""

    @property
    def started_at_s(self) -> Seconds:
        """First instant."""

    @property
    def ended_at_s(self) -> Seconds:
        """First instant after it."""

    @property
    def duration_s(self) -> Seconds:
        """Seconds from start to end, at least 1."""

    @property
    def values(self) -> Mapping[str, Value]:
        """See `Activity.values`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What one person did, from `started_at_s` up to but not including `ended_at_s`."""

    activity_id: str
    """The platform's own id; unique inside one partner."""
    person_ref: str
    """The platform's own user: whose account it counts for."""
    methodology_id: str
    """Which methodology of the partner's bundle counts it."""
    started_at_s: Seconds
    ended_at_s: Seconds
    evidence: int
    """Tier: 0 validated or metered (gate pair, smart lock), 1 tracked (GPS), 2 self-declared."""
    object_ref: str = ""
    """The meter, receipt, event or vehicle that owns the slots, in canonical form; empty if the
    person does."""
    values: Mapping[str, Value] = field(default_factory=dict, hash=False)
    """The typed fields that the methodology declares, for example `distance_m`."""
    place: str = field(default="", compare=False, repr=False)
    """Where it was, in the platform's own words, for statistics; empty if nobody says. It counts
    for nothing that is credited or proved, and two records of an activity may differ in it."""

    def __post_init__(self) -> None:
        """Check every value, in the order of the fields.

        Raises:
            InvalidActivityError: with the reason of the first value that is wrong.
        """
        checked_reference(self.activity_id)
        checked_reference(self.person_ref)
        _check_methodology_id(self.methodology_id)
        if min(self.started_at_s, self.ended_at_s) < 0 or self.ended_at_s > INSTANT_S_MAX:
            raise InvalidActivityError(
                RejectReason.MALFORMED_TIME, "an activity lies between 1970 and 2242"
            )
        if self.ended_at_s <= self.started_at_s:
            raise InvalidActivityError(
                RejectReason.NOT_POSITIVE_DURATION, "an activity ends after it starts"
            )
        if self.duration_s > DURATION_S_MAX:
            raise InvalidActivityError(
                RejectReason.DURATION_ABOVE_MAXIMUM,
                f"an activity lasts at most {DURATION_S_MAX} s, this one {self.duration_s} s",
            )
        if not 0 <= self.evidence <= EVIDENCE_MAX:
            raise InvalidActivityError(
                RejectReason.EVIDENCE_OUT_OF_RANGE, f"evidence is 0 to {EVIDENCE_MAX}"
            )
        if self.object_ref and checked_object(self.object_ref) != self.object_ref:
            raise InvalidActivityError(
                RejectReason.MALFORMED_OBJECT, "an object reference stands in canonical form"
            )
        if len(self.values) > VALUES_MAX:
            raise InvalidActivityError(
                RejectReason.MALFORMED_ROW, f"an activity has at most {VALUES_MAX} values"
            )
        for name, value in self.values.items():
            _check_value(name, value)
        _check_place(self.place)
        # A copy that nobody changes, in one order.
        object.__setattr__(self, "values", MappingProxyType(dict(sorted(self.values.items()))))

    @property
    def duration_s(self) -> Seconds:
        """Seconds from start to end, at least 1."""
        return Seconds(self.ended_at_s - self.started_at_s)


def checked_reference(text: str) -> str:
    """Return `text` if it can stand for an activity or a person at a platform.

    Raises:
        InvalidActivityError: empty, longer than `REFERENCE_CHARACTERS_MAX`, with spaces around it
            or with characters that do not print.
    """
    if not 1 <= len(text) <= REFERENCE_CHARACTERS_MAX:
        raise InvalidActivityError(
            RejectReason.MALFORMED_ROW, f"an id has 1 to {REFERENCE_CHARACTERS_MAX} characters"
        )
    if text != text.strip() or not text.isprintable():
        raise InvalidActivityError(
            RejectReason.MALFORMED_ROW, "an id has no space around it and no control characters"
        )
    return text


def checked_object(text: str) -> str:
    """Return the canonical form of an object reference, empty for none.

    Raises:
        InvalidActivityError: it has none; see `canonical_object`.
    """
    try:
        return canonical_object(text) if text.strip() else ""
    except MalformedObjectError as error:
        raise InvalidActivityError(RejectReason.MALFORMED_OBJECT, str(error)) from error


def values_text(values: Mapping[str, Value]) -> str:
    """Return the one text of all values: JSON with sorted keys and no spaces."""
    return _CANONICAL.encode(dict(values))


def values_of(text: str) -> dict[str, Value]:
    """Return the values that `values_text` wrote.

    Raises:
        MalformedError: anything else.
    """
    try:
        values = json.loads(text)
        if isinstance(values, dict) and values_text(values) == text:
            return values
    except (ValueError, TypeError, RecursionError) as error:
        raise MalformedError("the values of an activity are canonical JSON") from error
    raise MalformedError("the values of an activity are canonical JSON")


def overlaps(first: Activity, second: Activity) -> bool:
    """Tell whether two activities share at least one second; touching ends do not overlap."""
    return first.started_at_s < second.ended_at_s and second.started_at_s < first.ended_at_s


def _check_methodology_id(text: str) -> None:
    try:
        checked_name(text)
    except MalformedError as error:
        raise InvalidActivityError(
            RejectReason.UNKNOWN_METHODOLOGY, "a methodology is named as in its file"
        ) from error


def _check_place(text: str) -> None:
    if len(text) > REFERENCE_CHARACTERS_MAX or text != text.strip() or not text.isprintable():
        raise InvalidActivityError(
            RejectReason.MALFORMED_ROW,
            f"a place has at most {REFERENCE_CHARACTERS_MAX} characters, all printable, and no "
            "space around it",
        )


def _check_value(name: str, value: object) -> None:
    if _FIELD.fullmatch(name) is None:
        raise InvalidActivityError(
            RejectReason.MALFORMED_ROW, "a field is named in lower snake case"
        )
    if isinstance(value, str):
        if len(value) > REFERENCE_CHARACTERS_MAX or not value.isprintable():
            raise InvalidActivityError(
                RejectReason.MALFORMED_ROW,
                f"a text value has at most {REFERENCE_CHARACTERS_MAX} characters, all printable",
            )
    elif not isinstance(value, int) or abs(value) > VALUE_MAX:
        raise InvalidActivityError(
            RejectReason.MALFORMED_ROW, f"an integer value is at most {VALUE_MAX}"
        )
