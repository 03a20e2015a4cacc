"""What everything else at the node stands on: parameters, programme and parties of the record.

Nothing here is the hub's word. The parameter set is the one that `roots.toml` names and passes its
own checks; the programme and every party are signed by t root keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from fedcarbon.errors import PeerError, StateError
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.parameters.parameter_set import ParameterSet, check_id
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.registry.admission import PartyAdmission, open_rooted, root_keyid
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.checkpoint import WitnessKeys
from fedcarbon.transparency.envelope import open_signed
from fedcarbon.transparency.leaf import LeafType
from partner_node.storage.record import RecordStore

PARAMETERS_LEAF: Final = 0


class FoundationMissingError(StateError):
    """The record does not hold yet what the node needs; whoever logs it must do so first."""

    code: ClassVar[str] = "FOUNDATION_MISSING"


class FoundationContradictsError(PeerError):
    """A root-signed statement is for another parameter set or role than it should be."""

    code: ClassVar[str] = "FOUNDATION_CONTRADICTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """The verified basis of one programme."""

    parameters: ParameterSet
    programme: Programme
    parties: Mapping[PartyId, PartyAdmission]
    own: PartyAdmission
    """This partner's own admission."""

    @property
    def hub_keys(self) -> dict[str, bytes]:
        """Key id to signing key of every admitted hub."""
        return self._keys(Role.HUB)

    @property
    def witness_keys(self) -> WitnessKeys | None:
        """The keys by which heads are judged; None while a trustee is not admitted.

        A quorum of those admitted so far may be smaller than a quorum of all.
        """
        trustees = self.trustee_keys
        if len(trustees) < len(self.parameters.trustee_ids):
            return None
        return WitnessKeys(hubs=self.hub_keys, trustees=trustees)

    @property
    def trustee_keys(self) -> dict[str, bytes]:
        """Trustee id to signing key of every admitted trustee of the parameter set."""
        known = self._keys(Role.TRUSTEE)
        return {name: known[name] for name in self.parameters.trustee_ids if name in known}

    def _keys(self, role: Role) -> dict[str, bytes]:
        return {
            str(name): party.signing_key
            for name, party in self.parties.items()
            if party.role is role
        }


def load_foundation(
    record: RecordStore,
    roots: TrustRoots,
    parameters: ParameterSet,
    programme_id: ProgrammeId,
    party_id: PartyId,
) -> Foundation:
    """Verify and return what the leaves read so far say about `programme_id` and its parties.

    Args:
        record: the leaves.
        roots: whose signatures count.
        parameters: from `load_parameters`; its checks take long and are done once per process.
        programme_id: the programme that this node takes part in.
        party_id: this partner.

    Raises:
        FoundationMissingError: programme, hub or this partner are not logged yet.
        FoundationContradictsError: a statement belongs to another parameter set.
        MalformedError, SignatureInvalidError: a statement lacks root signatures.
    """
    parties = _parties(record, roots)
    programme = _programme(record, roots, programme_id)
    own = parties.get(party_id)
    if own is None or own.role is not Role.PARTNER:
        raise FoundationMissingError(
            f"{party_id!r} is not admitted as a partner yet: ask the root key holders"
        )
    if all(party.role is not Role.HUB for party in parties.values()):
        raise FoundationMissingError("no hub is admitted yet: ask the root key holders")
    return Foundation(
        parameters=parameters,
        programme=programme,
        parties=MappingProxyType(parties),
        own=own,
    )


def load_parameters(record: RecordStore, roots: TrustRoots) -> ParameterSet:
    """Return the parameter set of leaf 0 after all its checks.

    Raises:
        FoundationMissingError: leaf 0 has not been read.
        ParametersInvalidError: it is not the set that the roots name, or fails a check.
    """
    found = record.leaf(PARAMETERS_LEAF)
    if found is None or found.body is None:
        raise FoundationMissingError("the record has no parameters yet: the hub must log them")
    keyring = {root_keyid(name): key for name, key in roots.root_keys.items()}
    # All root keys, not just t: everyone who holds one took part in the ceremony.
    parameters = open_signed(
        ParameterSet, found.body, keyring, signers=keyring.keys(), at_least=len(keyring)
    )
    check_id(parameters, roots.parameter_id)
    parameters.check()
    return parameters


def _parties(record: RecordStore, roots: TrustRoots) -> dict[PartyId, PartyAdmission]:
    parties: dict[PartyId, PartyAdmission] = {}
    for _, body in record.bodies(LeafType.PARTY_ADMISSION):
        party = open_rooted(PartyAdmission, body, roots.root_keys, roots.threshold)
        _require_parameters(party.parameter_id, roots)
        parties[party.party_id] = party
    return parties


def _programme(record: RecordStore, roots: TrustRoots, programme_id: ProgrammeId) -> Programme:
    for _, body in record.bodies(LeafType.PROGRAMME):
        programme = open_rooted(Programme, body, roots.root_keys, roots.threshold)
        _require_parameters(programme.parameter_id, roots)
        if programme.programme_id == programme_id:
            return programme
    raise FoundationMissingError(
        f"programme {programme_id!r} is not in the record yet: ask the root key holders"
    )


def _require_parameters(parameter_id: bytes, roots: TrustRoots) -> None:
    if parameter_id != roots.parameter_id:
        raise FoundationContradictsError("a root-signed statement is for another parameter set")
