"""Identities of account holders in one canonical form, checked before they leave a partner.

Two spellings of one number would be two accounts, so exactly one form per document is accepted:
NFKC, trimmed, upper case, and for Chinese resident ids and organisations a correct check character.
A household account is its meter of record: the code of who issued the meter and its number, as
`SGCC-SH:3100000017`. No error message holds any part of a number.

Not covered: the permanent-residence card for foreigners in its 18-digit form (it begins with 9);
its holders enrol with their passport.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from typing_extensions import override

from fedcarbon.canonical.hashing import length_prefixed
from fedcarbon.errors import CallerError

CHINA: Final = "CN"
NUMBER_CHARACTERS_MAX: Final = 64
"""Limit of what is looked at before normalisation."""

# GB 11643: 17 digits weighted so, then the check character for the sum modulo 11 (ISO 7064
# MOD 11-2).
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS: Final = "10X98765432"
_RESIDENT: Final = re.compile(r"(?P<region>[0-9]{2})[0-9]{4}(?P<born>[0-9]{8})[0-9]{3}[0-9X]")
# GB/T 2260: provinces; 81, 82 and 83 are residence permits of Hong Kong, Macau and Taiwan people.
_REGIONS: Final = frozenset(
    str(region)
    for regions in (
        range(11, 16),
        range(21, 24),
        range(31, 38),
        range(41, 47),
        range(50, 55),
        range(61, 66),
        range(71, 72),
        range(81, 84),
    )
    for region in regions
)
_BIRTH_YEARS: Final = range(1900, 2100)

_TEST_REGION: Final = "99"
"""Assigned to no region, and never will be."""
_TEST_BIRTH_YEAR: Final = 1800
_TEST_DAYS: Final = 365
_TEST_SEQUENCES: Final = 1000
TEST_SERIALS: Final = 10_000 * _TEST_DAYS * _TEST_SEQUENCES
"""How many different TEST ids there are."""

# GB 32100-2015: 18 characters without I, O, S, V and Z; the last one checks the others, weighted by
# powers of 3 modulo 31.
_CREDIT_CHARACTERS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_CODE: Final = re.compile(
    rf"[1-9ANY][{_CREDIT_CHARACTERS}](?P<region>[0-9]{{2}})[0-9]{{4}}[{_CREDIT_CHARACTERS}]{{10}}"
)
_METER: Final = re.compile(r"(?P<issuer>[A-Z0-9][A-Z0-9-]{1,23}):[A-Z0-9][A-Z0-9-]{0,31}")
_TEST_ISSUER: Final = "TEST"
"""Issues no meter that exists."""

_PASSPORT: Final = re.compile(r"[A-Z0-9]{5,20}")
# ISO 3166-1 alpha-2, officially assigned codes: an alias such as UK would be a second account.
_COUNTRY_CODES: Final = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
    BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE
    EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM
    HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
    LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
    NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
    SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
    TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """
_COUNTRIES: Final = frozenset(_COUNTRY_CODES.split())


class IdType(StrEnum):
    """Kinds of identity. Two kinds of one person are two accounts."""

    CN_RESIDENT = "CN_RESIDENT"
    """Chinese resident identity number, 18 characters."""
    PASSPORT = "PASSPORT"
    """Passport number with its issuing country."""
    METER = "METER"
    """A household, by its meter of record: issuer code and number."""
    ORGANISATION = "ORGANISATION"
    """A Chinese unified social credit code, 18 characters."""
    TEST = "TEST"
    """Shaped like a Chinese resident id that nobody can ever own; for tests and demos."""


class MalformedIdError(CallerError):
    """An identity number that its own rules refuse; the person's record must be corrected."""

    code: ClassVar[str] = "MALFORMED_ID"


class SyntheticIdRefusedError(CallerError):
    """A TEST id where the programme admits real people only."""

    code: ClassVar[str] = "SYNTHETIC_ID_REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CanonicalIdentity:
    """One document in canonical form; a secret."""

    id_type: IdType
    issuing_country: str
    """ISO 3166-1 alpha-2."""
    number: str

    def __post_init__(self) -> None:
        """Check the document's own rules.

        Raises:
            MalformedIdError: one of them is broken; the message does not hold the number.
        """
        if self.issuing_country not in _COUNTRIES:
            raise MalformedIdError("the issuing country is not an ISO 3166-1 alpha-2 code")
        if self.id_type is IdType.PASSPORT:
            if _PASSPORT.fullmatch(self.number) is None:
                raise MalformedIdError("a passport number has 5 to 20 letters and digits")
            return
        if self.id_type is IdType.METER:
            if _METER.fullmatch(self.number) is None:
                raise MalformedIdError("a meter is written as issuer:number, letters and digits")
            return
        if self.issuing_country != CHINA:
            raise MalformedIdError(f"a {self.id_type} number is issued by {CHINA}")
        if self.id_type is IdType.ORGANISATION:
            _check_credit_code(self.number)
            return
        _check_resident(self.number, synthetic=self.id_type is IdType.TEST)

    @property
    def synthetic(self) -> bool:
        """Whether nobody can ever own it: for tests and demos only."""
        if self.id_type is IdType.METER:
            return self.number.startswith(f"{_TEST_ISSUER}:")
        if self.id_type is IdType.ORGANISATION:
            return self.number[2:4] == _TEST_REGION
        return self.id_type is IdType.TEST

    @override
    def __repr__(self) -> str:
        """Return a text without the number."""
        return f"CanonicalIdentity({self.id_type.value}, <redacted>)"

    def to_bytes(self) -> bytes:
        """Return the bytes that stand for this person in every evaluation."""
        return length_prefixed(
            b"fedcarbon/v1/person",
            self.id_type.encode(),
            self.issuing_country.encode(),
            self.number.encode(),
        )


def canonical_identity(
    id_type: str, id_number: str, *, issuing_country: str = CHINA, allow_test: bool = False
) -> CanonicalIdentity:
    """Return the canonical form of a document as a platform wrote it down.

    Args:
        id_type: the name of an `IdType`.
        id_number: as recorded; full-width digits, spaces around and lower case are normalised.
        issuing_country: ISO 3166-1 alpha-2.
        allow_test: whether the programme admits TEST ids, meters of the issuer TEST and
            organisations of the region 99 (never in production).

    Raises:
        MalformedIdError: unknown type or a broken rule; the message does not hold the number.
        SyntheticIdRefusedError: a TEST id without `allow_test`.
    """
    try:
        kind = IdType(_normalised(id_type))
    except ValueError:
        raise MalformedIdError(f"an id type is one of {[kind.value for kind in IdType]}") from None
    if kind is IdType.TEST and not allow_test:
        raise SyntheticIdRefusedError("this programme does not admit TEST ids")
    identity = CanonicalIdentity(
        id_type=kind, issuing_country=_normalised(issuing_country), number=_normalised(id_number)
    )
    if identity.synthetic and not allow_test:
        raise SyntheticIdRefusedError("this programme does not admit TEST ids")
    return identity


def make_test_id(serial: int) -> str:
    """Return the TEST id with this serial number: prefix 99, born in 1800, correct check digit.

    Args:
        serial: 0 to `TEST_SERIALS` - 1; 1 gives `990000180001010017`.
    """
    assert 0 <= serial < TEST_SERIALS
    rest, sequence = divmod(serial, _TEST_SEQUENCES)
    region, day = divmod(rest, _TEST_DAYS)
    born = dt.date(_TEST_BIRTH_YEAR, 1, 1) + dt.timedelta(days=day)
    digits = f"{_TEST_REGION}{region:04d}{born:%Y%m%d}{sequence:03d}"
    return digits + check_character(digits)


def check_character(digits: str) -> str:
    """Return the check character of 17 decimal digits (ISO 7064 MOD 11-2, GB 11643)."""
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True))
    return _CHECK_CHARACTERS[total % 11]


def credit_check_character(code: str) -> str:
    """Return the check character of the first 17 of a unified social credit code, GB 32100-2015."""
    total = sum(
        _CREDIT_CHARACTERS.index(character) * pow(3, position, 31)
        for position, character in enumerate(code)
    )
    return _CREDIT_CHARACTERS[-total % 31]


def make_test_organisation(serial: int) -> str:
    """Return a credit code that no organisation has: region 99, and a correct check character.

    Args:
        serial: 0 to 99 999 999.
    """
    code = f"91{_TEST_REGION}0000{serial:08d}0"
    return code + credit_check_character(code)


def make_test_meter(serial: int) -> str:
    """Return the number of a meter that does not exist: issuer TEST, eight digits.

    Args:
        serial: 0 to 99 999 999.
    """
    return f"{_TEST_ISSUER}:{serial:08d}"


def _check_credit_code(number: str) -> None:
    match = _CREDIT_CODE.fullmatch(number)
    if match is None:
        raise MalformedIdError("a credit code has 18 characters without I, O, S, V and Z")
    if match["region"] not in _REGIONS | {"10", _TEST_REGION}:
        raise MalformedIdError("the region of a credit code is not assigned")
    if credit_check_character(number[:-1]) != number[-1]:
        raise MalformedIdError("the check character of a credit code is wrong")


def _check_resident(number: str, *, synthetic: bool) -> None:
    match = _RESIDENT.fullmatch(number)
    if match is None:
        raise MalformedIdError("a resident number has 17 digits and a digit or X")
    if synthetic != (match["region"] == _TEST_REGION):
        raise MalformedIdError(f"the region {_TEST_REGION} belongs to TEST ids and to no other")
    if not synthetic and match["region"] not in _REGIONS:
        raise MalformedIdError("the region code of a resident number is not assigned")
    try:
        born = dt.date.fromisoformat(match["born"])
    except ValueError:
        # `from None`: the cause would show the digits.
        raise MalformedIdError("the birth date in a resident number does not exist") from None
    if born.year not in ((_TEST_BIRTH_YEAR,) if synthetic else _BIRTH_YEARS):
        raise MalformedIdError("the birth year in a resident number is not plausible")
    if check_character(number[:-1]) != number[-1]:
        raise MalformedIdError("the check digit of a resident number is wrong")


def _normalised(text: str) -> str:
    if len(text) > NUMBER_CHARACTERS_MAX:
        raise MalformedIdError("an identity field is too long")
    normal = unicodedata.normalize("NFKC", text).strip()
    # Before upper(): it would turn letters such as dotless i or sharp s into plain ASCII.
    if not normal.isascii():
        raise MalformedIdError("an identity field holds characters other than letters and digits")
    return normal.upper()
