"""One sealed epoch of three partners, one of them honest, and what an auditor makes of it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fedcarbon.audit.evidence_checks import EvidenceReport, check_evidence
from fedcarbon.audit.evidence_reading import evidence_record
from fedcarbon.audit.evidence_record import EvidenceRecord
from fedcarbon.audit.evidence_sample import EvidenceSample, sample_of
from fedcarbon.audit.opened_evidence import OpenedEvidence
from fedcarbon.canonical import statement as statements
from fedcarbon.cli.audit_evidence import folded
from fedcarbon.cli.audit_folder import RecordFolder
from fedcarbon.cli.catalogue import load_from_catalogue
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.slots import split
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.transparency.envelope import Envelope, sign
from fedcarbon.units import SECONDS_PER_DAY
from partner_node.epochs.earn_task import EarnTask
from partner_node.storage.activities import ActivityStore, Owners
from partner_node.storage.database import Database
from partner_node.storage.submissions import SubmissionStore
from tests.simulation.operations import Ride, Run
from tests.simulation.world import PARTNERS, PROGRAMME, World

METRO, BIKE, MAAS = PARTNERS
EPOCH = EpochIndex(1)
EVERYTHING = 1_000
"""A sample that draws every leaf."""
LATE = "maas-2-1-9"
"""A ride of the second day, which maas claims on the first."""


@dataclasses.dataclass
class Audited:
    """A sealed epoch, and the auditor's copy of its record."""

    world: World

    @property
    def folder(self) -> Path:
        return self.world.folder / "hub" / "record"

    def record(self, partner: PartyId = METRO, size: int = EVERYTHING) -> EvidenceRecord:
        source = RecordFolder(self.folder)
        return evidence_record(
            folded(source, self.world.roots),
            lambda sha256: source.file(sha256.hex()) or b"",
            EpochRef(PROGRAMME, EPOCH),
            partner,
            size,
        )

    def sample(self, partner: PartyId = METRO, size: int = EVERYTHING) -> EvidenceSample:
        return sample_of(self.record(partner, size).basis, size)

    def opened(self, partner: PartyId = METRO, size: int = EVERYTHING) -> OpenedEvidence:
        envelope = self.world.nodes[partner].open_evidence(self.sample(partner, size))
        return statements.decode(OpenedEvidence, Envelope.from_bytes(envelope).payload)

    def report(self, opened: OpenedEvidence, *rules: Methodology) -> EvidenceReport:
        """Return what the auditor says of a file that its partner has signed."""
        partner = opened.partner_id
        envelope = sign(opened, {partner: self.world.keys[partner]}).to_bytes()
        record = self.record(partner, opened.sample.size)
        return check_evidence(record, envelope, rules or (load_from_catalogue("cn-ecny-shanghai"),))

    def codes(self, opened: OpenedEvidence, *rules: Methodology) -> set[str]:
        return {finding.code for finding in self.report(opened, *rules).findings}


def audited(folder: Path) -> Audited:
    """Run a federation through one epoch in which bike and maas lie.

    bike doubles every reduction; maas claims a ride of the next day, and moves the grams of one
    person into the account of another. The metro is honest, or cannot be told from it: its ride of
    person 3 never happened.
    """
    world = World(folder, days=2)
    run = Run(world)
    world.loop.run(world.desk.witness())
    run.link_everyone()
    run.enrol()
    world.set_clock(days_before=4)
    rides = [
        # the metro and bike see one movement, and the metro saw it better
        Ride(METRO, person=0, day=0, hour=8, slots=4, power=12),
        Ride(BIKE, person=0, day=0, hour=8, slots=6, power=11, evidence=1),
        Ride(METRO, person=1, day=0, hour=9, slots=2, power=10),
        Ride(METRO, person=3, day=0, hour=19, slots=3, power=13),
        Ride(BIKE, person=1, day=0, hour=12, slots=3, power=9, evidence=1),
        Ride(MAAS, person=0, day=0, hour=15, slots=2, power=8, evidence=1),
        Ride(MAAS, person=1, day=0, hour=16, slots=2, power=7, evidence=1),
        Ride(MAAS, person=2, day=1, hour=9, slots=2, power=9, evidence=1),
    ]
    for ride in rides:
        run.ride(ride)
    with lies(world):
        run.seal(0)
    world.advance()
    world.advance()
    return Audited(world)


@contextmanager
def lies(world: World) -> Iterator[None]:
    """Let the nodes of bike and maas be builds that lie."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EarnTask, "work", _doubled_or_dated_back(EarnTask.work))
        honest = ActivityStore.credited_between
        patch.setattr(ActivityStore, "credited_between", _with_the_late_ride(honest))
        patch.setattr(SubmissionStore, "settle", _moved(SubmissionStore.settle, world.store(MAAS)))
        yield


def _doubled_or_dated_back(real: Callable[..., pa.RecordBatch]) -> Callable[..., pa.RecordBatch]:
    def work(task: EarnTask, batch: pa.RecordBatch) -> pa.RecordBatch:
        rows = real(task, batch).to_pylist()
        for row in rows:
            pieces = row["pieces"]
            if row["activity_id"].startswith("bike-"):
                row["amount_ug"] *= 2
                masses = split(row["amount_ug"], len(pieces))
                for piece, mass_ug in zip(pieces, masses, strict=True):
                    piece["piece_ug"] = mass_ug
            elif row["activity_id"] == LATE:
                for piece in pieces:
                    piece["day"] -= dt.timedelta(days=1)
                    piece["start_s"] -= SECONDS_PER_DAY
        return pa.RecordBatch.from_pylist(rows, schema=task.schema)

    return work


def _with_the_late_ride(real: Callable[..., pa.Table]) -> Callable[..., pa.Table]:
    def between(store: ActivityStore, first: dt.date, last: dt.date, owners: Owners) -> pa.Table:
        found = real(store, first, last, owners)
        day = dt.timedelta(days=1)
        later = real(store, last + day, last + day, owners)
        return pa.concat_tables([found, later.filter(pc.equal(later.column("activity_id"), LATE))])

    return between


def _moved(real: Callable[..., Any], liar: Database) -> Callable[..., Any]:
    """Give what the first person earned at the liar's to the second."""

    def settle(store: SubmissionStore, epoch: int, *args: Any) -> None:
        real(store, epoch, *args)
        if store._database is not liar:
            return
        rows = liar.rows(
            "SELECT person_id, submitted_ug FROM person_day_results WHERE epoch = ? "
            "ORDER BY person_id, day LIMIT 2",
            [epoch],
        )
        if len(rows) == 2:
            for (person_id, _), mass_ug in zip(rows, (0, rows[0][1] + rows[1][1]), strict=True):
                liar.run(
                    "UPDATE person_day_results SET submitted_ug = ? "
                    "WHERE epoch = ? AND person_id = ?",
                    [mass_ug, epoch, person_id],
                )

    return settle


def as_json(path: Path) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return tree
