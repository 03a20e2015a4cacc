"""Rankings: who has had more credited in a period than whom, told as coarsely as it is useful.

A ranking lists those who have opted in before its period began, each under a pseudonym of that one
ranking, and says of each only in which band of the whole group it lies. Nothing about anybody else
enters, and it is computed once per period, so that no two lists differ by one person's wish.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import length_prefixed
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import PartyId, ProgrammeId, checked_name
from fedcarbon.redemption.wallet import WalletClass, WalletId, wallet_id
from fedcarbon.registry.enrolment import MESSAGE_ID_BYTES, TOKEN_BYTES
from fedcarbon.transparency.leaf import LEAF_BYTES
from fedcarbon.units import SECONDS_PER_DAY, Seconds
from fedcarbon.uses.offer import check_head

PEOPLE_MIN: Final = 20
"""The least k that rules may name: in a smaller group a band says too much of one person."""
BANDS_MAX: Final = 10
"""At most deciles."""
PERIOD_DAYS_MAX: Final = 366
PERIODS_MAX: Final = 10_000
PSEUDONYM_BYTES: Final = 16
RANKING_SALT_BYTES: Final = 32
_PSEUDONYM: Final = b"fedcarbon/v1/ranking-pseudonym"


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingRules(Statement):
    """A ranking: its periods, the size of its group and its bands; signed by t root keys."""

    KIND: ClassVar[str] = "ranking_rules"

    parameter_id: bytes
    programme_id: ProgrammeId
    ranking_id: str
    """A name; it never changes."""
    first_day: int
    """Ledger day on which period 0 begins: UTC days since 1970-01-01."""
    period_days: int
    """1 to 366."""
    periods: int
    """How many there are, one after the other."""
    people_min: int
    """k: with fewer opted in, a period's list stays empty; at least 20."""
    bands: int
    """Into how many bands the group is cut, 2 to 10."""

    def __post_init__(self) -> None:
        """Check names and ranges."""
        check_head(self.parameter_id, self.programme_id)
        checked_name(self.ranking_id)
        if not 1 <= self.period_days <= PERIOD_DAYS_MAX or not 1 <= self.periods <= PERIODS_MAX:
            raise MalformedError(
                f"a ranking has 1 to {PERIODS_MAX} periods of 1 to {PERIOD_DAYS_MAX} days"
            )
        if self.people_min < PEOPLE_MIN:
            raise MalformedError(f"nobody is ranked among fewer than {PEOPLE_MIN}")
        if not 2 <= self.bands <= BANDS_MAX:  # noqa: PLR2004 - one band says nothing
            raise MalformedError(f"a ranking has 2 to {BANDS_MAX} bands")

    @property
    def last_day(self) -> int:
        """Ledger day with which the last period ends."""
        return self.first_day + self.periods * self.period_days - 1

    def days_of(self, period: int) -> range:
        """Return the ledger days of a period, which is at least 0 and below `periods`."""
        start = self.first_day + period * self.period_days
        return range(start, start + self.period_days)

    def starts_s(self, period: int) -> Seconds:
        """Return the protocol time at which a period begins."""
        return Seconds(self.days_of(period).start * SECONDS_PER_DAY)

    def ends_s(self, period: int) -> Seconds:
        """Return the protocol time from which a period is over."""
        return Seconds(self.days_of(period).stop * SECONDS_PER_DAY)

    def overlaps(self, other: RankingRules) -> bool:
        """Tell whether both would rank the same day: two lists of one day say more than one."""
        apart = self.last_day < other.first_day or other.last_day < self.first_day
        return self.programme_id == other.programme_id and not apart


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingChoice(Statement):
    """A holder opts in or out, from a period on that has not begun; signed by its operator."""

    KIND: ClassVar[str] = "ranking_choice"

    parameter_id: bytes
    programme_id: ProgrammeId
    ranking_id: str
    choice_id: bytes
    """Client-made, 16 bytes; the same id gets the same answer."""
    account_token: bytes
    wallet_id: WalletId
    wallet_class: WalletClass
    binding_leaf: bytes
    """The 34-byte leaf of the operator's half of the binding."""
    operator_id: PartyId
    takes_part: bool
    from_period: int
    """The first period for which it holds; it had not begun when the hub took the choice."""

    def __post_init__(self) -> None:
        """Check sizes and names."""
        check_head(self.parameter_id, self.programme_id)
        checked_name(self.ranking_id)
        checked_name(self.operator_id)
        wallet_id(self.wallet_id)
        sizes = (len(self.choice_id), len(self.account_token), len(self.binding_leaf))
        if sizes != (MESSAGE_ID_BYTES, TOKEN_BYTES, LEAF_BYTES):
            raise MalformedError(
                f"choice id, token and binding leaf have {MESSAGE_ID_BYTES}, {TOKEN_BYTES} and "
                f"{LEAF_BYTES} bytes"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingSalt(Statement):
    """What the pseudonyms of one list come from; only hub and auditors ever read it."""

    KIND: ClassVar[str] = "ranking_salt"

    parameter_id: bytes
    programme_id: ProgrammeId
    ranking_id: str
    period: int
    """From 0."""
    salt: bytes = field(repr=False)
    """32 random bytes, for this one list."""

    def __post_init__(self) -> None:
        """Check names and sizes."""
        check_head(self.parameter_id, self.programme_id)
        checked_name(self.ranking_id)
        if len(self.salt) != RANKING_SALT_BYTES:
            raise MalformedError(f"a ranking's salt has {RANKING_SALT_BYTES} bytes")

    @property
    def name(self) -> str:
        """The name under which it is published once."""
        return list_name(self.ranking_id, self.period)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class RankedLine:
    """Where one holder lies."""

    band: int
    """From 1, the lowest."""
    pseudonym: bytes
    """16 bytes, of this list only."""

    def __post_init__(self) -> None:
        """Check ranges."""
        if not 1 <= self.band <= BANDS_MAX or len(self.pseudonym) != PSEUDONYM_BYTES:
            raise MalformedError(
                f"a line has a band from 1 to {BANDS_MAX} and {PSEUDONYM_BYTES} bytes"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking(Statement):
    """The list of one period; signed by the hub, once."""

    KIND: ClassVar[str] = "ranking"

    parameter_id: bytes
    programme_id: ProgrammeId
    ranking_id: str
    period: int
    """From 0."""
    rules_leaf: int
    """Index of the leaf of its rules."""
    salt_leaf: int
    """Index of the leaf that commits to its salt."""
    lines: tuple[RankedLine, ...]
    """By band and pseudonym; none if fewer than k had opted in."""

    def __post_init__(self) -> None:
        """Check names, sizes and the order of the lines."""
        check_head(self.parameter_id, self.programme_id)
        checked_name(self.ranking_id)
        if list(self.lines) != sorted(self.lines):
            raise MalformedError("a ranking is in the order of bands and pseudonyms")
        if len({line.pseudonym for line in self.lines}) != len(self.lines):
            raise MalformedError("nobody stands twice in a ranking")

    @property
    def name(self) -> str:
        """The name under which it is published once."""
        return list_name(self.ranking_id, self.period)


def list_name(ranking_id: str, period: int) -> str:
    """Return the name of one period's list."""
    return f"{ranking_id}:{period}"


def pseudonym(salt: bytes, account_token: bytes) -> bytes:
    """Return how an account is called in the one list that `salt` is of: 16 bytes."""
    message = length_prefixed(_PSEUDONYM, account_token)
    return hmac.digest(salt, message, "sha256")[:PSEUDONYM_BYTES]


def opted_in(choices: Iterable[RankingChoice], period: int) -> frozenset[bytes]:
    """Return the account tokens that take part in a period.

    Args:
        choices: of one ranking, in the order of the record: the last word counts.
        period: from 0.
    """
    last = {item.account_token: item for item in choices if item.from_period <= period}
    return frozenset(token for token, item in last.items() if item.takes_part)


def ranked(
    rules: RankingRules, salt: bytes, people: Iterable[bytes], credited: Mapping[bytes, int]
) -> tuple[RankedLine, ...]:
    """Return the lines of a period's list.

    Of n people, one who stands above b of them lies in band 1 + floor(bands * b / n): equals stand
    above equally many and share the lowest band that any of them could have.

    Args:
        rules: of the ranking.
        salt: of this one list.
        people: account tokens of those who take part.
        credited: what was credited to them in the period; nothing if one is missing.
    """
    amounts = sorted((credited.get(token, 0), token) for token in people)
    if len(amounts) < rules.people_min:
        return ()
    lines, above, before = [], 0, amounts[0][0]
    for place, (amount, token) in enumerate(amounts):
        if amount != before:
            above, before = place, amount
        band = 1 + rules.bands * above // len(amounts)
        lines.append(RankedLine(band=band, pseudonym=pseudonym(salt, token)))
    return tuple(sorted(lines))
