"""Hubs on real files. What most tests begin with is made once and copied."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedcarbon.epoch.lifecycle import EpochState
from tests.hub.clients import Clients
from tests.hub.federation import BIKES, FIRST, METRO, PARTNERS, Federation
from tests.loop_thread import LoopThread

COPIED_SEED = 4
"""Not the seed that the copied record was made with: its ids are used up."""


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Federation]:
    """A hub whose record holds the parameter set and the self-test only."""
    federation = Federation(tmp_path / "hub")
    yield federation
    federation.close()


@pytest.fixture(scope="session")
def running_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a hub with everybody admitted and the programme started."""
    federation = Federation(tmp_path_factory.mktemp("running") / "hub").running()
    federation.close()
    return federation.folder


@pytest.fixture(scope="session")
def sealed_folder(running_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a hub that has sealed one epoch of three partners with three accounts each."""
    folder = tmp_path_factory.mktemp("sealed") / "hub"
    shutil.copytree(running_folder, folder)
    federation = Federation(folder)
    for partner in PARTNERS:
        federation.enrol_people(partner, range(3))
    federation.run_claims()
    for partner in PARTNERS:
        federation.submit(partner)
    federation.advance()
    federation.close()
    return folder


@pytest.fixture
def federation(running_folder: Path, tmp_path: Path) -> Iterator[Federation]:
    """A hub with everybody admitted and the programme started."""
    shutil.copytree(running_folder, tmp_path / "hub")
    federation = Federation(tmp_path / "hub", seed=COPIED_SEED)
    yield federation
    federation.close()


@pytest.fixture
def sealed(sealed_folder: Path, tmp_path: Path) -> Iterator[Federation]:
    """A hub whose record has every kind of leaf that an epoch makes."""
    shutil.copytree(sealed_folder, tmp_path / "hub")
    federation = Federation(tmp_path / "hub", seed=COPIED_SEED)
    yield federation
    federation.close()


@pytest.fixture(scope="session")
def loop() -> Iterator[LoopThread]:
    running = LoopThread()
    yield running
    running.close()


@pytest.fixture
def clients(federation: Federation, loop: LoopThread) -> Clients:
    return Clients(federation, loop)


@pytest.fixture
def committing(federation: Federation) -> Federation:
    """Metro and bikes have two accounts each; epoch 1 takes commitments."""
    for partner in (METRO, BIKES):
        federation.enrol_people(partner, [1, 2])
    federation.wait_until_end_of(FIRST)
    federation.advance()
    assert federation.state() is EpochState.COMMITTING
    return federation
