"""Parsers of short texts: names, identities, times."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Final

from fedcarbon.errors import ConfigurationError, MalformedError
from fedcarbon.identity.person_id import (
    MalformedIdError,
    SyntheticIdRefusedError,
    canonical_identity,
    make_test_id,
)
from fedcarbon.ids import checked_name
from fedcarbon.ledger.account import Account
from fedcarbon.ledger.unit import MassUnit, Vintage, unit_from_text
from fedcarbon.methodology.activity import InvalidActivityError, values_of
from fedcarbon.methodology.dimension import PLAIN, Unit, UnknownUnitError
from fedcarbon.methodology.expression import TEXT, Input
from fedcarbon.methodology.object_ref import MalformedObjectError, canonical_object
from fedcarbon.methodology.parsing import FormulaError, Scope, Table, parse_formula
from fedcarbon.redemption.limits import LimitsInvalidError, parse_limits
from fedcarbon.redemption.operator_statement import period_from_text
from fedcarbon.redemption.value_day import ValueDayInvalidError, day_from_text
from fedcarbon.redemption.wallet import (
    WalletClassInvalidError,
    WalletIdInvalidError,
    wallet_class,
    wallet_id,
)
from fedcarbon.registry.programme import zone
from fedcarbon.wire.certificates import CertificateError, parse_uri
from partner_node.activities.instants import parse_instant
from partner_node.persons.consent import parse_consent
from partner_node.statistics.districts import DistrictsFileError, parse_districts
from tests.fuzz.parser import Parser, of_text, simple
from tests.house.examples import parties

SCOPE: Final = Scope(
    values={
        "x": Input(name="x", type=PLAIN),
        "y": Input(name="y", type=PLAIN),
        "w": Input(name="w", type=TEXT),
    },
    words={"w": frozenset({"a", "b"})},
    exponents={"x": (0, 3), "y": (0, 3)},
    tables={"T": Table(name="T", unit=PLAIN, keys=("w",), rows={("a",): Fraction(1)})},
    bands={},
    curves={},
)
EXAMPLE_LIMITS: Final = Path(__file__).parents[2] / "deploy" / "limits.example.toml"


def of_names() -> list[Parser]:
    """Return the parsers of names, accounts, units and formulas."""
    token = "ab" * 32
    return [
        simple(
            "fedcarbon.ids:checked_name", of_text(checked_name), (MalformedError,), "sz-metro", "a"
        ),
        simple(
            "fedcarbon.ledger.account:Account.from_name",
            of_text(Account.from_name),
            (MalformedError,),
            f"holder:{token}:spendable",
            "programme:carbon-sz:float",
            "campaign:carbon-sz.spring:campaign",
        ),
        simple(
            "fedcarbon.ledger.unit:unit_from_text",
            of_text(unit_from_text),
            (MalformedError,),
            "fen",
            MassUnit(programme=parties.PROGRAMME_ID, vintage=Vintage(2026)).text,
        ),
        simple(
            "partner_node.statistics.districts:parse_districts",
            of_text(partial(parse_districts, name="districts.csv")),
            (DistrictsFileError,),
            "place,district\nthe bund,310101\n1243,310115\n",
            "west,south,east,north,district\n121460000,31220000,121500000,31250000,310101\n",
        ),
        simple(
            "fedcarbon.methodology.dimension:Unit.parse",
            of_text(Unit.parse),
            (UnknownUnitError,),
            "ug/(Wh*year)",
            "m/s^2",
        ),
        simple(
            "fedcarbon.methodology.parsing:parse_formula",
            of_text(partial(parse_formula, scope=SCOPE)),
            (FormulaError,),
            "x * 3 + max(x, y) ** 2 / y if x < y else -x",
            "T[w] * x if w in ('a', 'b') and not x == 3 else 0",
        ),
        simple(
            "fedcarbon.wire.certificates:parse_uri",
            of_text(parse_uri),
            (CertificateError,),
            "spiffe://fedcarbon.test/partner/sz-metro",
        ),
    ]


def of_money() -> list[Parser]:
    """Return the parsers of wallets, limits and value days."""
    return [
        simple(
            "fedcarbon.redemption.wallet:wallet_id",
            of_text(wallet_id),
            (WalletIdInvalidError,),
            "0022500000005081",
            "purse-1",
        ),
        simple(
            "fedcarbon.redemption.wallet:wallet_class",
            of_text(wallet_class),
            (WalletClassInvalidError,),
            "2",
            "WL03",
        ),
        simple(
            "fedcarbon.redemption.limits:parse_limits",
            parse_limits,
            (LimitsInvalidError,),
            EXAMPLE_LIMITS.read_bytes(),
        ),
        simple(
            "fedcarbon.redemption.operator_statement:period_from_text",
            of_text(period_from_text),
            (ValueDayInvalidError,),
            "2026-03-31",
            "2026-03",
        ),
        simple(
            "fedcarbon.redemption.value_day:day_from_text",
            of_text(day_from_text),
            (ValueDayInvalidError,),
            "2026-03-31",
        ),
    ]


def of_values() -> list[Parser]:
    """Return the parsers of identities, zones, modes and times."""
    return [
        simple(
            "fedcarbon.identity.person_id:canonical_identity",
            of_text(lambda text: canonical_identity("TEST", text, allow_test=True)),
            (MalformedIdError,),
            make_test_id(1),
        ),
        simple(
            "fedcarbon.identity.person_id:canonical_identity type and country",
            of_text(
                lambda text: canonical_identity(text[:8], "E12345678", issuing_country=text[8:])
            ),
            (MalformedIdError, SyntheticIdRefusedError),
            "PASSPORTDE",
        ),
        simple(
            "fedcarbon.registry.programme:zone",
            of_text(zone),
            (ConfigurationError,),
            "Asia/Shanghai",
            "UTC",
        ),
        simple(
            "fedcarbon.methodology.activity:values_of",
            of_text(values_of),
            (MalformedError,),
            '{"distance_m":12500,"mode":"rail"}',
            '{"red_alert":true,"use_wh":-5}',
        ),
        simple(
            "fedcarbon.methodology.object_ref:canonical_object",
            of_text(canonical_object),
            (MalformedObjectError,),
            "meter:sgcc-sh:3100000017",
            "RECEIPT:SHOP:88-1",
            "meter:\u017fgcc:1",
        ),
        simple(
            "partner_node.activities.instants:parse_instant",
            of_text(lambda text: parse_instant(text, "Asia/Shanghai")),
            (InvalidActivityError,),
            "2026-03-02T08:00:00",
            "2026-03-02T08:00:00.5+08:00",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59",
        ),
        simple(
            "partner_node.persons.consent:parse_consent",
            of_text(lambda text: parse_consent(text, "Asia/Shanghai")),
            (InvalidActivityError,),
            "true",
            "2026-03-02T08:00:00",
        ),
    ]
