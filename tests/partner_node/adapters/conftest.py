"""Real data of others where it is present, and where adapters write.

Tables inside the tests of this folder were written by the project; no row of them is real.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from partner_node.adapters.canonical_output import OutputFiles

REAL_DATA = "FEDCARBON_REAL_DATA"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with published data; it is never part of the repository."""
    beside = Path(__file__).parents[3].parent / "shared" / "data"
    folder = Path(os.environ.get(REAL_DATA, beside))
    if not (folder / "SHA256SUMS").is_file():
        pytest.skip(f"no real data in {folder}: set {REAL_DATA} to the folder with SHA256SUMS")
    return folder


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
