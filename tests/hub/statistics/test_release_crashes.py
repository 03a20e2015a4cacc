"""The hub dies at every step of a release: the budget is spent once, and the noise stays the same.

What a crash leaves is what lies on the disk; trustees live on and remember what they did.
"""

from __future__ import annotations

from typing import Final

import pytest

from fedcarbon.transparency.leaf import LeafType
from hub.statistics.listing import SeenState
from tests.hub.openings.test_crashes import Point, death_at
from tests.hub.statistics.tables_world import TableWorld

BEFORE_THE_START: Final[tuple[Point, ...]] = (
    ("before", "noise"),
    ("after", "noise"),
    ("after", "sign_release"),
)
WRITES: Final = range(1, 8)
"""What the hub writes: the closing, a head and its cosignature, the start, both again, the end."""
AFTER_THE_START: Final[tuple[Point, ...]] = (
    ("before", "release_share"),
    ("after", "release_share"),
)


@pytest.mark.parametrize("point", BEFORE_THE_START, ids=str)
def test_a_start_that_a_crash_cut_off_is_made_again_with_the_same_noise(
    contributed: TableWorld, point: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    with death_at(contributed, point, monkeypatch):
        contributed.advance_releases()
    assert contributed.starts() == []
    assert contributed.seen().state is SeenState.CONTRIBUTING

    assert contributed.advance_releases().released == 1

    (start,) = contributed.starts()
    for part in start.noise:
        noise = contributed.known_noise[part.trustee_id]
        assert len(noise.columns) == len(contributed.logged_shell().statement.quantities)


@pytest.mark.parametrize("point", AFTER_THE_START, ids=str)
def test_a_budget_that_was_spent_stays_spent_and_its_release_comes(
    contributed: TableWorld, point: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    with death_at(contributed, point, monkeypatch):
        contributed.advance_releases()
    (start,) = contributed.starts()
    assert contributed.seen().state is SeenState.STARTED
    asked = dict(contributed.port.asked)

    assert contributed.advance_releases().released == 1

    assert contributed.starts() == [start]
    after = contributed.port.asked
    assert {key for key in after if after[key] != asked.get(key, 0)} >= {
        (part.trustee_id, "release_share") for part in start.noise
    }
    assert all(after[key] == asked[key] for key in asked if key[1] in {"noise", "sign_release"})
    assert contributed.table().budget.rho_millionths == start.rho_millionths


@pytest.mark.parametrize("number", WRITES)
@pytest.mark.parametrize("when", ["uncommitted", "committed"])
def test_whatever_transaction_a_crash_cuts_off_there_is_one_start_and_one_table(
    contributed: TableWorld, when: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with death_at(contributed, (when, number), monkeypatch):
        contributed.advance_releases()
    before = contributed.starts()

    contributed.advance_releases()

    assert contributed.seen().state is SeenState.RELEASED
    assert len(contributed.leaves(LeafType.TABLE_RELEASE)) == 1
    (start,) = contributed.starts()
    assert before in ([], [start])
