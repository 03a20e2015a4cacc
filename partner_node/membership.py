"""Who this node is, in which programme, with which clock and chance: what use cases are given."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from fedcarbon.clock import Clock
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.envelope import SigningKey
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import Seconds
from partner_node.randomness import Randomness
from partner_node.record.foundation import Foundation, load_foundation, load_parameters
from partner_node.storage.database import Database
from partner_node.storage.record import RecordStore


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeIdentity:
    """What a node knows of itself before it has read anything: its configuration."""

    party_id: PartyId
    programme_id: ProgrammeId
    roots: TrustRoots
    signing_key: SigningKey
    clock: Clock
    randomness: Randomness = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """This partner in one programme, on a verified foundation."""

    identity: NodeIdentity
    foundation: Foundation = field(repr=False)

    @property
    def party_id(self) -> PartyId:
        """This partner's name."""
        return self.identity.party_id

    @property
    def clock(self) -> Clock:
        """The node's protocol time."""
        return self.identity.clock

    @property
    def randomness(self) -> Randomness:
        """The node's sources of chance."""
        return self.identity.randomness

    @property
    def parameters(self) -> ParameterSet:
        """The verified parameter set."""
        return self.foundation.parameters

    @property
    def programme(self) -> Programme:
        """The verified programme."""
        return self.foundation.programme

    @property
    def signers(self) -> Mapping[str, SigningKey]:
        """Key id to key, as `sign` wants it."""
        return {self.party_id: self.identity.signing_key}


class MembershipSource:
    """Builds the membership from the leaves read so far, and again when parties are admitted."""

    def __init__(self, database: Database, identity: NodeIdentity) -> None:
        """Read the record in `database` for the node `identity`."""
        self._record = RecordStore(database)
        self._identity = identity
        self._parameters: ParameterSet | None = None
        self._current: Membership | None = None
        self._built_from = 0
        self._lock = threading.Lock()

    def now_s(self) -> Seconds:
        """Return the node's protocol time."""
        return self._identity.clock.now_s()

    def current(self) -> Membership:
        """Return the membership.

        Raises:
            FoundationMissingError: the record does not hold enough yet.
            ParametersInvalidError, FoundationContradictsError, SignatureInvalidError: see
                `load_parameters` and `load_foundation`.
        """
        rooted = (LeafType.PARTY_ADMISSION, LeafType.PROGRAMME)
        leaves = sum(self._record.count(leaf_type) for leaf_type in rooted)
        with self._lock:
            if self._current is None or leaves != self._built_from:
                self._current = Membership(identity=self._identity, foundation=self._load())
                self._built_from = leaves
            return self._current

    def _load(self) -> Foundation:
        identity = self._identity
        if self._parameters is None:
            self._parameters = load_parameters(self._record, identity.roots)
        return load_foundation(
            self._record,
            identity.roots,
            self._parameters,
            identity.programme_id,
            identity.party_id,
        )
