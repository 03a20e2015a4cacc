"""Money, days and ids as ISO 20022 files write them."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import ClassVar, Final, Protocol

from xsdata.models.datatype import XmlDate, XmlDateTime

from fedcarbon.errors import PeerError
from fedcarbon.redemption.value_day import ValueDay, day_from_text, day_text, value_day
from fedcarbon.units import Fen, Seconds

CURRENCY: Final = "CNY"
_DECIMALS: Final = 2
_ZONE: Final = dt.timezone(dt.timedelta(hours=8))
"""Where a time without a zone is told: China."""
_PAYOUT_ID: Final = re.compile(r"[0-9a-f]{32}")


class IsoCurrencyRefusedError(PeerError):
    """An amount is in another currency than CNY."""

    code: ClassVar[str] = "ISO_CURRENCY_REFUSED"


class IsoAmountInvalidError(PeerError):
    """An amount has not exactly two decimals, or is zero."""

    code: ClassVar[str] = "ISO_AMOUNT_INVALID"


class IsoPayoutUnknownError(PeerError):
    """An end-to-end id is none that a payout of ours can have, or was never written."""

    code: ClassVar[str] = "ISO_PAYOUT_UNKNOWN"


class IsoContentInvalidError(PeerError):
    """A message keeps its schema and contradicts itself, or lacks what was agreed on."""

    code: ClassVar[str] = "ISO_CONTENT_INVALID"


class Amount(Protocol):
    """An amount of any of the messages."""

    value: Decimal
    ccy: str


def yuan(amount_fen: int) -> Decimal:
    """Return `amount_fen` in yuan with exactly two decimals."""
    return Decimal(amount_fen).scaleb(-_DECIMALS)


def fen_of(amount: Amount) -> Fen:
    """Return an amount in fen, which may be 0.

    Raises:
        IsoCurrencyRefusedError: not in CNY.
        IsoAmountInvalidError: not exactly two decimals, or below zero.
    """
    if amount.ccy != CURRENCY:
        raise IsoCurrencyRefusedError(f"an amount is in {amount.ccy}, not in {CURRENCY}")
    _, _, exponent = amount.value.as_tuple()
    if exponent != -_DECIMALS or amount.value < 0:
        raise IsoAmountInvalidError("an amount in CNY has exactly two decimals")
    return Fen(int(amount.value.scaleb(_DECIMALS)))


def moved_fen_of(amount: Amount) -> Fen:
    """Return an amount that moves money: at least 1 fen.

    Raises:
        IsoCurrencyRefusedError: not in CNY.
        IsoAmountInvalidError: zero, or not exactly two decimals.
    """
    fen = fen_of(amount)
    if fen < 1:
        raise IsoAmountInvalidError("an amount that moves must be at least one fen")
    return fen


def end_to_end_id(payout_id: bytes) -> str:
    """Return a payout id as an end-to-end id: 32 hexadecimal digits."""
    return payout_id.hex()


def payout_id_or_none(text: str | None) -> bytes | None:
    """Return the payout id that an end-to-end id of any entry is, or None if it is none."""
    return bytes.fromhex(text) if text is not None and _PAYOUT_ID.fullmatch(text) else None


def payout_id_of(text: str | None) -> bytes:
    """Return the payout id that an end-to-end id of an answer must be.

    Raises:
        IsoPayoutUnknownError: not 32 hexadecimal digits in lower case.
    """
    payout_id = payout_id_or_none(text)
    if payout_id is None:
        raise IsoPayoutUnknownError("an end-to-end id is no payout's: 32 hexadecimal digits")
    return payout_id


def xml_date(day: ValueDay) -> XmlDate:
    """Return a value day as a date."""
    return XmlDate.from_string(day_text(day))


def xml_instant(at_s: Seconds) -> XmlDateTime:
    """Return an instant in China's time."""
    return XmlDateTime.from_datetime(dt.datetime.fromtimestamp(at_s, tz=_ZONE))


def day_of(date: XmlDate | XmlDateTime) -> ValueDay:
    """Return the value day of a date or instant; without a zone it is told in China.

    Raises:
        IsoContentInvalidError: it is in no calendar.
    """
    try:
        if isinstance(date, XmlDate):
            return day_from_text(date.to_date().isoformat())
        instant = date.to_datetime()
        aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=_ZONE)
        return value_day(Seconds(int(aware.timestamp())))
    except (ValueError, OverflowError) as error:
        raise IsoContentInvalidError("a date is in no calendar") from error
