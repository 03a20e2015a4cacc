"""Worlds that are made once and copied."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.openings.world import GRAMS, PEOPLE, World

COPIED_SEED = 9


@pytest.fixture(scope="session")
def sealed_world_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a hub that has sealed one epoch of four people at three partners."""
    world = World(tmp_path_factory.mktemp("openings") / "hub").begin()
    world.enrol_early(PEOPLE)
    world.seal(GRAMS)
    world.bind_all()
    (world.folder / "now").write_text(str(world.clock.now_s()))
    world.close()
    return world.folder


@pytest.fixture
def world(sealed_world_folder: Path, tmp_path: Path) -> Iterator[World]:
    """A hub with one sealed epoch, everybody bound, and fresh trustees."""
    shutil.copytree(sealed_world_folder, tmp_path / "hub")
    world = World(tmp_path / "hub", seed=COPIED_SEED)
    world.clock.at_s = type(world.clock.at_s)(int((tmp_path / "hub" / "now").read_text()))
    yield world
    world.close()
