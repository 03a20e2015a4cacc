"""The database says no by itself: whatever Python does, and whoever is at the keyboard."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlmodel import SQLModel
from typing_extensions import override

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind, holder_account, programme_account
from fedcarbon.ledger.balances import Balances
from fedcarbon.ledger.transfer import Phase, Transfer
from fedcarbon.ledger.unit import MassUnit, Vintage
from fedcarbon.redemption.states import RedemptionEvent, RedemptionStateError
from fedcarbon.units import Seconds
from hub.clearing.sandbox_rail import SandboxTable
from hub.clearing.storage.ledger_store import LedgerStore, LoadedLedger
from hub.clearing.storage.redemption_store import RedemptionStore, Step
from hub.storage.engine import reading, sqlite_engine, writing
from hub.storage.tables import HubTable

if TYPE_CHECKING:
    from tests.hub.clearing.conftest import Books

GRAM = 1_000_000
SHANGHAI = ProgrammeId("ecny-shanghai")


def _execute(engine: Engine, statement: str) -> None:
    with writing(engine) as session:
        session.connection().execute(text(statement))


@pytest.fixture
def paid(funded: Books) -> Books:
    """Return books with one redemption that was paid and one that is reserved."""
    funded.redeem(funded.order(1, units=1))
    funded.run(funded.rail())
    funded.redeem(funded.order(2, units=1))
    return funded


@pytest.mark.parametrize(
    "table", ["transfers", "opening_credits", "redemption_draws", "redemption_events"]
)
@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE {table} SET created_at = NULL",
        "DELETE FROM {table}",
        "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
    ],
)
def test_what_was_written_to_a_book_stays(paid: Books, table: str, attack: str) -> None:
    with pytest.raises(DBAPIError, match="insert-only"):
        _execute(paid.engine, attack.format(table=table))


def test_a_closed_day_stays(paid: Books) -> None:
    _execute(
        paid.engine,
        "INSERT INTO ledger_batches (day, first_sequence, transfer_count, previous_batch, "
        "batch_hash) VALUES (1, 1, 1, x'00', x'01')",
    )

    with pytest.raises(DBAPIError, match="insert-only"):
        _execute(paid.engine, "DELETE FROM ledger_batches")


ROW_ATTACKS = {
    "a holder below zero": (
        "UPDATE balances SET balance = -1 WHERE account_kind = 'spendable'",
        "ck_balances_not_negative",
    ),
    "a float below zero": (
        "UPDATE balances SET balance = -1 WHERE account_kind = 'float'",
        "ck_balances_not_negative",
    ),
    "a source above zero": (
        "UPDATE balances SET balance = 1 WHERE account_kind = 'issuance'",
        "ck_balances_source_not_positive",
    ),
    "a holder turned into a source": (
        "UPDATE balances SET account_kind = 'issuance', balance = -1 WHERE unit <> 'fen'",
        "ck_balances_kind_of_account",
    ),
    "a kind that does not exist": (
        "INSERT INTO balances (account, unit, account_kind, balance) VALUES ('a:b', 'fen', 'b', 0)",
        "ck_balances_account_kind_known",
    ),
    "text for a balance": ("UPDATE balances SET balance = 'many'", "ck_balances"),
    "a fraction of a microgram": (
        "UPDATE balances SET balance = 0.5 WHERE account_kind = 'spendable'",
        "ck_balances_integers",
    ),
    "more than 64 bits": (
        "UPDATE balances SET balance = 9223372036854775807 + 1 WHERE account_kind = 'spendable'",
        "ck_balances_integers",
    ),
    "a state that does not exist": (
        "UPDATE redemptions SET state = 'lost'",
        "ck_redemptions_state_known",
    ),
    "a payout of nothing": (
        "UPDATE redemptions SET amount_fen = 0",
        "ck_redemptions_pays_something",
    ),
    "a class-4 wallet": (
        "UPDATE redemptions SET wallet_class = 4",
        "ck_redemptions_real_name_wallet",
    ),
    "one payout id for two redemptions": (
        "UPDATE redemptions SET payout_id = x'00'",
        "UNIQUE constraint failed: redemptions.payout_id",
    ),
    "an unknown step": (
        "UPDATE payout_outbox SET step = 'pay twice'",
        "ck_payout_outbox_step_known",
    ),
    "an outbox task for nothing": (
        "INSERT INTO payout_outbox (redemption_id, step, due_s, calls) VALUES (x'ff', 'pay', 0, 0)",
        "FOREIGN KEY",
    ),
}


@pytest.mark.parametrize(("attack", "rule"), ROW_ATTACKS.values(), ids=ROW_ATTACKS)
def test_a_row_that_must_not_be_cannot_be(paid: Books, attack: str, rule: str) -> None:
    with pytest.raises(IntegrityError, match=rule):
        _execute(paid.engine, attack)


_COLUMNS = (
    "sequence, transfer_id, debit, credit, unit, amount, phase, resolves, recorded_s, ledger_day"
)


_EXISTING = "(SELECT min(transfer_id) FROM transfers)"
_RESOLVED = "(SELECT resolves FROM transfers WHERE resolves IS NOT NULL LIMIT 1)"
TRANSFER_ATTACKS = {
    "no amount": (
        "99, randomblob(16), 'a', 'b', 'fen', 0, 'single', NULL, 0, 0",
        "ck_transfers_amount_range",
    ),
    "a negative amount": (
        "99, randomblob(16), 'a', 'b', 'fen', -1, 'single', NULL, 0, 0",
        "ck_transfers_amount_range",
    ),
    "to itself": (
        "99, randomblob(16), 'a', 'a', 'fen', 1, 'single', NULL, 0, 0",
        "ck_transfers_two_accounts",
    ),
    "a short id": (
        "99, randomblob(15), 'a', 'b', 'fen', 1, 'single', NULL, 0, 0",
        "FOREIGN KEY",
    ),
    "an unknown phase": (
        "99, randomblob(16), 'a', 'b', 'fen', 1, 'gift', NULL, 0, 0",
        "ck_transfers_phase_known",
    ),
    "a post of nothing": (
        "99, randomblob(16), 'a', 'b', 'fen', 1, 'post', NULL, 0, 0",
        "ck_transfers_resolves_phase",
    ),
    "a single that resolves": (
        f"99, randomblob(16), 'a', 'b', 'fen', 1, 'single', {_EXISTING}, 0, 0",
        "ck_transfers_resolves_phase",
    ),
    "a second post of a reservation": (
        f"99, randomblob(16), 'a', 'b', 'fen', 1, 'post', {_RESOLVED}, 0, 0",
        "FOREIGN KEY",
    ),
    "a post of what does not exist": (
        "99, randomblob(16), 'a', 'b', 'fen', 1, 'post', randomblob(16), 0, 0",
        "FOREIGN KEY",
    ),
    "an id that exists": (
        f"99, {_EXISTING}, 'a', 'b', 'fen', 1, 'single', NULL, 0, 0",
        "FOREIGN KEY",
    ),
    "a sequence number that exists": (
        "1, randomblob(16), 'a', 'b', 'fen', 1, 'single', NULL, 0, 0",
        "FOREIGN KEY",
    ),
    "an end of what reserves nothing": (
        "99, randomblob(16), 'a', 'b', 'fen', 1, 'single', NULL, 7, 0, 0",
        "ck_transfers_expires_phase",
    ),
    "a float for an amount": (
        "99, randomblob(16), 'a', 'b', 'fen', 1.5, 'single', NULL, 0, 0",
        "ck_transfers_integers",
    ),
}


@pytest.mark.parametrize(("values", "rule"), TRANSFER_ATTACKS.values(), ids=TRANSFER_ATTACKS)
def test_a_transfer_that_must_not_be_cannot_be(paid: Books, values: str, rule: str) -> None:
    columns = (
        _COLUMNS.replace("resolves", "resolves, expires_s") if "7, 0, 0" in values else _COLUMNS
    )
    with pytest.raises(IntegrityError, match=rule):
        _execute(paid.engine, f"INSERT INTO transfers ({columns}) VALUES ({values})")  # noqa: S608


ID_ATTACKS = {
    "an id that exists": (f"{_EXISTING}, 99, 0, NULL", "transfer_ids.transfer_id"),
    "a number that exists": ("randomblob(16), 1, 0, NULL", "transfer_ids.sequence"),
    "a second resolution": (f"randomblob(16), 99, 0, {_RESOLVED}", "transfer_ids.resolves"),
    "a resolution of nothing": ("randomblob(16), 99, 0, randomblob(16)", "FOREIGN KEY"),
    "a short id": ("randomblob(15), 99, 0, NULL", "ck_transfer_ids_transfer_id_size"),
}


@pytest.mark.parametrize(("values", "rule"), ID_ATTACKS.values(), ids=ID_ATTACKS)
def test_a_transfer_id_that_must_not_be_cannot_be(paid: Books, values: str, rule: str) -> None:
    columns = "transfer_id, sequence, ledger_day, resolves"
    with pytest.raises(IntegrityError, match=rule):
        _execute(paid.engine, f"INSERT INTO transfer_ids ({columns}) VALUES ({values})")  # noqa: S608


def test_a_committed_transaction_is_on_the_disk_and_a_reader_waits_for_nobody(
    books: Books,
) -> None:
    with writing(books.engine) as session:
        pragmas = {
            name: session.connection().execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")
        }
        assert books.totals() == {}

    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "recursive_triggers": 1,
    }


def test_a_reading_session_cannot_write(funded: Books) -> None:
    with (
        pytest.raises(OperationalError, match="readonly"),
        reading(funded.engine) as session,
    ):
        session.connection().execute(text("DELETE FROM payout_outbox"))

    funded.credit(1, 1)


def test_a_writer_holds_the_lock_from_its_beginning(funded: Books) -> None:
    other = sqlite_engine(funded.folder / "hub.db")
    with writing(funded.engine) as session:
        session.connection()
        with other.connect() as connection:
            connection.rollback()
            connection.connection.driver_connection.execute("PRAGMA busy_timeout = 1")
            with pytest.raises(OperationalError, match="locked"):
                connection.execute(text("SELECT 1"))
    other.dispose()


def test_the_hub_and_the_sandbox_have_tables_of_their_own() -> None:
    assert not set(HubTable.metadata.tables) & set(SandboxTable.metadata.tables)
    assert not set(SQLModel.metadata.tables) & set(HubTable.metadata.tables)


def test_the_store_answers_as_the_fold_does(books: Books) -> None:
    folded = Balances()

    with writing(books.engine) as session:
        store = LedgerStore(session)
        for transfer in _operations():
            assert _outcome(store.post, transfer, Seconds(0)) == _outcome(folded.apply, transfer)

    with reading(books.engine) as session:
        stored = {(a.name, u.text): b for a, u, b in LedgerStore(session).balances()}
        summed = {(a.name, u.text): b for a, u, b in LedgerStore(session).summed_transfers()}
    assert stored == summed == {(a.name, u.text): b for a, u, b in folded.items()}


def _outcome(act: object, *arguments: object) -> object:
    try:
        return act(*arguments)
    except FedcarbonError as error:
        return error.code


def _operations() -> list[Transfer]:
    """Return every phase, for two holders and vintages, with numbers that collide and miss."""
    operations = []
    for number in range(240):
        phase = list(Phase)[number * 7 % 4]
        token = bytes([number % 2]) * 32
        spendable = holder_account(AccountKind.SPENDABLE, token)
        reserved = holder_account(AccountKind.RESERVED, token)
        debit, credit = {
            Phase.SINGLE: (programme_account(AccountKind.ISSUANCE, SHANGHAI), spendable),
            Phase.RESERVE: (spendable, reserved),
            Phase.POST: (reserved, programme_account(AccountKind.REDEEMED, SHANGHAI)),
            Phase.VOID: (reserved, spendable),
        }[phase]
        resolving = phase in {Phase.POST, Phase.VOID}
        operations.append(
            Transfer(
                transfer_id=(number * 5 % 160).to_bytes(16, "big"),
                debit=debit,
                credit=credit,
                unit=MassUnit(programme=SHANGHAI, vintage=Vintage(2025 + number % 3 % 2)),
                amount=10 ** (number % 4),
                phase=phase,
                resolves=(number * 5 // 2 % 160).to_bytes(16, "big") if resolving else None,
            )
        )
    return operations


class StaleStore(LedgerStore):
    """Reads balances that another writer has lowered since."""

    @override
    def loaded(self, names: Collection[str], ids: Collection[bytes]) -> LoadedLedger:
        loaded = super().loaded(names, ids)
        for account, unit in loaded.balances:
            loaded.balances[account, unit] += 1
        return loaded


def test_a_stale_balance_is_changed_by_the_difference_and_never_below_zero(funded: Books) -> None:
    before = funded.totals()
    holder = funded.token(1)

    def reserve(amount: int) -> Transfer:
        return Transfer(
            transfer_id=amount.to_bytes(16, "big"),
            debit=holder_account(AccountKind.SPENDABLE, holder),
            credit=holder_account(AccountKind.RESERVED, holder),
            unit=MassUnit(programme=SHANGHAI, vintage=Vintage(2026)),
            amount=amount,
            phase=Phase.RESERVE,
            resolves=None,
        )

    with (
        pytest.raises(IntegrityError, match="ck_balances_not_negative"),
        writing(funded.engine) as session,
    ):
        StaleStore(session).post(reserve(before["spendable"] + 1), Seconds(0))
    with writing(funded.engine) as session:
        StaleStore(session).post(reserve(1), Seconds(0))

    assert funded.totals() == before | {"spendable": before["spendable"] - 1, "reserved": 1}


def test_a_redemption_that_moved_since_it_was_read_does_not_move_again(funded: Books) -> None:
    read = funded.redeem(funded.order(1))
    with writing(funded.engine) as session:
        RedemptionStore(session).advance(
            Step(redemption=read, event=RedemptionEvent.SEND), Seconds(0)
        )

    with pytest.raises(RedemptionStateError), writing(funded.engine) as session:
        RedemptionStore(session).advance(
            Step(redemption=read, event=RedemptionEvent.SEND), Seconds(0)
        )

    assert funded.history(1) == [RedemptionEvent.RESERVE, RedemptionEvent.SEND]


def test_the_files_of_the_hub_survive_a_restart(funded: Books, tmp_path: Path) -> None:
    before = funded.totals()

    funded.restart()

    assert (tmp_path / "hub.db").exists()
    assert funded.totals() == before
