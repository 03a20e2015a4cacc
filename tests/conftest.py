"""Fixtures that tests of several areas share: pre-made primes, databases of the hub, Spark."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.util import LRUCache

from tests.databases import NewStore, make_schema, sqlite_url
from tests.folders import quick_folder
from tests.keys.primes import BITS_2048, BITS_3072, TINY, Primes, load_primes
from tests.postgresql import Cluster, NoPostgresqlError, find_binaries, running_cluster
from tests.remembered import remember_signatures
from tests.spark import pyspark_is_imported, spark, spark_address

__all__ = ["pyspark_is_imported", "spark", "spark_address"]  # fixtures

TEMPLATE = "template_hub"

# An example that was slow once says how busy the machine was.
hypothesis.settings.register_profile("fedcarbon", deadline=None)
hypothesis.settings.load_profile("fedcarbon")

_COMPILED: dict[tuple[str, str], tuple[Dialect, LRUCache[Any, Any]]] = {}
_STATEMENTS_MAX = 2_000


@event.listens_for(Engine, "engine_connect")
def _compile_once(connection: Connection) -> None:
    """Let all databases of one kind share compiled statements: a hub opens one, a test many."""
    dialect = connection.dialect
    key = dialect.name, dialect.driver
    shared = _COMPILED.setdefault(key, (dialect, LRUCache(_STATEMENTS_MAX)))
    connection.dialect = shared[0]
    connection.execution_options(compiled_cache=shared[1])


def pytest_configure() -> None:
    """Have temporary files of tests and their processes in memory, unless TMPDIR says where."""
    os.environ.setdefault("TMPDIR", str(quick_folder()))
    tempfile.tempdir = None  # where it was before is forgotten
    remember_signatures()


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives as long as the run: half a second per full round."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Let the end of the run collect all the same: extensions look for what was never freed."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def tiny_primes() -> Primes:
    """512-bit moduli: INSECURE, and fast enough to use in every test."""
    return load_primes(TINY)


@pytest.fixture(scope="session")
def primes_2048() -> Primes:
    """2048-bit moduli, the smallest that production allows."""
    return load_primes(BITS_2048)


@pytest.fixture(scope="session")
def primes_3072() -> Primes:
    """3072-bit moduli, as in production."""
    return load_primes(BITS_3072)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A PostgreSQL cluster whose database `TEMPLATE` holds the hub's empty tables."""
    try:
        find_binaries()
    except NoPostgresqlError as error:
        pytest.skip(str(error))
    with running_cluster() as cluster:
        make_schema(cluster.create(TEMPLATE))
        yield cluster


@pytest.fixture
def postgresql_url(postgresql: Cluster) -> Iterator[str]:
    """A PostgreSQL database with the hub's empty tables."""
    url = postgresql.create(template=TEMPLATE)
    yield url
    postgresql.drop(url)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the hub's empty tables."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    make_schema(sqlite_url(path))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest) -> Iterator[NewStore]:
    """Makes databases of either kind with the hub's empty tables; SQLite's in a given folder."""
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        yield lambda folder: sqlite_url(shutil.copyfile(template, folder / "hub.db"))
        return
    cluster: Cluster = request.getfixturevalue("postgresql")
    urls: list[str] = []

    def clone(_folder: Path) -> str:
        urls.append(cluster.create(template=TEMPLATE))
        return urls[-1]

    yield clone
    for url in urls:
        cluster.drop(url)


@pytest.fixture
def store_url(new_store: NewStore, tmp_path: Path) -> str:
    """A database of either kind with the hub's empty tables; SQLite's is `hub.db` in `tmp_path`."""
    return new_store(tmp_path)
