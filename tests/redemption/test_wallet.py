"""Wallet ids and classes: real-name wallets redeem, class 4 is told why not."""

from __future__ import annotations

import pytest

from fedcarbon.redemption.wallet import (
    CODE_OF_NUMBER,
    INSTITUTION_CODES,
    INSTITUTIONS,
    TEST_INSTITUTION_CODE,
    InstitutionUnknownError,
    WalletClass,
    WalletClassInvalidError,
    WalletClassRefusedError,
    WalletId,
    WalletIdInvalidError,
    WalletType,
    WalletTypeInvalidError,
    WalletTypeRefusedError,
    check_institution,
    check_institution_code,
    check_may_redeem,
    check_personal,
    institution_code_of,
    institution_of,
    is_test_wallet,
    masked,
    sandbox_wallet_id,
    wallet_class,
    wallet_id,
    wallet_type,
)


@pytest.mark.parametrize(
    "text",
    {
        "16 digits of a bank": "0022500000005081",
        "16 digits of a number without a name": "0130000000000001",
        "one letter": "w",
        "68 characters": "a" * 68,
        "with separators": "wallet-1.a_b",
    }.items(),
    ids=lambda item: item[0],
)
def test_what_operators_write_is_a_wallet_id(text: tuple[str, str]) -> None:
    assert wallet_id(text[1]) == text[1]


@pytest.mark.parametrize(
    "text",
    {
        "nothing": "",
        "69 characters": "a" * 69,
        "a space": "a b",
        "a line break": "a\n",
        "a leading hyphen": "-a",
        "digits of another script": "\u0660\u0661",
        "no institution": "0002500000005081",
        "a path": "../a",
    }.items(),
    ids=lambda item: item[0],
)
def test_what_cannot_be_a_wallet_id_is_refused(text: tuple[str, str]) -> None:
    with pytest.raises(WalletIdInvalidError):
        wallet_id(text[1])


@pytest.mark.parametrize(
    ("text", "institution"),
    [
        ("0022500000005081", "Industrial and Commercial Bank of China"),
        ("0041000000000032", "Bank of China"),
        ("0130000000000001", None),
        ("9900000000000001", None),
        ("002250000000508", None),
        ("w", None),
    ],
)
def test_the_first_three_of_16_digits_name_the_institution(
    text: str, institution: str | None
) -> None:
    assert institution_of(wallet_id(text)) == institution


def test_sandbox_wallets_belong_to_no_institution() -> None:
    wallets = [sandbox_wallet_id(0), sandbox_wallet_id(10**13 - 1)]

    assert wallets == ["9900000000000000", "9909999999999999"]
    assert all(is_test_wallet(wallet_id(wallet)) for wallet in wallets)
    assert not is_test_wallet(WalletId("0022500000005081"))


@pytest.mark.parametrize("serial", [-1, 10**13])
def test_a_sandbox_serial_that_does_not_fit_is_refused(serial: int) -> None:
    with pytest.raises(WalletIdInvalidError):
        sandbox_wallet_id(serial)


def test_a_masked_wallet_id_shows_what_operators_show() -> None:
    assert masked(WalletId("0022500000005081")) == "002250******5081"
    assert masked(WalletId("wallet-1")) == "wa******"
    assert masked(WalletId("w")) == "******"


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_class_is_read_as_number_and_as_level(number: int) -> None:
    assert wallet_class(str(number)) is wallet_class(f"WL0{number}") is WalletClass(number)


@pytest.mark.parametrize("text", ["", "0", "5", "01", "WL05", "wl01", "1 "])
def test_a_text_that_names_no_class_is_refused(text: str) -> None:
    with pytest.raises(WalletClassInvalidError):
        wallet_class(text)


@pytest.mark.parametrize("wallet", [WalletClass.CLASS_1, WalletClass.CLASS_2, WalletClass.CLASS_3])
def test_real_name_wallets_may_redeem(wallet: WalletClass) -> None:
    check_may_redeem(wallet)


def test_a_class_4_wallet_is_refused_with_the_reason_and_the_way_out() -> None:
    with pytest.raises(WalletClassRefusedError, match=r"WL04.*real-name.*upgrade"):
        check_may_redeem(WalletClass.CLASS_4)


@pytest.mark.parametrize("kind", WalletType)
def test_only_wallets_of_persons_are_paid(kind: WalletType) -> None:
    assert wallet_type(kind.value) is kind
    if kind.value in {"WT01", "WT02"}:
        check_personal(kind)
    else:
        with pytest.raises(WalletTypeRefusedError, match=kind.value):
            check_personal(kind)


@pytest.mark.parametrize("text", ["", "WT04", "wt01", "1", "WL01"])
def test_a_text_that_names_no_type_is_refused(text: str) -> None:
    with pytest.raises(WalletTypeInvalidError):
        wallet_type(text)


def test_every_number_has_the_code_of_its_institution() -> None:
    assert CODE_OF_NUMBER.keys() == INSTITUTIONS.keys()
    assert {INSTITUTION_CODES[code]: number for number, code in CODE_OF_NUMBER.items()} == {
        name: number for number, name in INSTITUTIONS.items()
    }
    assert CODE_OF_NUMBER["004"] == "C1010411000013"


@pytest.mark.parametrize(
    ("wallet", "code"),
    [
        ("0022500000005081", "C1010211000012"),
        ("9900000000000001", TEST_INSTITUTION_CODE),
        ("9990000000000001", TEST_INSTITUTION_CODE),
        ("0092500000005081", None),
        ("purse-1", None),
    ],
)
def test_the_institution_of_a_wallet_is_known_by_its_number(wallet: str, code: str | None) -> None:
    assert institution_code_of(wallet_id(wallet)) == code


@pytest.mark.parametrize("wallet", ["0022500000005081", "9900000000000001", "purse-1"])
def test_a_strict_operator_takes_listed_institutions_test_wallets_and_other_shapes(
    wallet: str,
) -> None:
    check_institution(wallet_id(wallet))


@pytest.mark.parametrize("wallet", ["0082500000005081", "1112500000005081", "9892500000005081"])
def test_a_strict_operator_refuses_an_unlisted_institution_without_showing_the_wallet(
    wallet: str,
) -> None:
    with pytest.raises(InstitutionUnknownError) as caught:
        check_institution(wallet_id(wallet))

    assert wallet not in str(caught.value)


@pytest.mark.parametrize("code", [*INSTITUTION_CODES, TEST_INSTITUTION_CODE])
def test_a_listed_institution_code_is_taken(code: str) -> None:
    assert check_institution_code(code) == code


@pytest.mark.parametrize("code", ["", "C1010411000014", "c1010411000013", "004"])
def test_an_unlisted_institution_code_is_refused(code: str) -> None:
    with pytest.raises(InstitutionUnknownError):
        check_institution_code(code)
