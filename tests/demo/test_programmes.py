"""Every programme file is whole, and what happens in it comes to what it says.

Two checks stand on their own feet: the figures that the file writes down, and the cross-check,
which recomputes every sum from the input files.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import Session

from demo import results
from demo.conclusion import cross_check
from demo.crosscheck import recompute
from demo.programmes.document import load, names
from demo.programmes.hands import holders
from demo.programmes.telling import check_figures, count_accounts, take_steps
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind, programme_account
from fedcarbon.ledger.unit import FEN
from hub.clearing.storage.ledger_store import LedgerStore
from tests.demo.programme_world import ProgrammeWorld, WorldHands, running


@pytest.mark.parametrize("name", names())
def test_a_programme_runs_and_its_figures_hold(name: str, tmp_path: Path) -> None:
    file = load(name)
    with running(file, tmp_path) as world:
        hands, figures = WorldHands(world), world.figures
        take_steps(file, hands, figures, world.said.append, early=False)
        count_accounts(file, hands, figures)
        accounts = accounts_of(world, hands)
        booked = booked_from_buyers(world)

    assert len(world.said) == len(file.steps)
    assert findings_of(world, accounts) == []
    assert booked == world.paid_in, "the rail's float is not what the books say"
    check_figures(file, figures)


def booked_from_buyers(world: ProgrammeWorld) -> dict[ProgrammeId, int]:
    """Return the fen that the books have of buyers, by programme."""

    def read(session: Session) -> dict[ProgrammeId, int]:
        ledger = LedgerStore(session)
        return {
            programme: -ledger.balance(programme_account(AccountKind.SALES, programme), FEN)
            for programme in world.programmes
        }

    fen = world.loop.run(world.hub.read(read))
    return {programme: amount for programme, amount in fen.items() if amount}


def accounts_of(world: ProgrammeWorld, hands: WorldHands) -> list[dict[str, object]]:
    """Return what was opened, account by account."""
    return [
        {
            "programme": programme,
            "id_number": holder.customer.id_number,
            "opened_ug": holder.account().opened_ug,
        }
        for programme in world.programmes
        for holder in holders(hands, programme, (0, world.file.people))
    ]


def findings_of(world: ProgrammeWorld, accounts: list[dict[str, object]]) -> list[str]:
    """Return every difference between the federation's results and its input files."""
    partners = {
        seat: results.partner_summary(store, rejected={}) for seat, store in world.stores.items()
    }
    rows = results.verdict_rows(world.scenario, world.stores, {})
    verdicts = [{key: str(value) for key, value in row.items()} for row in rows]
    return cross_check(world.scenario, partners, accounts, recompute(world.scenario, verdicts))
