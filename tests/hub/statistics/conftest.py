"""Worlds with a table that are made once and copied."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedcarbon.units import Seconds
from tests.hub.statistics.tables_world import TableWorld
from tests.once import made_once


@pytest.fixture(scope="session")
def sealed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a hub whose first period is sealed: ten people at three partners."""

    def make(folder: Path) -> None:
        world = TableWorld(folder / "hub").begin_table()
        world.seal({})
        _leave_behind(world)

    return made_once(tmp_path_factory, "tables", make) / "hub"


@pytest.fixture(scope="session")
def contributed_folder(sealed_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after all partners have contributed."""

    def make(folder: Path) -> None:
        world = copied(sealed_folder, folder / "hub", seed=11)
        world.contribute_all()
        _leave_behind(world)

    return made_once(tmp_path_factory, "contributed", make) / "hub"


def _leave_behind(world: TableWorld) -> None:
    (world.folder / "now").write_text(str(world.clock.now_s()))
    world.close()


@pytest.fixture
def sealed(sealed_folder: Path, tmp_path: Path) -> Iterator[TableWorld]:
    """A hub whose first period is over, and fresh trustees."""
    world = copied(sealed_folder, tmp_path / "hub", seed=12)
    yield world
    world.close()


@pytest.fixture
def contributed(contributed_folder: Path, tmp_path: Path) -> Iterator[TableWorld]:
    """A hub to whose first period all partners have contributed."""
    world = copied(contributed_folder, tmp_path / "hub", seed=13)
    yield world
    world.close()


def copied(folder: Path, to: Path, seed: int) -> TableWorld:
    """Return a copy of a world; its seed must be none that the record was made with."""
    shutil.copytree(folder, to)
    world = TableWorld(to, seed=seed)
    world.clock.at_s = Seconds(int((to / "now").read_text()))
    return world
