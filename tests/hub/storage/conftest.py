"""Databases of either kind with the hub's empty tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from hub.storage.engine import open_engine


@pytest.fixture
def store(store_url: str) -> Iterator[Engine]:
    """A database of either kind."""
    engine = open_engine(store_url)
    yield engine
    engine.dispose()
