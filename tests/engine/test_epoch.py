"""A whole epoch on a cluster: the same record, byte for byte, as on one machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest
from pydantic import SecretStr

from fedcarbon.engine.port import Task
from fedcarbon.engine.settings import EngineKind, EngineSettings
from fedcarbon.engine.spark import SparkEngine
from tests.simulation.operations import Ride, Run
from tests.simulation.world import PARTNERS, World

METRO, BIKE, MAAS = PARTNERS
HERE = EngineSettings(workers=1)
TASKS = {
    "EarnTask",
    "ClaimTask",
    "ListLeafTask",
    "CheckRanges",
    "JudgeTask",
    "ProveBlocks",
    "VerifyBlocks",
    "MultiplyBlocks",
}
"""What must have been sent to the cluster."""


class Lived(NamedTuple):
    """What is left of an epoch."""

    opened: Mapping[int, int]
    """Person to the opened sum, in ug."""
    record: Mapping[str, bytes]
    """Path to bytes of everything in the record's folder."""


def lived_through(folder: Path, engine: EngineSettings) -> Lived:
    """Enrol two people, record rides, and go on until their accounts are opened."""
    world = World(folder, engine=engine)
    try:
        run = Run(world, people=2)
        world.loop.run(world.desk.witness())
        run.link_everyone()
        run.enrol()
        world.set_clock(days_before=4)
        world.advance()
        run.bind()
        # metro and bike see one movement; maas sees another person
        run.ride(Ride(METRO, person=0, day=0, hour=8, slots=4, power=12))
        run.ride(Ride(BIKE, person=0, day=0, hour=8, slots=6, power=11, evidence=1))
        run.ride(Ride(MAAS, person=1, day=0, hour=9, slots=2, power=10))
        run.seal(0)
        opened = run.open_all()
        assert opened == run.expected()
    finally:
        world.close()
    record = folder / "hub" / "record"
    files = (path for path in sorted(record.rglob("*")) if path.is_file())
    return Lived(opened, {str(path.relative_to(record)): path.read_bytes() for path in files})


def test_a_whole_epoch_leaves_the_same_record_wherever_its_work_is_done(
    tmp_path: Path, spark_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = lived_through(tmp_path / "here", HERE)
    sent: set[str] = set()
    real = SparkEngine.map

    def counted(
        engine: SparkEngine, task: Task, rows: pa.RecordBatchReader
    ) -> pa.RecordBatchReader:
        sent.add(type(task).__name__)
        return real(engine, task, rows)

    monkeypatch.setattr(SparkEngine, "map", counted)
    cluster = EngineSettings(kind=EngineKind.SPARK, spark_url=SecretStr(spark_address), workers=3)
    there = lived_through(tmp_path / "there", cluster)

    assert there.opened == here.opened
    assert sum(there.opened.values()) > 0
    assert there.record.keys() == here.record.keys()
    assert [path for path in here.record if there.record[path] != here.record[path]] == []
    assert sent >= TASKS
