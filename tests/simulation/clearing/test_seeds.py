"""Random lists of operations against the model; a failure prints its seed and the shrunk list."""

from __future__ import annotations

import pytest

from tests.simulation.clearing.shrinking import failure_of, report

SEEDS = 160
PARTS = 8
LENGTH = 14


@pytest.mark.parametrize("part", range(PARTS))
def test_no_list_of_operations_makes_the_hub_differ_from_the_model(part: int) -> None:
    for seed in range(part, SEEDS, PARTS):
        failure = report(seed, LENGTH, failure_of)
        assert failure is None, failure
