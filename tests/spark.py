"""A Spark Connect server that installs from PyPI, and sessions at it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fedcarbon.engine.spark_session import spark_session

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

ROOT = Path(__file__).resolve().parents[1]
SERVER = Path(__file__).with_name("sail_process.py")


@pytest.fixture(scope="session")
def pyspark_is_imported() -> None:
    """Import it with a main file: pyspark takes a worker of xdist, which has none, for doctests."""
    if importlib.util.find_spec("pyspark") is None:
        return
    main = sys.modules["__main__"]
    bare = not hasattr(main, "__file__")
    if bare:
        main.__file__ = __file__
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it knows pandas below 3
            importlib.import_module("pyspark.sql.connect.session")
            importlib.import_module("pyspark.sql.connect.functions")
    finally:
        if bare:
            del main.__file__


@pytest.fixture(scope="session")
def spark_address(
    tmp_path_factory: pytest.TempPathFactory, pyspark_is_imported: None
) -> Iterator[str]:
    """The address of a Spark Connect server, whose workers have this tree; killed at the end."""
    del pyspark_is_imported
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
            env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))},
        ) as server,
    ):
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        try:
            assert port.isdecimal(), f"no Spark Connect server: {said.read_text()[-2000:]}"
            yield f"sc://127.0.0.1:{port}"
        finally:
            server.kill()


@pytest.fixture(scope="module")
def spark(spark_address: str) -> Iterator[SparkSession]:
    """A session at the server, which forgets it when it is idle for long, for tests with tables."""
    session = spark_session(spark_address)
    yield session
    session.stop()
