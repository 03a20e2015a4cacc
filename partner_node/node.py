"""A partner's node: the use cases over one store, and the runner beside them.

This is what the in-house service, the command line and simulations hold. Everything that knows the
programme needs the record first: before the first step of a new store it raises
`FoundationMissingError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fedcarbon.audit.evidence_sample import EvidenceSample
from fedcarbon.ids import PartyId
from fedcarbon.methodology.activity import Activity
from fedcarbon.registry.programme import Programme
from fedcarbon.submission.challenge import Challenge
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.wire.hub_client import HubClient
from partner_node.activities.bundle import Bundle
from partner_node.activities.evaluating import BulkEvaluation
from partner_node.activities.intake import ActivityIntake, IntakeOutcome
from partner_node.audits.opening import EvidenceOpener
from partner_node.bindings.answering import BindingAnswers, PendingBinding
from partner_node.epochs.challenging import make_challenge
from partner_node.epochs.runner import EpochRunner, Problem, Progress, RunnerSettings
from partner_node.membership import Membership, MembershipSource, NodeIdentity
from partner_node.persons.households import Households
from partner_node.persons.linking import LinkOutcome, PersonLinking, PersonRecord
from partner_node.persons.summary import Asked, PersonSummary, summary_of
from partner_node.persons.withdrawal import ConsentWithdrawal
from partner_node.record.epoch_leaves import planned_epochs
from partner_node.record.monitor import Monitor
from partner_node.statistics.contributing import OwnTable, TableContributions
from partner_node.status import NodeStatus, status_of
from partner_node.storage.activities import ActivityStore, StoredReject
from partner_node.storage.database import Database
from partner_node.storage.incidents import IncidentStore
from partner_node.storage.record import RecordStore


class Node:
    """One partner in one programme."""

    def __init__(
        self,
        database: Database,
        identity: NodeIdentity,
        hub: HubClient,
        bundle: Bundle,
        settings: RunnerSettings | None = None,
    ) -> None:
        """Bind the store to the identity and build the runner.

        Raises:
            StoreUnusableError: the store belongs to another node.
        """
        database.bind(
            {
                "party": identity.party_id,
                "programme": identity.programme_id,
                "parameters": identity.roots.parameter_id.hex(),
            }
        )
        self._database = database
        self._clock = identity.clock
        self._party_id = identity.party_id
        self._problem: Problem | None = None
        self._hub = hub
        self._bundle = bundle
        self._bulk = BulkEvaluation(bundle)
        self._source = MembershipSource(database, identity)
        settings = settings or RunnerSettings()
        self._categories = settings.categories
        self._runner = EpochRunner(database, self._source, hub, bundle, self._bulk, settings)

    @property
    def party_id(self) -> PartyId:
        """This partner's name."""
        return self._party_id

    @property
    def bundle(self) -> Bundle:
        """The methodologies that activities are counted by."""
        return self._bundle

    @property
    def programme(self) -> Programme:
        """The verified programme.

        Raises:
            FoundationMissingError: the record has not been read yet.
        """
        return self._member.programme

    def step(self) -> Progress:
        """Do everything that can be done with the hub now; see `EpochRunner.step`."""
        progress = self._runner.step()
        self._problem = next(iter(progress.problems), None)
        return progress

    @property
    def last_error(self) -> str:
        """What needs somebody: the first problem of the last step, else the last incident."""
        if self._problem is not None:
            return f"{self._problem.error.code}: {self._problem.error}"
        incidents = IncidentStore(self._database).all()
        return f"{incidents[-1].code}: {incidents[-1].detail}" if incidents else ""

    def read_record(self) -> None:
        """Read the record once, so that the programme is known.

        Raises:
            FedcarbonError: what keeps the record from being read or believed.
        """
        self._runner.read_record()

    def link_persons(self, records: Sequence[PersonRecord]) -> LinkOutcome:
        """Link persons with their consents; see `PersonLinking.link`."""
        return PersonLinking(self._database, self.programme, self._clock).link(records)

    def record_activities(self, activities: Sequence[Activity]) -> IntakeOutcome:
        """Judge and record activities; see `ActivityIntake.record`.

        Raises:
            MeasureDiffersError: a methodology gives another kind than the programme counts.
        """
        self._bundle.require_measure(self.programme.measure)
        intake = ActivityIntake(
            self._database, self.programme, self._bundle, self._bulk, self._clock
        )
        return intake.record(activities)

    def note_rejects(self, rejects: Iterable[StoredReject]) -> None:
        """Keep why rows could not even be read as activities."""
        ActivityStore(self._database).add_rejects(rejects, now_s=self._clock.now_s())

    def withdraw_consent(self, person_ref: str) -> int:
        """End a person's consents and return the first epoch without the person."""
        member = self._member
        planned = planned_epochs(RecordStore(self._database), member.foundation)
        return ConsentWithdrawal(self._database, member).withdraw(
            person_ref, max(planned, default=0)
        )

    def summary(self, asked: Asked) -> PersonSummary:
        """Return a person's own view; see `summary_of`."""
        return summary_of(self._database, self._member, self._bundle, asked)

    def pending_bindings(self) -> list[PendingBinding]:
        """Return bindings that wait for their holder."""
        return self._bindings().pending()

    def answer_binding(self, binding_id: bytes, *, confirm: bool, member_ref: str = "") -> bytes:
        """Sign and send the holder's answer; return the hub's receipt.

        Args:
            binding_id: which binding.
            confirm: whether the holder wants it.
            member_ref: the attested member who answers for a household account, else empty.
        """
        Households(self._database, self._clock).require_member(binding_id, member_ref)
        return self._bindings().answer(binding_id, confirm=confirm)

    def attest_member(self, account_ref: str, member_ref: str) -> None:
        """Keep that a person is a member of a household account; see `Households.attest`."""
        Households(self._database, self._clock).attest(account_ref, member_ref)

    def members(self, account_ref: str) -> list[str]:
        """Return the attested members of a household account."""
        return Households(self._database, self._clock).members(account_ref)

    def challenge(self, blocks: Sequence[Sequence[MicrogramsCO2e]]) -> Challenge:
        """Encrypt, prove and open a test vector; see `challenging.make_challenge`."""
        return make_challenge(self._member, self._runner.prover_for(self._member), blocks)

    def open_evidence(self, sample: EvidenceSample) -> bytes:
        """Open what the record draws to an auditor on site; see `EvidenceOpener.open`."""
        return EvidenceOpener(self._database, self._member).open(sample)

    def own_table(self, shell_id: str, period: int) -> OwnTable:
        """Return what this partner has in a period of a table; see `TableContributions`."""
        member = self._member
        planned = planned_epochs(RecordStore(self._database), member.foundation)
        tables = TableContributions(self._database, member, self._hub, self._categories)
        return tables.own_table(planned, shell_id, period)

    def status(self) -> NodeStatus:
        """Return what the store says about the node."""
        return status_of(self._database)

    def compare_checkpoint(self, note: bytes) -> int:
        """Compare a checkpoint from elsewhere with the own record; see `Monitor.compare`."""
        monitor = Monitor(self._database)
        return monitor.compare(self._member.foundation, note, self._clock.now_s())

    @property
    def _member(self) -> Membership:
        return self._source.current()

    def _bindings(self) -> BindingAnswers:
        return BindingAnswers(self._database, self._member, self._hub)
