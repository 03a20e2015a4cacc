"""Random lists of operations against the model; a failure prints its seed and the shrunk list."""

from __future__ import annotations

import pytest

from tests.conftest import TEMPLATE
from tests.postgresql import Cluster
from tests.simulation.clearing.shrinking import failure_of, on_postgresql, report

SEEDS = 48
PARTS = 8
SEEDS_POSTGRESQL = 9
PARTS_POSTGRESQL = 3
LENGTH = 14


@pytest.mark.parametrize("part", range(PARTS))
def test_no_list_of_operations_makes_the_hub_differ_from_the_model(part: int) -> None:
    for seed in range(part, SEEDS, PARTS):
        failure = report(seed, LENGTH, failure_of)
        assert failure is None, failure


@pytest.mark.parametrize("part", range(PARTS_POSTGRESQL))
def test_nor_does_one_over_postgresql(postgresql: Cluster, part: int) -> None:
    play = on_postgresql(postgresql, TEMPLATE)
    for seed in range(SEEDS + part, SEEDS + SEEDS_POSTGRESQL, PARTS_POSTGRESQL):
        failure = report(seed, LENGTH, play)
        assert failure is None, failure
