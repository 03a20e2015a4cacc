"""A federation at work: epochs, bindings and requests, on top of the parties and their record."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fedcarbon.canonical import statement as statements
from fedcarbon.epoch.snapshot import PartnerSnapshot, Place, places_digest
from fedcarbon.epoch.statements import (
    EpochPlan,
    LinkProof,
    Seal,
    SealedPart,
    VerdictList,
    planned_deadlines,
)
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.opening.accounts import AccountRef
from fedcarbon.opening.products import products_root_of
from fedcarbon.opening.statements import (
    OpeningRequest,
    OperatorBinding,
    PartnerBinding,
    Purpose,
    wallet_hint,
)
from fedcarbon.packing.layout import SLOT_WIDTH_BITS
from fedcarbon.paillier.cipher import ciphertext_to_bytes, product
from fedcarbon.registry.enrolment import EnrolmentAction, EnrolmentBatch
from fedcarbon.submission.block_proofs import block_context
from fedcarbon.submission.chunk_file import ChunkEntry, ChunkFile, EntryShape
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import Seconds
from tests.proving import proved_entry
from tests.trustee.claiming import Claiming
from tests.trustee.founded import DAY_S, HUB, METRO, OPERATOR, PROGRAMME


class Federation(Claiming):
    """One method per thing that a hub or a party does."""

    linking = True
    """Whether `submit` logs a link proof."""

    # Epochs

    def plan(self, epoch: int, **changes: Any) -> int:
        """Move the clock past the end of an epoch and log its plan."""
        number = EpochIndex(epoch)
        self.clock.at_s = Seconds(max(self.clock.at_s, self.programme.epoch_end_s(number) + 3600))
        commit_until_s, reveal_until_s, submit_until_s = planned_deadlines(self.programme, number)
        plan = EpochPlan(
            parameter_id=self.parameters.parameter_id,
            programme_id=PROGRAMME,
            epoch=number,
            snapshot_size=len(self.record.leaves),
            commit_until_s=commit_until_s,
            reveal_until_s=reveal_until_s,
            submit_until_s=submit_until_s,
        )
        return self.log_own(dataclasses.replace(plan, **changes), HUB)

    def submit(
        self,
        partner: PartyId,
        epoch: int,
        plan_leaf: int,
        values: Mapping[bytes, int],
        blocks: Iterable[int] | None = None,
        entries_per_chunk: int = 1,
        **changes: Any,
    ) -> list[int]:
        """Log a partner's dense submission of `values` per account; return its header leaves.

        The claims of the epoch are logged first if they are not, rich enough for any values, and
        the partner's link proof last if it has none.
        """
        snapshot = self.snapshot_of(plan_leaf)
        if not self.logged(VerdictList, epoch):
            self.claim(epoch, {name: self.rich_list(name, epoch) for name in snapshot})
        told = self.told_places(partner)
        enrolled = self.enrolled(partner, epoch, plan_leaf)
        digest = places_digest({token: told[token] for token in enrolled})
        own = snapshot.get(partner)
        entries = [
            self.entry(partner, epoch, own, block, values)
            for block in sorted({0} if blocks is None else set(blocks))
        ]
        pieces = [
            ChunkFile.from_entries(entries[i : i + entries_per_chunk], self.entry_shape)
            for i in range(0, len(entries), entries_per_chunk)
        ]
        leaves = []
        for number, piece in enumerate(pieces):
            self.record.files[piece.sha256()] = piece.to_bytes()
            header = ChunkHeader(
                parameter_id=self.parameters.parameter_id,
                programme_id=PROGRAMME,
                epoch=EpochIndex(epoch),
                partner_id=partner,
                plan_leaf=plan_leaf,
                chunk=number,
                chunks=len(pieces),
                entries=len(piece),
                slot_width_bits=SLOT_WIDTH_BITS,
                slots=self.parameters.layout.slots,
                places_digest=digest,
                entries_root=piece.root(),
                file_sha256=piece.sha256(),
                evidence_root=bytes(32),
                methodology_bundle=bytes(32),
            )
            leaves.append(self.log_own(dataclasses.replace(header, **changes), partner))
        proved = {item.partner_id for item in self.logged(LinkProof, epoch).values()}
        if self.linking and partner not in proved:
            claims = None if own is None else self.rich_list(partner, epoch)
            self.log_own(self.link_proof(partner, epoch, plan_leaf, entries, claims), partner)
        return leaves

    def told_places(self, partner: PartyId) -> dict[bytes, Place]:
        """Return the places of accounts as the hub told them to a partner."""
        told = {**self.places, **self.lies.get(partner, {})}
        return {token: Place(*place) for token, place in told.items()}

    def enrolled(self, partner: PartyId, epoch: int, plan_leaf: int) -> list[bytes]:
        """Return the accounts of a partner that count in an epoch."""
        enrolled: dict[bytes, bool] = {}
        for built in self.record.leaves[:plan_leaf]:
            if built.leaf[0] != LeafType.ENROLMENT_BATCH:
                continue
            batch = statements.decode(EnrolmentBatch, Envelope.from_bytes(built.body).payload)
            for entry in batch.entries if batch.partner_id == partner else ():
                if entry.from_epoch <= epoch:
                    enrolled[entry.account_token] = entry.action is EnrolmentAction.ENROL
        return [token for token, counts in enrolled.items() if counts]

    def snapshot_of(self, plan_leaf: int) -> Mapping[PartyId, PartnerSnapshot]:
        """Return the partners of a plan's snapshot; none if no trustee reads the record so far."""
        try:
            return self.view().accounts.snapshot(self.statement_at(plan_leaf, EpochPlan)).partners
        except FedcarbonError:
            return {}

    def entry(
        self,
        partner: PartyId,
        epoch: int,
        own: PartnerSnapshot | None,
        block: int,
        values: Mapping[bytes, int],
    ) -> ChunkEntry:
        """Return a partner's entry of one block, proved under what the plan's snapshot says."""
        slots, told = [0] * self.parameters.layout.slots, self.told_places(partner)
        for token, value in values.items():
            if told[token].block == block:
                slots[told[token].slot] = value
        return proved_entry(
            self.parameters.proof_key,
            block_context(PROGRAMME, partner, EpochIndex(epoch), block),
            values=slots,
            bounds=[0] * len(slots) if own is None else own.caps_ug(block),
            cap_ug=self.programme.epoch_cap_ug,
            randbelow=self._chance.randrange,
        )

    @property
    def entry_shape(self) -> EntryShape:
        """The shape of the entries of all chunk files."""
        return EntryShape.of(self.parameters.proof_key, self.programme.epoch_cap_ug)

    def products(self, epoch: int, extra: Mapping[PartyId, Sequence[int]] = {}) -> dict[int, bytes]:
        """Multiply what the seals up to an epoch name, and the headers of one not sealed yet."""
        headers = [leaf for leaves in extra.values() for leaf in leaves]
        for seal in self.decoded(Seal):
            if seal.epoch <= epoch:
                headers += [leaf for part in seal.parts for leaf in part.header_leaves]
        factors: dict[int, list[bytes]] = {}
        for index in headers:
            data = self.record.files[self.statement_at(index, ChunkHeader).file_sha256]
            chunk = ChunkFile.from_bytes(data, self.entry_shape)
            for block, ciphertext in chunk.ciphertexts().items():
                factors.setdefault(block, []).append(ciphertext)
        key = self.parameters.public_key
        return {
            block: ciphertext_to_bytes(key, product(key, factors[block]))
            for block in sorted(factors)
        }

    def seal(
        self, epoch: int, plan_leaf: int, parts: Mapping[PartyId, Sequence[int]], **changes: Any
    ) -> int:
        """Log the seal over the header leaves of each partner; none of them means missing."""
        products = self.products(epoch, parts)
        return self.seal_as_is(
            epoch,
            plan_leaf,
            parts,
            **{"blocks": len(products), "products_root": products_root_of(products), **changes},
        )

    def seal_as_is(
        self, epoch: int, plan_leaf: int, parts: Mapping[PartyId, Sequence[int]], **changes: Any
    ) -> int:
        """Log a seal without multiplying."""
        seal = Seal(
            parameter_id=self.parameters.parameter_id,
            programme_id=PROGRAMME,
            epoch=EpochIndex(epoch),
            plan_leaf=plan_leaf,
            parts=tuple(
                SealedPart(partner_id=name, header_leaves=tuple(leaves), missing=not leaves)
                for name, leaves in sorted(parts.items())
            ),
            blocks=1,
            products_root=bytes(32),
        )
        return self.log_own(dataclasses.replace(seal, **changes), HUB)

    def run_epoch(self, epoch: int, values: Mapping[PartyId, Mapping[bytes, int]]) -> int:
        """Plan, submit and seal an epoch for the partners given; return the seal's leaf."""
        plan_leaf = self.plan(epoch)
        parts = {
            partner: self.submit(partner, epoch, plan_leaf, own) for partner, own in values.items()
        }
        self.wait(seconds=DAY_S // 2)
        seal_leaf = self.seal(epoch, plan_leaf, parts)
        self.witness()
        return seal_leaf

    # Bindings and requests

    def operator_half(self, token: bytes, wallet: str = "w-1", **changes: Any) -> int:
        half = OperatorBinding(
            parameter_id=self.parameters.parameter_id,
            programme_id=PROGRAMME,
            binding_id=self._chance.randbytes(16),
            account_token=token,
            wallet_id=wallet,
            wallet_class=1,
            operator_id=OPERATOR,
        )
        return self.log_own(dataclasses.replace(half, **changes), OPERATOR)

    def decoded(self, cls: type[Any]) -> list[Any]:
        """Return all statements of a class in the record, as they are."""
        leaf_type = LeafType[cls.KIND.upper()]
        return [
            self.statement_at(index, cls)
            for index, built in enumerate(self.record.leaves)
            if built.leaf[0] == leaf_type
        ]

    def statement_at(self, index: int, cls: type[Any]) -> Any:
        envelope = Envelope.from_bytes(self.record.leaves[index].body)
        return statements.decode(cls, envelope.payload)

    def partner_half(self, half_leaf: int, partner: PartyId, **changes: Any) -> int:
        operator_half = self.statement_at(half_leaf, OperatorBinding)
        half = PartnerBinding(
            parameter_id=self.parameters.parameter_id,
            programme_id=PROGRAMME,
            binding_id=operator_half.binding_id,
            account_token=operator_half.account_token,
            operator_leaf=self.record.leaves[half_leaf].leaf,
            operator_id=operator_half.operator_id,
            wallet_hint=wallet_hint(operator_half.wallet_id),
            partner_id=partner,
        )
        return self.log_own(dataclasses.replace(half, **changes), partner)

    def bind(self, token: bytes, wallet: str = "w-1", partner: PartyId = METRO) -> int:
        """Log both halves of a binding; return the operator's leaf."""
        operator_leaf = self.operator_half(token, wallet)
        self.partner_half(operator_leaf, partner)
        return operator_leaf

    def request(
        self,
        token: bytes,
        epoch: int,
        binding: int,
        previous: int = 0,
        sign_by: str = OPERATOR,
        **changes: Any,
    ) -> int:
        """Log a request; return its leaf."""
        size = self.record.heads[-1][0]
        request = OpeningRequest(
            parameter_id=self.parameters.parameter_id,
            programme_id=PROGRAMME,
            request_id=self._chance.randbytes(16),
            account_token=token,
            block=self.places[token][0],
            slot=self.places[token][1],
            epoch=EpochIndex(epoch),
            previous_epoch=EpochIndex(previous),
            purpose=Purpose.CREDIT,
            wallet_id=self.statement_at(binding, OperatorBinding).wallet_id,
            binding_leaf=self.record.leaves[binding].leaf,
            operator_id=OPERATOR,
            not_after_s=self.clock.at_s + 7 * DAY_S,
            checkpoint_size=size,
            checkpoint_root=self.record.root(size),
        )
        return self.log_own(dataclasses.replace(request, **changes), sign_by)

    def account(self, token: bytes) -> AccountRef:
        return AccountRef(PROGRAMME, token)
