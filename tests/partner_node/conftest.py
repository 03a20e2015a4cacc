"""A node in a small world."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedcarbon.clock import SteppedClock
from tests.partner_node.fake_hub import FakeHub
from tests.partner_node.world import STORE, World, new_world, person, restarted

REAL_DATA = "FEDCARBON_REAL_DATA"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with published data of others; it is never part of the repository."""
    beside = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get(REAL_DATA, beside))
    if not (folder / "SHA256SUMS").is_file():
        pytest.skip(f"no real data in {folder}: set {REAL_DATA} to the folder with SHA256SUMS")
    return folder


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A node with a real store and a fake hub, at noon of the first day."""
    made = new_world(tmp_path)
    yield made
    made.database.close()


@pytest.fixture(scope="session")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FakeHub]:
    """A store and a hub with three enrolled riders, to be copied."""
    made = new_world(tmp_path_factory.mktemp("enrolled"))
    made.link(person(1), person(2), person(3))
    made.settle()
    made.database.close()
    return made.path / STORE, made.hub


@pytest.fixture
def riders(enrolled: tuple[Path, FakeHub], tmp_path: Path) -> Iterator[World]:
    """A world with three enrolled riders, at noon of the first day."""
    store, hub = enrolled
    shutil.copy(store, tmp_path / STORE)
    clock = SteppedClock(hub.clock.now_s())
    made = restarted(tmp_path, hub.copied(clock), clock)
    yield made
    made.database.close()
