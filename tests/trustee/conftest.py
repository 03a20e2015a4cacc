"""Cities are built once and copied for each test; a copy's trustees read the record afresh."""

from __future__ import annotations

import pytest

from tests.trustee.city import City, built
from tests.trustee.counting import Counting, counted
from tests.trustee.federation import Federation


@pytest.fixture(scope="session")
def built_city() -> City:
    return built()


@pytest.fixture(scope="session")
def built_five() -> City:
    return built(trustees=5, threshold=3)


@pytest.fixture
def city(built_city: City) -> City:
    """Three trustees with threshold two, four sealed epochs."""
    return built_city.copy()


@pytest.fixture
def five(built_five: City) -> City:
    """Five trustees with threshold three."""
    return built_five.copy()


@pytest.fixture
def federation(city: City) -> Federation:
    return city.federation


@pytest.fixture(scope="session")
def built_counting() -> Counting:
    return counted(trustees=3, threshold=2)


@pytest.fixture
def sealed(built_counting: Counting) -> Counting:
    """Two shells, three sealed periods, no contribution yet."""
    return built_counting.copy()


@pytest.fixture
def counting(sealed: Counting) -> Counting:
    """The same after everybody's contributions to the first period."""
    sealed.contribute_all(sealed.ref())
    return sealed
