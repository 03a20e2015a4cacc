"""Views at the Spark Connect server of the tests."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

NewView = Callable[[str, pa.Table], str]


@pytest.fixture(scope="session", autouse=True)
def _pyspark_can_be_imported(pyspark_is_imported: None) -> None:
    """Also where no server is needed."""


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
