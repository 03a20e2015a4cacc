"""Every programme file is whole, and what happens in it comes to what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.programmes.document import load, names
from demo.programmes.telling import check_figures, take_steps
from tests.demo.programme_world import WorldHands, running


@pytest.mark.parametrize("name", names())
def test_a_programme_runs_and_its_figures_hold(name: str, tmp_path: Path) -> None:
    file = load(name)
    said: list[str] = []
    with running(file, tmp_path) as world:
        figures = take_steps(file, WorldHands(world), said.append)

    assert len(said) == len(file.steps)
    check_figures(file, figures)
