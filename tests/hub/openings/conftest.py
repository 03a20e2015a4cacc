"""Worlds that are made once and copied."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedcarbon.clock import SystemClock
from fedcarbon.units import Seconds
from fedcarbon.uses.offer import OfferKind
from fedcarbon.wire.dev_ca import Authority
from tests.hub.openings.shop import Shop
from tests.hub.openings.world import GRAMS, PEOPLE, World
from tests.loop_thread import LoopThread
from tests.once import made_once


@pytest.fixture(scope="session")
def sealed_world_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a hub that has sealed one epoch of four people at three partners."""

    def make(folder: Path) -> None:
        world = World(folder / "hub").begin()
        world.enrol_early(PEOPLE)
        world.seal(GRAMS)
        world.bind_all()
        _leave_behind(world)

    return made_once(tmp_path_factory, "openings", make) / "hub"


@pytest.fixture(scope="session")
def opened_world_folder(
    sealed_world_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The same after the first person's account was opened."""

    def make(folder: Path) -> None:
        world = _copied(sealed_world_folder, folder / "hub", seed=8)
        world.request(world.bound(1))
        world.advance_openings()
        _leave_behind(world)

    return made_once(tmp_path_factory, "opened", make) / "hub"


@pytest.fixture
def world(sealed_world_folder: Path, tmp_path: Path) -> Iterator[World]:
    """A hub with one sealed epoch, everybody bound, and fresh trustees."""
    world = _copied(sealed_world_folder, tmp_path / "hub", seed=9)
    yield world
    world.close()


@pytest.fixture
def opened_world(opened_world_folder: Path, tmp_path: Path) -> Iterator[World]:
    """The same after the first person's account was opened."""
    world = _copied(opened_world_folder, tmp_path / "hub", seed=10)
    yield world
    world.close()


def _leave_behind(world: World) -> None:
    (world.folder / "now").write_text(str(world.clock.now_s()))
    world.close()


def _copied(folder: Path, to: Path, seed: int) -> World:
    """Return a copy of a world; its seed must be none that the record was made with."""
    shutil.copytree(folder, to)
    world = World(to, seed=seed)
    world.clock.at_s = Seconds(int((to / "now").read_text()))
    return world


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority.create(SystemClock().now_s())


@pytest.fixture
def shop(opened_world: World, authority: Authority) -> Iterator[Shop]:
    loop = LoopThread()
    shop = Shop(opened_world, loop, authority)
    shop.publish(shop.offer(OfferKind.DONATION))
    shop.publish(shop.offer(OfferKind.GOODS))
    yield shop
    loop.close()
