"""Finishing a release: t trustees give shares of what its start names, and the table is made.

 1. witness: a quorum and a partner sign a head over the start
 2. share: any t trustees share the product of contributions and noise; the hub checks every proof
 3. read: the shares are combined, offsets taken off, and the table made of what is left
 4. log: table, shares and the end of the period are one transaction

All of it follows from the start in the record. Whatever a crash cuts off is done again, with the
same noise and perhaps other trustees, and comes to the same table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlmodel import Session

from fedcarbon.canonical import statement as statements
from fedcarbon.disclosure.block_file import entries_of, noised_sha256, product_of, vector_of
from fedcarbon.disclosure.record_files import named_files
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.statements import (
    ReleaseShareFile,
    ReleaseStart,
    TableRelease,
    TableShares,
)
from fedcarbon.disclosure.table import ReleasedTable, noisy_vector, released_table
from fedcarbon.ids import PartyId
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.table_checks import release_share_context
from fedcarbon.opening.table_refusals import NoisedDiffersError
from fedcarbon.opening.tables import PeriodRef
from fedcarbon.paillier.cipher import ciphertext_from_bytes, ciphertext_to_bytes
from fedcarbon.paillier.combine import ShareBatch, combine, verify_shares
from fedcarbon.paillier.share_proof import ShareProof
from fedcarbon.registry.programme import Programme
from fedcarbon.v1 import trustee_pb2
from hub.context import Hub
from hub.record.folded_record import FoldedRecord
from hub.record.record import LoggedLeaf
from hub.statistics.storage.period_store import PeriodStore
from hub.statistics.trustee_work import Trustees
from hub.trustees.asking import ask_until


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedRelease:
    """A release whose start is in the record."""

    ref: PeriodRef
    start: Logged[ReleaseStart]
    shell: TableShell
    programme: Programme
    file_hashes: tuple[bytes, ...]
    """Of all contributions and all noise."""


class ReleaseFinishing:
    """Brings started releases to their end."""

    def __init__(self, hub: Hub, trustees: Trustees, folded: FoldedRecord) -> None:
        """Take the hub, its trustees and the record as they see it."""
        self._hub: Final = hub
        self._trustees: Final = trustees
        self._folded: Final = folded

    async def finish(self, ref: PeriodRef) -> LoggedLeaf:
        """Release the table of a started period.

        Raises:
            QuorumMissingError, PartnerWitnessMissingError, TrusteesMissingError: others must come
                back first; the budget stays spent and the release waits for them.
            FedcarbonError: what comes out cannot be right; the operator must look.
        """
        hub = self._hub
        await self._trustees.desk.witness_with_partner()
        started = await hub.read(partial(self._started, ref=ref))
        ciphertexts = await hub.work(partial(self._ciphertexts, started))
        shares = await self._shared(started, ciphertexts)
        table = await hub.work(partial(self._table, started, shares))
        release = await hub.work(partial(self._kept, started, shares, table))
        logged = await hub.write(partial(self._log, ref=ref, release=release))
        self._trustees.finished(shares)
        return logged

    def _started(self, session: Session, ref: PeriodRef) -> StartedRelease:
        with self._folded.at(session) as view:
            start = view.tables.starts[ref]
            item = start.statement
            logged = view.tables.contributions[ref]
            contributions = [
                logged[one.partner_id].statement.file_sha256 for one in item.contributors
            ]
            return StartedRelease(
                ref=ref,
                start=start,
                shell=view.tables.shells[ref.shell_leaf].statement,
                programme=view.parties.programme(item.programme_id),
                file_hashes=(*contributions, *(part.file_sha256 for part in item.noise)),
            )

    def _ciphertexts(self, started: StartedRelease) -> tuple[bytes, ...]:
        """Return what is opened; the proofs of all files held when they came.

        Raises:
            NoisedDiffersError: a stored file is not what it was.
        """
        parameters, files = self._hub.parameters, self._hub.record.files
        entries = [
            entries_of(parameters.proof_key, files.get(sha256), started.shell.values)
            for sha256 in started.file_hashes
        ]
        ciphertexts = product_of(parameters.public_key, entries)
        if noised_sha256(ciphertexts) != started.start.statement.noised_sha256:
            raise NoisedDiffersError("the stored files do not give what the start opens")
        return ciphertexts

    async def _shared(
        self, started: StartedRelease, ciphertexts: tuple[bytes, ...]
    ) -> Mapping[PartyId, ShareBatch]:
        """Return the shares of t trustees, whose proofs hold for exactly these ciphertexts."""
        order = await self._trustees.desk.work_order()
        order.release_share.start_leaf = started.start.index
        parameters = self._hub.parameters
        public_key = parameters.public_key
        numbers = [ciphertext_from_bytes(public_key, data) for data in ciphertexts]
        context = release_share_context(started.start.leaf, ciphertexts)

        def checked(trustee_id: PartyId, answer: trustee_pb2.WorkRequest) -> ShareBatch:
            given = answer.release_share
            batch = ShareBatch(
                trustee=parameters.trustee_index(trustee_id),
                shares=tuple(ciphertext_from_bytes(public_key, data) for data in given.shares),
                proof=ShareProof.from_bytes(parameters.threshold_key, given.proof),
            )
            verify_shares(
                parameters.threshold_key,
                numbers,
                batch,
                parameter_id=parameters.parameter_id,
                context=context,
            )
            return batch

        answers = await ask_until(
            self._trustees.port,
            self._trustees.to_ask(),
            order,
            checked,
            enough=parameters.threshold,
        )
        await self._trustees.note(started.ref, answers)
        self._trustees.require_enough(answers.good, answers.failed)
        return answers.good

    def _table(
        self, started: StartedRelease, shares: Mapping[PartyId, ShareBatch]
    ) -> ReleasedTable:
        parameters, shell = self._hub.parameters, started.shell
        blocks = zip(*(batch.shares for batch in shares.values()), strict=True)
        trustees = [batch.trustee for batch in shares.values()]
        plaintexts = [
            combine(parameters.threshold_key, dict(zip(trustees, of_block, strict=True)))
            for of_block in blocks
        ]
        digits = vector_of(parameters.layout, plaintexts, shell.values)
        start = started.start.statement
        noisy = noisy_vector(shell, start, digits)
        return released_table(started.ref.shell_leaf, shell, started.programme, start, noisy)

    def _kept(
        self,
        started: StartedRelease,
        shares: Mapping[PartyId, ShareBatch],
        table: ReleasedTable,
    ) -> TableRelease:
        """Write table and shares to the disk and return what names them."""
        parameters, files = self._hub.parameters, self._hub.record.files
        start = started.start
        kept = tuple(
            TableShares(
                trustee_id=name,
                file_sha256=files.put(
                    statements.encode(
                        ReleaseShareFile(
                            parameter_id=parameters.parameter_id,
                            trustee_id=name,
                            start_leaf=start.index,
                            shares=tuple(
                                ciphertext_to_bytes(parameters.public_key, share)
                                for share in shares[name].shares
                            ),
                            proof=shares[name].proof.to_bytes(parameters.threshold_key),
                        )
                    )
                ),
            )
            for name in sorted(shares)
        )
        return TableRelease(
            parameter_id=parameters.parameter_id,
            programme_id=start.statement.programme_id,
            shell_leaf=started.ref.shell_leaf,
            period=started.ref.period,
            start_leaf=start.index,
            table_sha256=files.put(statements.encode(table)),
            shares=kept,
        )

    def _log(self, session: Session, ref: PeriodRef, release: TableRelease) -> LoggedLeaf:
        record = self._hub.record
        logged = record.append_own(session, release)
        for sha256, readable_as in named_files(release):
            record.name_file(session, readable_as, sha256)
        PeriodStore(session).release(ref, logged.index)
        return logged
