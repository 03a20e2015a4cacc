"""Accounts and units: names that can be read back, and nothing else that can be."""

from __future__ import annotations

import pytest

from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import (
    CAMPAIGN_KINDS,
    HOLDER_KINDS,
    LOT_KINDS,
    Account,
    AccountKind,
    campaign_account,
    holder_account,
    lot_account,
    programme_account,
)
from fedcarbon.ledger.unit import FEN, MassUnit, Vintage, unit_from_text

TOKEN = bytes(range(32))
SHANGHAI = ProgrammeId("ecny-shanghai")


@pytest.mark.parametrize("kind", AccountKind)
def test_every_account_is_found_again_by_its_name(kind: AccountKind) -> None:
    if kind in HOLDER_KINDS:
        account = holder_account(kind, TOKEN)
    elif kind in LOT_KINDS:
        account = lot_account(kind, TOKEN[:16])
    elif kind in CAMPAIGN_KINDS:
        account = campaign_account(SHANGHAI, "spring")
    else:
        account = programme_account(kind, SHANGHAI)

    assert Account.from_name(account.name) == account


def test_the_name_of_an_account_says_whose_it_is_and_what_for() -> None:
    assert holder_account(AccountKind.SPENDABLE, TOKEN).name == f"holder:{TOKEN.hex()}:spendable"
    assert programme_account(AccountKind.FLOAT, SHANGHAI).name == "programme:ecny-shanghai:float"


@pytest.mark.parametrize(
    "name",
    {
        "empty": "",
        "two parts": "programme:ecny-shanghai",
        "four parts": "programme:ecny-shanghai:float:float",
        "unknown kind": "programme:ecny-shanghai:pocket",
        "a holder's account of a programme": "programme:ecny-shanghai:spendable",
        "a programme's account of a holder": f"holder:{TOKEN.hex()}:float",
        "upper-case token": f"holder:{TOKEN.hex().upper()}:spendable",
        "short token": f"holder:{TOKEN.hex()[2:]}:spendable",
        "a lot's account of a programme": "programme:ecny-shanghai:pooled",
        "a lot's account with a holder's token": f"lot:{TOKEN.hex()}:pooled",
        "a scope of its own": f"person:{TOKEN.hex()}:spendable",
        "upper-case programme": "programme:ECNY:float",
        "a campaign of nobody": "campaign:ecny-shanghai:campaign",
        "a campaign without a name": "campaign:ecny-shanghai.:campaign",
        "a campaign of a campaign": "campaign:ecny-shanghai.spring.sale:campaign",
    }.items(),
    ids=lambda item: item[0],
)
def test_a_text_that_is_no_account_is_refused(name: tuple[str, str]) -> None:
    with pytest.raises(MalformedError):
        Account.from_name(name[1])


@pytest.mark.parametrize("token", [b"", b"\0" * 31, b"\0" * 33])
def test_a_holder_without_a_32_byte_token_has_no_account(token: bytes) -> None:
    with pytest.raises(MalformedError):
        holder_account(AccountKind.SPENDABLE, token)


@pytest.mark.parametrize("unit", [FEN, MassUnit(programme=SHANGHAI, vintage=Vintage(2026))])
def test_every_unit_is_found_again_by_its_text(unit: MassUnit) -> None:
    assert unit_from_text(unit.text) == unit


def test_units_of_two_vintages_or_programmes_differ() -> None:
    unit = MassUnit(programme=SHANGHAI, vintage=Vintage(2026))

    assert unit != MassUnit(programme=SHANGHAI, vintage=Vintage(2025))
    assert unit != MassUnit(programme=ProgrammeId("ecny-beijing"), vintage=Vintage(2026))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yuan",
        "ug:ecny-shanghai",
        "ug:ecny-shanghai:02026",
        "ug:ecny-shanghai:1999",
        "ug:ecny-shanghai:3000",
        "ug:ecny-shanghai:year",
        "ug:ecny-shanghai:\u0662\u0660\u0662\u0666",
        "g:ecny-shanghai:2026",
        "ug:Shanghai:2026",
    ],
)
def test_a_text_that_is_no_unit_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        unit_from_text(text)
