"""The two engines."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from fedcarbon.engine.local import LocalEngine
from fedcarbon.engine.port import Engine
from fedcarbon.engine.spark import SparkEngine
from fedcarbon.engine.spark_session import spark_session
from fedcarbon.wire.processes import ProcessMap


@pytest.fixture
def here() -> Iterator[LocalEngine]:
    with LocalEngine(ProcessMap(1)) as engine:
        yield engine


@pytest.fixture
def cluster(spark_address: str) -> Engine:
    """Jobs, blocks and parts so small that there are several of each."""
    new_session = partial(spark_session, spark_address)
    return SparkEngine(new_session, slots=3, upload_rows=700, buckets=5)
