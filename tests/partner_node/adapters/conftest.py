"""Where adapters write, and tables to read.

Tables inside the tests of this folder were written by the project; no row of them is real.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from partner_node.adapters.canonical_output import OutputFiles


@pytest.fixture
def out(tmp_path: Path) -> OutputFiles:
    return OutputFiles(activities=tmp_path / "activities.csv", rejects=tmp_path / "rejects.csv")


@pytest.fixture
def write_table(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, header: str, *lines: str) -> Path:
        path = tmp_path / name
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return path

    return write
