"""What a wallet operator checks of the record before it believes anything: the public leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.errors import PeerError, StateError
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.parameters.parameter_set import ParameterSet, check_id
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.registry.admission import PartyAdmission, open_rooted, root_keyid
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.checkpoint import WitnessedCheckpoint, require_head, witnessed
from fedcarbon.transparency.envelope import open_signed
from fedcarbon.transparency.leaf import PUBLIC_TYPES, Leaf, LeafType, commit
from fedcarbon.transparency.merkle import Frontier
from fedcarbon.v1 import record_pb2
from fedcarbon.wire.hub_client import HubClient

LEAVES_PER_CALL: Final = 1_000


class RecordUnreadableError(PeerError):
    """The hub's leaves have a gap, or a public body is missing or false; keep the answer."""

    code: ClassVar[str] = "RECORD_UNREADABLE"


class RecordNotReadyError(StateError):
    """The record does not hold yet what is needed, or no quorum has signed it; try again later."""

    code: ClassVar[str] = "RECORD_NOT_READY"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicRecord:
    """The verified public part of a record."""

    parameters: ParameterSet
    parties: Mapping[PartyId, PartyAdmission]
    programmes: Mapping[ProgrammeId, Programme]
    leaves: tuple[bytes, ...]
    """Every leaf, 34 bytes each."""

    def programme(self, programme_id: ProgrammeId) -> Programme:
        """Return a programme, or raise `RecordNotReadyError`."""
        found = self.programmes.get(programme_id)
        if found is None:
            raise RecordNotReadyError(f"programme {programme_id!r} is not in the record yet")
        return found

    def head(self, hub: HubClient) -> WitnessedCheckpoint:
        """Return the newest witnessed head, checked against the leaves.

        Raises:
            RecordNotReadyError: no quorum has signed a head yet, or a newer one than was read.
            ForkedRecordError: it is not over these leaves.
        """
        answer = hub.get_checkpoint(record_pb2.GetCheckpointRequest())
        trustees: dict[str, bytes] = {
            name: self.parties[name].signing_key
            for name in self.parameters.trustee_ids
            if name in self.parties
        }
        if not answer.HasField("checkpoint"):
            raise RecordNotReadyError("no quorum of trustees has signed the record yet")
        head = witnessed(
            answer.checkpoint.cosignatures,
            parameter_id=self.parameters.parameter_id,
            trustee_keys=trustees,
            threshold=self.parameters.threshold,
        )
        if head.size > len(self.leaves):
            raise RecordNotReadyError("the record has grown since it was read: try again")
        frontier = Frontier()
        for leaf in self.leaves[: head.size]:
            frontier.append(leaf)
        require_head(frontier, head.size, head.root)
        return head


def read_public_record(hub: HubClient, roots: TrustRoots) -> PublicRecord:
    """Read every leaf and verify the public bodies.

    Raises:
        RecordUnreadableError: a gap, or a public body that is missing or not what it should be.
        RecordNotReadyError: the record has no parameters yet.
        ParametersInvalidError: another parameter set than the roots name, or a bad one.
    """
    bodies: dict[LeafType, list[bytes]] = {}
    leaves: list[bytes] = []
    while True:
        answer = hub.list_leaves(
            record_pb2.ListLeavesRequest(from_index=len(leaves), limit=LEAVES_PER_CALL)
        )
        for item in answer.leaves:
            leaf = Leaf.from_bytes(item.leaf)
            if item.index != len(leaves):
                raise RecordUnreadableError(f"leaf {len(leaves)} is missing")
            if leaf.type in PUBLIC_TYPES:
                if commit(leaf.type, item.salt, item.body) != leaf:
                    raise RecordUnreadableError(f"the body of leaf {item.index} is not its own")
                bodies.setdefault(leaf.type, []).append(item.body)
            leaves.append(item.leaf)
        if len(leaves) >= answer.size:
            break
        if not answer.leaves:
            raise RecordUnreadableError(f"the hub claims {answer.size} leaves, gives {len(leaves)}")
    if LeafType.PARAMETERS not in bodies:
        raise RecordNotReadyError("the record has no parameters yet")
    ring = {root_keyid(name): key for name, key in roots.root_keys.items()}
    first = bodies[LeafType.PARAMETERS][0]
    parameters = open_signed(ParameterSet, first, ring, signers=ring, at_least=len(ring))
    check_id(parameters, roots.parameter_id)
    parameters.check()
    admissions = [
        open_rooted(PartyAdmission, body, roots.root_keys, roots.threshold)
        for body in bodies.get(LeafType.PARTY_ADMISSION, [])
    ]
    programmes = [
        open_rooted(Programme, body, roots.root_keys, roots.threshold)
        for body in bodies.get(LeafType.PROGRAMME, [])
    ]
    named = {item.parameter_id for item in admissions} | {item.parameter_id for item in programmes}
    if named - {roots.parameter_id}:
        raise RecordUnreadableError("a root-signed leaf belongs to another parameter set")
    return PublicRecord(
        parameters=parameters,
        parties={item.party_id: item for item in admissions},
        programmes={item.programme_id: item for item in programmes},
        leaves=tuple(leaves),
    )


def hub_of(record: PublicRecord) -> PartyAdmission:
    """Return the admitted hub, or raise `RecordNotReadyError`."""
    for party in record.parties.values():
        if party.role is Role.HUB:
            return party
    raise RecordNotReadyError("no hub is admitted yet")
