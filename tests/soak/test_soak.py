"""A short soak on each store: real processes, real kills; the long one is `make soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.rounds import judge, soak

ROUNDS = 5


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_hub_that_is_killed_again_and_again_pays_once_and_loses_nothing(
    store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = request.getfixturevalue("postgresql_url") if store == "postgresql" else None

    done = soak(tmp_path, rounds=ROUNDS, seed=1, store=store, database=database)

    assert done.kills >= ROUNDS
    assert done.acknowledged >= ROUNDS
    judge(tmp_path)
