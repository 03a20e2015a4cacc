"""Opening drawn evidence: leaves with their salts and paths, and a proof per drawn slot.

What is opened are people's activities under the platform's own references. It goes to an auditor
who is on site, as a signed file; every request is noted, answered or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from fedcarbon.audit.claim_table import claim_table
from fedcarbon.audit.evidence_sample import EpochNotAuditableError, EvidenceSample
from fedcarbon.audit.opened_evidence import (
    LeafOpening,
    OpenedClaim,
    OpenedDay,
    OpenedEvidence,
    OpenedSlot,
)
from fedcarbon.epoch.snapshot import Place
from fedcarbon.errors import FedcarbonError
from fedcarbon.evidence.numbering import Numbering
from fedcarbon.ids import EpochIndex
from fedcarbon.proofs.range_prover import RangeWitness
from fedcarbon.proofs.slot_value import SlotStatement, commitment_of, prove_slot
from fedcarbon.transparency.envelope import sign
from fedcarbon.transparency.merkle import leaf_hash, node_hash
from fedcarbon.transparency.merkle_proofs import inclusion_proof
from fedcarbon.units import MicrogramsCO2e
from partner_node.audits.sample_basis import SampleBook
from partner_node.epochs.evidence import EpochEvidence, EvidenceSources
from partner_node.epochs.snapshot import OwnSnapshot, own_snapshot
from partner_node.membership import Membership
from partner_node.storage.accounts import AccountStore
from partner_node.storage.activities import ActivityStore
from partner_node.storage.audits import AuditStore
from partner_node.storage.database import Database
from partner_node.storage.epochs import ClaimRow, EpochStore
from partner_node.storage.record import RecordStore
from partner_node.storage.submissions import SubmissionStore


class EvidenceOpener:
    """Answers an auditor from the store, without the hub."""

    def __init__(self, database: Database, member: Membership) -> None:
        """Open what `member` has stored in `database`."""
        self._member: Final = member
        self._epochs: Final = EpochStore(database)
        self._accounts: Final = AccountStore(database)
        self._activities: Final = ActivityStore(database)
        self._record: Final = RecordStore(database)
        self._submissions: Final = SubmissionStore(database)
        self._samples: Final = SampleBook(database, member)
        self._audits: Final = AuditStore(database)

    def open(self, sample: EvidenceSample) -> bytes:
        """Return the signed envelope of everything that a sample asks for.

        Raises:
            SampleNotDrawnError, EpochNotAuditableError, SampleSizeError: see
                `SampleBook.require_drawn`.
        """
        now_s = self._member.clock.now_s()
        try:
            opened = self._opened(sample)
        except FedcarbonError as error:
            self._audits.note(sample, answer=error.code, now_s=now_s)
            raise
        self._audits.note(sample, answer="opened", now_s=now_s)
        return sign(opened, self._member.signers).to_bytes()

    def _opened(self, sample: EvidenceSample) -> OpenedEvidence:
        cutoff = self._epochs.cutoff(sample.epoch)
        if cutoff is None:
            raise EpochNotAuditableError(f"epoch {sample.epoch} is not sealed yet")
        snapshot = own_snapshot(self._accounts, self._member, sample.epoch, cutoff.snapshot_size)
        basis = self._samples.require_drawn(sample, snapshot)
        rows = self._epochs.claims(sample.epoch)
        evidence = self._evidence(sample.epoch, rows, snapshot)
        tree = _Tree(evidence.leaves())
        days = [
            OpenedDay(
                opening=tree.opening(number, evidence.salt(number)),
                evidence=evidence.person_day(number),
            )
            for number in sorted(
                {
                    number
                    for drawn in sample.person_days
                    for number in basis.numbering.days_of_account(drawn.leaf)
                }
            )
        ]
        claims = {*sample.kept_claims, *sample.lost_claims}
        claims |= {slot.claim for day in days for slot in day.evidence.slots}
        return OpenedEvidence(
            partner_id=self._member.party_id,
            sample=sample,
            claims=tuple(
                OpenedClaim(
                    opening=tree.opening(number, evidence.salt(number)),
                    evidence=evidence.claim(number),
                )
                for number in sorted(claims)
            ),
            person_days=tuple(days),
            slots=self._slots(sample, snapshot),
            table=claim_table(
                basis.source, [row.piece_ug for row in rows], [row.blinding for row in rows]
            ),
        )

    def _evidence(
        self, epoch: EpochIndex, rows: Sequence[ClaimRow], snapshot: OwnSnapshot
    ) -> EpochEvidence:
        commitment = self._epochs.commitment(epoch)
        assert commitment is not None  # noqa: S101 - the sample was drawn from it
        pieces = self._epochs.pieces(epoch)
        names = {piece.activity_id for own in pieces.values() for piece in own}
        return EpochEvidence(
            EvidenceSources(
                evidence_key=commitment.evidence_key,
                claims=dict(enumerate(rows)),
                pieces=pieces,
                activities=self._activities.find(names),
                persons=snapshot.persons,
                tokens=snapshot.tokens,
                numbering=Numbering.of(
                    len(rows), snapshot.blocks.slots_of, self._member.programme.days_of(epoch)
                ),
                credited=self._epochs.credited(epoch),
            )
        )

    def _slots(self, sample: EvidenceSample, snapshot: OwnSnapshot) -> tuple[OpenedSlot, ...]:
        """Return the value of every drawn slot with its proof, ascending by place."""
        seal = self._record.leaf(sample.seal_leaf)
        assert seal is not None  # noqa: S101 - the sample was drawn over it
        member, key = self._member, self._member.parameters.proof_key
        stored = self._submissions.witnesses(
            sample.epoch, {item.block for item in sample.person_days}
        )
        slots = []
        for place in sorted({Place(item.block, item.slot) for item in sample.person_days}):
            data = stored.get(place.block)
            if data is None:
                continue  # nothing was submitted; the auditor sees that from the seal
            witness = RangeWitness.from_bytes(key, member.programme.epoch_cap_ug, data)
            value = witness.numbers.v[place.slot]
            statement = SlotStatement(
                seal_leaf=seal.leaf,
                programme_id=sample.programme_id,
                party_id=member.party_id,
                epoch=sample.epoch,
                block=place.block,
                slot=place.slot,
                value=value,
                commitment=commitment_of(key, witness),
                bounds=snapshot.blocks.caps_ug(place.block),
            )
            slots.append(
                OpenedSlot(
                    block=place.block,
                    slot=place.slot,
                    value_ug=MicrogramsCO2e(value),
                    proof=prove_slot(key, statement, witness, member.randomness.below),
                )
            )
        return tuple(slots)


class _Tree:
    """All full subtrees of the evidence, for paths."""

    def __init__(self, leaves: Iterable[bytes]) -> None:
        """Hash everything once."""
        self._levels = [[leaf_hash(leaf) for leaf in leaves]]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            self._levels.append(
                [node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
            )

    def opening(self, number: int, salt: bytes) -> LeafOpening:
        """Return the way from a leaf to the root."""
        path = inclusion_proof(
            lambda level, index: self._levels[level][index], number, len(self._levels[0])
        )
        return LeafOpening(number=number, salt=salt, path=tuple(path))
