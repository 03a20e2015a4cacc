"""Redemptions per second at the use case, on both databases, beside pgbench.

* **books**: `create_redemptions` alone, one order or a hundred to a transaction; on PostgreSQL
  pgbench runs the same SQL in the same run (`bench.pgbench`).
* **bulk**: a million credits' accounts by the hub's bulk path, against COPY of the same rows.

Everything is durable: SQLite with synchronous FULL, PostgreSQL with fsync. Ratios compare what ran
a moment apart.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import Engine
from sqlmodel import Session

from bench import pgbench
from bench.effort import Effort
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.ledger.account import AccountKind, holder_account
from fedcarbon.ledger.credit import OpeningCredit
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.redemption.settlement import ECNY_RULE
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds
from hub.clearing.credits import credit_opening, top_up_float
from hub.clearing.redemptions import RedemptionRequest, create_redemptions
from hub.clearing.storage.ledger_rows import BalanceRow
from hub.storage.bulk import bulk_insert
from hub.storage.engine import open_engine, transact
from hub.storage.schema import migrate
from tests.postgresql import Cluster, running_cluster
from tests.unlimited import unlimited

PROGRAMME: Final = ProgrammeId("bench")
HOLDERS: Final = 1_000
NOW_S: Final = Seconds(1_775_000_000)
BATCHES: Final = {1: 1_000, 100: 8_000}
"""Orders in a transaction, to orders in all."""
BULK_ACCOUNTS: Final = 1_000_000
_BULK_PAGE: Final = 50_000
_LIMITS: Final = unlimited(PROGRAMME)
_HELD_UG: Final = MicrogramsCO2e(10**15)


def run(effort: Effort) -> dict[str, float]:
    """Return rates per second and ratios to pgbench and COPY of the same run."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="fedcarbon-bench-") as folder:
        with _opened(f"sqlite:///{folder}/hub.db") as engine:
            figures |= _books(engine, "sqlite", effort)
        with running_cluster(durable=True) as cluster:
            with _opened(cluster.create()) as engine:
                figures |= _books(engine, "postgresql", effort)
                figures |= _beside_pgbench(figures, engine, cluster, Path(folder), effort)
            with _opened(cluster.create()) as engine:
                figures |= _bulk(engine, effort.of(BULK_ACCOUNTS))
    return figures


@contextmanager
def _opened(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    migrate(engine)
    try:
        transact(engine, _fill)
        yield engine
    finally:
        engine.dispose()


def _fill(session: Session) -> None:
    for holder in range(HOLDERS):
        credit = OpeningCredit(
            programme=PROGRAMME,
            vintage=Vintage(2026),
            account_token=pgbench.holder_token(holder),
            opening_id=holder.to_bytes(32, "big"),
            previous_opened_ug=MicrogramsCO2e(0),
            opened_ug=_HELD_UG,
        )
        credit_opening(session, credit, NOW_S)
    top_up_float(session, PROGRAMME, Fen(10**12), bytes(16), NOW_S)


def _books(engine: Engine, store: str, effort: Effort) -> dict[str, float]:
    """Return orders per second through `create_redemptions`, by orders in a transaction."""
    figures: dict[str, float] = {}
    for size, orders in BATCHES.items():
        count = effort.of(orders, least=size)
        requests = [RedemptionRequest(order=_order(), rule=ECNY_RULE) for _ in range(count)]
        began = time.perf_counter()
        for start in range(0, count, size):
            batch = requests[start : start + size]
            transact(
                engine,
                lambda session, batch=batch: create_redemptions(
                    session, batch, NOW_S, limits=_LIMITS
                ),
            )
        figures[f"{store}_books_{size}_per_s"] = round(count / (time.perf_counter() - began), 1)
    return figures


def _beside_pgbench(
    figures: dict[str, float], engine: Engine, cluster: Cluster, folder: Path, effort: Effort
) -> dict[str, float]:
    database = engine.url.database or ""
    result: dict[str, float] = {}
    for size in BATCHES:
        for clients in (1, 16):
            rate = pgbench.orders_per_s(
                cluster,
                database,
                folder,
                size=size,
                clients=clients,
                seconds=effort.of(pgbench.SECONDS),
            )
            result[f"pgbench_same_sql_{size}_clients_{clients}_per_s"] = round(rate, 1)
        ours = figures[f"postgresql_books_{size}_per_s"]
        theirs = result[f"pgbench_same_sql_{size}_clients_1_per_s"]
        result[f"books_over_pgbench_{size}"] = round(ours / theirs, 3)
    return result


def _bulk(engine: Engine, accounts: int) -> dict[str, float]:
    """Return accounts per second by the bulk path, and the ratio to COPY of the same rows."""
    kind = AccountKind.SPENDABLE
    rows = [
        {
            "account": holder_account(kind, number.to_bytes(32, "big")).name,
            "unit": f"ug:{PROGRAMME}:2025",
            "account_kind": kind.value,
            "balance": number + 1,
        }
        for number in range(accounts)
    ]
    began = time.perf_counter()
    transact(engine, lambda session: _in_pages(session, rows))
    ours_s = time.perf_counter() - began
    with psycopg.connect(_dsn(engine), autocommit=True) as connection:
        connection.execute("TRUNCATE balances")
        text = "".join("\t".join(map(str, row.values())) + "\n" for row in rows).encode()
        began = time.perf_counter()
        with connection.cursor().copy(
            "COPY balances (account, unit, account_kind, balance) FROM STDIN"
        ) as copy:
            copy.write(text)
        copy_s = time.perf_counter() - began
    return {
        "bulk_accounts_per_s": round(accounts / ours_s, 1),
        "copy_accounts_per_s": round(accounts / copy_s, 1),
        "bulk_over_copy": round(copy_s / ours_s, 3),
    }


def _in_pages(session: Session, rows: list[dict[str, object]]) -> None:
    for start in range(0, len(rows), _BULK_PAGE):
        bulk_insert(session, BalanceRow, rows[start : start + _BULK_PAGE])


def _dsn(engine: Engine) -> str:
    url = engine.url
    return f"host={url.query['host']} user={url.username} dbname={url.database}"


def _order() -> RedemptionOrder:
    holder = secrets.randbelow(HOLDERS)
    return RedemptionOrder(
        parameter_id=bytes(32),
        programme_id=PROGRAMME,
        redemption_id=secrets.token_bytes(16),
        account_token=pgbench.holder_token(holder),
        wallet_id=sandbox_wallet_id(holder),
        wallet_class=WalletClass.CLASS_2,
        binding_leaf=bytes(34),
        operator_id=PartyId("bench-purse"),
        units=1,
    )
