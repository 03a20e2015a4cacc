"""Wallets: their classes, and what a wallet id looks like.

Facts and their sources: METHODOLOGIES section 13. Real-name wallets are classes 1 to 3; class 4
is opened with a telephone number alone and cannot redeem.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import ClassVar, Final, NewType

from fedcarbon.errors import CallerError

WalletId = NewType("WalletId", str)
"""A wallet's id as its operator writes it; never logged."""

WALLET_ID_LENGTH_MAX: Final = 68
_WALLET_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]*")
_NUMBERED: Final = re.compile(r"[0-9]{16}")
_INSTITUTION_DIGITS: Final = 3
_NO_INSTITUTION: Final = "000"

# The list is not complete: four more operating institutions have no published number, so an
# unlisted number is accepted and only has no name.
INSTITUTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "001": "Digital Currency Institute of the PBoC",
        "002": "Industrial and Commercial Bank of China",
        "003": "Agricultural Bank of China",
        "004": "Bank of China",
        "005": "China Construction Bank",
        "006": "Tencent Tenpay",
        "007": "Ant",
    }
)
"""First three digits of a 16-digit wallet id -> operating institution."""

TEST_INSTITUTION: Final = "990"
"""First of the numbers 990 to 999, which belong to no institution: wallets of sandbox and tests."""
_TEST_SERIAL_DIGITS: Final = 13
_TEST_PREFIX: Final = "99"


class WalletIdInvalidError(CallerError):
    """The text cannot be the id of a wallet."""

    code: ClassVar[str] = "WALLET_ID_INVALID"


class WalletClassInvalidError(CallerError):
    """The text names no wallet class."""

    code: ClassVar[str] = "WALLET_CLASS_INVALID"


class WalletClassRefusedError(CallerError):
    """The wallet's class may not redeem: the holder must upgrade to a real-name wallet."""

    code: ClassVar[str] = "WALLET_CLASS_REFUSED"


class WalletClass(IntEnum):
    """Class 1 to 4 of an e-CNY wallet (levels WL01 to WL04)."""

    CLASS_1 = 1
    """Opened at a counter with strong identification."""
    CLASS_2 = 2
    """Opened remotely with id and bank account."""
    CLASS_3 = 3
    """Id verified."""
    CLASS_4 = 4
    """Telephone number only: not a real-name wallet."""

    @property
    def level(self) -> str:
        """The code in bank interfaces: `WL01` to `WL04`."""
        return f"WL{self.value:02d}"

    @property
    def is_real_name(self) -> bool:
        """Whether the operator has identified the holder."""
        return self is not WalletClass.CLASS_4


def wallet_class(text: str) -> WalletClass:
    """Return the class that `text` names, as `1` to `4` or `WL01` to `WL04`.

    Raises:
        WalletClassInvalidError: it names none.
    """
    for candidate in WalletClass:
        if text in {str(candidate.value), candidate.level}:
            return candidate
    raise WalletClassInvalidError(
        f"{text[:20]!r} is not a wallet class: write 1 to 4, or WL01 to WL04"
    )


def check_may_redeem(wallet: WalletClass) -> None:
    """Refuse a wallet that is not a real-name wallet.

    Raises:
        WalletClassRefusedError: `wallet` is class 4.
    """
    if not wallet.is_real_name:
        raise WalletClassRefusedError(
            f"a class-{wallet.value} wallet ({wallet.level}) is opened with a telephone number "
            "alone; only real-name wallets (classes 1 to 3) may redeem: "
            "the holder must upgrade the wallet"
        )


def wallet_id(text: str) -> WalletId:
    """Return `text` as a wallet id.

    Raises:
        WalletIdInvalidError: longer than 68 characters, with other characters than letters,
            digits, `.`, `_` and `-`, or 16 digits that begin with no institution number.
    """
    if len(text) > WALLET_ID_LENGTH_MAX or _WALLET_ID.fullmatch(text) is None:
        raise WalletIdInvalidError(
            f"a wallet id has 1 to {WALLET_ID_LENGTH_MAX} ASCII letters, digits, '.', '_' or '-'"
        )
    if _NUMBERED.fullmatch(text) and text.startswith(_NO_INSTITUTION):
        raise WalletIdInvalidError(
            "a 16-digit wallet id begins with the number of its operating institution, "
            f"which {_NO_INSTITUTION} is not"
        )
    return WalletId(text)


def institution_of(wallet: WalletId) -> str | None:
    """Return the operating institution of a 16-digit wallet id, None where it is not known."""
    if not _NUMBERED.fullmatch(wallet):
        return None
    return INSTITUTIONS.get(wallet[:_INSTITUTION_DIGITS])


def is_test_wallet(wallet: WalletId) -> bool:
    """Tell whether the wallet id lies in the range that no institution uses."""
    return _NUMBERED.fullmatch(wallet) is not None and wallet.startswith(_TEST_PREFIX)


def sandbox_wallet_id(serial: int) -> WalletId:
    """Return the test wallet with this serial number (0 to 10^13 - 1)."""
    if not 0 <= serial < 10**_TEST_SERIAL_DIGITS:
        raise WalletIdInvalidError("a test wallet's serial number has at most 13 digits")
    return WalletId(f"{TEST_INSTITUTION}{serial:0{_TEST_SERIAL_DIGITS}d}")


def masked(wallet: WalletId) -> str:
    """Return the wallet id for people, as wallet operators print it: `002250******5081`."""
    shown = len(wallet) // 4
    if _NUMBERED.fullmatch(wallet):
        return f"{wallet[:6]}******{wallet[-4:]}"
    return f"{wallet[:shown]}******"
