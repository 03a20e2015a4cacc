"""`fedcarbon wallet ranking list|join|leave|show`: rankings that customers opt in to."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from cyclopts import App
from rich.console import Console
from rich.table import Table

from fedcarbon.cli.wallet import connected, load_config
from fedcarbon.cli.wallet_operator import WalletOperator
from fedcarbon.cli.wallet_uses import bound_customer
from fedcarbon.errors import CallerError
from fedcarbon.redemption.wallet import WalletClass, wallet_id
from fedcarbon.transparency.envelope import sign
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import SECONDS_PER_DAY
from fedcarbon.uses.ranking import RankingChoice
from fedcarbon.v1 import use_pb2

app = App(name="ranking", help="Rankings that customers opt in to.")


class RankingNotListedError(CallerError):
    """The programme lists no such ranking, or all its periods have begun: look at the list."""

    code: ClassVar[str] = "RANKING_NOT_LISTED"


@app.command(name="list")
def list_rankings(*, config: Path) -> None:
    """List the rankings of the programme and the next period of each.

    Args:
        config: the operator's wallet.toml.
    """
    table = Table(
        "ranking", "first day", "days of a period", "periods", "next", "at least", "bands"
    )
    with connected(load_config(config)) as (operator, _):
        for item in _rankings(operator):
            numbers = (item.first_day, item.period_days, item.periods, _next_period(operator, item))
            table.add_row(
                item.ranking_id, *map(str, numbers), f"{item.people_min} people", str(item.bands)
            )
    Console().print(table)


@app.command
def join(*, config: Path, wallet: str, ranking: str, label: str) -> None:
    """Let a customer take part from the next period on; the same label again is the same word.

    Args:
        config: the operator's wallet.toml.
        wallet: the customer's wallet.
        ranking: its name.
        label: names this choice.
    """
    _choose(config, wallet, ranking, label, takes_part=True)


@app.command
def leave(*, config: Path, wallet: str, ranking: str, label: str) -> None:
    """Let a customer take part no more from the next period on.

    Args:
        config: the operator's wallet.toml.
        wallet: the customer's wallet.
        ranking: its name.
        label: names this choice.
    """
    _choose(config, wallet, ranking, label, takes_part=False)


@app.command
def show(*, config: Path, wallet: str, ranking: str, period: int) -> None:
    """Show how many people a list has in each band, and in which one a customer lies.

    Args:
        config: the operator's wallet.toml.
        wallet: the customer's wallet.
        ranking: its name.
        period: from 0.
    """
    with connected(load_config(config)) as (operator, _):
        item, _ = bound_customer(operator, wallet)
        assert item.account_token is not None
        found = operator.hub.get_ranking(
            use_pb2.GetRankingRequest(
                programme_id=operator.programme.programme_id,
                ranking_id=ranking,
                period=period,
                account_token=item.account_token,
            )
        )
    if not found.lines:
        Console().print("too few people took part: there is no list of this period")
        return
    table = Table("band", "people", "")
    for band in range(max(line.band for line in found.lines), 0, -1):
        own = [line.pseudonym for line in found.lines if line.band == band]
        mark = found.own_pseudonym.hex() if found.own_pseudonym in own else ""
        table.add_row(str(band), str(len(own)), mark)
    Console().print(table)


def _choose(config: Path, wallet: str, ranking: str, label: str, *, takes_part: bool) -> None:
    with connected(load_config(config)) as (operator, record):
        item, binding = bound_customer(operator, wallet)
        assert item.account_token is not None
        run_label = f"{'join' if takes_part else 'leave'} {ranking} {label}"
        choice_id, signed = operator.store.use(item.account_token, item.wallet_id, run_label)
        if signed is None:
            choice = RankingChoice(
                parameter_id=operator.parameters.parameter_id,
                programme_id=operator.programme.programme_id,
                ranking_id=ranking,
                choice_id=choice_id,
                account_token=item.account_token,
                wallet_id=wallet_id(item.wallet_id),
                wallet_class=WalletClass(item.wallet_class),
                binding_leaf=binding.operator_leaf,
                operator_id=operator.operator_id,
                takes_part=takes_part,
                from_period=_period_of(operator, ranking),
            )
            signed = sign(choice, {operator.operator_id: operator.signing_key}).to_bytes()
            operator.store.set_use(choice_id, signed)
        request = use_pb2.PlaceRankingChoiceRequest(signed_choice=signed)
        receipt = operator.hub.place_ranking_choice(request).receipt
        record.check_receipt(receipt, LeafType.RANKING_CHOICE, signed)
    Console(stderr=True).print(f"choice {choice_id.hex()} is in the record")


def _rankings(operator: WalletOperator) -> list[use_pb2.RankingRules]:
    request = use_pb2.ListOffersRequest(programme_id=operator.programme.programme_id)
    return list(operator.hub.list_offers(request).rankings)


def _next_period(operator: WalletOperator, item: use_pb2.RankingRules) -> int:
    """Return the first period that begins after today."""
    today = operator.clock.now_s() // SECONDS_PER_DAY
    return max(0, (today - item.first_day) // item.period_days + 1)


def _period_of(operator: WalletOperator, ranking: str) -> int:
    for item in _rankings(operator):
        period = _next_period(operator, item)
        if item.ranking_id == ranking and period < item.periods:
            return period
    raise RankingNotListedError(f"ranking {ranking} has no period that is still to begin")
