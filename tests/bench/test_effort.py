"""A short benchmark repeats less, and never nothing."""

from __future__ import annotations

import pytest

from bench.effort import Effort


def test_all_of_it_is_every_repetition() -> None:
    assert Effort().of(1_000) == 1_000


def test_a_share_repeats_less_and_at_least_once() -> None:
    tenth = Effort(percent=10)

    assert [tenth.of(1_000), tenth.of(5), tenth.of(120, least=16)] == [100, 1, 16]


@pytest.mark.parametrize("percent", [-1, 0, 101])
def test_a_share_that_is_none_is_refused(percent: int) -> None:
    with pytest.raises(ValueError, match="not between 1 and 100"):
        Effort(percent=percent)
