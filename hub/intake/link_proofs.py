"""Use case of the link proof: with it a partner's submission is complete.

 (1) the caller is an admitted partner                             NOT_ADMITTED
 (2) its admitted key signed the exact bytes                       SIGNATURE_INVALID
 (3) the proof names the caller                                    SENDER_DIFFERS
 (4) and this parameter set                                        PARAMETERS_DIFFER
 (5) the epoch's plan is logged                                    WRONG_EPOCH
 (6) a proof of this partner came with the same bytes, or never    LINK_PROOF_DIFFERS
 (7) the epoch is not sealed                                       EPOCH_SEALED
 (8) and takes submissions already                                 SUBMISSION_NOT_OPEN
 (9) the proof names the plan leaf                                 PLAN_DIFFERS
(10) and the leaf of the verdicts                                  VERDICT_LEAF_DIFFERS
(11) every chunk of the submission is in the record                SUBMISSION_INCOMPLETE
(12) the proof holds                                               LINK_PROOF_INVALID

A proof that does not hold is not logged. Its partner is sealed missing unless it sends a good one
in time; nobody else is held up.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from sqlmodel import Session

from fedcarbon.epoch.lost_positions import lost_positions
from fedcarbon.epoch.statements import LinkProof
from fedcarbon.errors import CallerError, StateError
from fedcarbon.identity.commitment_list import CommitmentList, total_without
from fedcarbon.identity.ristretto import Point
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, Role
from fedcarbon.opening.links import block_commitment, check_link, link_statement, winnings_of
from fedcarbon.proofs.link import LinkContext
from fedcarbon.submission.chunk_file import ChunkFile, EntryShape
from fedcarbon.submission.intake import (
    EpochSealedError,
    PlanDiffersError,
    SubmissionNotOpenError,
    SubmissionPhase,
)
from fedcarbon.submission.signed_message import open_message
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import MicrogramsCO2e
from hub.context import Hub
from hub.epochs.lookup import require_epoch
from hub.intake.chunks import PHASES
from hub.intake.disputes import VerdictLeafDiffersError
from hub.record.content_store import ContentStore
from hub.registry.parties import signing_keys
from hub.storage.epoch_store import EpochStore, StoredList
from hub.storage.submission_store import SubmissionStore


class LinkProofDiffersError(CallerError):
    """The partner has sent another proof for this epoch; a submission is never amended."""

    code: ClassVar[str] = "LINK_PROOF_DIFFERS"


class SubmissionIncompleteError(StateError):
    """The proof is about all blocks, and not all of them have come; send the chunks first."""

    code: ClassVar[str] = "SUBMISSION_INCOMPLETE"


class _Expected(NamedTuple):
    """What the record says about what a proof must be about."""

    replay: bool
    plan_leaf: bytes
    verdict_leaf: bytes
    cap_ug: MicrogramsCO2e
    chunks: tuple[bytes, ...]
    """SHA-256 of every chunk file."""
    revealed: StoredList | None
    """The partner's list, if one was revealed."""
    claims: int
    positions: bytes
    """SHA-256 of the position file."""


def admit_link_proof(hub: Hub, caller: PartyId, message: bytes) -> bytes:
    """Log a proof that holds and return its receipt; the same bytes get the same receipt.

    Args:
        hub: where to.
        caller: the party that sent it, by its certificate.
        message: the exact bytes of the signed statement.

    Raises:
        MalformedError: not the envelope of a link proof.
        FedcarbonError: the error of the first rule that fails.
    """
    # (1) to (4)
    keys = hub.read_now(lambda session: signing_keys(session, Role.PARTNER))
    proof = open_message(
        LinkProof,
        message,
        sender=caller,
        keys=keys,
        named_in=lambda statement: statement.partner_id,
        parameter_id=hub.parameters.parameter_id,
    )
    # (5) to (11) on a snapshot, so that nobody waits for (12)
    expected = hub.read_now(lambda session: _expected(session, hub, proof, message))
    if not expected.replay:
        _check_proof(hub, proof, expected)
    return hub.write_now(lambda session: _log_proof(session, hub, proof, message))


def _expected(session: Session, hub: Hub, proof: LinkProof, message: bytes) -> _Expected:
    # (5) the epoch's plan is logged
    found = require_epoch(session, proof.programme_id, proof.epoch)
    stored, name = found.stored, f"epoch {proof.epoch} of {proof.programme_id}"
    store = EpochStore(session)
    # (6) a proof of this partner came with the same bytes, or never
    replay = proof.partner_id in store.link_proofs(proof.programme_id, proof.epoch)
    if replay and hub.record.receipt_of_message(session, LeafType.LINK_PROOF, message) is None:
        raise LinkProofDiffersError(f"{proof.partner_id} has sent another link proof for {name}")
    phase = PHASES.get(stored.state, SubmissionPhase.EARLY)
    # (7) the epoch is not sealed
    if phase is SubmissionPhase.SEALED and not replay:
        raise EpochSealedError(f"{name} is sealed; the link proof came too late")
    # (8) and takes submissions already
    if phase is SubmissionPhase.EARLY or stored.verdict_leaf is None:
        raise SubmissionNotOpenError(f"{name} takes no submissions before its verdicts are logged")
    # (9) the proof names the plan leaf
    if proof.plan_leaf != stored.plan_leaf:
        raise PlanDiffersError(f"{name} is planned by leaf {stored.plan_leaf}")
    # (10) and the leaf of the verdicts
    if proof.verdict_leaf != stored.verdict_leaf:
        raise VerdictLeafDiffersError(f"the verdicts of {name} are leaf {stored.verdict_leaf}")
    # (11) every chunk of the submission is in the record
    submissions = SubmissionStore(session, proof.programme_id, proof.epoch)
    chunks = submissions.chunks_of(proof.partner_id)
    if not chunks or len(chunks) < next(iter(chunks.values())).chunks:
        raise SubmissionIncompleteError(f"not all chunks of {proof.partner_id} for {name} are here")
    revealed = store.lists(proof.programme_id, proof.epoch).get(proof.partner_id)
    verdict = _verdict(store, proof.programme_id, proof.epoch, proof.partner_id)
    committed = store.commitments(proof.programme_id, proof.epoch).get(proof.partner_id)
    return _Expected(
        replay=replay,
        plan_leaf=hub.record.leaf(session, stored.plan_leaf).leaf,
        verdict_leaf=hub.record.leaf(session, stored.verdict_leaf).leaf,
        cap_ug=found.programme.epoch_cap_ug,
        chunks=tuple(chunk.file_sha256 for chunk in chunks.values()),
        revealed=revealed,
        claims=0 if committed is None else committed.claim_count,
        positions=verdict,
    )


def _verdict(
    store: EpochStore, programme_id: ProgrammeId, epoch: EpochIndex, partner_id: PartyId
) -> bytes:
    """Return the hash of a partner's position file; empty if it has no verdict."""
    verdicts = store.verdicts(programme_id, epoch)
    return next((item.positions_sha256 for item in verdicts if item.partner_id == partner_id), b"")


def _check_proof(hub: Hub, proof: LinkProof, expected: _Expected) -> None:
    # (12) the proof holds
    parameters, files = hub.parameters, hub.record.files
    shape = EntryShape.of(parameters.proof_key, expected.cap_ug)
    commitments = {
        entry.block: block_commitment(parameters, entry.proof)
        for sha256 in expected.chunks
        for entry in ChunkFile.from_bytes(files.get(sha256), shape)
    }
    statement = link_statement(
        parameters,
        LinkContext(
            programme_id=proof.programme_id,
            party_id=proof.partner_id,
            epoch=proof.epoch,
            plan_leaf=expected.plan_leaf,
            verdict_leaf=expected.verdict_leaf,
        ),
        cap_ug=expected.cap_ug,
        commitments=commitments,
        winnings=_winnings(files, expected),
    )
    check_link(parameters, statement, proof.proof)


def _winnings(files: ContentStore, expected: _Expected) -> Point:
    """Return the sum of the commitments of the claims that won."""
    if expected.revealed is None:
        return winnings_of(None, ())
    lost = lost_positions(files.get(expected.positions), expected.claims)
    name, total = expected.revealed.commitments_sha256, expected.revealed.total
    if total is None:
        return winnings_of(CommitmentList.from_bytes(files.get(name)), lost)
    # All of them were added up when the list came: only what was lost is taken away again.
    with files.reader(name) as data:
        return total_without(total, data, lost)


def _log_proof(session: Session, hub: Hub, proof: LinkProof, message: bytes) -> bytes:
    # The epoch may have been sealed, or the same message logged, in the meantime.
    expected = _expected(session, hub, proof, message)
    logged, receipt = hub.record.accept(
        session, LeafType.LINK_PROOF, message, owners=[proof.partner_id]
    )
    if not expected.replay:
        EpochStore(session).add_link_proof(proof, logged.index)
    return receipt
