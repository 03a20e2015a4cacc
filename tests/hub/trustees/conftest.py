"""Worlds with trustees, and their hub on loopback."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedcarbon.clock import SystemClock
from fedcarbon.wire.dev_ca import Authority
from tests.hub.openings.world import World

COPIED_SEED = 6


@pytest.fixture(scope="session")
def admitted_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a hub with everybody admitted and the programme started."""
    world = World(tmp_path_factory.mktemp("admitted") / "hub").begin()
    world.close()
    return world.folder


@pytest.fixture
def world(admitted_folder: Path, tmp_path: Path) -> Iterator[World]:
    """A hub with everybody admitted and the programme started; no head is witnessed yet."""
    shutil.copytree(admitted_folder, tmp_path / "hub")
    world = World(tmp_path / "hub", seed=COPIED_SEED)
    yield world
    world.close()


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority.create(SystemClock().now_s())
