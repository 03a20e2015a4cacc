"""The store: one file, one process, one node."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from fedcarbon.ids import EpochIndex
from partner_node.membership import NodeIdentity
from partner_node.node import Node
from partner_node.storage.database import Database, StoreLockedError, StoreUnusableError
from partner_node.storage.outbox import PIECE_BYTES, Message, MessageKind, Outbox
from partner_node.storage.schema import TABLES
from tests.partner_node.world import STORE, World, at, ride

HOLD = """
import sys, time
from pathlib import Path
from partner_node.storage.database import Database
database = Database(Path(sys.argv[1]))
print("open", flush=True)
time.sleep(60)
"""


def holding(script: str, path: Path) -> subprocess.Popen[bytes]:
    """Run `script` on the store at `path` in a process of its own."""
    return subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE
    )


def test_a_store_that_is_in_use_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / STORE
    with holding(HOLD, path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"

        with pytest.raises(StoreLockedError, match="stop the running node first"):
            Database(path)

        holder.kill()
    Database(path).close()


def test_what_was_committed_survives_a_process_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / STORE
    script = HOLD.replace(
        'print("open"',
        "database.insert('losses', {'epoch': [1, 2], 'token': [b'a', b'b']})\n"
        "database._connection.execute('BEGIN').fetchall()\n"
        "database.insert('losses', {'epoch': [3], 'token': [b'c']})\n"
        'print("open"',
    )
    with holding(script, path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        process.kill()

    database = Database(path)
    assert database.rows("SELECT epoch, token FROM losses ORDER BY epoch") == [(1, b"a"), (2, b"b")]
    database.close()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / STORE
    path.write_bytes(b"this is a diary" * 1000)

    with pytest.raises(StoreUnusableError, match="cannot be opened"):
        Database(path)


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusableError):
        Database(tmp_path / "nowhere" / STORE)


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / STORE)) as other:
        other.execute("CREATE TABLE diary (entry VARCHAR)").fetchall()

    with pytest.raises(StoreUnusableError, match="is not a node's store"):
        Database(tmp_path / STORE)


def test_a_store_of_another_schema_version_is_refused(tmp_path: Path) -> None:
    database = Database(tmp_path / STORE)
    database.run("UPDATE node SET value = '999' WHERE key = 'schema'")
    database.close()

    with pytest.raises(StoreUnusableError, match="migrate"):
        Database(tmp_path / STORE)


def test_a_store_belongs_to_one_partner(world: World) -> None:
    identity = world.node._source._identity
    other = NodeIdentity(
        party_id="sz-bike",
        programme_id=identity.programme_id,
        roots=identity.roots,
        signing_key=identity.signing_key,
        clock=identity.clock,
        randomness=identity.randomness,
    )

    with pytest.raises(StoreUnusableError, match="belongs to party sz-metro"):
        Node(world.database, other, world.hub, world.node.bundle)


def write_and_fail(database: Database) -> None:
    """Write in a transaction and in one inside it, and fail before either is over."""
    with database.transaction():
        database.run("INSERT INTO node VALUES ('a', 'b')")
        with database.transaction():
            database.run("INSERT INTO node VALUES ('c', 'd')")
        raise RuntimeError


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / STORE)

    with pytest.raises(RuntimeError):
        write_and_fail(database)

    assert database.rows("SELECT key FROM node") == [("schema",)]
    database.close()


def test_every_table_says_what_it_is_for() -> None:
    assert len(TABLES) == len(set(TABLES))
    assert all(statement.startswith("CREATE TABLE ") for statement in TABLES)


def test_an_idle_step_writes_nothing(riders: World, monkeypatch: pytest.MonkeyPatch) -> None:
    riders.record(ride("a", 1, at(8)))
    riders.run_epoch(EpochIndex(1))
    riders.settle()
    statements: list[str] = []
    honest = Database.rows

    def noted(self: Database, sql: str, *args: object, **kwargs: object) -> object:
        statements.append(sql.lstrip().split(" ")[0].upper())
        return honest(self, sql, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Database, "rows", noted)

    riders.step()

    assert set(statements) <= {"SELECT", "WITH"}


@pytest.mark.parametrize("length", [0, PIECE_BYTES - 7, PIECE_BYTES - 6, 3 * PIECE_BYTES + 5])
def test_a_message_of_any_length_comes_back_as_it_was_stored(tmp_path: Path, length: int) -> None:
    sent = Message(
        kind=MessageKind.CHUNK,
        subject="1",
        part=4,
        envelope=b"header",
        content=bytes(position % 251 for position in range(length)),
    )
    for kept_open in (True, False):
        database = Database(tmp_path / STORE)
        if kept_open:
            Outbox(database).save(sent)
            Outbox(database).save(replace(sent, part=5, content=sent.content[::-1]))
        assert Outbox(database).message(sent.kind, sent.subject, sent.part) == sent
        database.close()


def test_no_value_of_a_stored_message_is_longer_than_a_piece(tmp_path: Path) -> None:
    database = Database(tmp_path / STORE)
    content = bytes(4 << 20)
    Outbox(database).save(Message(kind=MessageKind.CHUNK, subject="1", content=content))
    Outbox(database).save(Message(kind=MessageKind.ENROLMENT_BATCH, subject="a", envelope=content))

    longest = [
        database.number(f"SELECT max(octet_length({column})) FROM {table}")  # noqa: S608 - ours
        for table, column in (
            ("messages", "envelope"), ("messages", "content"), ("message_pieces", "data")
        )
    ]  # fmt: skip
    database.close()

    assert max(longest) == PIECE_BYTES
