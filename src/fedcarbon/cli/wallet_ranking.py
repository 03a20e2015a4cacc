"""`fedcarbon wallet ranking list|join|leave|show`: rankings that customers opt in to."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App
from rich.console import Console
from rich.table import Table

from fedcarbon.cli.ranking_choices import next_period, place_choice, rankings_of
from fedcarbon.cli.wallet import connected, load_config
from fedcarbon.cli.wallet_uses import bound_customer
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import use_pb2

app = App(name="ranking", help="Rankings that customers opt in to.")


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
        for item in rankings_of(operator):
            numbers = (item.first_day, item.period_days, item.periods, next_period(operator, item))
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
        run_label = f"{'join' if takes_part else 'leave'} {ranking} {label}"
        accepted = place_choice(
            operator, item, binding, ranking, takes_part=takes_part, run_label=run_label
        )
        record.check_receipt(accepted.receipt, LeafType.RANKING_CHOICE, accepted.envelope)
    Console(stderr=True).print(f"the choice about {ranking} is in the record")
