"""Rounds of the soak: a hub is killed with SIGKILL while clients redeem, and started again."""

from __future__ import annotations

import functools
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine

from fedcarbon.clock import SystemClock
from fedcarbon.ids import PartyId, Role
from fedcarbon.ledger.account import AccountKind, programme_account
from fedcarbon.ledger.credit import OpeningCredit
from fedcarbon.ledger.unit import FEN, Vintage
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.units import SECONDS_PER_DAY, Fen, MicrogramsCO2e, Seconds
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.clocks import FileClock
from fedcarbon.wire.dev_ca import Authority, write_party
from fedcarbon.wire.party import load_party
from hub.clearing.credits import credit_opening, top_up_float
from hub.clearing.positions import account_statement, checked_trial_balance, grams_in_books
from hub.clearing.redemptions import find_redemption
from hub.clearing.storage.credit_store import CreditStore
from hub.clearing.storage.ledger_store import LedgerStore
from hub.storage.engine import open_engine, reading, transact
from tests.chance import seeded
from tests.hub.federation import PROGRAMME, programme, token
from tests.hub.openings.world import GRAMS, PEOPLE, PURSE, World
from tests.hub.running import HUB_NAME
from tests.nursery import nursery
from tests.soak.clients import SoakClient, all_calls
from tests.soak.history import Booked, Books, Call, Kind, check
from tests.soak.hub_process import HubFiles, serve_hub
from tests.soak.rail_process import RemoteRail, serve_rail

CLIENTS: Final = 4
FLOAT_FEN: Final = 10_000_000
UNITS_PER_ROUND: Final = 3
"""Credited to each account: less than what is asked for, so that some orders are refused."""
KILL_AFTER_S: Final = (0.05, 0.7)
STARTS_KILLED_OF_10: Final = 1
"""Rounds in which the hub does not even get to serve."""
STEP_S: Final = 75
"""Of protocol time per round: longer than a lease."""
JUMPS_S: Final = (STEP_S, STEP_S, STEP_S, 3_700, 20_000, -30)
START_MAX_S: Final = 60
END_ROUNDS: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """What a soak did; it has found nothing, else it would have raised."""

    store: str
    rounds: int
    kills: int
    calls: int
    orders: int
    acknowledged: int
    """Different redemptions to which an answer came."""
    unanswered: int
    """Calls whose answer never came."""
    redemptions: int
    settled: int
    rejected: int
    closed_days: int
    errors: dict[str, int]
    seconds: float


class Soak:
    """A hub's folder, its rail and its clients over many rounds."""

    def __init__(self, folder: Path, *, seed: int, store: str, database: str | None) -> None:
        self._chance = seeded(seed)
        self._seed = seed
        self._store = store
        self._processes = nursery()
        self._credits: list[Call] = []
        self._credited = dict.fromkeys(PEOPLE, 0)
        self._kills = 0
        authority, now_s = Authority.create(SystemClock().now_s()), SystemClock().now_s()
        world = prepared(folder / "hub", database)
        self._clock = FileClock(folder / "clock")
        # Far from the instant at which bindings begin to count, wherever the clock jumps.
        self._clock.set_s(Seconds(world.clock.now_s() + SECONDS_PER_DAY))
        orders = {person: order_maker(world, person) for person in PEOPLE}
        self._url = str(world.hub.engine.url.render_as_string(hide_password=False))
        world.close()
        self._files = HubFiles(
            folder=folder / "hub",
            clock=folder / "clock",
            party=identity(folder, authority, HUB_NAME, now_s),
            rail=folder / "rail.socket",
            database=database,
        )
        purse = PartyName(party_id=PURSE, role=Role.WALLET_OPERATOR)
        party = load_party(identity(folder, authority, purse, now_s))
        self._clients = [
            SoakClient(
                chance=seeded(seed * CLIENTS + number),
                orders=orders,
                party=party,
                unit_ug=programme().unit_ug,
            )
            for number in range(CLIENTS)
        ]

    def run(self, rounds: int) -> Soaked:
        """Play `rounds` rounds, bring everything to its end, and check what happened."""
        began = time.monotonic()
        with self._rail() as rail:
            with _closing(open_engine(self._url)) as engine:
                transact(engine, self._fund)
            for _ in range(rounds):
                self._credit()
                self._round()
            rail.be_good()
            self._end()
            movements = rail.movements()
        with _closing(open_engine(self._url)) as engine, reading(engine) as session:
            checked_trial_balance(session)
            grams_in_books(session)
            books = self._books(session, movements)
            days = session.connection().exec_driver_sql("SELECT count(*) FROM ledger_batches")
            closed_days = int(days.scalar_one())
        calls = [*self._credits, *all_calls(self._clients)]
        _write_history(self._files.folder.parent, calls, books)
        check(calls, books)
        return self._summary(rounds, calls, books, closed_days, time.monotonic() - began)

    # --- a round ------------------------------------------------------------------------------

    def _round(self) -> None:
        """Start the hub, let the clients work, kill it."""
        if self._chance.randrange(10) < STARTS_KILLED_OF_10:
            self._killed_start()
        with self._hub() as (process, port):
            stop = threading.Event()
            threads = [
                threading.Thread(target=client.work, args=(port, stop)) for client in self._clients
            ]
            for thread in threads:
                thread.start()
            time.sleep(self._chance.uniform(*KILL_AFTER_S))
            process.kill()
            self._kills += 1
            stop.set()
            for thread in threads:
                thread.join()
        self._clock.set_s(Seconds(self._clock.now_s() + self._chance.choice(JUMPS_S)))

    def _killed_start(self) -> None:
        ours, theirs = self._processes.Pipe(duplex=False)
        process = self._processes.Process(target=serve_hub, args=(self._files, theirs))
        process.start()
        time.sleep(self._chance.uniform(0, KILL_AFTER_S[1]))
        process.kill()
        self._kills += 1
        process.join()
        ours.close()
        theirs.close()

    def _end(self) -> None:
        """Let everything get its answer: from the hub, and from the rail."""
        self._clock.set_s(Seconds(self._clock.now_s() + 3_601))
        with self._hub() as (_, port):
            for client in self._clients:
                client.settle(port)
            with _closing(open_engine(self._url)) as engine:
                for _ in range(END_ROUNDS * 10):
                    if not _left(engine):
                        break
                    self._clock.set_s(Seconds(self._clock.now_s() + 3_601))
                    time.sleep(0.1)
                assert not _left(engine), "payouts without an answer"
            for client in self._clients:
                client.settle(port)

    @contextmanager
    def _hub(self) -> Iterator[tuple[BaseProcess, int]]:
        ours, theirs = self._processes.Pipe(duplex=False)
        process = self._processes.Process(target=serve_hub, args=(self._files, theirs))
        process.start()
        theirs.close()
        try:
            assert ours.poll(START_MAX_S), "the hub does not start"
            yield process, ours.recv()
        finally:
            process.kill()
            process.join()
            ours.close()

    @contextmanager
    def _rail(self) -> Iterator[RemoteRail]:
        process = self._processes.Process(target=serve_rail, args=(self._files.rail, self._seed))
        process.start()
        try:
            for _ in range(START_MAX_S * 100):
                if self._files.rail.exists():
                    break
                time.sleep(0.01)
            yield RemoteRail(self._files.rail)
        finally:
            process.kill()
            process.join()

    # --- grams and money ----------------------------------------------------------------------

    def _fund(self, session: Any) -> None:
        top_up_float(session, PROGRAMME, Fen(FLOAT_FEN), bytes(16), self._clock.now_s())

    def _credit(self) -> None:
        """Credit every account a little, while the hub is down."""
        for person in PEOPLE:
            began_ns = time.monotonic_ns()
            with _closing(open_engine(self._url)) as engine:
                transact(engine, functools.partial(self._credit_one, person=person))
            self._credits.append(
                Call(
                    kind=Kind.CREDIT,
                    account=person,
                    invoked_ns=began_ns,
                    returned_ns=time.monotonic_ns(),
                    units=UNITS_PER_ROUND,
                )
            )

    def _credit_one(self, session: Any, person: int) -> None:
        last = CreditStore(session).last(PROGRAMME, token(person))
        before_ug = 0 if last is None else last.opened_ug
        self._credited[person] += 1
        name = f"{person} {self._credited[person]}".encode()
        credit = OpeningCredit(
            programme=PROGRAMME,
            vintage=Vintage(2026),
            account_token=token(person),
            opening_id=hashlib.sha256(name).digest(),
            previous_opened_ug=MicrogramsCO2e(before_ug),
            opened_ug=MicrogramsCO2e(before_ug + UNITS_PER_ROUND * programme().unit_ug),
        )
        credit_opening(session, credit, self._clock.now_s())

    # --- the end ------------------------------------------------------------------------------

    def _books(self, session: Any, movements: Counter[bytes]) -> Books:
        ledger, unit_ug = LedgerStore(session), programme().unit_ug
        redemptions, payouts, spendable = {}, {}, {}
        for person in PEOPLE:
            statement = account_statement(session, PROGRAMME, token(person))
            spendable[person] = sum(statement.spendable_ug.values()) // unit_ug
            for item in statement.redemptions:
                name = item.order.redemption_id.hex()
                assert find_redemption(session, item.order.redemption_id) == item
                payouts[item.order.payout_id] = name
                redemptions[name] = Booked(account=person, units=item.units, state=item.state.value)
        fen = {
            kind: ledger.balance(programme_account(kind, PROGRAMME), FEN)
            for kind in (AccountKind.FUNDING, AccountKind.FLOAT, AccountKind.PAID_OUT)
        }
        return Books(
            redemptions=redemptions,
            paid={payouts.get(key, key.hex()): times for key, times in movements.items()},
            spendable=spendable,
            funded_fen=-fen[AccountKind.FUNDING],
            float_fen=fen[AccountKind.FLOAT],
            paid_out_fen=fen[AccountKind.PAID_OUT],
        )

    def _summary(
        self, rounds: int, calls: list[Call], books: Books, closed_days: int, seconds: float
    ) -> Soaked:
        orders = [call for call in calls if call.kind is Kind.REDEEM]
        states = Counter(item.state for item in books.redemptions.values())
        errors: Counter[str] = Counter()
        for client in self._clients:
            errors.update(client.codes)
        return Soaked(
            store=self._store,
            rounds=rounds,
            kills=self._kills,
            calls=len(calls),
            orders=len(orders),
            acknowledged=len({call.redemption_id for call in orders if call.is_good}),
            unanswered=sum(call.returned_ns is None for call in calls),
            redemptions=len(books.redemptions),
            settled=states["settled"],
            rejected=states["rejected"],
            closed_days=closed_days,
            errors=dict(errors),
            seconds=round(seconds, 1),
        )


def prepared(folder: Path, database: str | None) -> World:
    """Return a federation in which everybody has a wallet that may redeem."""
    world = World(folder, database=database).begin()
    world.enrol_early(PEOPLE)
    world.seal(GRAMS)
    world.bind_all()
    return world


def order_maker(world: World, person: int) -> Callable[[bytes, int], RedemptionOrder]:
    pattern = world.order(world.bound(person), units=1)

    def make(redemption_id: bytes, units: int) -> RedemptionOrder:
        fields = {name: getattr(pattern, name) for name in RedemptionOrder.__slots__}
        return RedemptionOrder(**{**fields, "redemption_id": redemption_id, "units": units})

    return make


def identity(folder: Path, authority: Authority, name: PartyName, now_s: Seconds) -> Path:
    seed = hashlib.sha256(PartyId(name.party_id).encode()).digest()
    return write_party(folder / name.party_id, authority, name, now_s=now_s, seed=seed)


def _left(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM payout_outbox").scalar_one())


@contextmanager
def _closing(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    finally:
        engine.dispose()


def _write_history(folder: Path, calls: list[Call], books: Books) -> None:
    """Keep everything that the checker judges, so that it can be judged again."""
    with (folder / "history.jsonl").open("w", encoding="utf-8") as file:
        for call in sorted(calls, key=lambda call: call.invoked_ns):
            file.write(json.dumps(asdict(call) | {"kind": call.kind.value}) + "\n")
    (folder / "books.json").write_text(json.dumps(asdict(books), indent=1), encoding="utf-8")


def judge(folder: Path) -> None:
    """Check again what a soak has left in `folder`.

    Raises:
        HistoryError: a rule of `tests.soak.history` is broken.
    """
    lines = (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
    kept = json.loads((folder / "books.json").read_text(encoding="utf-8"))
    redemptions = {name: Booked(**item) for name, item in kept["redemptions"].items()}
    spendable = {int(account): units for account, units in kept["spendable"].items()}
    calls = [Call(**{**fields, "kind": Kind(fields["kind"])}) for fields in map(json.loads, lines)]
    check(calls, Books(**{**kept, "redemptions": redemptions, "spendable": spendable}))


def soak(folder: Path, *, rounds: int, seed: int, store: str, database: str | None) -> Soaked:
    """Run a whole soak in `folder`; `history.jsonl` and `books.json` are left there.

    Raises:
        HistoryError: a rule of `tests.soak.history` is broken.
    """
    return Soak(folder, seed=seed, store=store, database=database).run(rounds)
