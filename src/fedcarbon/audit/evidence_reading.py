"""From a record to what an audit of evidence needs of it.

The record itself is judged by `fedcarbon audit verify`, which comes first: here it is folded by the
same rules, and the range proofs of the drawn blocks are checked again because the slot proofs stand
on them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import ClassVar, NamedTuple

from fedcarbon.audit.evidence_record import EvidenceRecord
from fedcarbon.audit.evidence_sample import EpochNotAuditableError, SampleBasis, sample_of
from fedcarbon.epoch.snapshot import PartnerSnapshot, Place
from fedcarbon.epoch.statements import (
    BeaconLabel,
    BeaconValue,
    ClaimCommitment,
    ClaimList,
    Seal,
)
from fedcarbon.epoch.verdict_file import lost_tokens
from fedcarbon.errors import PeerError
from fedcarbon.evidence.numbering import Numbering
from fedcarbon.identity.claims import TokenList
from fedcarbon.identity.commitment_list import CommitmentList
from fedcarbon.identity.ristretto import element
from fedcarbon.ids import Claimant, PartyId
from fedcarbon.opening.epochs import BeaconKey, EpochRef
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.view import RecordView
from fedcarbon.proofs.range_proof import RangeProofShape, RangeStatement
from fedcarbon.proofs.range_verifier import verify
from fedcarbon.submission.block_proofs import block_context
from fedcarbon.submission.chunk_file import ChunkFile, EntryShape
from fedcarbon.submission.header import ChunkHeader

Fetch = Callable[[bytes], bytes]
"""Returns the file that has the given SHA-256; its bytes are checked here."""


class EvidenceFileDiffersError(PeerError):
    """A file beside the record is not the one that its leaf names; ask for the record again."""

    code: ClassVar[str] = "EVIDENCE_FILE_DIFFERS"


class _Committed(NamedTuple):
    """The leaves of one partner's epoch."""

    commitment: Logged[ClaimCommitment]
    seal: Logged[Seal]
    beacon: Logged[BeaconValue]
    headers: tuple[ChunkHeader, ...]
    snapshot: PartnerSnapshot


def evidence_record(
    view: RecordView,
    fetch: Fetch,
    ref: EpochRef,
    partner_id: PartyId,
    size: int,
) -> EvidenceRecord:
    """Return what the record says of a partner's evidence, for a sample of `size`.

    Args:
        view: the folded record.
        fetch: gets files by their hash.
        ref: the epoch.
        partner_id: whose evidence.
        size: k; only blocks that such a sample draws are read.

    Raises:
        EpochNotAuditableError: no seal, beacon, list or submission of this partner.
        EvidenceFileDiffersError: a file is not the one that its leaf names.
        RangeProofInvalidError: a drawn block's own proof does not hold.
        SampleSizeError: no sample has this size.
    """
    found = _committed(view, ref, partner_id)
    programme = view.parties.programme(ref.programme_id)
    admission = view.parties.admissions[partner_id]
    lists = {
        claimant: TokenList.from_bytes(_checked(fetch, logged.statement.file_sha256))
        for claimant, logged in view.epochs.lists_of_round(ref).items()
    }
    claimant = Claimant(ref.programme_id, partner_id)
    verdicts = view.epochs.verdicts.get(ref)
    if claimant not in lists or verdicts is None:
        raise EpochNotAuditableError(f"{partner_id} revealed no claims in epoch {ref.epoch}")
    own = lists[claimant]
    others = {
        token for name, tokens in lists.items() if name != claimant for token in tokens.tokens()
    }
    verdict = next(item for item in verdicts.statement.verdicts if item.partner_id == partner_id)
    lost = set(lost_tokens(_checked(fetch, verdict.file_sha256)))
    basis = SampleBasis(
        parameter_id=view.parties.parameters.parameter_id,
        programme_id=ref.programme_id,
        epoch=ref.epoch,
        partner_id=partner_id,
        commitment_leaf=found.commitment.index,
        seal_leaf=found.seal.index,
        beacon_leaf=found.beacon.index,
        beacon=found.beacon.statement.output,
        numbering=Numbering.of(len(own), found.snapshot.slots_of, programme.days_of(ref.epoch)),
        lost_claims=_positions(own, lost),
    )
    return EvidenceRecord(
        basis=basis,
        key=view.parties.parameters.proof_key,
        programme=programme,
        signing_key=admission.signing_key,
        best_tier=admission.best_tier,
        seal=found.seal.leaf,
        evidence_root=found.commitment.statement.evidence_root,
        evidence_count=found.commitment.statement.evidence_count,
        methodology_bundle=found.headers[0].methodology_bundle,
        documents=tuple(
            item.statement.document
            for item in view.methodologies.admitted.get(ref.programme_id, ())
            if item.statement.content_hash in found.commitment.statement.methodologies
        ),
        snapshot=found.snapshot,
        tokens=_tokens(view, basis.numbering),
        claims=own,
        commitments=_pieces(fetch, view.epochs.lists[ref][partner_id].statement, len(own)),
        generator=element(view.parties.parameters.ristretto_generator),
        contested=_positions(own, others),
        block_commitments=_commitments(view, found, basis, size, fetch),
    )


def _committed(view: RecordView, ref: EpochRef, partner_id: PartyId) -> _Committed:
    epochs = view.epochs
    plan, seal = epochs.plans.get(ref), epochs.seals.get(ref)
    commitment = epochs.commitments.get(ref, {}).get(partner_id)
    if plan is None or seal is None or commitment is None:
        raise EpochNotAuditableError(f"{partner_id} committed to nothing in epoch {ref.epoch}")
    beacon = epochs.beacons.get(BeaconKey(BeaconLabel.SAMPLE, *ref))
    if beacon is None or beacon.statement.leaf_index != seal.index:
        raise EpochNotAuditableError(f"the sample of epoch {ref.epoch} has not been drawn yet")
    parts = [part for part in seal.statement.parts if part.partner_id == partner_id]
    headers = tuple(epochs.headers[leaf].statement for part in parts for leaf in part.header_leaves)
    if not headers:
        raise EpochNotAuditableError(f"{partner_id} is missing from the seal of {ref.epoch}")
    snapshot = view.accounts.snapshot(plan.statement).partners[partner_id]
    return _Committed(commitment, seal, beacon, headers, snapshot)


def _tokens(view: RecordView, numbering: Numbering) -> dict[Place, bytes]:
    """Return the account token of every place of the snapshot."""
    return {place: view.accounts.account_at(place) or b"" for place in numbering.places}


def _pieces(fetch: Fetch, revealed: ClaimList, count: int) -> tuple[bytes, ...]:
    """Return K of every claim."""
    pieces = CommitmentList.from_bytes(_checked(fetch, revealed.commitments_sha256))
    pieces.check_elements()
    if len(pieces) != count:
        raise EvidenceFileDiffersError("the commitment file is about another list")
    return tuple(pieces.commitments())


def _positions(own: TokenList, tokens: AbstractSet[bytes]) -> frozenset[int]:
    return frozenset(number for number, token in enumerate(own.tokens()) if token in tokens)


def _commitments(
    view: RecordView, found: _Committed, basis: SampleBasis, size: int, fetch: Fetch
) -> dict[int, int]:
    """Return A of every drawn block, after checking its range proof."""
    programme = view.parties.programme(basis.programme_id)
    cap_ug, key = programme.epoch_cap_ug, view.parties.parameters.proof_key
    shape = RangeProofShape.of(key, cap_ug)
    wanted = {item.block for item in sample_of(basis, size).person_days}
    commitments: dict[int, int] = {}
    for header in found.headers:
        data = _checked(fetch, header.file_sha256)
        for entry in ChunkFile.from_bytes(data, EntryShape.of(key, cap_ug)):
            if entry.block not in wanted:
                continue
            proof = shape.decode(entry.proof)
            statement = RangeStatement(
                context=block_context(
                    basis.programme_id, basis.partner_id, basis.epoch, entry.block
                ),
                bounds=found.snapshot.caps_ug(entry.block),
                ciphertext=int.from_bytes(entry.ciphertext, "big"),
            )
            verify(key, statement, proof)
            commitments[entry.block] = proof.commitment
    return commitments


def _checked(fetch: Fetch, sha256: bytes) -> bytes:
    data = fetch(sha256)
    if hashlib.sha256(data).digest() != sha256:
        raise EvidenceFileDiffersError(f"file {sha256.hex()} has another hash than its name")
    return data
