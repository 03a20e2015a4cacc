"""`fedcarbon-hub uses` for a lot from its pledges to an obligation, against a hub over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fedcarbon.ledger.account import AccountKind, holder_account, programme_account
from fedcarbon.ledger.transfer import Phase, Transfer
from fedcarbon.ledger.unit import MassUnit
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.uses.lot import TONNE_UG, LotVerification
from fedcarbon.uses.offer import LotRules
from fedcarbon.uses.order import UseKind
from hub.clearing.storage.ledger_store import LedgerStore
from hub.commands import uses
from tests.hub.federation import PROGRAMME, token
from tests.hub.openings.served import served_shop, write_hub_config
from tests.hub.openings.shop import Shop, code_of
from tests.hub.openings.test_town import balance

BUYER = "a plant"
LOTS = 3


@pytest.fixture
def config(shop: Shop, tmp_path: Path) -> Iterator[Path]:
    """The hub.toml of the hub's operator, of a programme that offsets a twentieth."""
    with served_shop(shop, tmp_path) as address:
        shop.publish(
            LotRules(
                parameter_id=shop.world.hub.parameters.parameter_id,
                programme_id=PROGRAMME,
                rules_id="first",
                excluded_regimes=(),
                price_floor_fen=1,
                offset_parts=1,
                offset_of=20,
            )
        )
        yield write_hub_config(tmp_path, address)


@pytest.fixture
def sold(shop: Shop, config: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Lots of a tonne each that one buyer has paid for, formed and sold by command."""
    (vintage,) = shop.world.statement(1).spendable_ug
    unit = MassUnit(programme=PROGRAMME, vintage=vintage)
    given = Transfer(
        transfer_id=b"tonnes (16 byte)",
        debit=programme_account(AccountKind.ISSUANCE, PROGRAMME),
        credit=holder_account(AccountKind.SPENDABLE, token(1)),
        unit=unit,
        amount=LOTS * TONNE_UG,
        phase=Phase.SINGLE,
        resolves=None,
    )
    now_s = shop.world.clock.now_s()
    shop.world.hub.write_now(lambda session: LedgerStore(session).post(given, now_s))
    shop.place(shop.order(UseKind.PLEDGE, mass_ug=MicrogramsCO2e(LOTS * TONNE_UG)))
    lots = []
    for number in range(LOTS):
        uses.form_lot(
            config=config, programme=PROGRAMME, vintage=vintage, tonnes=1, label=str(number)
        )
        lots.append(lot := capsys.readouterr().out.splitlines()[-1].split()[1].rstrip(":"))
        shop.publish(
            LotVerification(
                parameter_id=shop.world.hub.parameters.parameter_id,
                programme_id=PROGRAMME,
                lot_id=bytes.fromhex(lot),
                verifier="a verifier",
                report_sha256=bytes(32),
                accepted=True,
            )
        )
        uses.sell_lot(config=config, lot=lot, buyer=BUYER, price_fen=9, retained_fen=0)
    capsys.readouterr()
    return lots


def test_retire_lot_offsets_an_obligation_up_to_its_part_and_once(
    shop: Shop, config: Path, sold: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    named: dict[str, Any] = {"config": config, "beneficiary": BUYER}
    ours: dict[str, Any] = {**named, "obligation": "cea-2026", "obligation_kg": 20_000}

    for _ in range(2):
        uses.retire_lot(**ours, lot=sold[0])
        assert "tonnes 1 to 1" in capsys.readouterr().out
    refused = {
        "a tonne too much": ({**ours, "lot": sold[1]}, "OFFSET_LIMIT"),
        "an obligation that grew": (
            {**ours, "lot": sold[1], "obligation_kg": 40_000},
            "OBLIGATION_DIFFERS",
        ),
        "less than a twentieth": (
            {**ours, "lot": sold[1], "obligation": "cea-2027", "obligation_kg": 19_999},
            "OFFSET_LIMIT",
        ),
        "an obligation without a name": ({**ours, "lot": sold[1], "obligation": ""}, "MALFORMED"),
        "one of nothing": ({**ours, "lot": sold[1], "obligation_kg": 0}, "MALFORMED"),
        "a lot that is retired": ({**named, "lot": sold[0]}, "LOT_STATE"),
    }
    for what, (asked, code) in refused.items():
        assert code_of(partial(uses.retire_lot, **asked)) == code, what

    assert shop.leaves(LeafType.LOT_RETIREMENT) == 1
    assert balance(shop, AccountKind.RETIRED) == TONNE_UG
    assert balance(shop, AccountKind.POOLED) == 2 * TONNE_UG

    uses.retire_lot(**named, lot=sold[1])  # for its own sake
    assert "tonnes 2 to 2" in capsys.readouterr().out
