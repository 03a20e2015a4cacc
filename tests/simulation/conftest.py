"""The audited federation, made once for all tests of evidence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulation.audited import Audited, audited


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    """One sealed epoch in which two of three partners lie; tests only read it."""
    found = audited(tmp_path_factory.mktemp("audited"))
    yield found
    found.world.close()
