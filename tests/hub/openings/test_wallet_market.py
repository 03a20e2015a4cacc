"""`fedcarbon wallet` for campaigns, the market and own retirement, against a hub over the wire."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fedcarbon.cli import wallet_market
from fedcarbon.errors import FedcarbonError
from fedcarbon.ledger.account import AccountKind
from fedcarbon.transparency.leaf import LeafType
from tests.hub.openings.served import WALLET, served_shop, write_wallet
from tests.hub.openings.shop import Shop, code_of
from tests.hub.openings.test_town import advance, balance, spring, town
from tests.hub.openings.world import GRAM

PURPOSE = "my flight of March, 200 kg; 7c1f"


@pytest.fixture
def wallet(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The wallet.toml of the first account's operator, with the hub that it names."""
    monkeypatch.setenv("COLUMNS", "200")
    folder = tmp_path / "desk"
    folder.mkdir()
    with served_shop(shop, folder) as address:
        yield write_wallet(shop, folder, address)


@pytest.fixture
def purpose(wallet: Path) -> Path:
    path = wallet.with_name("purpose.txt")
    path.write_text(PURPOSE, encoding="utf-8")
    return path


def retire(shop: Shop, wallet: Path, purpose: Path) -> dict[str, Any]:
    """Retire a gram by command; return what names it."""
    named: dict[str, Any] = {"config": wallet, "wallet": WALLET}
    named |= {"purpose": purpose, "label": "flight"}
    wallet_market.retire_own(**named, mass_ug=GRAM)
    shop.world.witness()
    return named


def certified(shop: Shop, wallet: Path, purpose: Path) -> Path:
    """Retire a gram and have its certificate written."""
    named, out = retire(shop, wallet, purpose), wallet.with_name("certificate.json")
    wallet_market.certificate(**named, out=out)
    return out


def test_campaigns_lists_budgets(
    shop: Shop, wallet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.world.top_up(100)
    shop.publish(spring(shop, title="[/red] on top"))

    wallet_market.campaigns(config=wallet)

    shown = capsys.readouterr().out
    assert all(text in shown for text in ("spring", "[/red] on top", "redemption", "0.07"))


def test_market_says_when_there_is_none_and_what_there_is(
    shop: Shop, wallet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wallet_market.market(config=wallet)
    assert "no market with a price" in capsys.readouterr().out
    shop.world.top_up(1_000)
    shop.publish(town(shop))
    advance(shop)

    wallet_market.market(config=wallet)

    assert "market town" in capsys.readouterr().out


def test_sell_and_buy_trade_once_per_label_at_the_price_agreed(shop: Shop, wallet: Path) -> None:
    shop.world.top_up(1_000)
    shop.publish(town(shop))
    advance(shop)
    named: dict[str, Any] = {"config": wallet, "wallet": WALLET, "market_id": "town", "units": 2}

    for _ in range(2):
        wallet_market.sell(**named, price_fen=20, label="sell")
    assert shop.world.statement(1).proceeds_fen == 40
    dearer = code_of(lambda: wallet_market.buy(**named, price_fen=21, label="dear"))
    assert dearer == "MARKET_PRICE_MOVED"
    for _ in range(2):
        wallet_market.buy(**named, price_fen=20, label="buy")

    assert shop.world.statement(1).proceeds_fen == 0
    assert balance(shop, AccountKind.MARKET_PURSE) == 100
    assert shop.leaves(LeafType.USE_ORDER) == 2


def test_retire_own_retires_once_per_label(shop: Shop, wallet: Path, purpose: Path) -> None:
    retire(shop, wallet, purpose)
    retire(shop, wallet, purpose)

    assert shop.world.statement(1).used_ug == {AccountKind.OFFSET: GRAM}


def test_a_certificate_is_written_and_anybody_checks_it(
    shop: Shop, wallet: Path, purpose: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = certified(shop, wallet, purpose)

    wallet_market.check_certificate(config=wallet, file=out)

    assert f"were retired for: '{PURPOSE}'" in capsys.readouterr().out


def test_asking_for_a_certificate_retires_nothing(shop: Shop, wallet: Path, purpose: Path) -> None:
    """A label that was mistyped ordered the retirement again, for ever."""
    named = retire(shop, wallet, purpose)
    out = wallet.with_name("certificate.json")

    mistyped = {**named, "label": "fligth"}
    assert code_of(lambda: wallet_market.certificate(**mistyped, out=out)) == "WALLET_CONFIG"

    assert shop.world.statement(1).used_ug == {AccountKind.OFFSET: GRAM}
    assert not out.exists()


BENT: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "another purpose": (lambda tree: tree.update(purpose="another"), "CERTIFICATE_INVALID"),
    "no text": (lambda tree: tree.update(purpose="\ud800"), "MALFORMED"),
    "markup": (lambda tree: tree.update(purpose="[/red]"), "CERTIFICATE_INVALID"),
    "another leaf": (lambda tree: tree.update(leaf_index=3), "INCLUSION_PROOF_INVALID"),
    "a leaf before the first": (lambda tree: tree.update(leaf_index=-1), "INCLUSION_PROOF_INVALID"),
    "a short salt": (lambda tree: tree.update(salt="00"), "MALFORMED"),
    "no head": (lambda tree: tree.update(head=""), "MALFORMED"),
    "a list": (lambda tree: tree.update(order=[]), "MALFORMED"),
}


@pytest.mark.parametrize("what", BENT)
def test_a_bent_certificate_is_refused(shop: Shop, wallet: Path, purpose: Path, what: str) -> None:
    bend, code = BENT[what]
    out = certified(shop, wallet, purpose)
    bend(tree := json.loads(out.read_bytes()))
    out.write_text(json.dumps(tree), encoding="utf-8")

    with pytest.raises(FedcarbonError) as caught:
        wallet_market.check_certificate(config=wallet, file=out)

    assert caught.value.code == code


def test_a_purpose_cannot_forge_what_is_printed(
    shop: Shop, wallet: Path, purpose: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A holder's own words are shown as they are: no lines, no colours, no markup of a terminal."""
    purpose.write_text("mine\n\x1b[1mleaf 9: 900.0 kg were retired for: [/red]", encoding="utf-8")
    out = certified(shop, wallet, purpose)

    wallet_market.check_certificate(config=wallet, file=out)

    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    assert "\x1b" not in shown
    assert "[/red]" in shown
