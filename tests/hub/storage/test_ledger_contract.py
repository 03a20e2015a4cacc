"""The ledger keeps one set of promises: in memory, on SQLite and on PostgreSQL."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session
from typing_extensions import override

from fedcarbon.errors import FedcarbonError, StateError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import Account, AccountKind, holder_account, programme_account
from fedcarbon.ledger.balances import Balances
from fedcarbon.ledger.batch import LedgerDay, ledger_day
from fedcarbon.ledger.errors import (
    InsufficientBalanceError,
    ReservationMismatchError,
    ReservationResolvedError,
    ReservationTimedOutError,
    ReservationUnknownError,
    TransferIdReusedError,
)
from fedcarbon.ledger.transfer import Phase, Transfer
from fedcarbon.ledger.unit import FEN, MassUnit, Unit, Vintage
from fedcarbon.units import SECONDS_PER_DAY, Seconds
from hub.clearing.storage.batch_store import BatchStore, ClosedDay
from hub.clearing.storage.ledger_store import LedgerStore
from hub.storage.engine import open_engine, reading, transact, writing
from hub.storage.partitions import part_of

SHANGHAI = ProgrammeId("ecny-shanghai")
GRAMS = MassUnit(programme=SHANGHAI, vintage=Vintage(2026))
ISSUANCE = programme_account(AccountKind.ISSUANCE, SHANGHAI)
REDEEMED = programme_account(AccountKind.REDEEMED, SHANGHAI)
NOW_S = Seconds(1_775_000_000)


def account(kind: AccountKind, holder: int = 1) -> Account:
    return holder_account(kind, bytes([holder]) * 32)


def issue(number: int, amount: int, holder: int = 1) -> Transfer:
    return Transfer(
        transfer_id=number.to_bytes(16, "big"),
        debit=ISSUANCE,
        credit=account(AccountKind.SPENDABLE, holder),
        unit=GRAMS,
        amount=amount,
        phase=Phase.SINGLE,
        resolves=None,
    )


def reserve(number: int, amount: int, expires_s: int | None = None) -> Transfer:
    return Transfer(
        transfer_id=number.to_bytes(16, "big"),
        debit=account(AccountKind.SPENDABLE),
        credit=account(AccountKind.RESERVED),
        unit=GRAMS,
        amount=amount,
        phase=Phase.RESERVE,
        resolves=None,
        expires_s=None if expires_s is None else Seconds(expires_s),
    )


def resolve(number: int, reservation: Transfer, phase: Phase = Phase.POST) -> Transfer:
    return Transfer(
        transfer_id=number.to_bytes(16, "big"),
        debit=reservation.credit,
        credit=REDEEMED if phase is Phase.POST else reservation.debit,
        unit=GRAMS,
        amount=reservation.amount,
        phase=phase,
        resolves=reservation.transfer_id,
    )


class Ledger(ABC):
    """What is the same for all of them."""

    @abstractmethod
    def enter(self, *transfers: Transfer, at_s: int = NOW_S) -> int: ...

    @abstractmethod
    def items(self) -> dict[tuple[str, str], int]: ...

    def spendable(self) -> int:
        return self.items().get((account(AccountKind.SPENDABLE).name, GRAMS.text), 0)


class InMemory(Ledger):
    def __init__(self) -> None:
        self.balances = Balances()

    @override
    def enter(self, *transfers: Transfer, at_s: int = NOW_S) -> int:
        return self.balances.apply_linked(transfers, Seconds(at_s))

    @override
    def items(self) -> dict[tuple[str, str], int]:
        return {(a.name, u.text): amount for a, u, amount in self.balances.items()}


class InDatabase(Ledger):
    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @override
    def enter(self, *transfers: Transfer, at_s: int = NOW_S) -> int:
        return transact(
            self.engine,
            lambda session: LedgerStore(session).post_linked(transfers, Seconds(at_s)),
        )

    @override
    def items(self) -> dict[tuple[str, str], int]:
        with reading(self.engine) as session:
            stored = {(a.name, u.text): n for a, u, n in LedgerStore(session).balances()}
            summed = {(a.name, u.text): n for a, u, n in LedgerStore(session).summed_transfers()}
        assert stored == summed
        return stored

    def close(self, day: LedgerDay, number: int) -> None:
        """Close a day whose only transfer is the `number`-th."""
        closed = ClosedDay(
            day=day,
            first_sequence=number,
            transfer_count=1,
            previous_batch=bytes([number - 1]) * 32,
            batch_hash=bytes([number]) * 32,
        )
        transact(self.engine, lambda session: BatchStore(session).add(closed))

    def at(self, of: Account, unit: Unit, at_s: int) -> int:
        with reading(self.engine) as session:
            return LedgerStore(session).balance_at(of, unit, Seconds(at_s))


@pytest.fixture
def in_database(store: Engine) -> InDatabase:
    return InDatabase(store)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """The ledger of each kind."""
    if request.param == "memory":
        yield InMemory()
        return
    if request.param == "postgresql":
        engine = open_engine(request.getfixturevalue("postgresql_url"))
    else:
        engine = open_engine(tmp_path / "hub.db")
        template: Path = request.getfixturevalue("sqlite_template")
        (tmp_path / "hub.db").write_bytes(template.read_bytes())
    yield InDatabase(engine)
    engine.dispose()


def test_linked_transfers_are_entered_all_or_none(ledger: Ledger) -> None:
    assert ledger.enter(issue(1, 100), issue(2, 10), reserve(3, 110)) == 3

    before = ledger.items()
    with pytest.raises(InsufficientBalanceError):
        ledger.enter(issue(4, 5), reserve(5, 6))

    assert ledger.items() == before
    assert ledger.enter(issue(4, 5), reserve(5, 5)) == 2


def test_the_same_transfer_again_changes_nothing(ledger: Ledger) -> None:
    ledger.enter(issue(1, 100))

    assert ledger.enter(issue(1, 100)) == 0
    assert ledger.enter(issue(1, 100), issue(2, 1)) == 1
    assert ledger.spendable() == 101


def test_an_id_with_other_content_is_refused(ledger: Ledger) -> None:
    ledger.enter(issue(1, 100))

    for other in (issue(1, 101), issue(1, 100, holder=2)):
        with pytest.raises(TransferIdReusedError):
            ledger.enter(other)
    with pytest.raises(TransferIdReusedError):
        ledger.enter(issue(2, 1), issue(2, 2))
    assert ledger.spendable() == 100


@pytest.mark.parametrize("first", [Phase.POST, Phase.VOID])
@pytest.mark.parametrize("second", [Phase.POST, Phase.VOID])
def test_a_reservation_is_resolved_once(ledger: Ledger, first: Phase, second: Phase) -> None:
    held = reserve(2, 40)
    ledger.enter(issue(1, 100), held)
    ledger.enter(resolve(3, held, first))

    with pytest.raises(ReservationResolvedError):
        ledger.enter(resolve(4, held, second))

    assert ledger.enter(resolve(3, held, first)) == 0
    assert ledger.spendable() == (60 if first is Phase.POST else 100)


WRONG = {
    "of nothing": (resolve(9, reserve(8, 40)), ReservationUnknownError),
    "of what is no reservation": (
        resolve(9, replace(reserve(8, 100), transfer_id=(1).to_bytes(16, "big"))),
        ReservationUnknownError,
    ),
    "of a part": (replace(resolve(9, reserve(2, 40)), amount=39), ReservationMismatchError),
}


@pytest.mark.parametrize(("wrong", "expected"), WRONG.values(), ids=WRONG)
def test_a_resolution_fits_its_reservation(
    ledger: Ledger, wrong: Transfer, expected: type[FedcarbonError]
) -> None:
    ledger.enter(issue(1, 100), reserve(2, 40))

    with pytest.raises(expected):
        ledger.enter(wrong)

    assert ledger.spendable() == 60


def test_a_reservation_that_is_over_can_only_be_voided(ledger: Ledger) -> None:
    held = reserve(2, 40, expires_s=NOW_S + 10)
    ledger.enter(issue(1, 100), held)

    with pytest.raises(ReservationTimedOutError):
        ledger.enter(resolve(3, held), at_s=NOW_S + 10)

    ledger.enter(resolve(3, held, Phase.VOID), at_s=NOW_S + 10)
    assert ledger.spendable() == 100


def test_a_reservation_is_posted_until_its_last_second(ledger: Ledger) -> None:
    held = reserve(2, 40, expires_s=NOW_S + 10)
    ledger.enter(issue(1, 100), held)

    assert ledger.enter(resolve(3, held), at_s=NOW_S + 9) == 1


def test_nobody_spends_what_is_not_there(ledger: Ledger) -> None:
    ledger.enter(issue(1, 100))

    with pytest.raises(InsufficientBalanceError):
        ledger.enter(reserve(2, 101))
    with pytest.raises(InsufficientBalanceError):
        ledger.enter(reserve(2, 60), reserve(3, 41))

    assert ledger.enter(reserve(2, 60), reserve(3, 40)) == 2


def test_many_transfers_at_once_are_entered_as_few_are(ledger: Ledger) -> None:
    many = [issue(number, number, holder=number % 7) for number in range(1, 300)]

    assert ledger.enter(*many) == len(many)
    assert ledger.enter(*many) == 0

    folded = Balances(many)
    assert ledger.items() == {(a.name, u.text): amount for a, u, amount in folded.items()}


def test_balances_are_known_as_of_any_second(in_database: InDatabase) -> None:
    spendable = account(AccountKind.SPENDABLE)
    for number in range(1, 6):
        in_database.enter(issue(number, 10**number), at_s=NOW_S + 40 * number * SECONDS_PER_DAY)

    for number in range(6):
        at_s = NOW_S + 40 * number * SECONDS_PER_DAY
        expected = sum(10**n for n in range(1, number + 1))
        assert in_database.at(spendable, GRAMS, at_s) == expected
        assert in_database.at(ISSUANCE, GRAMS, at_s + 1) == -expected
    assert in_database.at(spendable, FEN, NOW_S * 2) == 0


def test_nothing_enters_a_closed_day(in_database: InDatabase) -> None:
    in_database.enter(issue(1, 10))
    day = ledger_day(NOW_S)

    in_database.close(day, number=1)
    in_database.enter(issue(2, 10))

    with reading(in_database.engine) as session:
        store = LedgerStore(session)
        found = [len(store.transfers_of_day(LedgerDay(at))) for at in (day, day + 1)]
    assert found == [1, 1]


def test_transfers_lie_in_the_part_of_their_month_and_stay_there(postgresql_url: str) -> None:
    engine = open_engine(postgresql_url)
    ledger = InDatabase(engine)
    days = [NOW_S // SECONDS_PER_DAY + 15 * number for number in range(12)]
    for number, day in enumerate(days, start=1):
        ledger.enter(issue(number, 10), at_s=day * SECONDS_PER_DAY)
        ledger.close(LedgerDay(day), number)

    parts = sorted({part_of("transfers", day) for day in days})
    with reading(engine) as session:
        found = session.connection().execute(
            text("SELECT DISTINCT tableoid::regclass::text FROM transfers ORDER BY 1")
        )
        assert found.scalars().all() == parts
        assert parts[0] == "transfers_y2026m03"
    for part in ("transfers", *parts):
        for attack in (f"UPDATE {part} SET amount = 1", f"DELETE FROM {part}", f"TRUNCATE {part}"):  # noqa: S608
            with pytest.raises(DBAPIError, match="insert-only"), writing(engine) as session:
                session.connection().execute(text(attack))
    engine.dispose()


def _post_and_fail(session: Session) -> None:
    LedgerStore(session).post(issue(1, 10), NOW_S)
    raise StateError


def test_a_part_that_was_rolled_back_is_made_again(postgresql_url: str) -> None:
    engine = open_engine(postgresql_url)
    ledger = InDatabase(engine)

    for _ in range(2):
        with pytest.raises(StateError), writing(engine) as session:
            _post_and_fail(session)
    with writing(engine) as session:
        with pytest.raises(StateError), session.begin_nested():
            _post_and_fail(session)
        LedgerStore(session).post(issue(2, 10), NOW_S)

    ledger.enter(issue(3, 10))
    assert ledger.spendable() == 20
    engine.dispose()
