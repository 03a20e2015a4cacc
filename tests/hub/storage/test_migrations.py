"""A database comes up from nothing and from the schema before, with everything that is in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, inspect, select, text
from sqlalchemy.exc import IntegrityError

from fedcarbon.ledger.batch import LedgerDay, replay
from fedcarbon.units import SECONDS_PER_DAY, MicrogramsCO2e
from fedcarbon.uses.lot import TONNE_UG
from fedcarbon.uses.order import UseKind
from fedcarbon.uses.states import UseState
from hub.clearing.batches import daily_batch
from hub.clearing.positions import checked_trial_balance
from hub.clearing.storage.redemption_store import RedemptionStore
from hub.storage.access import Access, for_access
from hub.storage.engine import open_engine, reading, writing
from hub.storage.schema import (
    BEFORE_MIGRATIONS,
    MIGRATIONS,
    NEWEST,
    REVISIONS,
    SchemaOutdatedError,
    SchemaTooNewError,
    migrate,
    prepare,
    require_newest,
    revision_of,
)
from hub.storage.tables import HubTable
from tests.databases import new_sqlite
from tests.hub.clearing.conftest import Books
from tests.hub.uses.conftest import UseBooks
from tests.postgresql import Cluster

T = TypeVar("T")

GRAM = 1_000_000
PARAMETER_ID = bytes(32)
OLD_TABLES = ("alembic_version", "transfer_ids")
"""Which the schema before did not have."""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database of either kind with nothing in it."""
    if request.param == "sqlite":
        engine = open_engine(tmp_path / "empty.db")
        yield engine
        engine.dispose()
        return
    cluster: Cluster = request.getfixturevalue("postgresql")
    url = cluster.create()
    engine = open_engine(url)
    yield engine
    engine.dispose()
    cluster.drop(url)


@pytest.fixture
def old(empty: Engine) -> Engine:
    """A database as the hub before this issue made it: no version says so."""
    migrate(empty, BEFORE_MIGRATIONS)
    with for_access(empty, Access.SCHEMA).begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    return empty


@pytest.fixture
def lived_in(tmp_path: Path) -> Iterator[Books]:
    """Books in which people were credited, redeemed and were refused, over three months."""
    books = Books(tmp_path, new_sqlite)
    books.top_up(1_000)
    for holder in (1, 2, 3):
        books.credit(holder, holder * 3_000 * GRAM, vintage=2024 + holder)
        books.redeem(books.order(holder, holder=holder, units=holder))
    books.run_to_the_end(books.rail())
    for _ in range(2):
        books.wait(31 * SECONDS_PER_DAY)
        _close(books.engine, _last_day(books))
        books.credit(1, 5 * GRAM)
    books.redeem(books.order(9, units=1))
    yield books
    books.close()


def _close(engine: Engine, day: int) -> bytes:
    with writing(engine) as session:
        return daily_batch(session, PARAMETER_ID, LedgerDay(day))


def _last_day(books: Books) -> int:
    with reading(books.engine) as session:
        days = session.connection().execute(text("SELECT max(ledger_day) FROM transfers"))
        return int(days.scalar_one())


def _pour(source: Engine, target: Engine, without: Sequence[str] = OLD_TABLES) -> None:
    """Copy every row into a database of a schema before, which has fewer columns."""
    old_tables = MetaData()
    old_tables.reflect(target, only=lambda name, _: name not in without)
    with source.connect() as reader, target.begin() as writer:
        for table in old_tables.sorted_tables:
            now = HubTable.metadata.tables.get(table.name)
            if now is None:
                continue
            kept = [now.c[column.name] for column in table.columns if column.name in now.c]
            rows = reader.execute(select(*kept))
            if filled := [dict(row._mapping) for row in rows]:
                writer.execute(table.insert(), filled)


def _seen(engine: Engine) -> dict[str, object]:
    """Return what the books say: balances, redemptions with their histories, closed days."""
    with reading(engine) as session:
        redemptions = RedemptionStore(session)
        found: dict[str, object] = {
            "balances": checked_trial_balance(session),
            "redemptions": [redemptions.find(_id(number)) for number in (1, 2, 3, 9)],
            "histories": [redemptions.history(_id(number)) for number in (1, 2, 3, 9)],
        }
        days = session.connection().execute(text("SELECT day FROM ledger_batches ORDER BY day"))
        closed = days.scalars().all()
    batches = [_close(engine, day) for day in closed]
    replayed = {(a.name, u.text): n for a, u, n in replay(batches, PARAMETER_ID).items()}
    return found | {"batches": batches, "replayed": replayed}


def _id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def test_a_database_from_before_keeps_all_that_is_in_it(lived_in: Books, old: Engine) -> None:
    _pour(lived_in.engine, old)

    assert migrate(old) == BEFORE_MIGRATIONS

    assert _seen(old) == _seen(lived_in.engine)
    lived_in.engine.dispose()
    lived_in.engine = old
    lived_in.run_to_the_end(lived_in.rail())
    lived_in.credit(2, 7 * GRAM)
    assert lived_in.totals()["paid_out"] == 1 + 2 + 3 + 1


def test_what_was_insert_only_before_is_insert_only_afterwards(
    lived_in: Books, old: Engine
) -> None:
    _pour(lived_in.engine, old)
    migrate(old)

    for table in ("transfers", "transfer_ids", "opening_credits", "ledger_batches"):
        with pytest.raises(IntegrityError, match="insert-only"), old.begin() as connection:
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608


def test_a_migration_that_fails_leaves_everything_as_it_was(lived_in: Books, old: Engine) -> None:
    _pour(lived_in.engine, old)
    with old.begin() as connection:
        before = set(inspect(connection).get_table_names())
        connection.execute(text("CREATE TABLE transfers_before (amount INTEGER)"))

    with pytest.raises(Exception, match="transfers_before"):
        migrate(old)

    assert set(inspect(old).get_table_names()) == before | {"transfers_before"}
    assert revision_of(old) == BEFORE_MIGRATIONS


def test_an_empty_database_gets_its_tables_at_the_first_start(empty: Engine) -> None:
    assert revision_of(empty) is None

    prepare(empty)
    prepare(empty)

    assert revision_of(empty) == NEWEST


def test_the_migrations_make_what_the_models_say(empty: Engine) -> None:
    migrate(empty)

    with empty.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or name != "hub_writer",
            },
        )
        assert compare_metadata(context, HubTable.metadata) == []


def test_every_insert_only_table_has_its_triggers_on_either_database(
    empty: Engine, tmp_path: Path
) -> None:
    migrate(empty)
    declared = open_engine(tmp_path / "declared.db")
    HubTable.metadata.create_all(declared)
    triggers = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
    with declared.connect() as connection:
        expected = {table for _, table in connection.execute(text(triggers))}
    declared.dispose()

    found = (
        triggers
        if empty.dialect.name == "sqlite"
        else "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"
    )
    with empty.connect() as connection:
        rows = connection.execute(text(found)).all()

    assert {table for _, table in rows} == expected
    assert len(rows) == 2 * len(expected)


def test_an_old_schema_is_refused_until_it_is_migrated(old: Engine) -> None:
    with pytest.raises(SchemaOutdatedError, match="fedcarbon-hub migrate"):
        prepare(old)

    migrate(old)
    prepare(old)


def test_a_schema_of_the_future_is_refused(empty: Engine) -> None:
    migrate(empty)
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    for refused in (prepare, require_newest, migrate):
        with pytest.raises(SchemaTooNewError, match="9999"):
            refused(empty)


def test_the_named_revisions_are_those_that_there_are() -> None:
    scripts = ScriptDirectory(MIGRATIONS)

    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == REVISIONS


def test_transfers_from_before_lie_in_the_parts_of_their_months(
    lived_in: Books, postgresql: Cluster
) -> None:
    url = postgresql.create()
    engine = open_engine(url)
    migrate(engine, BEFORE_MIGRATIONS)
    _pour(lived_in.engine, engine)

    migrate(engine)

    with engine.connect() as connection:
        parts = connection.execute(
            text("SELECT DISTINCT tableoid::regclass::text FROM transfers ORDER BY 1")
        )
        assert parts.scalars().all() == [f"transfers_y2026m0{month}" for month in (3, 5, 6)]
    engine.dispose()
    postgresql.drop(url)


def test_parties_stay_and_one_of_them_may_be_a_regulator(empty: Engine) -> None:
    migrate(empty, "0006")
    tables = MetaData()
    tables.reflect(empty)
    leaves, parties = tables.tables["leaves"], tables.tables["parties"]
    admitted = [
        {"leaf_index": index, "party_id": role, "role": role, "admission": b"a"}
        for index, role in enumerate(("hub", "regulator"))
    ]
    with empty.begin() as writer:
        for index in range(2):
            writer.execute(leaves.insert(), {**LEAF, "leaf_index": index, **_hashes(index)})
        writer.execute(parties.insert(), admitted[0])
    with pytest.raises(IntegrityError), empty.begin() as writer:
        writer.execute(parties.insert(), admitted[1])

    migrate(empty)

    with empty.begin() as writer:
        writer.execute(parties.insert(), admitted[1])
        assert writer.execute(select(parties.c.role)).scalars().all() == ["hub", "regulator"]


LEAF = {"leaf_type": 3, "leaf": b"l" * 34, "subtree_root": b"r" * 32, "appended_at_s": 1}


def _hashes(index: int) -> dict[str, bytes]:
    return dict.fromkeys(("salt", "body_sha256"), index.to_bytes(32, "big"))


ROW = {"programme_id": "carbon", "epoch": 1, "leaf_index": 0, "claim_count": 0}
BUNDLE = b"b" * 32


def test_what_partners_computed_by_moves_from_their_chunks_to_their_commitments(
    empty: Engine,
) -> None:
    migrate(empty, "0002")
    tables = MetaData()
    tables.reflect(empty)
    with empty.begin() as writer:
        writer.execute(
            tables.tables["leaves"].insert(),
            {
                "leaf_index": 0,
                "leaf_type": 33,
                "leaf": b"l" * 34,
                "salt": b"s" * 32,
                "body_sha256": b"b" * 32,
                "subtree_root": b"r" * 32,
                "appended_at_s": 1,
            },
        )
        for partner in ("bikes", "metro"):
            roots = {"partner_id": partner, "list_root": b"r" * 32, "evidence_root": b"e" * 32}
            writer.execute(tables.tables["claim_commitments"].insert(), ROW | roots)
        for chunk in range(2):
            writer.execute(
                tables.tables["chunks"].insert(),
                {
                    "programme_id": "carbon",
                    "epoch": 1,
                    "partner_id": "metro",
                    "chunk": chunk,
                    "chunks": 2,
                    "methodology_bundle": BUNDLE,
                    "header_sha256": b"h" * 32,
                    "header_leaf": 0,
                    "file_sha256": b"f" * 32,
                },
            )

    migrate(empty)

    with empty.connect() as reader:
        found = reader.execute(
            text("SELECT partner_id, methodology_bundle FROM claim_commitments ORDER BY 1")
        ).all()
        chunks = reader.execute(text("SELECT count(*) FROM chunks")).scalar_one()
    assert [(name, bytes(bundle)) for name, bundle in found] == [
        ("bikes", bytes(32)),
        ("metro", BUNDLE),
    ]
    assert chunks == 2


def test_a_domain_of_one_programme_can_be_shared_afterwards(empty: Engine) -> None:
    migrate(empty, "0002")
    tables = MetaData()
    tables.reflect(empty)
    with empty.begin() as writer:
        writer.execute(
            tables.tables["leaves"].insert(),
            {
                "leaf_index": 0,
                "leaf_type": 4,
                "leaf": b"l" * 34,
                "salt": b"s" * 32,
                "body_sha256": b"b" * 32,
                "subtree_root": b"r" * 32,
                "appended_at_s": 1,
            },
        )
        writer.execute(tables.tables["programmes"].insert(), _programme("rides"))
        writer.execute(
            tables.tables["token_conflicts"].insert(),
            {
                "exclusivity_domain": "cn-east",
                "token_epoch": 1,
                "claim_token": b"t" * 16,
                "epoch": 2,
                "partner_id": "metro",
                "first_epoch": 1,
            },
        )

    migrate(empty)

    with empty.begin() as writer:
        writer.execute(tables.tables["programmes"].insert(), _programme("walks"))
        found = writer.execute(text("SELECT programme_id, partner_id FROM token_conflicts")).all()
        names = writer.execute(text("SELECT programme_id FROM programmes ORDER BY 1"))
        assert names.scalars().all() == ["rides", "walks"]
    assert [tuple(row) for row in found] == [("rides", "metro")]


def _programme(name: str) -> dict[str, object]:
    return {
        "programme_id": name,
        "exclusivity_domain": "cn-east",
        "programme": b"p",
        "leaf_index": 0,
    }


def test_uses_from_before_there_were_markets_stay_with_all_that_refers_to_them(
    empty: Engine, tmp_path: Path
) -> None:
    """A pledge that a lot holds, in tables that are made anew below each other."""
    books = UseBooks(tmp_path, new_sqlite)
    books.credit(1, 2 * TONNE_UG)
    books.use(books.use_order(1, UseKind.PLEDGE, mass_ug=MicrogramsCO2e(TONNE_UG + 5)))
    books.use(books.use_order(2, UseKind.GOODS))
    lot = books.form(1)
    migrate(empty, "0003")
    if empty.dialect.name == "postgresql":
        with empty.begin() as connection:
            connection.execute(
                text("SELECT ensure_transfers_month(:day)"), {"day": _last_day(books)}
            )
    _pour(books.engine, empty, without=("alembic_version",))

    assert migrate(empty) == "0003"

    books.engine.dispose()
    books.engine = empty
    assert books.found(1).mass_ug == TONNE_UG + 5
    books.judge(1, accepted=False)
    assert books.form(2) == replace(lot, lot_id=(2).to_bytes(16, "big"))
    assert books.end(2, fulfilled=True).state is UseState.FULFILLED
    own = books.use_order(
        3, UseKind.RETIRE_OWN, mass_ug=MicrogramsCO2e(7), purpose_sha256=bytes(32)
    )
    assert books.use(own).mass_ug == 7
    totals = books.totals()
    assert (totals["pooled"], totals["pledged"], totals["offset"]) == (TONNE_UG, 5, 7)
    books.close()
