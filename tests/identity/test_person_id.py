from __future__ import annotations

import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.identity.person_id import (
    TEST_SERIALS,
    CanonicalIdentity,
    IdType,
    MalformedIdError,
    SyntheticIdRefusedError,
    canonical_identity,
    check_character,
    credit_check_character,
    make_test_id,
    make_test_organisation,
)


def with_check(digits: str) -> str:
    return digits + check_character(digits)


# A shape that the rules accept: an unused county of a real province, made up by the project.
RESIDENT = with_check("11000019000101000")


def test_the_first_test_ids_are_the_known_ones() -> None:
    assert [make_test_id(serial) for serial in (1, 2, 3)] == [
        "990000180001010017",
        "990000180001010025",
        "990000180001010033",
    ]


@settings(deadline=None)
@given(serials=st.sets(st.integers(min_value=0, max_value=TEST_SERIALS - 1), max_size=20))
def test_test_ids_are_valid_distinct_and_never_resident_ids(serials: set[int]) -> None:
    numbers = {make_test_id(serial) for serial in serials}

    assert len(numbers) == len(serials)
    for number in numbers:
        assert canonical_identity("TEST", number, allow_test=True).number == number
        with pytest.raises(MalformedIdError):
            canonical_identity("CN_RESIDENT", number)


def test_a_test_id_is_refused_unless_the_programme_admits_it() -> None:
    with pytest.raises(SyntheticIdRefusedError):
        canonical_identity("TEST", make_test_id(1))


SAME_PERSON = {
    "plain": RESIDENT,
    "spaces around": f"  {RESIDENT}\t",
    "full-width digits": RESIDENT.translate({ord(str(d)): 0xFF10 + d for d in range(10)}),
}


@pytest.mark.parametrize("name", SAME_PERSON)
def test_spellings_of_one_number_are_one_person(name: str) -> None:
    identity = canonical_identity("CN_RESIDENT", SAME_PERSON[name])

    assert identity == canonical_identity("CN_RESIDENT", RESIDENT)
    assert identity.to_bytes() == canonical_identity("CN_RESIDENT", RESIDENT).to_bytes()


def test_a_check_character_x_may_be_written_small() -> None:
    number = next(
        number
        for number in (with_check(f"11000019000101{serial:03d}") for serial in range(100))
        if number.endswith("X")
    )

    assert canonical_identity("CN_RESIDENT", number.lower()).number == number


def test_type_country_and_number_are_all_part_of_the_bytes() -> None:
    identities = [
        canonical_identity("PASSPORT", "E1234567"),
        canonical_identity("PASSPORT", "E1234567", issuing_country="fr"),
        canonical_identity("PASSPORT", "E12345678", issuing_country="FR"),
        canonical_identity("CN_RESIDENT", RESIDENT),
        canonical_identity("PASSPORT", RESIDENT),
    ]

    assert len({identity.to_bytes() for identity in identities}) == len(identities)


def test_the_bytes_are_length_prefixed_items() -> None:
    identity = canonical_identity("PASSPORT", "e1234567", issuing_country="de")

    items = (b"fedcarbon/v1/person", b"PASSPORT", b"DE", b"E1234567")
    assert identity.to_bytes() == b"".join(len(i).to_bytes(8, "big") + i for i in items)


MALFORMED = {
    "wrong check digit": ("CN_RESIDENT", RESIDENT[:-1] + "X", "CN"),
    "a digit changed": ("CN_RESIDENT", "12" + RESIDENT[2:], "CN"),
    "17 characters": ("CN_RESIDENT", RESIDENT[:-1], "CN"),
    "19 characters": ("CN_RESIDENT", RESIDENT + "0", "CN"),
    "15 digits of the first generation": ("CN_RESIDENT", "110000000101000", "CN"),
    "letter inside": ("CN_RESIDENT", "11000O190001010000", "CN"),
    "region 99": ("CN_RESIDENT", make_test_id(5), "CN"),
    "region 99 with a plausible birth date": ("CN_RESIDENT", with_check("99000019900101000"), "CN"),
    "unassigned region": ("CN_RESIDENT", with_check("16000019900101000"), "CN"),
    "region of the foreigners' card": ("CN_RESIDENT", with_check("91100019900101000"), "CN"),
    "31 February": ("CN_RESIDENT", with_check("11000019900231000"), "CN"),
    "month zero": ("CN_RESIDENT", with_check("11000019900001000"), "CN"),
    "born in 1899": ("CN_RESIDENT", with_check("11000018991231000"), "CN"),
    "born in 2100": ("CN_RESIDENT", with_check("11000021000101000"), "CN"),
    "resident id from elsewhere": ("CN_RESIDENT", RESIDENT, "FR"),
    "test id from elsewhere": ("TEST", make_test_id(1), "FR"),
    "test id of a real region": ("TEST", with_check("11000018000101001"), "CN"),
    "test id born in our time": ("TEST", with_check("99000019900101001"), "CN"),
    "test id with a wrong check digit": ("TEST", make_test_id(1)[:-1] + "8", "CN"),
    "passport of 4 characters": ("PASSPORT", "E123", "FR"),
    "passport of 21 characters": ("PASSPORT", "E" * 21, "FR"),
    "passport with a hyphen": ("PASSPORT", "E-1234567", "FR"),
    "passport with a space": ("PASSPORT", "E 1234567", "FR"),
    "letter that upper case would make plain": ("PASSPORT", "E123ß4567", "FR"),
    "dotless i": ("PASSPORT", "ı1234567", "TR"),  # noqa: RUF001
    "cyrillic letter": ("PASSPORT", "Е1234567", "FR"),  # noqa: RUF001
    "alias of a country": ("PASSPORT", "E1234567", "UK"),
    "three-letter country": ("PASSPORT", "E1234567", "FRA"),
    "no country": ("PASSPORT", "E1234567", ""),
    "unknown type": ("DRIVING_LICENCE", "E1234567", "FR"),
    "endless number": ("PASSPORT", "E" * 100_000, "FR"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_id_is_refused_without_being_shown(name: str) -> None:
    id_type, number, country = MALFORMED[name]

    with pytest.raises(MalformedIdError) as caught:
        canonical_identity(id_type, number, issuing_country=country, allow_test=True)

    shown = "".join(traceback.format_exception(caught.value))
    assert caught.value.code == "MALFORMED_ID"
    assert number not in shown
    assert number[6:14] not in shown or len(number) < 15


def test_an_identity_that_breaks_its_rules_cannot_be_constructed() -> None:
    with pytest.raises(MalformedIdError):
        CanonicalIdentity(id_type=IdType.PASSPORT, issuing_country="FR", number="e1234567")


@settings(deadline=None)
@given(position=st.integers(min_value=0, max_value=16), digit=st.integers(min_value=0, max_value=9))
def test_the_check_digit_catches_every_single_wrong_digit(position: int, digit: int) -> None:
    digits = make_test_id(123)[:-1]
    changed = digits[:position] + str(digit) + digits[position + 1 :]

    assert (check_character(changed) == check_character(digits)) == (changed == digits)


def test_an_identity_does_not_show_in_a_repr() -> None:
    identity = canonical_identity("CN_RESIDENT", RESIDENT)

    assert repr(identity) == "CanonicalIdentity(CN_RESIDENT, <redacted>)"
    assert RESIDENT not in f"{identity} {[identity]}"


# --- households and organisations -----------------------------------------------------------------


# Two codes that circulate as examples of GB 32100-2015.
@pytest.mark.parametrize("code", ["91350100M000100Y43", "91110000600037341L"])
def test_published_credit_codes_have_their_check_character(code: str) -> None:
    assert credit_check_character(code[:-1]) == code[-1]
    assert canonical_identity("ORGANISATION", f" {code.lower()} ").number == code


WRONG_CODES = {
    "another check character": "91350100M000100Y44",
    "two digits exchanged": "91351000M000100Y43",
    "seventeen characters": "91350100M000100Y4",
    "a letter that no code has": "91350100I000100Y43",
    "a region that is not assigned": "91"
    "980100M000100Y4" + credit_check_character("91980100M000100Y4"),
    "a resident id": RESIDENT,
    "nothing": "",
}


@pytest.mark.parametrize("case", WRONG_CODES)
def test_a_wrong_credit_code_is_refused_without_being_shown(case: str) -> None:
    code = WRONG_CODES[case]

    with pytest.raises(MalformedIdError) as caught:
        canonical_identity("ORGANISATION", code)

    assert not code or code not in str(caught.value)


@pytest.mark.parametrize("text", ["sgcc-sh:3100", " SGCC-SH:3100 ", "\uff33GCC-SH:\uff13100"])
def test_a_household_is_its_meter_of_record(text: str) -> None:
    assert canonical_identity("METER", text).number == "SGCC-SH:3100"


@pytest.mark.parametrize("text", ["3100", "sgcc", "sgcc:", ":3100", "a b:1", "sgcc:1:2", "s:1", ""])
def test_a_meter_without_issuer_and_number_is_refused(text: str) -> None:
    with pytest.raises(MalformedIdError):
        canonical_identity("METER", text)


SYNTHETIC = (("METER", "TEST:3100"), ("ORGANISATION", make_test_organisation(7)))


@pytest.mark.parametrize(("id_type", "number"), SYNTHETIC)
def test_meters_and_organisations_of_tests_are_refused_in_production(
    id_type: str, number: str
) -> None:
    assert canonical_identity(id_type, number, allow_test=True).synthetic
    with pytest.raises(SyntheticIdRefusedError):
        canonical_identity(id_type, number)


def test_one_number_under_two_types_is_two_accounts() -> None:
    meter = canonical_identity("METER", "AB:12345")
    other = CanonicalIdentity(id_type=IdType.METER, issuing_country="KR", number="AB:12345")

    assert meter.to_bytes() != other.to_bytes()
