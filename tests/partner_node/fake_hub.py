"""A small hub with real signatures, real VOPRF shares and a real record, for one node's tests.

It does what a hub owes a partner and checks what a partner owes it. Epochs move when the test says
so. Everything that a partner sends is kept as bytes, so that a test can look for what must not be
in it.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable
from typing import Any

import phe
from typing_extensions import override

from fedcarbon.ceremony.dealer import Dealt
from fedcarbon.epoch.snapshot import LoggedEntry, Place, snapshot_of
from fedcarbon.epoch.statements import (
    BeaconLabel,
    BeaconPartial,
    BeaconValue,
    ClaimCommitment,
    ClaimList,
    EpochPlan,
    LinkProof,
    beacon_input,
)
from fedcarbon.identity import shares
from fedcarbon.identity.beacon import combine_beacon
from fedcarbon.identity.claims import ClaimEntry, TokenList, claim_quota
from fedcarbon.identity.commitment_list import CommitmentList
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.list_check import check_list
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.identity.verdicts import judge
from fedcarbon.ids import Claimant, EpochIndex, PartyId
from fedcarbon.opening.links import winnings_of
from fedcarbon.opening.statements import BindingObjection, OperatorBinding, PartnerBinding
from fedcarbon.packing.layout import SLOT_WIDTH_BITS, unpack
from fedcarbon.registry.enrolment import (
    EnrolmentAction,
    EnrolmentBatch,
    PlaceEntry,
    PlacesAnswer,
)
from fedcarbon.registry.evaluation import EvaluationRequest, elements_hash_of
from fedcarbon.registry.programme import Programme
from fedcarbon.submission.chunk_file import ChunkEntry, ChunkFile, EntryShape
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.transparency.envelope import sign
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import (
    epoch_pb2,
    identity_pb2,
    opening_pb2,
    registry_pb2,
)
from tests.keys.primes import TINY, load_primes
from tests.partner_node.checked_submission import check_submission
from tests.partner_node.fake_epoch import FakeEpoch
from tests.partner_node.fake_record import (
    CLAIM_SLOTS,
    HUB,
    NODE,
    OBJECT_QUOTA,
    OPERATOR,
    RIVAL,
)
from tests.partner_node.fake_statistics import FakeStatistics


class FakeHub(FakeStatistics):
    """One hub, one node under test, and a rival whose claims the test writes."""

    def __init__(
        self, dealt: Dealt, programme: Programme, clock: Any, *, best_tier: int = 0
    ) -> None:
        super().__init__(dealt, programme, clock, best_tier)
        self.places: dict[bytes, Place] = {}
        self.entries: list[LoggedEntry] = []
        self.batches: dict[bytes, EnrolmentBatch] = {}
        self.epochs: dict[int, FakeEpoch] = {}
        self.bindings: list[opening_pb2.Binding] = []
        self.evaluated: dict[KeyLabel, dict[bytes, int]] = {label: {} for label in KeyLabel}
        self.cheating: set[str] = set()
        self.absent: set[str] = set()
        self.unsaid_losses = 0
        self.shifted_losses = 0
        self.quota_base = 1000

    # --- what the test does -----------------------------------------------------------------

    def copied(self, clock: Any) -> FakeHub:
        """Return an independent copy of a hub without epochs."""
        assert not self.epochs
        other = copy.copy(self)
        for name in ("leaves", "receipts", "places", "entries", "batches", "bindings", "received"):
            setattr(other, name, copy.copy(getattr(self, name)))
        other.epochs, other.cheating, other.absent = {}, set(), set()
        other.evaluated = {label: dict(counts) for label, counts in self.evaluated.items()}
        other.clock = clock
        other.forget_tables()
        return other

    def plan(self, epoch: int, *, window_s: int = 3600) -> None:
        """Log the plan of an epoch: phase 1a begins."""
        now_s = self.clock.now_s()
        plan = EpochPlan(
            parameter_id=self.parameters.parameter_id,
            programme_id=self.programme.programme_id,
            epoch=EpochIndex(epoch),
            snapshot_size=len(self.leaves),
            commit_until_s=now_s + window_s,
            reveal_until_s=now_s + 2 * window_s,
            submit_until_s=now_s + 3 * window_s,
        )
        leaf = self.log_own(LeafType.EPOCH_PLAN, plan)
        self.epochs[epoch] = FakeEpoch(
            plan_leaf=leaf,
            snapshot_size=plan.snapshot_size,
            state=epoch_pb2.EPOCH_STATE_COMMITTING,
        )

    def close_commitments(self, epoch: int, *, leave_out: frozenset[PartyId] = frozenset()) -> None:
        """End phase 1a."""
        state = self.epochs[epoch]
        closed = state.closing(self.programme, EpochIndex(epoch), {NODE, RIVAL}, leave_out)
        state.closed_leaf = self.log_own(LeafType.COMMIT_CLOSED, closed)
        state.state = epoch_pb2.EPOCH_STATE_REVEALING

    def judge(self, epoch: int, rival: Iterable[tuple[ClaimToken, int]] = ()) -> bytes:
        """Join the revealed lists with the rival's claims; return the beacon."""
        state = self.epochs[epoch]
        state.state = epoch_pb2.EPOCH_STATE_JUDGED
        assert state.closed_leaf is not None
        rivals = [ClaimEntry(token=token, rank=rank, salt=bytes(16)) for token, rank in rival]
        of_partners = state.lists | {RIVAL: TokenList.from_entries(rivals)}
        programme_id = self.programme.programme_id
        lists = {Claimant(programme_id, name): found for name, found in of_partners.items()}
        output = self._beacon(epoch, state.closed_leaf)
        state.lost = {name.partner_id: lost for name, lost in judge(lists, output).lost.items()}
        return output

    def open_submissions(self, epoch: int) -> None:
        """Let partners submit; the verdicts' body is not for partners."""
        state = self.epochs[epoch]
        state.verdict_leaf = self.log(LeafType.VERDICT_LIST, b"the verdicts of %d" % epoch)
        state.state = epoch_pb2.EPOCH_STATE_SUBMITTING

    def seal(self, epoch: int, *, missing: tuple[PartyId, ...] = ()) -> None:
        """End the epoch; the leaf's body is of no interest here."""
        state = self.epochs[epoch]
        state.seal_leaf = self.log(LeafType.SEAL, b"a seal")
        state.state, state.missing = epoch_pb2.EPOCH_STATE_SEALED, missing

    def sums_of(self, epoch: int) -> dict[bytes, int]:
        """Return account token to submitted mass, decrypted with the tiny private key."""
        primes = load_primes(TINY)
        private = phe.PaillierPrivateKey(phe.PaillierPublicKey(primes.n), primes.p, primes.q)
        token_of = {place: token for token, place in self.places.items()}
        sums = {}
        for block, ciphertext, _ in self.entries_of(epoch):
            plaintext = private.raw_decrypt(int.from_bytes(ciphertext, "big"))
            for slot, mass_ug in enumerate(unpack(self.parameters.layout, plaintext)):
                token = token_of.get(Place(block, slot))
                assert token is not None or mass_ug == 0
                if token is not None:
                    sums[token] = mass_ug
        return sums

    def entries_of(self, epoch: int) -> list[ChunkEntry]:
        """Return everything that was submitted."""
        contents = [content for _, content in self.epochs[epoch].chunks.values()]
        return [
            entry
            for content in contents
            for entry in ChunkFile.from_bytes(content, self.entry_shape)
        ]

    @property
    def entry_shape(self) -> EntryShape:
        """The shape of the entries of all chunk files."""
        return EntryShape.of(self.parameters.proof_key, self.programme.epoch_cap_ug)

    def propose(self, account_token: bytes, binding_id: bytes = b"b" * 16) -> bytes:
        """Log a wallet operator's half of a binding and show it."""
        half = OperatorBinding(
            parameter_id=self.parameters.parameter_id,
            programme_id=self.programme.programme_id,
            binding_id=binding_id,
            account_token=account_token,
            wallet_id="0021001",
            wallet_class=2,
            operator_id=OPERATOR,
        )
        envelope = sign(half, {OPERATOR: self.keys[OPERATOR]}).to_bytes()
        index = self.log(LeafType.OPERATOR_BINDING, envelope)
        self.bindings.append(
            opening_pb2.Binding(
                binding_id=binding_id,
                account_token=account_token,
                operator_id=OPERATOR,
                wallet_hint="1001",
                state=opening_pb2.BINDING_STATE_PROPOSED,
                operator_leaf=self.leaves[index][0],
                operator_leaf_index=index,
            )
        )
        return binding_id

    # --- what the node calls ----------------------------------------------------------------

    @override
    def evaluate(self, request: identity_pb2.EvaluateRequest) -> identity_pb2.EvaluateResponse:
        self._keep(request)
        asked = self._signed(EvaluationRequest, request.signed_request)
        elements = tuple(request.blinded_elements)
        assert asked.elements_hash == elements_hash_of(elements)
        assert asked.count == len(elements)
        counted = self.evaluated[asked.key_label]
        counted[asked.request_id] = len(elements)
        if asked.key_label is KeyLabel.OBJECT:
            assert sum(counted.values()) <= OBJECT_QUOTA
        enrolments = [item for item in self.entries if item.action is EnrolmentAction.ENROL]
        enrolled = len({item.account_token for item in enrolments})
        assert sum(counted.values()) <= enrolled * 105 // 100 + self.quota_base
        answer = identity_pb2.EvaluateResponse()
        for secret in self.dealt.secrets:
            name = secret.trustee_id
            if name in request.excluded_trustee_ids or name in self.absent:
                continue
            share = secret.voprf[asked.key_label]
            if name in self.cheating:
                share = self.dealt.secrets[share.trustee_index % 5].voprf[asked.key_label]
            partial = shares.evaluate(share, elements, self.chance.randrange)
            answer.partials.add(trustee_id=name, elements=partial.elements, proof=partial.proof)
        return answer

    @override
    def create_enrolment_batch(
        self, request: registry_pb2.CreateEnrolmentBatchRequest
    ) -> registry_pb2.CreateEnrolmentBatchResponse:
        self._keep(request)
        data = request.signed_batch
        batch = self._signed(EnrolmentBatch, data)
        receipt = self.receipts.get(data)
        if receipt is None:
            assert batch.batch_id not in self.batches
            self.batches[batch.batch_id] = batch
            receipt, index = self._accept(LeafType.ENROLMENT_BATCH, data)
            for entry in batch.entries:
                self.entries.append(
                    LoggedEntry(
                        leaf_index=index,
                        partner_id=batch.partner_id,
                        account_token=entry.account_token,
                        action=entry.action,
                        from_epoch=entry.from_epoch,
                    )
                )
                self._place(entry.account_token)
        answer = PlacesAnswer(
            parameter_id=batch.parameter_id,
            programme_id=batch.programme_id,
            partner_id=batch.partner_id,
            batch_id=batch.batch_id,
            places=tuple(
                PlaceEntry(account_token=token, **self.places[token]._asdict())
                for token in (entry.account_token for entry in batch.entries)
            ),
        )
        signed = sign(answer, {HUB: self.keys[HUB]}).to_bytes()
        return registry_pb2.CreateEnrolmentBatchResponse(receipt=receipt, signed_places=signed)

    @override
    def list_epochs(self, request: epoch_pb2.ListEpochsRequest) -> epoch_pb2.ListEpochsResponse:
        assert request.programme_id == self.programme.programme_id
        answer = epoch_pb2.ListEpochsResponse()
        for number, state in sorted(self.epochs.items()):
            answer.epochs.add(
                epoch=number,
                state=state.state,
                plan_leaf=state.plan_leaf,
                closed_leaf=state.closed_leaf,
                verdict_leaf=state.verdict_leaf,
                seal_leaf=state.seal_leaf,
                committed=NODE in state.commitments,
                revealed=NODE in state.lists,
                chunks_received=sorted(state.chunks),
                missing_partner_ids=state.missing,
            )
        return answer

    @override
    def create_claim_commitment(
        self, request: epoch_pb2.CreateClaimCommitmentRequest
    ) -> epoch_pb2.CreateClaimCommitmentResponse:
        self._keep(request)
        data = request.signed_commitment
        commitment = self._signed(ClaimCommitment, data)
        receipt = self.receipts.get(data)
        if receipt is None:
            state = self.epochs[commitment.epoch]
            assert state.state == epoch_pb2.EPOCH_STATE_COMMITTING
            assert commitment.partner_id not in state.commitments
            receipt, index = self._accept(LeafType.CLAIM_COMMITMENT, data)
            state.commitments[commitment.partner_id] = (index, commitment)
        return epoch_pb2.CreateClaimCommitmentResponse(receipt=receipt)

    @override
    def create_claim_list(
        self, requests: Iterable[epoch_pb2.CreateClaimListRequest]
    ) -> epoch_pb2.CreateClaimListResponse:
        messages = list(requests)
        for message in messages:
            self._keep(message)
        state = self.epochs[messages[0].id.epoch]
        content = b"".join(message.content for message in messages)
        commitments = b"".join(message.commitments for message in messages)
        if NODE not in state.lists:
            assert state.state == epoch_pb2.EPOCH_STATE_REVEALING
            _, commitment = state.commitments[NODE]
            quota = claim_quota(CLAIM_SLOTS, len(self.places), self.programme.epoch_days)
            check_list(
                content,
                commitments,
                count=commitment.count,
                root=commitment.list_root,
                best_rank=0,
                quota=quota,
            )
            state.lists[NODE] = TokenList.from_bytes(content)
            state.commitments_of_pieces = CommitmentList.from_bytes(commitments)
            revealed = ClaimList(
                parameter_id=self.parameters.parameter_id,
                programme_id=self.programme.programme_id,
                epoch=commitment.epoch,
                partner_id=NODE,
                file_sha256=hashlib.sha256(content).digest(),
                commitments_sha256=hashlib.sha256(commitments).digest(),
                count=commitment.count,
            )
            body = sign(revealed, {HUB: self.keys[HUB]}).to_bytes()
            state.list_receipts[NODE], _ = self._accept(LeafType.CLAIM_LIST, body)
        return epoch_pb2.CreateClaimListResponse(receipt=state.list_receipts[NODE])

    @override
    def list_lost_claims(
        self, request: epoch_pb2.ListLostClaimsRequest
    ) -> epoch_pb2.ListLostClaimsResponse:
        lost = self.epochs[request.epoch].lost.get(NODE, ())
        page = lost[request.from_index :][:2]
        total = len(lost) + self.unsaid_losses
        positions = self.lost_positions(request.epoch)[request.from_index :][:2]
        return epoch_pb2.ListLostClaimsResponse(claim_tokens=page, positions=positions, total=total)

    @override
    def create_chunk(
        self, requests: Iterable[epoch_pb2.CreateChunkRequest]
    ) -> epoch_pb2.CreateChunkResponse:
        messages = list(requests)
        for message in messages:
            self._keep(message)
        data = messages[0].signed_header
        content = b"".join(message.content for message in messages)
        header = self._signed(ChunkHeader, data)
        receipt = self.receipts.get(data)
        if receipt is None:
            state = self.epochs[header.epoch]
            assert state.state == epoch_pb2.EPOCH_STATE_SUBMITTING
            assert header.chunk not in state.chunks
            assert header.file_sha256 == hashlib.sha256(content).digest()
            chunk = ChunkFile.from_bytes(content, self.entry_shape)
            assert (header.entries, header.entries_root) == (len(chunk), chunk.root())
            assert header.slot_width_bits == SLOT_WIDTH_BITS
            assert header.plan_leaf == state.plan_leaf
            committed = state.commitments.get(NODE)
            root = committed[1].evidence_root if committed else bytes(32)
            assert header.evidence_root == root
            state.chunks[header.chunk] = (header, content)
            receipt, _ = self._accept(LeafType.CHUNK_HEADER, data)
        return epoch_pb2.CreateChunkResponse(receipt=receipt)

    @override
    def create_link_proof(
        self, request: epoch_pb2.CreateLinkProofRequest
    ) -> epoch_pb2.CreateLinkProofResponse:
        self._keep(request)
        data = request.signed_proof
        proof = self._signed(LinkProof, data)
        receipt = self.receipts.get(data)
        if receipt is None:
            state = self.epochs[proof.epoch]
            assert state.state == epoch_pb2.EPOCH_STATE_SUBMITTING
            assert state.link_proof is None
            assert (proof.plan_leaf, proof.verdict_leaf) == (state.plan_leaf, state.verdict_leaf)
            check_submission(
                self.parameters,
                proof,
                self.programme.epoch_cap_ug,
                leaves=(self.leaves[proof.plan_leaf][0], self.leaves[proof.verdict_leaf][0]),
                entries=self.entries_of(proof.epoch),
                winnings=winnings_of(state.commitments_of_pieces, self.lost_positions(proof.epoch)),
            )
            state.link_proof = proof
            receipt, _ = self._accept(LeafType.LINK_PROOF, data)
        return epoch_pb2.CreateLinkProofResponse(receipt=receipt)

    @override
    def list_bindings(
        self, request: opening_pb2.ListBindingsRequest
    ) -> opening_pb2.ListBindingsResponse:
        found = [b for b in self.bindings if b.operator_leaf_index >= request.from_leaf]
        return opening_pb2.ListBindingsResponse(bindings=found[: request.limit])

    @override
    def create_partner_binding(
        self, request: opening_pb2.CreatePartnerBindingRequest
    ) -> opening_pb2.CreatePartnerBindingResponse:
        self._keep(request)
        half = self._signed(PartnerBinding, request.signed_binding)
        receipt = self._answered(LeafType.PARTNER_BINDING, request.signed_binding)
        self._set_state(half.binding_id, opening_pb2.BINDING_STATE_SIGNED)
        return opening_pb2.CreatePartnerBindingResponse(receipt=receipt)

    @override
    def create_binding_objection(
        self, request: opening_pb2.CreateBindingObjectionRequest
    ) -> opening_pb2.CreateBindingObjectionResponse:
        self._keep(request)
        objection = self._signed(BindingObjection, request.signed_objection)
        receipt = self._answered(LeafType.BINDING_OBJECTION, request.signed_objection)
        self._set_state(objection.binding_id, opening_pb2.BINDING_STATE_FROZEN)
        return opening_pb2.CreateBindingObjectionResponse(receipt=receipt)

    # --- inside -----------------------------------------------------------------------------

    def lost_positions(self, epoch: int) -> list[int]:
        """Return where the node's lost claims stand in its list, or elsewhere if the hub lies."""
        state = self.epochs[epoch]
        if NODE not in state.lists:
            return []
        tokens = state.lists[NODE].tokens()
        lost = set(state.lost.get(NODE, ()))
        found = [position for position, token in enumerate(tokens) if token in lost]
        return [position + self.shifted_losses for position in found]

    def snapshot_blocks(self, epoch: int) -> tuple[int, ...]:
        """Return the blocks that the node must send, as the hub computes them."""
        snapshot = snapshot_of(
            self.entries,
            self.places,
            epoch=EpochIndex(epoch),
            snapshot_size=self.epochs[epoch].snapshot_size,
            slots=self.parameters.layout.slots,
            cap_ug=self.programme.epoch_cap_ug,
        )
        return snapshot.partners[NODE].blocks() if NODE in snapshot.partners else ()

    def _set_state(self, binding_id: bytes, state: int) -> None:
        for binding in self.bindings:
            if binding.binding_id == binding_id:
                binding.state = state

    def _place(self, token: bytes) -> None:
        if token not in self.places:
            count, slots = len(self.places), self.parameters.layout.slots
            self.places[token] = Place(3 * (count // slots), count % slots)

    def _beacon(self, epoch: int, leaf_index: int) -> bytes:
        leaf = self.leaves[leaf_index][0]
        question = beacon_input(
            BeaconLabel.TIE, self.programme.exclusivity_domain, EpochIndex(epoch), leaf
        )
        partials = [
            shares.evaluate_input(secret.voprf[KeyLabel.BEACON], question, self.chance.randrange)
            for secret in self.dealt.secrets[: self.parameters.threshold]
        ]
        output = combine_beacon(self.parameters.voprf_key(KeyLabel.BEACON), question, partials)
        value = BeaconValue(
            parameter_id=self.parameters.parameter_id,
            label=BeaconLabel.TIE,
            scope=self.programme.exclusivity_domain,
            epoch=EpochIndex(epoch),
            leaf_index=leaf_index,
            partials=tuple(
                BeaconPartial(
                    trustee_id=self.parameters.trustee_ids[item.trustee_index - 1],
                    element=item.elements[0],
                    proof=item.proof,
                )
                for item in partials
            ),
            output=output,
        )
        self.log_own(LeafType.BEACON_VALUE, value)
        return output
