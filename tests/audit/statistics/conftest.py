"""The small record with statistics, made once, and copies to go on with or to spoil."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from tests.audit.good_record import GoodRecord
from tests.audit.kit import Kit
from tests.audit.statistics.small_tables import Releaser, make_base_record
from tests.once import made_once


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> GoodRecord:
    """Return a record with two shells and two sealed days, and no statistics yet."""
    return GoodRecord.read(made_once(tmp_path_factory, "audited-tables", make_base_record))


@pytest.fixture(scope="session")
def released(base: GoodRecord, tmp_path_factory: pytest.TempPathFactory) -> GoodRecord:
    """Return a record that has released the first table."""
    folder = tmp_path_factory.mktemp("released") / "record"
    shutil.copytree(base.folder, folder)
    Releaser.of(Kit(folder, base), "first").released()
    return dataclasses.replace(base, folder=folder)


@pytest.fixture
def fresh(base: GoodRecord, tmp_path: Path) -> Kit:
    """Return a copy of the record that has released nothing."""
    folder = tmp_path / "fresh"
    shutil.copytree(base.folder, folder)
    return Kit(folder, base)


@pytest.fixture
def kit(released: GoodRecord, tmp_path: Path) -> Kit:
    """Return a copy of the record that has released the first table."""
    folder = tmp_path / "record"
    shutil.copytree(released.folder, folder)
    return Kit(folder, released)
