"""Programmes: whose reductions count, on which days, under which limits and waits."""

from __future__ import annotations

import calendar
import datetime as dt
import zoneinfo
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import ConfigurationError, MalformedError
from fedcarbon.ids import EpochIndex, ProgrammeId, checked_name
from fedcarbon.registry.measure import Measure
from fedcarbon.units import SECONDS_PER_DAY, Fen, MicrogramsCO2e, Seconds

CAP_DEFAULT_UG: Final = MicrogramsCO2e(50_000_000_000)
"""50 kg per person and day."""
SLOT_DEFAULT_S: Final = 300
SLOT_MIN_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Waits and windows: fields of the signed programme, with the design's defaults."""

    commit_window_s: int = 6 * 3600
    """From the end of an epoch's last day until claims must be committed (phase 1a)."""
    reveal_window_s: int = 6 * 3600
    """After that, until lists must be revealed (phase 1b)."""
    submit_window_s: int = 12 * 3600
    """After that, until submissions must be complete; then a partner is sealed "missing"."""
    opening_interval_days: int = 7
    """Days of activity between two openings of one account, at least."""
    binding_wait_s: int = 72 * 3600
    enrolment_age_s: int = 7 * SECONDS_PER_DAY
    """How much older than the binding the signing partner's enrolment must be."""
    missing_wait_s: int = 30 * SECONDS_PER_DAY
    """Wait before an opening over an epoch in which an enrolled partner is missing."""
    starts_max: int = 10
    """Starts per account and epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme(Statement):
    """A programme's rules, signed by t root keys."""

    KIND: ClassVar[str] = "programme"

    parameter_id: bytes
    programme_id: ProgrammeId
    exclusivity_domain: str
    """Programmes of one domain share one claim round."""
    exclusivity_group: str
    """`movement` for travel."""
    measure: Measure
    """What its amounts are millionths of: fields in ug count them, whichever it is."""
    token_epoch: int
    time_zone: str
    """IANA name; fixes the programme's days."""
    first_day: str
    """ISO 8601 date of the first local day."""
    last_day: str
    epoch_days: int
    slot_s: int
    cap_ug: MicrogramsCO2e
    """Cap per person and day."""
    partners_max: int
    days_max: int
    """Days that one token epoch can sum over."""
    unit_ug: MicrogramsCO2e
    """Mass of one redemption unit, in millionths of the measure."""
    unit_fen: Fen
    """What one unit pays."""
    test_identities: bool
    """Whether TEST ids are admitted (never in production)."""
    policy: Policy

    def __post_init__(self) -> None:
        """Check names, dates and ranges."""
        for name in (self.programme_id, self.exclusivity_domain, self.exclusivity_group):
            checked_name(name)
        if len(self.parameter_id) != DIGEST_BYTES:
            raise MalformedError("a parameter id has 32 bytes")
        first, last = _date(self.first_day), _date(self.last_day)
        zone(self.time_zone)
        positive = (self.epoch_days, self.slot_s, self.cap_ug, self.partners_max, self.unit_ug)
        if min(positive) < 1 or self.unit_fen < 1:
            raise MalformedError("epoch length, slot, cap, partners and unit must be positive")
        days = (last - first).days + 1
        if days < 1 or days % self.epoch_days:
            raise MalformedError("the days of a programme must be whole epochs")
        if last == dt.date.max:
            raise MalformedError("the last day of a programme needs a day after it")
        if days > self.days_max:
            raise MalformedError(f"{days} days are more than days_max {self.days_max}")
        if SECONDS_PER_DAY % self.slot_s or self.slot_s < SLOT_MIN_S:
            raise MalformedError(f"a slot must divide the day and last at least {SLOT_MIN_S} s")

    @property
    def epochs(self) -> int:
        """How many epochs the programme has."""
        days = (_date(self.last_day) - _date(self.first_day)).days + 1
        return days // self.epoch_days

    @property
    def epoch_cap_ug(self) -> MicrogramsCO2e:
        """B_j in DESIGN 8: the cap of one account and partner over one epoch."""
        return MicrogramsCO2e(self.cap_ug * self.epoch_days)

    def days_of(self, epoch: EpochIndex) -> tuple[dt.date, ...]:
        """Return the local days of `epoch`.

        Raises:
            MalformedError: the programme has no such epoch.
        """
        if not 1 <= epoch <= self.epochs:
            raise MalformedError(f"epoch {epoch} is not one of 1 to {self.epochs}")
        start = _date(self.first_day) + dt.timedelta(days=(epoch - 1) * self.epoch_days)
        return tuple(start + dt.timedelta(days=i) for i in range(self.epoch_days))

    def epoch_of(self, day: dt.date) -> EpochIndex | None:
        """Return the epoch that holds the local `day`, or None outside the programme."""
        offset = (day - _date(self.first_day)).days
        epoch = EpochIndex(offset // self.epoch_days + 1)
        return epoch if 1 <= epoch <= self.epochs else None

    def epoch_end_s(self, epoch: EpochIndex) -> Seconds:
        """Return the instant of local midnight after the last day of `epoch`."""
        after = self.days_of(epoch)[-1] + dt.timedelta(days=1)
        return midnight_s(after, self.time_zone)


def midnight_s(day: dt.date, time_zone: str) -> Seconds:
    """Return the instant at which the local `day` begins."""
    local = dt.datetime.combine(day, dt.time(), tzinfo=zone(time_zone))
    return Seconds(calendar.timegm(local.utctimetuple()))


def local_day(instant_s: Seconds, time_zone: str) -> dt.date:
    """Return the local day that holds the instant."""
    return dt.datetime.fromtimestamp(instant_s, tz=zone(time_zone)).date()


def zone(name: str) -> zoneinfo.ZoneInfo:
    """Return the IANA time zone, or raise `ConfigurationError`."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(f"time zone {name!r} is unknown") from error


@lru_cache(maxsize=64)
def _date(text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError as error:
        raise MalformedError(f"{text!r} is not an ISO 8601 date") from error
    if day.isoformat() != text:
        raise MalformedError(f"{text!r} is not written as YYYY-MM-DD")
    return day
