"""A store that is killed, restarted or full loses nothing that it has acknowledged, and says so."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, insert, text
from sqlmodel import Session, col, select

from fedcarbon.errors import ConfigurationError, FedcarbonError
from hub.storage.engine import open_engine, reading, transact, writing
from hub.storage.faults import DiskFullError, StoreBusyError, StoreUnavailableError
from hub.storage.record_rows import CheckpointRow
from hub.storage.registry_rows import OpenBlockRow
from tests.databases import make_schema
from tests.postgresql import Cluster, running_cluster

WRITERS = 4
BEFORE_AND_AFTER = 30
MEGABYTE = 1_000_000
WAIT_S = 60


@pytest.fixture
def cluster(postgresql: Cluster) -> Iterator[Cluster]:
    """A cluster of the test's own: others would not like what happens to it."""
    assert postgresql.binaries
    with running_cluster() as cluster:
        make_schema(cluster.create("books"))
        yield cluster


class Load:
    """Writers that go on whatever happens, and what they were told."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.acknowledged: list[int] = []
        self.unknown: list[int] = []
        self.refused: list[FedcarbonError] = []
        self.others: list[BaseException] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)
        ]

    def _write(self, writer: int) -> None:
        number = writer
        while not self._stop.is_set():
            number += WRITERS
            try:
                transact(self.engine, lambda session, block=number: _add(session, block))
            except (StoreUnavailableError, StoreBusyError) as error:
                self.refused.append(error)
                self.unknown.append(number)
                time.sleep(0.01)
            except BaseException as error:  # noqa: BLE001 - looked at by the test
                self.others.append(error)
                return
            else:
                self.acknowledged.append(number)

    @contextmanager
    def running(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def wait_for(self, more: int) -> None:
        """Wait until so many more writes were acknowledged."""
        wanted = len(self.acknowledged) + more
        _wait(lambda: len(self.acknowledged) >= wanted or bool(self.others))


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _add(session: Session, block: int) -> None:
    session.exec(insert(OpenBlockRow).values(block=block, programme_id="p"))


def _blocks(engine: Engine) -> list[int]:
    with reading(engine) as session:
        return list(session.exec(select(OpenBlockRow.block).order_by(col(OpenBlockRow.block))))


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_database_that_goes_under_load_loses_nothing_and_comes_back(
    cluster: Cluster, end: str
) -> None:
    engine = open_engine(cluster.url("books"))
    load = Load(engine)

    with load.running():
        load.wait_for(BEFORE_AND_AFTER)
        getattr(cluster, end)()
        _wait(lambda: len(load.refused) >= WRITERS or bool(load.others))
        cluster.start()
        load.wait_for(BEFORE_AND_AFTER)

    found = set(_blocks(engine))
    assert load.others == []
    assert any(isinstance(error, StoreUnavailableError) for error in load.refused)
    assert set(load.acknowledged) <= found
    assert found <= set(load.acknowledged) | set(load.unknown)
    engine.dispose()


def test_a_connection_that_is_cut_in_the_middle_is_said_and_the_next_one_works(
    postgresql_url: str, postgresql: Cluster
) -> None:
    engine = open_engine(postgresql_url)

    def is_cut(session: Session) -> None:
        _add(session, 1)
        backend = session.connection().execute(text("SELECT pg_backend_pid()")).scalar_one()
        with postgresql.connect() as other:
            other.execute("SELECT pg_terminate_backend(%s)", [backend])
        _add(session, 2)

    with pytest.raises(StoreUnavailableError, match="same id"):
        transact(engine, is_cut)

    transact(engine, lambda session: _add(session, 3))
    assert _blocks(engine) == [3]
    engine.dispose()


def test_a_database_that_is_not_there_is_said(tmp_path: Path) -> None:
    away = open_engine(f"postgresql+psycopg://nobody:secret@/nothing?host={tmp_path}")
    nowhere = open_engine(tmp_path / "missing" / "hub.db")

    for engine in (away, nowhere):
        with pytest.raises(StoreUnavailableError) as refused:
            transact(engine, lambda session: _add(session, 1))
        assert "secret" not in str(refused.value)
        engine.dispose()


def test_a_full_disk_under_sqlite_is_said_and_loses_nothing(
    sqlite_template: Path, tmp_path: Path
) -> None:
    path = tmp_path / "hub.db"
    path.write_bytes(sqlite_template.read_bytes())
    pages = 1_000
    engine = open_engine(path)

    def limit(connection: object, _entry: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]

    event.listen(engine, "connect", limit)
    acknowledged = _fill(engine)
    assert _heads(engine) == acknowledged

    pages = 10_000
    engine.dispose()
    transact(engine, lambda session: _add_head(session, 10**6))
    assert _heads(engine) == [*acknowledged, 10**6]
    engine.dispose()


def _fill(engine: Engine) -> list[int]:
    """Write until the disk is full; return what was acknowledged."""
    acknowledged: list[int] = []
    with pytest.raises(DiskFullError, match="operator must make room"):
        _write_heads(engine, acknowledged)
    assert acknowledged
    return acknowledged


def _write_heads(engine: Engine, acknowledged: list[int]) -> None:
    while True:
        size = len(acknowledged)
        transact(engine, lambda session, size=size: _add_head(session, size))
        acknowledged.append(size)


def _add_head(session: Session, size: int) -> None:
    note = os.urandom(50_000)
    row = {"size": size, "root": b"", "timestamp_s": 0, "wait_from_s": 0, "note": note}
    session.exec(insert(CheckpointRow).values(**row))


def _heads(engine: Engine) -> list[int]:
    with reading(engine) as session:
        return list(session.exec(select(CheckpointRow.size).order_by(col(CheckpointRow.size))))


@contextmanager
def _small_disk(folder: Path, size: int) -> Iterator[Path]:
    disk = folder / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=777", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:  # noqa: S603
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)  # noqa: S603, S607


def test_a_full_disk_under_postgresql_is_said_and_loses_nothing(
    cluster: Cluster,
) -> None:
    with _small_disk(cluster.folder, 60 * MEGABYTE) as disk:
        filler = disk / "filler"
        filler.write_bytes(bytes(30 * MEGABYTE))
        room = disk / "tables"
        room.mkdir(mode=0o777)
        cluster.own(room)
        with cluster.connect() as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{room}'")
            connection.execute("CREATE DATABASE small TEMPLATE books TABLESPACE small")
        engine = open_engine(cluster.url("small"))

        acknowledged = _fill(engine)
        assert _heads(engine) == acknowledged
        filler.unlink()
        transact(engine, lambda session: _add_head(session, 10**6))

        assert _heads(engine) == [*acknowledged, 10**6]
        engine.dispose()
        cluster.stop()
        cluster.start()
        assert _heads(engine) == [*acknowledged, 10**6]
        engine.dispose()
        cluster.stop()


def test_a_full_disk_beside_the_database_is_the_operators_to_mend(store: Engine) -> None:
    def writes_a_file(session: Session) -> None:
        _add(session, 1)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFullError) as refused:
        transact(store, writes_a_file)

    assert isinstance(refused.value, ConfigurationError)
    assert _blocks(store) == []


def test_other_errors_of_files_stay_what_they_are(store: Engine) -> None:
    def loses_a_file(_session: Session) -> None:
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        transact(store, loses_a_file)


def test_a_writer_that_waits_too_long_is_told_so(postgresql_url: str) -> None:
    engine, other = open_engine(postgresql_url), open_engine(postgresql_url)
    event.listen(
        other, "connect", lambda connection, _: connection.execute("SET lock_timeout = '20ms'")
    )

    with writing(engine) as session:
        _add(session, 1)
        with pytest.raises(StoreBusyError):
            transact(other, lambda beside: _add(beside, 2))

    assert _blocks(other) == [1]
    engine.dispose()
    other.dispose()
