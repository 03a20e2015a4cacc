"""Starting a release: noise of t trustees, and their signatures under what it comes to.

 1. plan: who contributes and what the year has spent, by the record as trustees see it
 2. noise: t trustees give theirs; the hub checks every proof
 3. sign: the start names contributions, noise and their product; the same trustees sign it
 4. log: the start is a leaf, its noise are files of the record, the budget is spent: all or nothing

Nothing is stored before step 4: a trustee gives the same noise to a period for ever, so a start
that a crash cut off is made again. A trustee that fails is replaced, and the start made anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from sqlmodel import Session

from fedcarbon.canonical import statement as statements
from fedcarbon.disclosure.block_file import TableEntry, entries_of, noised_sha256, product_of
from fedcarbon.disclosure.record_files import named_files
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.statements import Contributor, NoisePart, ReleaseStart
from fedcarbon.engine.tasks.table_verifying import verify_table
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, Role
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.table_checks import (
    members_of,
    require_budget,
    require_open_period,
    require_partners,
    table_ref,
)
from fedcarbon.opening.tables import Budget, PeriodRef
from fedcarbon.proofs.range_proof import RangePurpose
from fedcarbon.transparency.checkpoint import WitnessedCheckpoint
from fedcarbon.transparency.envelope import Envelope, Signature, payload_type_of, verify
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import trustee_pb2
from hub.context import Hub
from hub.record.folded_record import FoldedRecord
from hub.record.record import LoggedLeaf
from hub.registry.parties import signing_keys
from hub.statistics.storage.period_store import PeriodStore
from hub.statistics.trustee_work import Trustees
from hub.trustees.asking import ask_each, ask_until

_TYPE: Final = payload_type_of(ReleaseStart.KIND)


class NoiseFile(NamedTuple):
    """One trustee's noise whose proofs hold."""

    sha256: bytes
    entries: Sequence[TableEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePlan:
    """What a release would count and spend."""

    ref: PeriodRef
    shell: Logged[TableShell]
    contributors: tuple[Contributor, ...]
    file_hashes: tuple[bytes, ...]
    """Of the contributions, in the order of the contributors."""
    budget: Budget


class ReleaseStarting:
    """Brings closed periods to their start."""

    def __init__(self, hub: Hub, trustees: Trustees, folded: FoldedRecord) -> None:
        """Take the hub, its trustees and the record as they see it."""
        self._hub: Final = hub
        self._trustees: Final = trustees
        self._folded: Final = folded

    async def start(self, ref: PeriodRef) -> LoggedLeaf:
        """Start the release of a closed period.

        Raises:
            TooFewPartnersError, TooManyPartnersError, BudgetExceededError: it is never released.
            PeriodNotOverError: by the clock of trustees partners still have time.
            QuorumMissingError, TrusteesMissingError: too few trustees do their part now.
        """
        hub, desk = self._hub, self._trustees.desk
        head = await desk.witness(not_before_s=hub.clock.now_s())
        plan = await hub.read(partial(self._plan, ref=ref, head=head))
        contributions = await hub.work(partial(self._contributions, plan))
        failed: dict[PartyId, FedcarbonError] = {}
        while True:
            noise = await self._noise(plan, failed)
            start = await asyncio.to_thread(self._drafted, plan, contributions, noise)
            signatures = await self._signed(ref, start, failed)
            if len(signatures) == len(start.noise):
                logged = await hub.write(
                    partial(self._log, ref=ref, start=start, signatures=signatures)
                )
                self._trustees.finished(signatures)
                return logged

    # --- 1. plan ----------------------------------------------------------------------------

    def _plan(self, session: Session, ref: PeriodRef, head: WitnessedCheckpoint) -> ReleasePlan:
        PeriodStore(session).require_closed(ref)
        with self._folded.at(session) as view:
            view.heads.witness(head)  # of one size the first one is stored, and time is the last's
            programme_id = view.tables.shells[ref.shell_leaf].statement.programme_id
            shell = require_open_period(view, programme_id, ref)
            contributors = view.tables.contributors(ref)
            members = members_of(view, programme_id, ref)
            require_partners(
                shell.statement, [members.get(item.partner_id, 0) for item in contributors]
            )
            logged = view.tables.contributions[ref]
            return ReleasePlan(
                ref=ref,
                shell=shell,
                contributors=contributors,
                file_hashes=tuple(
                    logged[item.partner_id].statement.file_sha256 for item in contributors
                ),
                budget=require_budget(view, ref),
            )

    def _contributions(self, plan: ReleasePlan) -> list[list[TableEntry]]:
        """Return the blocks of all contributions; their proofs held when they came."""
        key, values = self._hub.parameters.proof_key, plan.shell.statement.values
        files = self._hub.record.files
        return [entries_of(key, files.get(sha256), values) for sha256 in plan.file_hashes]

    # --- 2. noise ---------------------------------------------------------------------------

    async def _noise(
        self, plan: ReleasePlan, failed: dict[PartyId, FedcarbonError]
    ) -> dict[PartyId, NoiseFile]:
        """Return the noise of t trustees that have not failed; add to `failed` who does now."""
        order = await self._trustees.desk.work_order()
        order.noise.programme_id = plan.shell.statement.programme_id
        order.noise.shell_leaf, order.noise.period = plan.ref
        answers = await ask_until(
            self._trustees.port,
            self._trustees.to_ask(failed),
            order,
            partial(self._checked_noise, plan),
            enough=self._hub.parameters.threshold,
        )
        failed.update(answers.failed)
        await self._trustees.note(plan.ref, answers)
        self._trustees.require_enough(answers.good, failed)
        return answers.good

    def _checked_noise(
        self, plan: ReleasePlan, trustee_id: PartyId, answer: trustee_pb2.WorkRequest
    ) -> NoiseFile:
        hub, shell = self._hub, plan.shell.statement
        key = hub.parameters.proof_key
        entries = entries_of(key, answer.noise.file, shell.values)
        ref = table_ref(plan.shell, plan.ref.period, trustee_id, RangePurpose.NOISE)
        verify_table(hub.workers, key, ref, entries, shell.noise_bounds())
        return NoiseFile(hub.record.files.put(answer.noise.file), entries)

    # --- 3. sign ----------------------------------------------------------------------------

    def _drafted(
        self,
        plan: ReleasePlan,
        contributions: Sequence[Sequence[TableEntry]],
        noise: Mapping[PartyId, NoiseFile],
    ) -> ReleaseStart:
        parameters, shell = self._hub.parameters, plan.shell.statement
        names = sorted(noise)
        product = product_of(
            parameters.public_key, [*contributions, *(noise[name].entries for name in names)]
        )
        return ReleaseStart(
            parameter_id=parameters.parameter_id,
            programme_id=shell.programme_id,
            shell_leaf=plan.ref.shell_leaf,
            period=plan.ref.period,
            contributors=plan.contributors,
            noise=tuple(
                NoisePart(trustee_id=name, file_sha256=noise[name].sha256) for name in names
            ),
            noised_sha256=noised_sha256(product),
            year=plan.budget.year,
            rho_millionths=shell.rho_millionths,
            spent_millionths=plan.budget.spent,
        )

    async def _signed(
        self, ref: PeriodRef, start: ReleaseStart, failed: dict[PartyId, FedcarbonError]
    ) -> dict[PartyId, Signature]:
        """Return the signatures of those who sign; add to `failed` who does not."""
        payload = statements.encode(start)
        order = await self._trustees.desk.work_order()
        order.sign_release.start = payload
        admitted = await self._hub.read(lambda session: signing_keys(session, Role.TRUSTEE))
        keys: dict[str, bytes] = {name: admitted[name] for name in admitted}

        def checked(trustee_id: PartyId, answer: trustee_pb2.WorkRequest) -> Signature:
            signature = Signature(keyid=trustee_id, sig=answer.sign_release.signature)
            verify(_envelope(payload, (signature,)), keys, signers={trustee_id}, at_least=1)
            return signature

        subset = [part.trustee_id for part in start.noise]
        answers = await ask_each(self._trustees.port, subset, order, checked)
        failed.update(answers.failed)
        await self._trustees.note(ref, answers)
        return answers.good

    # --- 4. log -----------------------------------------------------------------------------

    def _log(
        self,
        session: Session,
        ref: PeriodRef,
        start: ReleaseStart,
        signatures: Mapping[PartyId, Signature],
    ) -> LoggedLeaf:
        """Spend the budget: from here on the release has this noise and no other.

        Raises:
            LeafInvalidError, LoggedTwiceError: the record has gone on; the start is made again.
        """
        record = self._hub.record
        with self._folded.at(session) as view:
            view.tables.require_first(start)
        signed = tuple(signatures[part.trustee_id] for part in start.noise)
        body = _envelope(statements.encode(start), signed).to_bytes()
        logged = record.append(session, LeafType.RELEASE_START, body)
        for sha256, readable_as in named_files(start):
            record.name_file(session, readable_as, sha256)
        PeriodStore(session).start(ref, logged.index)
        return logged


def _envelope(payload: bytes, signatures: tuple[Signature, ...]) -> Envelope:
    return Envelope(payload_type=_TYPE, payload=payload, signatures=signatures)
