"""The database says no by itself: whatever Python does, and whoever is at the keyboard."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
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
from hub.clearing.storage.ledger_store import LedgerStore, LoadedLedger
from hub.clearing.storage.redemption_store import RedemptionStore, Step
from hub.sandbox.rows import SandboxTable
from hub.storage.engine import open_engine, reading, writing
from hub.storage.faults import StoreBusyError
from hub.storage.tables import HubTable

if TYPE_CHECKING:
    from tests.hub.clearing.conftest import Books

GRAM = 1_000_000
SHANGHAI = ProgrammeId("ecny-shanghai")


def _execute(engine: Engine, statement: str) -> None:
    with writing(engine) as session:
        session.connection().execute(text(_in_dialect(engine, statement)))


def _in_dialect(engine: Engine, statement: str) -> str:
    """Write bytes, x'00' in the tables below, as the database does."""
    if engine.dialect.name == "sqlite":
        return statement
    return re.sub(r"x'([0-9a-f]*)'", r"decode('\1', 'hex')", statement)


@pytest.fixture
def paid(funded: Books) -> Books:
    """Return books with one redemption that was paid and one that is reserved."""
    funded.redeem(funded.order(1, units=1))
    funded.run(funded.rail())
    funded.redeem(funded.order(2, units=1))
    return funded


_UPSERT = (
    "INSERT INTO {table} SELECT * FROM {table} ON CONFLICT ({key}) DO UPDATE SET created_at = NULL"
)
CHANGES = {
    "sqlite": [
        "UPDATE {table} SET created_at = NULL",
        "DELETE FROM {table}",
        "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
    ],
    "postgresql": [
        "UPDATE {table} SET created_at = NULL",
        "DELETE FROM {table}",
        "TRUNCATE {table} CASCADE",
        _UPSERT,
    ],
}
KEYS = {
    "transfers": "ledger_day, sequence",
    "opening_credits": "programme_id, account_token, ordinal",
    "redemption_draws": "redemption_id, vintage",
    "redemption_events": "redemption_id, ordinal",
}


@pytest.mark.parametrize(("table", "key"), KEYS.items(), ids=KEYS)
def test_what_was_written_to_a_book_stays(paid: Books, table: str, key: str) -> None:
    for attack in CHANGES[paid.engine.dialect.name]:
        with pytest.raises(IntegrityError, match="insert-only"):
            _execute(paid.engine, attack.format(table=table, key=key))


def test_the_ids_of_the_ledger_stay(paid: Books) -> None:
    for attack in ("UPDATE transfer_ids SET sequence = 99", "DELETE FROM transfer_ids"):
        with pytest.raises(IntegrityError, match="insert-only"):
            _execute(paid.engine, attack)


def test_a_closed_day_stays(paid: Books) -> None:
    _execute(
        paid.engine,
        "INSERT INTO ledger_batches (day, first_sequence, transfer_count, previous_batch, "
        "batch_hash) VALUES (1, 1, 1, x'00', x'01')",
    )

    with pytest.raises(IntegrityError, match="insert-only"):
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
        "UNIQUE constraint failed: redemptions.payout_id|uq_redemptions_payout_id",
    ),
    "an unknown step": (
        "UPDATE payout_outbox SET step = 'pay twice'",
        "ck_payout_outbox_step_known",
    ),
    "an outbox task for nothing": (
        "INSERT INTO payout_outbox (redemption_id, step, due_s, calls) VALUES (x'ff', 'pay', 0, 0)",
        "FOREIGN KEY|fk_payout_outbox_redemption_id",
    ),
}


@pytest.mark.parametrize(("attack", "rule"), ROW_ATTACKS.values(), ids=ROW_ATTACKS)
def test_a_row_that_must_not_be_cannot_be(paid: Books, attack: str, rule: str) -> None:
    with pytest.raises(IntegrityError, match=rule):
        _execute(paid.engine, attack)


NO_INTEGERS = {
    "text for a balance": "UPDATE balances SET balance = 'many'",
    "a fraction of a microgram": (
        "UPDATE balances SET balance = balance + 0.5 WHERE account_kind = 'spendable'"
    ),
    "more than 64 bits": (
        "UPDATE balances SET balance = 9223372036854775807 + 1 WHERE account_kind = 'spendable'"
    ),
}


@pytest.mark.parametrize("attack", NO_INTEGERS.values(), ids=NO_INTEGERS)
def test_no_balance_ever_is_anything_but_an_integer(paid: Books, attack: str) -> None:
    # SQLite would store it and is stopped by a check; PostgreSQL refuses, or rounds to an integer.
    before = paid.totals()
    with suppress(IntegrityError, DataError, ProgrammingError):
        _execute(paid.engine, attack)
        assert paid.engine.dialect.name == "postgresql"
        _execute(
            paid.engine,
            "UPDATE balances SET balance = balance - 1 WHERE unit <> 'fen' "
            "AND account_kind = 'spendable'",
        )

    assert paid.totals() == before


_ID = "x'" + "ab" * 16 + "'"
_TRANSFER = (
    "INSERT INTO transfers (ledger_day, sequence, transfer_id, debit, credit, unit, amount, phase, "
    "resolves, recorded_s) SELECT ledger_day, 99, transfer_id, "
)
_OF_THE_FIRST = " FROM transfers WHERE sequence = 1"
_TRANSFER_ID = "INSERT INTO transfer_ids (transfer_id, sequence, ledger_day, resolves) SELECT "
_RESOLVED = "(SELECT resolves FROM transfer_ids WHERE resolves IS NOT NULL LIMIT 1)"
TRANSFER_ATTACKS = {
    "no amount": (
        f"{_TRANSFER} 'a', 'b', 'fen', 0, 'single', NULL, 0 {_OF_THE_FIRST}",
        "ck_transfers_amount_range",
    ),
    "a negative amount": (
        f"{_TRANSFER} 'a', 'b', 'fen', -1, 'single', NULL, 0 {_OF_THE_FIRST}",
        "ck_transfers_amount_range",
    ),
    "to itself": (
        f"{_TRANSFER} 'a', 'a', 'fen', 1, 'single', NULL, 0 {_OF_THE_FIRST}",
        "ck_transfers_two_accounts",
    ),
    "an unknown phase": (
        f"{_TRANSFER} 'a', 'b', 'fen', 1, 'gift', NULL, 0 {_OF_THE_FIRST}",
        "ck_transfers_phase_known",
    ),
    "a post of nothing": (
        f"{_TRANSFER} 'a', 'b', 'fen', 1, 'post', NULL, 0 {_OF_THE_FIRST}",
        "ck_transfers_resolves_phase",
    ),
    "a single that resolves": (
        f"{_TRANSFER} 'a', 'b', 'fen', 1, 'single', {_ID}, 0 {_OF_THE_FIRST}",
        "ck_transfers_resolves_phase",
    ),
    "a place that is taken": (
        f"{_TRANSFER.replace('99', '1')} 'a', 'b', 'fen', 1, 'single', NULL, 0 {_OF_THE_FIRST}",
        "UNIQUE constraint failed: transfers.ledger_day|transfers_.*pkey|pk_transfers",
    ),
    "a transfer without an id": (
        f"{_TRANSFER.replace('transfer_id, ', '', 2)}".replace("99, ", f"99, {_ID}, ", 1).replace(
            "sequence, debit", "sequence, transfer_id, debit", 1
        )
        + f" 'a', 'b', 'fen', 1, 'single', NULL, 0 {_OF_THE_FIRST}",
        "FOREIGN KEY|fk_transfers_transfer_id",
    ),
    "a short id": (
        f"{_TRANSFER_ID} x'ab', 99, 0, NULL",
        "ck_transfer_ids_transfer_id_size",
    ),
    "an id that exists": (
        f"{_TRANSFER_ID} transfer_id, 99, 0, NULL FROM transfer_ids WHERE sequence = 1",
        "UNIQUE constraint failed: transfer_ids.transfer_id|pk_transfer_ids",
    ),
    "a number that exists": (
        f"{_TRANSFER_ID} {_ID}, 1, 0, NULL",
        "UNIQUE constraint failed: transfer_ids.sequence|uq_transfer_ids_sequence",
    ),
    "a second resolution": (
        f"{_TRANSFER_ID} {_ID}, 99, 0, {_RESOLVED}",
        "UNIQUE constraint failed: transfer_ids.resolves|uq_transfer_ids_resolves",
    ),
    "a resolution of what does not exist": (
        f"{_TRANSFER_ID} {_ID}, 99, 0, x'{'cd' * 16}'",
        "FOREIGN KEY|fk_transfer_ids_resolves",
    ),
}


@pytest.mark.parametrize(("attack", "rule"), TRANSFER_ATTACKS.values(), ids=TRANSFER_ATTACKS)
def test_a_transfer_that_must_not_be_cannot_be(paid: Books, attack: str, rule: str) -> None:
    with pytest.raises(IntegrityError, match=rule):
        _execute(paid.engine, attack)


SETTINGS = {
    "sqlite": {
        "PRAGMA journal_mode": "wal",
        "PRAGMA synchronous": 2,
        "PRAGMA foreign_keys": 1,
        "PRAGMA recursive_triggers": 1,
    },
    "postgresql": {
        "SHOW synchronous_commit": "on",
        "SHOW transaction_isolation": "serializable",
        "SHOW timezone": "UTC",
        "SHOW lock_timeout": "30s",
    },
}


def test_a_committed_transaction_is_on_the_disk_and_a_reader_waits_for_nobody(
    books: Books,
) -> None:
    expected = SETTINGS[books.engine.dialect.name]

    with writing(books.engine) as session:
        found = {name: session.connection().execute(text(name)).scalar() for name in expected}
        assert books.totals() == {}

    assert found == expected


def test_a_reading_session_cannot_write(funded: Books) -> None:
    with (
        pytest.raises(DBAPIError, match=r"readonly|read-only"),
        reading(funded.engine) as session,
    ):
        session.connection().execute(text("DELETE FROM payout_outbox"))

    funded.credit(1, 1)


WAIT_NO_LONGER = {
    "sqlite": "PRAGMA busy_timeout = 1",
    "postgresql": "SET lock_timeout = 1",
}


def test_a_writer_holds_the_lock_from_its_beginning(funded: Books) -> None:
    other = open_engine(funded.url)
    with other.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute(WAIT_NO_LONGER[other.dialect.name])
    with writing(funded.engine) as session:
        session.connection()
        with pytest.raises(StoreBusyError), writing(other) as second:
            second.connection()
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


def test_the_books_survive_a_restart(funded: Books) -> None:
    before = funded.totals()

    funded.restart()

    assert funded.totals() == before
