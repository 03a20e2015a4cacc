"""Wallets: their classes, and what a wallet id looks like.

Facts and their sources: METHODOLOGIES section 13. Real-name wallets are classes 1 to 3; class 4
is opened with a telephone number alone and cannot redeem.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum, StrEnum
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

# Source [S]: model TransInInfo of the Alipay open SDK, and a test utility in another repository.
INSTITUTION_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "G4001011000013": "Digital Currency Institute of the PBoC",
        "C1010211000012": "Industrial and Commercial Bank of China",
        "C1010311000014": "Agricultural Bank of China",
        "C1010411000013": "Bank of China",
        "C1010511003703": "China Construction Bank",
        "Z2004944000010": "Tencent Tenpay",
        "Z2007933000010": "Ant",
        "C1302533000018": "MYbank",
        "C1040311005293": "Postal Savings Bank of China",
        "C1030131001288": "Bank of Communications",
        "C1030844001362": "China Merchants Bank",
        "C1030935001347": "Industrial Bank",
    }
)
"""Institution code in bank interfaces -> institution."""

# The two tables meet by name: METHODOLOGIES section 13 lists number and code in one line, and the
# last five institutions without a number of their own.
CODE_OF_NUMBER: Final[Mapping[str, str]] = MappingProxyType(
    {
        number: code
        for number, institution in INSTITUTIONS.items()
        for code, named in INSTITUTION_CODES.items()
        if named == institution
    }
)
"""First three digits of a 16-digit wallet id -> institution code."""

TEST_INSTITUTION_CODE: Final = "T9900000000000"
"""Of no institution: the operator of test wallets."""

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


class WalletTypeInvalidError(CallerError):
    """The text names no wallet type."""

    code: ClassVar[str] = "WALLET_TYPE_INVALID"


class WalletTypeRefusedError(CallerError):
    """The wallet belongs to no person: only personal wallets are paid."""

    code: ClassVar[str] = "WALLET_TYPE_REFUSED"


class InstitutionUnknownError(CallerError):
    """No listed institution has this code, or this wallet's number."""

    code: ClassVar[str] = "INSTITUTION_UNKNOWN"


class WalletType(StrEnum):
    """Type of an e-CNY wallet in bank interfaces [S]."""

    PERSONAL = "WT01"
    PERSONAL_SUB = "WT02"
    HARDWARE = "WT03"
    CORPORATE = "WT09"
    CORPORATE_SUB = "WT10"

    @property
    def is_personal(self) -> bool:
        """Whether it is a person's: a hardware wallet may be anybody's."""
        return self in {WalletType.PERSONAL, WalletType.PERSONAL_SUB}


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


def wallet_type(text: str) -> WalletType:
    """Return the type that `text` names, as `WT01`.

    Raises:
        WalletTypeInvalidError: it names none.
    """
    try:
        return WalletType(text)
    except ValueError as error:
        known = ", ".join(WalletType)
        raise WalletTypeInvalidError(f"{text[:20]!r} is not a wallet type: {known}") from error


def check_personal(wallet: WalletType) -> None:
    """Refuse a wallet that is not a person's.

    Raises:
        WalletTypeRefusedError: it is a hardware or corporate wallet.
    """
    if not wallet.is_personal:
        raise WalletTypeRefusedError(
            f"a wallet of type {wallet.value} is not a person's; grams belong to people: "
            "the holder must bind a personal wallet"
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


def institution_code_of(wallet: WalletId) -> str | None:
    """Return the code of a 16-digit wallet id's institution, None where it is not known."""
    if is_test_wallet(wallet):
        return TEST_INSTITUTION_CODE
    if not _NUMBERED.fullmatch(wallet):
        return None
    return CODE_OF_NUMBER.get(wallet[:_INSTITUTION_DIGITS])


def check_institution(wallet: WalletId) -> None:
    """Refuse a 16-digit wallet id whose number is neither listed nor of the test range.

    For operators who would rather turn down a wallet of an institution that is not in the list.
    Ids of other shapes name no institution and pass.

    Raises:
        InstitutionUnknownError: nobody is known to issue such wallets.
    """
    if _NUMBERED.fullmatch(wallet) and institution_code_of(wallet) is None:
        raise InstitutionUnknownError(
            f"no listed institution has the number {wallet[:_INSTITUTION_DIGITS]}, "
            "with which the wallet id begins"
        )


def check_institution_code(text: str) -> str:
    """Return `text` if it is the code of a listed institution, or of the test institution.

    Raises:
        InstitutionUnknownError: it is not.
    """
    if text not in INSTITUTION_CODES and text != TEST_INSTITUTION_CODE:
        raise InstitutionUnknownError(f"{text[:20]!r} is not the code of a listed institution")
    return text


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
