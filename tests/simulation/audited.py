"""One sealed epoch of three partners, one of them honest, and what an auditor makes of it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.crediting import Earned
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.person_day import Piece
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.transparency.envelope import Envelope, sign
from fedcarbon.units import SECONDS_PER_DAY, MicrogramsCO2e
from partner_node.epochs import collecting
from partner_node.storage.activities import ActivityStore, Owners, StoredActivity
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
        patch.setattr(collecting, "earned_by", _doubled(collecting.earned_by))
        patch.setattr(collecting, "pieces_of", _dated_back(collecting.pieces_of))
        honest = ActivityStore.credited_between
        patch.setattr(ActivityStore, "credited_between", _with_the_late_ride(honest))
        patch.setattr(SubmissionStore, "settle", _moved(SubmissionStore.settle, world.store(MAAS)))
        yield


def _doubled(real: Callable[..., Any]) -> Callable[..., Any]:
    def earned_by(activity: Activity, *args: Any, **named: Any) -> Earned:
        earned: Earned = real(activity, *args, **named)
        factor = 2 if activity.activity_id.startswith("bike-") else 1
        return dataclasses.replace(earned, amount_ug=MicrogramsCO2e(factor * earned.amount_ug))

    return earned_by


def _with_the_late_ride(real: Callable[..., Any]) -> Callable[..., Any]:
    def between(
        store: ActivityStore, first: dt.date, last: dt.date, owners: Owners
    ) -> list[StoredActivity]:
        found: list[StoredActivity] = real(store, first, last, owners)
        day = dt.timedelta(days=1)
        later = real(store, last + day, last + day, owners)
        return found + [item for item in later if item.activity.activity_id == LATE]

    return between


def _dated_back(real: Callable[..., Any]) -> Callable[..., Any]:
    def pieces_of(activity: Activity, *args: Any, **named: Any) -> tuple[Piece, ...]:
        pieces: tuple[Piece, ...] = real(activity, *args, **named)
        if activity.activity_id != LATE:
            return pieces
        return tuple(
            dataclasses.replace(
                piece,
                day=piece.day - dt.timedelta(days=1),
                slot=piece.slot._replace(start_s=piece.slot.start_s - SECONDS_PER_DAY),
            )
            for piece in pieces
        )

    return pieces_of


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
