"""Use case of submission: a chunk is admitted by the numbered rules of `submission.intake`.

The rules are applied to a snapshot first, so that nobody waits for the checks of another partner's
chunk; then those that may have changed are applied again in the transaction that logs it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from sqlmodel import Session

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.engine.tasks.verifying import BlockVerifier
from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.ids import PartyId, Role
from fedcarbon.submission import intake
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.submission.intake import IntakeContext, SubmissionPhase
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.epochs.lookup import find_epoch
from hub.registry.parties import signing_keys
from hub.storage.epoch_store import EpochStore
from hub.storage.submission_store import SubmissionStore

PHASES: Final = {
    EpochState.SUBMITTING: SubmissionPhase.OPEN,
    EpochState.SEALED: SubmissionPhase.SEALED,
}


def admit_chunk(hub: Hub, caller: PartyId, signed_header: bytes, file: bytes) -> bytes:
    """Log a chunk and return its receipt; the same header gets the same receipt.

    Args:
        hub: where to.
        caller: the party that sent it, by its certificate.
        signed_header: the exact bytes of the signed header.
        file: the chunk file.

    Raises:
        FedcarbonError: the error of the first rule that fails, see `submission.intake`.
    """
    # Rules (1) to (4): who sends what
    keys = hub.read_now(lambda session: signing_keys(session, Role.PARTNER))
    header = intake.open_header(
        signed_header, caller=caller, partner_keys=keys, parameter_id=hub.parameters.parameter_id
    )
    # Rules (5) to (22) on a snapshot
    context = hub.read_now(lambda session: context_of(session, hub, header))
    context = intake.require_context(header, context)
    # Which blocks to look up is known only when the file is read.
    context = replace(context, received=partial(_received, hub, header))
    blocks: Sequence[int] = ()
    if not intake.is_replay(header, signed_header, context):
        intake.check_header(header, context)
        chunk = intake.check_file(header, file, context)
        intake.check_proofs(header, chunk, context, BlockVerifier(hub.workers))
        blocks = chunk.blocks()
        hub.record.files.put(file)
    return hub.write_now(lambda session: _log_chunk(session, hub, header, signed_header, blocks))


def context_of(session: Session, hub: Hub, header: ChunkHeader) -> IntakeContext | None:
    """Return what the record says about the submission that a header belongs to."""
    found = find_epoch(session, header.programme_id, header.epoch)
    if found is None:
        return None
    partner_id = header.partner_id
    own = hub.snapshots.of(session, found.programme, found.stored).partners.get(partner_id)
    commitments = EpochStore(session).commitments(header.programme_id, header.epoch)
    commitment = commitments.get(partner_id)
    submissions = SubmissionStore(session, header.programme_id, header.epoch)
    return IntakeContext(
        key=hub.parameters.proof_key,
        phase=PHASES.get(found.stored.state, SubmissionPhase.EARLY),
        plan_leaf=found.stored.plan_leaf,
        expected_blocks=own.slots_of if own is not None else (),
        places_digest=own.places_digest if own is not None else bytes(DIGEST_BYTES),
        bounds_ug=own.caps_ug if own is not None else lambda _: (),
        cap_ug=found.programme.epoch_cap_ug,
        evidence_root=bytes(DIGEST_BYTES) if commitment is None else commitment.evidence_root,
        methodology_bundle=(
            bytes(DIGEST_BYTES) if commitment is None else commitment.methodology_bundle
        ),
        admitted=submissions.admitted_of(partner_id),
        received=partial(submissions.received_of, partner_id),
    )


def _received(hub: Hub, header: ChunkHeader, blocks: Collection[int]) -> Collection[int]:
    """Return those of `blocks` that came in chunks before, as things stand now."""
    return hub.read_now(
        lambda session: SubmissionStore(session, header.programme_id, header.epoch).received_of(
            header.partner_id, blocks
        )
    )


def _log_chunk(
    session: Session, hub: Hub, header: ChunkHeader, signed_header: bytes, blocks: Sequence[int]
) -> bytes:
    context = intake.require_context(header, context_of(session, hub, header))
    if not intake.is_replay(header, signed_header, context):
        intake.check_header(header, context)
        intake.check_blocks(blocks, context)
        # Rule (23): the last chunk leaves no block out
        intake.is_complete(header, blocks, context)
    owners = [header.partner_id]
    logged, receipt = hub.record.accept(session, LeafType.CHUNK_HEADER, signed_header, owners)
    if header.chunk not in context.admitted:
        hub.record.name_file(session, LeafType.CHUNK_HEADER, header.file_sha256, owners)
        SubmissionStore(session, header.programme_id, header.epoch).add_chunk(
            header, hashlib.sha256(signed_header).digest(), logged.index, blocks
        )
    return receipt
