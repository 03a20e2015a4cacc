"""The city of the trustees' tests, for what can be asked of a record without any trustee."""

from __future__ import annotations

import pytest

from tests.trustee.city import City, built


@pytest.fixture(scope="session")
def built_city() -> City:
    return built()


@pytest.fixture
def city(built_city: City) -> City:
    return built_city.copy()
