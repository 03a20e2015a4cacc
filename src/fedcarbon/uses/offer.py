"""What root keys publish: offers at a price, rules for lots, and the end of a vintage."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId, checked_name
from fedcarbon.ledger.unit import MassUnit, Vintage
from fedcarbon.units import MASS_UG_MAX, SECONDS_PER_DAY, MicrogramsCO2e
from fedcarbon.uses.errors import (
    LotMethodologyExcludedError,
    LotTooSmallError,
    LotVintageExcludedError,
)

TEXT_LENGTH_MAX: Final = 200
"""Characters of a title, a supplier, a buyer or a reason."""
REGIMES_MAX: Final = 32
METHODOLOGIES_MAX: Final = 64
KG_PER_TONNE: Final = 1_000
NOTICE_MIN_S: Final = 30 * SECONDS_PER_DAY
"""How long holders are told before a vintage ends, from the first witnessed head on."""


class OfferKind(StrEnum):
    """What grams are given for."""

    DONATION = "donation"
    """A cause: grams are used up at once."""
    GOODS = "goods"
    """A voucher: grams wait until the supplier has confirmed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(Statement):
    """A cause or goods at a published price; signed by t root keys. It never changes."""

    KIND: ClassVar[str] = "offer"

    parameter_id: bytes
    programme_id: ProgrammeId
    offer_id: str
    """A name; a new price is a new offer."""
    offer_kind: OfferKind
    title: str
    supplier: str
    """Who plants the tree or hands out the goods."""
    price_ug: MicrogramsCO2e
    """Of one piece."""
    valid_from_s: int
    valid_until_s: int
    """Protocol time from which nothing can be ordered any more."""
    hold_s: int
    """For goods: how long grams wait for the supplier; 0 for a donation."""
    stock: int | None = None
    """How many pieces there are in all; None for any number. What comes back is there again."""

    def __post_init__(self) -> None:
        """Check names, texts and ranges."""
        check_head(self.parameter_id, self.programme_id)
        checked_name(self.offer_id)
        check_text(self.title)
        check_text(self.supplier)
        if not 1 <= self.price_ug <= MASS_UG_MAX:
            raise MalformedError("a piece has a positive price")
        if self.valid_from_s >= self.valid_until_s:
            raise MalformedError("an offer is valid for some time")
        if (self.hold_s > 0) != (self.offer_kind is OfferKind.GOODS):
            raise MalformedError("goods, and nothing else, are held for the supplier")
        if self.stock is not None and self.stock < 1:
            raise MalformedError("a stock has a piece at least")

    def mass_of(self, pieces: int) -> MicrogramsCO2e:
        """Return what so many pieces cost."""
        return MicrogramsCO2e(pieces * self.price_ug)


@dataclass(frozen=True, slots=True, kw_only=True)
class LotRules(Statement):
    """What every credit lot of a programme is from now on; signed by t root keys."""

    KIND: ClassVar[str] = "lot_rules"

    parameter_id: bytes
    programme_id: ProgrammeId
    rules_id: str
    """A name; the rules logged last are in force."""
    excluded_regimes: tuple[str, ...]
    """Names of regimes in which nothing of a lot may have been claimed; its verifier looks."""
    price_floor_fen: int
    """The least that a tonne may be sold for."""
    methodologies: tuple[bytes, ...] = ()
    """Content hashes; a lot is of epochs for which nothing else was admitted. Empty for any."""
    vintage_first: int | None = None
    """Years that may be bundled; None for no bound."""
    vintage_last: int | None = None
    tonnes_min: int = 1
    """Of a lot."""
    offset_parts: int = 1
    """A buyer may surrender at most `offset_parts` / `offset_of` of an obligation."""
    offset_of: int = 1

    def __post_init__(self) -> None:
        """Check names and ranges."""
        check_head(self.parameter_id, self.programme_id)
        checked_name(self.rules_id)
        check_regimes(self.excluded_regimes)
        hashes = self.methodologies
        sizes = {len(item) for item in hashes} <= {DIGEST_BYTES}
        if list(hashes) != sorted(set(hashes)) or len(hashes) > METHODOLOGIES_MAX or not sizes:
            raise MalformedError(
                f"methodologies are at most {METHODOLOGIES_MAX} content hashes in order, each once"
            )
        if self.tonnes_min < 1 or not 1 <= self.offset_parts <= self.offset_of:
            raise MalformedError("a lot has a tonne at least, and an offset is a part of the whole")

    def check_lot(self, vintage: Vintage, tonnes: int, admitted: frozenset[bytes]) -> None:
        """Check that these rules allow a lot.

        Args:
            vintage: of which year.
            tonnes: how many.
            admitted: content hashes that were admitted for any epoch of that vintage.

        Raises:
            LotVintageExcludedError, LotTooSmallError, LotMethodologyExcludedError: they do not.
        """
        first, last = self.vintage_first, self.vintage_last
        if (first is not None and vintage < first) or (last is not None and vintage > last):
            raise LotVintageExcludedError(f"rules {self.rules_id} exclude the vintage {vintage}")
        if tonnes < self.tonnes_min:
            raise LotTooSmallError(f"a lot has at least {self.tonnes_min} t; bundle more")
        if self.methodologies and not admitted <= set(self.methodologies):
            raise LotMethodologyExcludedError(
                f"vintage {vintage} may hold grams of a methodology that rules {self.rules_id} "
                "do not admit"
            )

    def allows_offset(self, tonnes: int, obligation_kg: int) -> bool:
        """Tell whether so many tonnes may be surrendered for an obligation, as exact rationals."""
        return tonnes * KG_PER_TONNE * self.offset_of <= self.offset_parts * obligation_kg


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryNotice(Statement):
    """The grams of a vintage end; signed by t root keys, once per programme and vintage."""

    KIND: ClassVar[str] = "expiry_notice"

    parameter_id: bytes
    programme_id: ProgrammeId
    vintage: Vintage
    expires_at_s: int
    """Protocol time from which free grams of the vintage are taken out, never before
    `NOTICE_MIN_S` after the first witnessed head over the notice."""

    def __post_init__(self) -> None:
        """Check sizes and the year."""
        check_head(self.parameter_id, self.programme_id)
        MassUnit(programme=self.programme_id, vintage=self.vintage)


def check_head(parameter_id: bytes, programme: ProgrammeId) -> None:
    """Check what every statement about uses begins with, or raise `MalformedError`."""
    checked_name(programme)
    if len(parameter_id) != DIGEST_BYTES:
        raise MalformedError(f"a parameter id has {DIGEST_BYTES} bytes")


def check_text(text: str) -> None:
    """Refuse an empty or long text for people."""
    if not 1 <= len(text) <= TEXT_LENGTH_MAX:
        raise MalformedError(f"a text about a use has 1 to {TEXT_LENGTH_MAX} characters")


def check_regimes(regimes: tuple[str, ...]) -> None:
    """Check that regimes are names in order, each once."""
    for regime in regimes:
        checked_name(regime)
    if list(regimes) != sorted(set(regimes)) or len(regimes) > REGIMES_MAX:
        raise MalformedError(f"regimes are at most {REGIMES_MAX} names in order, each once")
