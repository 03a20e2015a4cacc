"""A record with real leaves, signatures and receipts, for a fake hub to write into."""

from __future__ import annotations

import hashlib
from typing import Any

from google.protobuf.message import Message as Proto
from typing_extensions import override

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.ceremony.dealer import Dealt
from fedcarbon.ids import PartyId, Role
from fedcarbon.registry.admission import PartyAdmission, root_keyid
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.checkpoint import TreeHead, joined
from fedcarbon.transparency.envelope import Envelope, SigningKey, open_signed, sign
from fedcarbon.transparency.leaf import PUBLIC_TYPES, LeafType, commit
from fedcarbon.transparency.merkle import root_of
from fedcarbon.transparency.note import SignedNote, verify_cosignature
from fedcarbon.transparency.receipt import MERGE_DELAY_S, Receipt
from fedcarbon.v1 import (
    record_pb2,
)
from fedcarbon.wire.hub_client import HubClient
from tests.chance import seeded

HUB = PartyId("hub")
NODE = PartyId("sz-metro")
RIVAL = PartyId("sz-bike")
OPERATOR = PartyId("icbc")
CLAIM_SLOTS = 72
OBJECT_QUOTA = 5


class FakeRecord(HubClient):
    """The part of a fake hub that keeps the record."""

    def __init__(self, dealt: Dealt, programme: Programme, clock: Any, best_tier: int) -> None:
        self.dealt, self.programme, self.clock = dealt, programme, clock
        self.parameters = dealt.parameters
        self.chance = seeded(7)
        self.keys = {name: SigningKey(self.chance.randbytes(32)) for name in self._names()}
        self.leaves: list[tuple[bytes, bytes, bytes]] = []  # leaf, salt, body
        self.receipts: dict[bytes, bytes] = {}
        self.witnessed: SignedNote | None = None
        self.cosigned: list[SignedNote] = []
        self.received: list[bytes] = []
        self.roots = {
            root_keyid(secret.trustee_id): SigningKey(secret.root_key_seed)
            for secret in dealt.secrets
        }
        self.log(LeafType.PARAMETERS, dealt.signed_parameters.to_bytes())
        self.log(LeafType.SELF_TEST, dealt.signed_self_test.to_bytes())
        for name, role in self._names().items():
            self.admit(name, role, best_tier)
        self.log(LeafType.PROGRAMME, sign(programme, self.roots).to_bytes())

    def _names(self) -> dict[PartyId, Role]:
        trustees = {secret.trustee_id: Role.TRUSTEE for secret in self.dealt.secrets}
        return trustees | {
            HUB: Role.HUB,
            NODE: Role.PARTNER,
            RIVAL: Role.PARTNER,
            OPERATOR: Role.WALLET_OPERATOR,
        }

    def admit(
        self, name: PartyId, role: Role, best_tier: int = 0, object_quota: int = OBJECT_QUOTA
    ) -> None:
        """Log a party's admission."""
        admission = PartyAdmission(
            parameter_id=self.parameters.parameter_id,
            party_id=name,
            role=role,
            signing_key=self.keys[name].public,
            best_tier=best_tier,
            claim_slots_per_account_day=CLAIM_SLOTS,
            object_quota=object_quota,
        )
        self.log(LeafType.PARTY_ADMISSION, sign(admission, self.roots).to_bytes())

    def log(self, leaf_type: LeafType, body: bytes) -> int:
        """Append a leaf and return its index."""
        salt = self.chance.randbytes(32)
        self.leaves.append((commit(leaf_type, salt, body).to_bytes(), salt, body))
        return len(self.leaves) - 1

    def log_own(self, leaf_type: LeafType, statement: Statement) -> int:
        """Append a leaf that the hub signs itself."""
        return self.log(leaf_type, sign(statement, {HUB: self.keys[HUB]}).to_bytes())

    def witness(self, *, trustees: int = 5) -> None:
        """Have the present head signed."""
        head = self.head()
        names = [secret.trustee_id for secret in self.dealt.secrets][:trustees]
        at_s = self.clock.now_s()
        cosigned = (head.cosigned(name, self.keys[name], at_s) for name in names)
        self.witnessed = joined([head.signed(self.keys[HUB]), *cosigned])

    def head(self) -> TreeHead:
        """Return the present head."""
        return TreeHead(
            parameter_id=self.parameters.parameter_id,
            size=len(self.leaves),
            root=root_of(leaf for leaf, _, _ in self.leaves),
        )

    @override
    def list_leaves(self, request: record_pb2.ListLeavesRequest) -> record_pb2.ListLeavesResponse:
        answer = record_pb2.ListLeavesResponse(size=len(self.leaves))
        page = self.leaves[request.from_index :][: min(request.limit, 7)]
        for offset, (leaf, salt, body) in enumerate(page):
            item = answer.leaves.add(index=request.from_index + offset, leaf=leaf)
            if LeafType(leaf[0]) in PUBLIC_TYPES:
                item.salt, item.body = salt, body
        return answer

    @override
    def get_checkpoint(
        self, request: record_pb2.GetCheckpointRequest
    ) -> record_pb2.GetCheckpointResponse:
        if self.witnessed is None:
            return record_pb2.GetCheckpointResponse()
        checkpoint = record_pb2.WitnessedCheckpoint(note=self.witnessed.to_bytes())
        return record_pb2.GetCheckpointResponse(checkpoint=checkpoint)

    @override
    def create_cosignature(
        self, request: record_pb2.CreateCosignatureRequest
    ) -> record_pb2.CreateCosignatureResponse:
        note = SignedNote.from_bytes(request.note)
        assert self.witnessed is not None
        assert verify_cosignature(note, NODE, self.keys[NODE].public) is not None
        self.cosigned.append(note)
        self.witnessed = joined([self.witnessed, note])
        return record_pb2.CreateCosignatureResponse()

    def _keep(self, message: Proto) -> None:
        self.received.append(message.SerializeToString())

    def _signed(self, cls: Any, data: bytes) -> Any:
        keyring = {NODE: self.keys[NODE].public}
        statement = open_signed(cls, data, keyring, signers={NODE})
        assert statement.parameter_id == self.parameters.parameter_id
        assert statements.encode(statement) == Envelope.from_bytes(data).payload
        return statement

    def _accept(self, leaf_type: LeafType, data: bytes) -> tuple[bytes, int]:
        index = self.log(leaf_type, data)
        leaf, salt, _ = self.leaves[index]
        receipt = Receipt(
            parameter_id=self.parameters.parameter_id,
            message_sha256=hashlib.sha256(data).digest(),
            leaf_index=index,
            leaf=leaf,
            salt=salt,
            accepted_at_s=self.clock.now_s(),
            merge_by_s=self.clock.now_s() + MERGE_DELAY_S,
        )
        self.receipts[data] = sign(receipt, {HUB: self.keys[HUB]}).to_bytes()
        return self.receipts[data], index

    def _answered(self, leaf_type: LeafType, data: bytes) -> bytes:
        return self.receipts.get(data) or self._accept(leaf_type, data)[0]
