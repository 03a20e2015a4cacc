"""A Spark Connect server that installs from PyPI, and sessions at it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from partner_node.warehouse.engines import spark_session

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

START_S = 60
SERVER = Path(__file__).with_name("sail_process.py")

NewView = Callable[[str, pa.Table], str]


@pytest.fixture(scope="session")
def spark_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Spark Connect server; killed at the end."""
    for name in ("pysail", "pyspark"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed: no Spark Connect server to test against")
    said = tmp_path_factory.mktemp("sail") / "said.txt"
    with (
        said.open("w") as stderr,
        subprocess.Popen(  # noqa: S603 - ours
            [sys.executable, str(SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as server,
    ):
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        try:
            assert port.isdecimal(), f"no Spark Connect server: {said.read_text()[-2000:]}"
            yield f"sc://127.0.0.1:{port}"
        finally:
            server.kill()


@pytest.fixture(scope="session")
def spark(spark_address: str) -> Iterator[SparkSession]:
    """A session at the server, for tests that bring their own tables."""
    session = spark_session(spark_address)
    yield session
    session.stop()


@pytest.fixture
def new_view(spark: SparkSession) -> Iterator[NewView]:
    """Makes a view that every session at the server sees, and returns its address' table."""
    made: list[str] = []

    def create(name: str, table: pa.Table) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            spark.createDataFrame(table).createOrReplaceGlobalTempView(name)
        made.append(name)
        return f"global_temp.{name}"

    yield create
    for name in made:
        spark.catalog.dropGlobalTempView(name)
