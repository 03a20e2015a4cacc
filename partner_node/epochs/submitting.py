"""Submission: verdicts in, one ciphertext per block out, zeros included.

Every block with an enrolled account is sent in every epoch, so that nobody sees who was active.
Results and ciphertexts are stored in one transaction before the first byte leaves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.epoch.lost_positions import PositionsDifferError, positions_of
from fedcarbon.errors import PeerError
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.ids import EpochIndex
from fedcarbon.methodology.occupancy import SlotKey
from fedcarbon.methodology.person_day import by_day, settle_day
from fedcarbon.packing.layout import SLOT_WIDTH_BITS
from fedcarbon.submission.block_proofs import block_context
from fedcarbon.submission.chunk_file import ChunkFile, EntryShape, split_into_chunks
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.transparency.envelope import sign
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.v1 import epoch_pb2
from fedcarbon.wire.hub_client import HubClient
from partner_node.epochs.proving import BlockJob, ProvedEntry
from partner_node.epochs.snapshot import OwnSnapshot
from partner_node.membership import Membership
from partner_node.storage.epochs import ClaimRow, Cutoff, EpochStore, PersonDayResult
from partner_node.storage.outbox import Message, MessageKind

LOSSES_PER_CALL: Final = 50_000


class LossesContradictError(PeerError):
    """The hub's verdicts are not about this partner's list; keep the answer as evidence."""

    code: ClassVar[str] = "LOSSES_CONTRADICT"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionTerms:
    """What the headers of a submission say besides the ciphertexts."""

    cutoff: Cutoff
    places_digest: bytes
    """Of this partner's part of the snapshot."""
    evidence_root: bytes
    """The root logged in phase 1a; zeros if it was missed."""
    methodology_bundle: bytes


def fetch_losses(hub: HubClient, member: Membership, store: EpochStore, epoch: EpochIndex) -> int:
    """Fetch and store which claims another partner won; return how many there are.

    Raises:
        LossesContradictError: a token is not in the list, stands twice or elsewhere, or the count
            changes.
    """
    tokens: list[ClaimToken] = []
    positions: list[int] = []
    while True:
        answer = hub.list_lost_claims(
            epoch_pb2.ListLostClaimsRequest(
                programme_id=member.programme.programme_id,
                epoch=epoch,
                from_index=len(tokens),
                limit=LOSSES_PER_CALL,
            )
        )
        tokens += map(ClaimToken, answer.claim_tokens)
        positions += answer.positions
        if len(tokens) >= answer.total:
            break
        if not answer.claim_tokens:
            raise LossesContradictError(
                f"the hub gives {len(tokens)} of the {answer.total} losses it claims"
            )
    try:
        expected = positions_of([claim.token for claim in store.claims(epoch)], tokens)
    except PositionsDifferError as error:
        raise LossesContradictError(
            "the lost claims are not a part of this partner's list"
        ) from error
    # Trustees read the positions and no token: they must be about the same claims.
    if len(tokens) != answer.total or positions != expected:
        raise LossesContradictError("the hub names other positions than those of the lost claims")
    store.save_losses(epoch, tokens)
    return len(tokens)


def winning_claims(store: EpochStore, epoch: EpochIndex) -> list[ClaimRow]:
    """Return the claims of the list that no other partner won, pads included."""
    losses = store.losses(epoch) or set()
    return [claim for claim in store.claims(epoch) if claim.token not in losses]


def settle(store: EpochStore, epoch: EpochIndex, cap_ug: MicrogramsCO2e) -> list[PersonDayResult]:
    """Return what every person-day is worth after verdicts, half-lost rule and cap."""
    losses = store.losses(epoch) or set()
    lost_slots: defaultdict[int, set[SlotKey]] = defaultdict(set)
    for claim in store.claims(epoch):
        if claim.token in losses and claim.person_id is not None and claim.slot is not None:
            lost_slots[claim.person_id].add(claim.slot)
    results = []
    for person_id, pieces in store.pieces(epoch).items():
        for day, of_day in by_day(pieces).items():
            lost = lost_slots[person_id] & {piece.slot for piece in of_day}
            settlement = settle_day(of_day, lost, cap_ug)
            results.append(
                PersonDayResult(
                    person_id=person_id,
                    day=day,
                    submitted_ug=settlement.submitted_ug,
                    lost_slots=len(lost),
                )
            )
    return results


def block_jobs(
    member: Membership,
    epoch: EpochIndex,
    snapshot: OwnSnapshot,
    results: Sequence[PersonDayResult],
) -> list[BlockJob]:
    """Return the values and bounds of every block of the snapshot, ascending by block."""
    slots = member.parameters.layout.slots
    sums: defaultdict[int, int] = defaultdict(int)
    for result in results:
        sums[result.person_id] += result.submitted_ug
    values: dict[int, list[MicrogramsCO2e]] = {
        block: [MicrogramsCO2e(0)] * slots for block in snapshot.blocks.blocks()
    }
    for person_id, mass_ug in sums.items():
        place = snapshot.persons[person_id]
        values[place.block][place.slot] = MicrogramsCO2e(mass_ug)
    return [
        BlockJob(
            block_context(member.programme.programme_id, member.party_id, epoch, block),
            tuple(of_block),
            snapshot.blocks.caps_ug(block),
        )
        for block, of_block in values.items()
    ]


def chunks_of(member: Membership, proved: Sequence[ProvedEntry]) -> list[ChunkFile]:
    """Return encrypted and proved blocks as chunk files."""
    shape = EntryShape.of(member.parameters.proof_key, member.programme.epoch_cap_ug)
    return split_into_chunks([item.entry for item in proved], shape)


def chunk_messages(
    member: Membership, epoch: EpochIndex, chunks: Sequence[ChunkFile], terms: SubmissionTerms
) -> list[Message]:
    """Return header and file of every chunk, signed."""
    messages = []
    for number, chunk in enumerate(chunks):
        header = ChunkHeader(
            parameter_id=member.parameters.parameter_id,
            programme_id=member.programme.programme_id,
            epoch=epoch,
            partner_id=member.party_id,
            plan_leaf=terms.cutoff.plan_leaf,
            chunk=number,
            chunks=len(chunks),
            entries=len(chunk),
            slot_width_bits=SLOT_WIDTH_BITS,
            slots=member.parameters.layout.slots,
            places_digest=terms.places_digest,
            entries_root=chunk.root(),
            file_sha256=chunk.sha256(),
            evidence_root=terms.evidence_root,
            methodology_bundle=terms.methodology_bundle,
        )
        messages.append(
            Message(
                kind=MessageKind.CHUNK,
                subject=str(epoch),
                part=number,
                envelope=sign(header, member.signers).to_bytes(),
                content=chunk.to_bytes(),
            )
        )
    return messages


NO_EVIDENCE: Final = bytes(DIGEST_BYTES)
NO_METHODOLOGIES: Final = bytes(DIGEST_BYTES)
"""Evidence root of a partner that committed to nothing."""
