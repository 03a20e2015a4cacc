"""The epoch runner: one step reads and signs the record, enrols, moves epochs on, answers bindings.

At its end it contributes to tables of statistics whose periods are over.

A step is safe to kill at any instant and to run again. Its parts fail separately: a hub that
cannot be reached ends the step, a trustee that is missing only delays enrolment, and a party that
misbehaves is kept as an incident while everything else goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from fedcarbon.disclosure.shell import TableShell
from fedcarbon.engine.local import LocalEngine
from fedcarbon.engine.port import Engine
from fedcarbon.errors import FedcarbonError, PeerError
from fedcarbon.ids import EpochIndex
from fedcarbon.opening.logged import Logged
from fedcarbon.transparency.checkpoint import WitnessedCheckpoint
from fedcarbon.v1 import epoch_pb2
from fedcarbon.wire.hub_client import HubClient
from fedcarbon.wire.processes import ProcessMap
from fedcarbon.wire.status import RemoteTimeoutError, UnreachableError
from partner_node.activities.bundle import Bundle
from partner_node.activities.evaluating import BulkEvaluation
from partner_node.bindings.answering import BindingAnswers
from partner_node.enrolment.enroller import Enroller, EnrolmentStores
from partner_node.enrolment.evaluation import BlindEvaluator
from partner_node.enrolment.objects import ObjectEvaluation
from partner_node.epochs.phases import EpochPhases
from partner_node.epochs.proving import BlockProver
from partner_node.membership import Membership, MembershipSource
from partner_node.record.epoch_leaves import planned_epochs
from partner_node.record.mirror import RecordMirror
from partner_node.record.monitor import Monitor
from partner_node.statistics.categories import Categories
from partner_node.statistics.contributing import TableContributions
from partner_node.storage.agenda import EnrolmentAgenda
from partner_node.storage.database import Database
from partner_node.storage.enrolment import EnrolmentStore
from partner_node.storage.incidents import Incident, IncidentStore
from partner_node.storage.objects import ObjectStore
from partner_node.storage.outbox import Outbox
from partner_node.storage.persons import PersonStore
from partner_node.storage.record import RecordStore

ENROLMENT_EXCHANGES_PER_STEP: Final = 16
"""So that a long enrolment does not make an epoch miss its deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerSettings:
    """How the runner works."""

    commit_delay_s: int = 0
    """How long after the end of an epoch's last day to wait for activities before committing."""
    engine: Engine = field(default_factory=lambda: LocalEngine(ProcessMap(1)))
    """Where large work is done; by default in this process. It stays the caller's."""
    tables: Path | None = None
    """Where the engine's processes share a prover's tables; None if they share no disk."""
    categories: Categories = field(default_factory=Categories)
    """How cells of statistics are found; by default everything is in the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that was done."""

    name: str
    """In the past tense, snake case."""
    epoch: int = 0
    """0 for what belongs to no epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A part of a step that could not be done."""

    part: str
    error: FedcarbonError


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What one step did."""

    events: tuple[Event, ...]
    """In order; empty if there was nothing to do."""
    problems: tuple[Problem, ...]
    alarms: tuple[Incident, ...] = ()
    """What the monitor of the record has newly found."""

    @property
    def acted(self) -> bool:
        """Whether anything was done: if so, another step may find more."""
        return bool(self.events)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What works for one membership; rebuilt when the foundation changes."""

    member: Membership
    enroller: Enroller
    objects: ObjectEvaluation
    phases: EpochPhases
    bindings: BindingAnswers
    tables: TableContributions


class _Step:
    """Collects what happens in one step."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.problems: list[Problem] = []

    def attempt(self, part: str, action: Callable[[], None]) -> bool:
        """Do `action`; keep its error, and return whether the hub can still be asked."""
        try:
            action()
        except FedcarbonError as error:
            self.problems.append(Problem(part=part, error=error))
            return not isinstance(error, UnreachableError | RemoteTimeoutError)
        return True

    def note(self, name: str, epoch: int = 0) -> None:
        """Keep an event."""
        self.events.append(Event(name=name, epoch=epoch))

    def progress(self) -> Progress:
        """Return what was collected."""
        return Progress(events=tuple(self.events), problems=tuple(self.problems))


class EpochRunner:
    """Runs the node's side of the protocol; the only one that writes epochs."""

    def __init__(
        self,
        database: Database,
        source: MembershipSource,
        hub: HubClient,
        bundle: Bundle,
        bulk: BulkEvaluation,
        settings: RunnerSettings,
    ) -> None:
        """Work on `database` with what `source` verifies."""
        self._database = database
        self._source = source
        self._hub = hub
        self._bundle = bundle
        self._settings = settings
        self._bulk = bulk
        self._record = RecordStore(database)
        self._mirror = RecordMirror(self._record, hub)
        self._outbox = Outbox(database)
        self._incidents = IncidentStore(database)
        self._monitor = Monitor(database)
        self._newest: WitnessedCheckpoint | None = None
        """The head that this node signs next."""
        self._alarms: list[Incident] = []
        """What the monitor has found since the last step ended."""
        self._size_asked = -1
        """Leaves of the record when the hub was last asked for epochs and all went well."""
        self._prover: BlockProver | None = None
        self._parts: _Parts | None = None

    def step(self) -> Progress:
        """Do everything that can be done now.

        Errors that somebody can act upon come back as problems; only bugs are raised.
        """
        step = _Step()
        if not step.attempt("record", self.read_record) or step.problems:
            return self._finished(step)
        member = self._source.current()
        measure = member.programme.measure
        step.attempt("methodologies", lambda: self._bundle.require_measure(measure))
        if step.problems:
            return self._finished(step)
        parts = self._parts_for(member)
        step.attempt("witness", lambda: self._cosign(member))
        planned = planned_epochs(self._record, member.foundation)
        last = max(planned, default=0)
        reachable = step.attempt("enrolment", lambda: self._enrol(step, parts, last))
        if reachable:
            reachable = step.attempt("objects", lambda: self._evaluate_objects(step, parts))
        if reachable:
            reachable = step.attempt("epochs", lambda: self._advance_epochs(step, parts, planned))
        if reachable:
            reachable = step.attempt("answers", lambda: self._send_answers(step, parts))
        if reachable:
            reachable = step.attempt("bindings", lambda: self._read_bindings(step, parts))
        if reachable:
            step.attempt("statistics", lambda: self._contribute(step, parts))
        return self._finished(step)

    # --- parts of a step ------------------------------------------------------------------

    def read_record(self) -> None:
        """Read new leaves, check what stands in them, and advance the witnessed prefix.

        Raises:
            FedcarbonError: what keeps the record from being read or believed.
        """
        now_s = self._source.now_s()
        self._newest = None
        self._mirror.read_leaves()
        foundation = self._source.current().foundation
        keys, parameters = foundation.witness_keys, foundation.parameters
        if keys is not None:
            self._newest = self._mirror.witness_head(
                keys, parameter_id=parameters.parameter_id, threshold=parameters.threshold
            )
        self._alarms += self._monitor.check_promises(now_s)
        self._monitor.require_promises_kept()

    def _cosign(self, member: Membership) -> None:
        """Sign the newest head: trustees open nothing that no partner has seen."""
        if self._newest is not None:
            self._mirror.cosign(self._newest, member)

    def prover_for(self, member: Membership) -> BlockProver:
        """Return the one prover of this process: for submissions, and for challenges to them."""
        cap_ug = member.programme.epoch_cap_ug
        if self._prover is None or self._prover.cap_ug != cap_ug:
            self._prover = BlockProver(
                self._settings.engine,
                member.parameters.proof_key,
                cap_ug,
                member.randomness.octets,
                self._settings.tables,
            )
        return self._prover

    def _enrol(self, step: _Step, parts: _Parts, planned: int) -> None:
        for _ in range(ENROLMENT_EXCHANGES_PER_STEP):
            if not parts.enroller.advance(planned):
                return
            step.note("enrolment_advanced")

    def _evaluate_objects(self, step: _Step, parts: _Parts) -> None:
        for _ in range(ENROLMENT_EXCHANGES_PER_STEP):
            if not parts.objects.advance():
                return
            step.note("objects_evaluated")

    def _advance_epochs(self, step: _Step, parts: _Parts, planned: Collection[EpochIndex]) -> None:
        size, problems = self._record.size(), len(step.problems)
        if size == self._size_asked and not parts.phases.open_among(planned):
            return  # between epochs the hub need not be asked where they stand
        answer = self._hub.list_epochs(
            epoch_pb2.ListEpochsRequest(programme_id=parts.member.programme.programme_id)
        )
        witnessed = self._record.head().size
        for shown in answer.epochs:

            def advance(shown: epoch_pb2.Epoch = shown) -> None:
                event = parts.phases.advance(shown, witnessed)
                if event is not None:
                    step.note(event, shown.epoch)

            if not step.attempt(f"epoch {shown.epoch}", advance):
                return
        if len(step.problems) == problems:
            self._size_asked = size

    def _send_answers(self, step: _Step, parts: _Parts) -> None:
        if parts.bindings.send_answers():
            step.note("bindings_answered")

    def _read_bindings(self, step: _Step, parts: _Parts) -> None:
        if parts.bindings.poll():
            step.note("bindings_received")

    def _contribute(self, step: _Step, parts: _Parts) -> None:
        planned = planned_epochs(self._record, parts.member.foundation)
        for shell, period in parts.tables.due(planned):

            def contribute(shell: Logged[TableShell] = shell, period: int = period) -> None:
                event = parts.tables.contribute(shell, period)
                step.note(event, shell.statement.epochs_of(period)[-1])

            if not step.attempt(f"table {shell.statement.shell_id} period {period}", contribute):
                return

    # --- around it ------------------------------------------------------------------------

    def _parts_for(self, member: Membership) -> _Parts:
        if self._parts is None or self._parts.member is not member:
            stores = EnrolmentStores(
                persons=PersonStore(self._database),
                agenda=EnrolmentAgenda(self._database, member.programme),
                enrolment=EnrolmentStore(self._database),
                outbox=self._outbox,
            )
            objects = ObjectStore(self._database)
            evaluator = BlindEvaluator(member, self._hub, stores.persons, objects, stores.enrolment)
            self._parts = _Parts(
                member=member,
                enroller=Enroller(member, self._hub, stores, evaluator),
                objects=ObjectEvaluation(self._database, member, evaluator),
                phases=EpochPhases(
                    self._database,
                    member,
                    self._hub,
                    self._bundle,
                    self.prover_for(member),
                    self._settings.engine,
                    self._bulk,
                    commit_delay_s=self._settings.commit_delay_s,
                ),
                bindings=BindingAnswers(self._database, member, self._hub),
                tables=TableContributions(
                    self._database, member, self._hub, self._settings.categories
                ),
            )
        return self._parts

    def _finished(self, step: _Step) -> Progress:
        for problem in step.problems:
            if isinstance(problem.error, PeerError):
                self._incidents.add(
                    Incident(code=problem.error.code, detail=str(problem.error)),
                    now_s=self._source.now_s(),
                )
        alarms, self._alarms = tuple(self._alarms), []
        return replace(step.progress(), alarms=alarms)
