"""Activities written by the project: no real trip and no real person."""

from collections.abc import Callable
from importlib import resources
from typing import Any

import pytest

from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.reader import parse_methodology
from tests.trips import trip

# 2026-03-02T08:00:00+08:00
MORNING_S = 1_772_409_600


@pytest.fixture(scope="session")
def catalogue_bytes() -> bytes:
    folder = resources.files("fedcarbon.methodology") / "catalogue"
    return (folder / "cn-ecny-shanghai.yaml").read_bytes()


@pytest.fixture(scope="session")
def ecny(catalogue_bytes: bytes) -> Methodology:
    return parse_methodology(catalogue_bytes)


@pytest.fixture(scope="session")
def make_activity() -> Callable[..., Activity]:
    def make(*, start_s: int = MORNING_S, duration_s: int = 1_200, **change: Any) -> Activity:
        names = {"activity_id": "a-1", "person_ref": "p-1"}
        names |= {name: change.pop(name) for name in names.keys() & change.keys()}
        return trip(**names, started_at_s=start_s, ended_at_s=start_s + duration_s, **change)

    return make
