"""Submission: verdicts in, one ciphertext per block out, zeros included.

Every block with an enrolled account is sent in every epoch, so that nobody sees who was active.
A chunk is stored with its witnesses in one transaction as soon as it is proved, before its first
byte leaves. A process that was killed goes on behind the last stored chunk: no block is ever
encrypted twice, and what is sent again is the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.errors import PeerError
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.ids import EpochIndex
from fedcarbon.packing.layout import SLOT_WIDTH_BITS
from fedcarbon.proofs.link import LinkContext
from fedcarbon.submission import chunk_file
from fedcarbon.submission.block_proofs import block_context
from fedcarbon.submission.chunk_file import ChunkFile, EntryShape
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.transparency.envelope import sign
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.v1 import epoch_pb2
from fedcarbon.wire.hub_client import HubClient
from fedcarbon.wire.status import RemoteTimeoutError, UnreachableError
from partner_node.epochs.exchange import EpochExchange
from partner_node.epochs.linking import link_message
from partner_node.epochs.proving import BlockJob, BlockProver
from partner_node.epochs.uploads import ChunkUpload
from partner_node.membership import Membership
from partner_node.record.epoch_leaves import leaf_at
from partner_node.storage.accounts import AccountFigures, AccountStore
from partner_node.storage.database import Database
from partner_node.storage.epochs import Cutoff, EpochStore
from partner_node.storage.outbox import Message, MessageKind, Outbox
from partner_node.storage.progress import ProgressStore, Stage
from partner_node.storage.record import RecordStore
from partner_node.storage.submissions import Standing, SubmissionStore

LOSSES_PER_CALL: Final = 50_000
BLOCKS_PER_PAGE: Final = 4_096
"""Blocks whose values are read at once."""
NO_EVIDENCE: Final = bytes(DIGEST_BYTES)
NO_METHODOLOGIES: Final = bytes(DIGEST_BYTES)
"""Evidence root and methodologies of a partner that committed to nothing."""


class LossesContradictError(PeerError):
    """The hub's verdicts are not about this partner's list; keep the answer as evidence."""

    code: ClassVar[str] = "LOSSES_CONTRADICT"


class Submission:
    """Phase 2 of an epoch."""

    def __init__(
        self, database: Database, member: Membership, hub: HubClient, prover: BlockProver
    ) -> None:
        """Submit what `database` holds for `member`."""
        self._member = member
        self._hub = hub
        self._prover = prover
        self._accounts = AccountStore(database)
        self._epochs = EpochStore(database)
        self._exchange = EpochExchange(database, member)
        self._outbox = Outbox(database)
        self._progress = ProgressStore(database)
        self._record = RecordStore(database)
        self._store = SubmissionStore(database)
        shape = EntryShape.of(member.parameters.proof_key, member.programme.epoch_cap_ug)
        self._shape: Final = shape

    def advance(self, shown: epoch_pb2.Epoch, cutoff: Cutoff, figures: AccountFigures) -> None:
        """Do what is left to be done until the link proof is answered.

        Args:
            shown: the epoch as the hub shows it.
            cutoff: where it was cut off.
            figures: of this partner's accounts in it, at least one.

        Raises:
            LossesContradictError: see `fetch_losses`.
            PeerError, StateError: the hub refuses, or cannot be reached: what was proved stays.
        """
        epoch = EpochIndex(shown.epoch)
        standing = self._store.standing(epoch) or self._settled(epoch, shown)
        sending = _Sending(self._send_chunk)
        for part in self._exchange.unanswered_parts(MessageKind.CHUNK, epoch):
            sending.attempt(self._exchange.message(MessageKind.CHUNK, epoch, part))
        for message in self._proved(epoch, cutoff, figures, standing):
            sending.attempt(message)
        if not self._exchange.is_stored(MessageKind.LINK_PROOF, epoch):
            self._link(epoch, shown)
        sending.finish()
        self._send_link(self._exchange.message(MessageKind.LINK_PROOF, epoch))

    # --- what counts ------------------------------------------------------------------------

    def _settled(self, epoch: EpochIndex, shown: epoch_pb2.Epoch) -> Standing:
        """Decide what of the claims counts, and what every person-day is worth."""
        # What counts is the hub's signed receipt; its word alone only helps where a receipt was
        # lost on the way.
        known = self._epochs.commitment(epoch) is not None
        committed = self._exchange.is_answered(MessageKind.CLAIM_COMMITMENT, epoch)
        revealed = self._exchange.is_answered(MessageKind.CLAIM_LIST, epoch)
        standing = Standing(
            committed=known and (committed or shown.committed),
            revealed=known and (revealed or shown.revealed),
        )
        if standing.committed and standing.revealed:
            fetch_losses(self._hub, self._member, self._store, epoch)
        self._store.settle(epoch, standing, self._member.programme.cap_ug)
        return standing

    # --- chunks -----------------------------------------------------------------------------

    def _proved(
        self, epoch: EpochIndex, cutoff: Cutoff, figures: AccountFigures, standing: Standing
    ) -> Iterator[Message]:
        """Prove what is not stored yet, and yield every chunk once it is."""
        blocks = self._accounts.blocks(epoch)
        size = chunk_file.entries_max(self._shape)
        chunks = -(-len(blocks) // size)
        self._progress.begin(epoch, Stage.PROVING, chunks)
        done = self._store.chunks(epoch)
        if done == chunks:
            return
        commitment = self._epochs.commitment(epoch) if standing.committed else None
        proved = self._prover.stream(self._jobs(epoch, blocks[done * size :]))
        for number in range(done, chunks):
            entries = list(islice(proved, size))
            chunk = ChunkFile.from_entries([item.entry for item in entries], self._shape)
            header = ChunkHeader(
                parameter_id=self._member.parameters.parameter_id,
                programme_id=self._member.programme.programme_id,
                epoch=epoch,
                partner_id=self._member.party_id,
                plan_leaf=cutoff.plan_leaf,
                chunk=number,
                chunks=chunks,
                entries=len(chunk),
                slot_width_bits=SLOT_WIDTH_BITS,
                slots=self._member.parameters.layout.slots,
                places_digest=figures.places_digest,
                entries_root=chunk.root(),
                file_sha256=chunk.sha256(),
                evidence_root=commitment.evidence_root if commitment else NO_EVIDENCE,
                # Pinned with the commitment: what is configured since counts for later epochs.
                methodology_bundle=(
                    commitment.methodology_bundle if commitment else NO_METHODOLOGIES
                ),
            )
            message = Message(
                kind=MessageKind.CHUNK,
                subject=str(epoch),
                part=number,
                envelope=sign(header, self._member.signers).to_bytes(),
                content=chunk.to_bytes(),
            )
            witnesses = {item.entry.block: item.witness for item in entries}
            self._store.save_chunk(epoch, message, witnesses)
            yield message

    def _jobs(self, epoch: EpochIndex, blocks: list[int]) -> Iterator[BlockJob]:
        """Yield values and bounds of blocks, ascending: the cap where an account is, else 0."""
        member, cap_ug = self._member, self._member.programme.epoch_cap_ug
        slots, zero = range(member.parameters.layout.slots), MicrogramsCO2e(0)
        for start in range(0, len(blocks), BLOCKS_PER_PAGE):
            page = blocks[start : start + BLOCKS_PER_PAGE]
            for block, mass_ug in self._accounts.submitted(epoch, page[0], page[-1]):
                yield BlockJob(
                    block_context(member.programme.programme_id, member.party_id, epoch, block),
                    tuple(mass_ug.get(slot, zero) for slot in slots),
                    tuple(cap_ug if slot in mass_ug else zero for slot in slots),
                )

    def _send_chunk(self, message: Message) -> None:
        upload = ChunkUpload(header=message.envelope, content=message.content)
        answer = self._hub.create_chunk(upload)
        self._exchange.keep_receipt(message, answer.receipt, LeafType.CHUNK_HEADER)

    # --- the link proof ---------------------------------------------------------------------

    def _link(self, epoch: EpochIndex, shown: epoch_pb2.Epoch) -> None:
        """Prove from the stored chunks and witnesses that they hold no more than was won."""
        context = LinkContext(
            programme_id=self._member.programme.programme_id,
            party_id=self._member.party_id,
            epoch=epoch,
            plan_leaf=leaf_at(self._record, shown.plan_leaf, LeafType.EPOCH_PLAN),
            verdict_leaf=leaf_at(self._record, shown.verdict_leaf, LeafType.VERDICT_LIST),
        )
        commitment = self._epochs.commitment(epoch)
        counted = commitment is not None and self._store.losses(epoch) is not None
        message = link_message(
            self._member,
            context,
            (shown.plan_leaf, shown.verdict_leaf),
            self._store.winnings(epoch, commitment.padded_claims if commitment and counted else 0),
            self._stored_chunks(epoch),
            lambda blocks: self._store.witnesses(epoch, blocks),
        )
        self._outbox.save(message)

    def _stored_chunks(self, epoch: EpochIndex) -> Iterator[ChunkFile]:
        for part in range(self._store.chunks(epoch)):
            message = self._exchange.message(MessageKind.CHUNK, epoch, part)
            yield ChunkFile.from_bytes(message.content, self._shape)

    def _send_link(self, message: Message) -> None:
        proved = self._hub.create_link_proof(
            epoch_pb2.CreateLinkProofRequest(signed_proof=message.envelope)
        )
        self._exchange.keep_receipt(message, proved.receipt, LeafType.LINK_PROOF)


class _Sending:
    """Sends until the hub cannot be reached; proving goes on without it."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._failed: Exception | None = None

    def attempt(self, message: Message) -> None:
        if self._failed is None:
            try:
                self._send(message)
            except (UnreachableError, RemoteTimeoutError) as error:
                self._failed = error

    def finish(self) -> None:
        """Raise what kept something from being sent."""
        if self._failed is not None:
            raise self._failed


def fetch_losses(
    hub: HubClient, member: Membership, store: SubmissionStore, epoch: EpochIndex
) -> None:
    """Fetch and store which claims another partner won, page by page behind what is stored.

    Raises:
        LossesContradictError: a token is not in the list, stands twice or elsewhere, or the count
            changes.
    """
    while store.losses(epoch) is None:
        stored = store.losses_stored(epoch)
        answer = hub.list_lost_claims(
            epoch_pb2.ListLostClaimsRequest(
                programme_id=member.programme.programme_id,
                epoch=epoch,
                from_index=stored,
                limit=LOSSES_PER_CALL,
            )
        )
        tokens, positions = list(map(ClaimToken, answer.claim_tokens)), list(answer.positions)
        found = stored + len(tokens)
        if (not tokens and found != answer.total) or found > answer.total:
            raise LossesContradictError(
                f"the hub gives {found} of the {answer.total} losses it claims"
            )
        expected = store.positions_of(epoch, tokens)
        if len(expected) != len(tokens) or len(set(tokens)) != len(tokens):
            raise LossesContradictError("the lost claims are not a part of this partner's list")
        # Trustees read the positions and no token: they must be about the same claims.
        if positions != expected or (expected and expected[0] <= store.last_lost(epoch)):
            raise LossesContradictError(
                "the hub names other positions than those of the lost claims"
            )
        store.add_losses(epoch, tokens, total=answer.total)
