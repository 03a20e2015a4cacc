"""Cities of the trustees' tests, for what can be asked of a record without any trustee."""

from __future__ import annotations

import pytest

from tests.trustee.city import City, built
from tests.trustee.counting import Counting, counted


@pytest.fixture(scope="session")
def built_city() -> City:
    return built()


@pytest.fixture
def city(built_city: City) -> City:
    return built_city.copy()


@pytest.fixture(scope="session")
def built_counting() -> Counting:
    return counted(trustees=3, threshold=2)


@pytest.fixture
def sealed(built_counting: Counting) -> Counting:
    """Two shells, three sealed periods, no contribution yet."""
    return built_counting.copy()
