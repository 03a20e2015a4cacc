"""A node in a small world."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.partner_node.world import World, new_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A node with a real store and a fake hub, at noon of the first day."""
    made = new_world(tmp_path)
    yield made
    made.database.close()
