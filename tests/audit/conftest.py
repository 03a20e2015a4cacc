"""The good record, made once for all tests of the audit, and copies to spoil."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from fedcarbon.audit.report import Report
from fedcarbon.audit.verify import Tools, verify
from fedcarbon.cli.audit_folder import open_folder
from fedcarbon.parameters.roots import TrustRoots
from tests.audit.good_record import GoodRecord, make_good_record
from tests.audit.kit import Kit
from tests.audit.remembered_proofs import remembering_proofs
from tests.once import made_once


def in_this_process(work: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[Any]:
    return map(work, jobs)


def audited(folder: Path, roots: TrustRoots) -> Report:
    tools = Tools(
        mapper=in_this_process,
        watcher=lambda *_: None,
        randbelow=secrets.randbelow,
        stopwatch_ns=lambda: 0,
    )
    with remembering_proofs():
        return verify(open_folder(folder), roots, tools)


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> GoodRecord:
    return GoodRecord.read(made_once(tmp_path_factory, "audited-federation", make_good_record))


@pytest.fixture
def kit(good: GoodRecord, tmp_path: Path) -> Kit:
    folder = tmp_path / "record"
    shutil.copytree(good.folder, folder)
    return Kit(folder, good)
