"""Who may sign what: parameters, admissions and programmes as the record tells them.

Everything starts from the trust roots. A signature of a party counts from its admission leaf on; a
later admission of the same party replaces its key and limits, never its role.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Final, TypeVar

from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.opening.logged import Logged, LoggedBody
from fedcarbon.opening.violations import (
    LeafInvalidError,
    LoggedTwiceError,
    RecordViolationError,
    SignerRefusedError,
)
from fedcarbon.packing.layout import check_headroom
from fedcarbon.parameters.parameter_set import ParameterSet, check_id
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.parameters.self_test import SelfTest, check_self_test
from fedcarbon.registry.admission import PartyAdmission, open_rooted
from fedcarbon.registry.exclusivity import check_domain
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.checkpoint import (
    QuorumMissingError,
    WitnessedCheckpoint,
    WitnessKeys,
    witnessed,
)
from fedcarbon.transparency.envelope import EnvelopeReader

S = TypeVar("S", bound=Statement)


class PartyBook:
    """The parties and programmes of the record."""

    __slots__ = ("_parameters", "admissions", "keyring", "programmes", "reader", "roots")

    def __init__(self, roots: TrustRoots, reader: EnvelopeReader | None = None) -> None:
        """Start from the trust roots.

        Args:
            roots: the trust roots.
            reader: who opens envelopes, by default whenever one comes.
        """
        self.roots: Final = roots
        self.reader: Final = EnvelopeReader() if reader is None else reader
        self.admissions: Final[dict[PartyId, PartyAdmission]] = {}
        self.keyring: Final[dict[str, bytes]] = {}
        """Signing key of every admitted party."""
        self.programmes: Final[dict[ProgrammeId, Programme]] = {}
        self._parameters: ParameterSet | None = None

    @property
    def parameters(self) -> ParameterSet:
        """The parameter set of leaf 0.

        Raises:
            RecordViolationError: leaf 0 has not been read.
        """
        if self._parameters is None:
            raise RecordViolationError("the record must begin with its parameter set")
        return self._parameters

    def fold_parameters(self, logged: LoggedBody) -> None:
        """Take leaf 0: the set that the roots name, signed by every root key."""
        if logged.index != 0:
            raise LoggedTwiceError("a parameter set stands at the beginning of the record only")
        everyone = len(self.roots.root_keys)
        parameters = open_rooted(ParameterSet, logged.body, self.roots.root_keys, everyone)
        check_id(parameters, self.roots.parameter_id)
        if parameters.root_keys != dict(self.roots.root_keys):
            raise LeafInvalidError("the parameter set has other root keys than the trust roots")
        if parameters.threshold != self.roots.threshold:
            # Fewer root signatures than shares would let some of them admit a sham partner.
            raise LeafInvalidError("the parameter set has another threshold than the trust roots")
        parameters.check()
        self._parameters = parameters

    def fold_self_test(self, logged: LoggedBody) -> None:
        """Take the shares that show that the dealt key opens what it should."""
        if logged.index != 1:
            raise LoggedTwiceError("a self-test stands in leaf 1 only")
        everyone = len(self.roots.root_keys)
        self_test = open_rooted(SelfTest, logged.body, self.roots.root_keys, everyone)
        check_self_test(self.parameters, self_test)

    def fold_admission(self, logged: LoggedBody) -> None:
        """Take a party's admission, signed by t root keys."""
        admission = self.open_rooted(PartyAdmission, logged)
        known = self.admissions.get(admission.party_id)
        if known is not None and known.role is not admission.role:
            raise LeafInvalidError(f"{admission.party_id!r} cannot become a {admission.role}")
        if admission.role is Role.TRUSTEE:
            self.parameters.trustee_index(admission.party_id)
        elif admission.party_id in self.parameters.trustee_ids:
            raise LeafInvalidError(f"{admission.party_id!r} is a trustee and nothing else")
        if any(
            key == admission.signing_key and name != admission.party_id
            for name, key in self.keyring.items()
        ):
            # Two halves of a binding must come from two parties.
            raise LeafInvalidError(f"{admission.party_id!r} shares another party's signing key")
        self.admissions[admission.party_id] = admission
        self.keyring[admission.party_id] = admission.signing_key

    def fold_programme(self, logged: LoggedBody, planned: Container[ProgrammeId] = ()) -> None:
        """Take a programme, signed by t root keys; its rules never change.

        Args:
            logged: the body.
            planned: the programmes that have a plan of an epoch.
        """
        programme = self.open_rooted(Programme, logged)
        if programme.programme_id in self.programmes:
            raise LoggedTwiceError(f"programme {programme.programme_id!r} stands twice")
        check_headroom(
            partners_max=programme.partners_max,
            days_max=programme.days_max,
            cap_ug=programme.cap_ug,
        )
        others = [
            other
            for other in self.programmes.values()
            if other.exclusivity_domain == programme.exclusivity_domain
        ]
        is_planned = any(other.programme_id in planned for other in others)
        check_domain(programme, others, is_planned=is_planned)
        self.programmes[programme.programme_id] = programme

    def open_rooted(self, cls: type[S], logged: LoggedBody) -> S:
        """Return the statement in a body if t root keys signed it."""
        statement = open_rooted(cls, logged.body, self.roots.root_keys, self.roots.threshold)
        self.require_parameters(statement)
        return statement

    def open_by(self, cls: type[S], logged: LoggedBody, *roles: Role) -> tuple[Logged[S], PartyId]:
        """Return the statement in a body and the one party of `roles` that signed it.

        Raises:
            LeafInvalidError: not exactly one signature.
            SignerRefusedError: it is not by an admitted party of `roles`.
            MalformedError, SignatureInvalidError: see `open_signed`.
        """
        signatures = self.reader.parse(logged.body).signatures
        if len(signatures) != 1:
            raise LeafInvalidError(f"a {cls.KIND} has exactly one signature")
        signer = PartyId(signatures[0].keyid)
        admission = self.admissions.get(signer)
        if admission is None or admission.role not in roles:
            raise SignerRefusedError(f"{signer[:60]!r} may not sign a {cls.KIND}")
        statement = self.reader.open_one(cls, logged.body, self.keyring, signer)
        self.require_parameters(statement)
        return Logged(index=logged.index, leaf=logged.leaf, statement=statement), signer

    def open_own(
        self, cls: type[S], logged: LoggedBody, field: str, *roles: Role
    ) -> tuple[Logged[S], PartyId]:
        """Return what `open_by` does, if the statement's `field` names its signer too.

        Raises:
            SignerRefusedError: it names another party; see also `open_by`.
        """
        opened, signer = self.open_by(cls, logged, *roles)
        named = getattr(opened.statement, field)
        if named != signer:
            raise SignerRefusedError(f"{signer!r} signed in the name of {named!r}")
        return opened, signer

    def require_parameters(self, statement: Statement) -> None:
        """Check that a statement names this record's parameter set, or raise `MalformedError`."""
        if getattr(statement, "parameter_id", None) != self.parameters.parameter_id:
            raise MalformedError(f"a {statement.KIND} names another parameter set")

    def programme(self, programme_id: ProgrammeId) -> Programme:
        """Return a programme of the record, or raise `LeafInvalidError`."""
        programme = self.programmes.get(programme_id)
        if programme is None:
            raise LeafInvalidError(f"programme {programme_id!r} is not in the record")
        return programme

    def programmes_of(self, exclusivity_domain: str) -> list[Programme]:
        """Return the programmes of a domain by their ids, or raise `LeafInvalidError`."""
        found = [
            programme
            for _, programme in sorted(self.programmes.items())
            if programme.exclusivity_domain == exclusivity_domain
        ]
        if not found:
            raise LeafInvalidError(f"domain {exclusivity_domain!r} has no programme in the record")
        return found

    def trustee_keys(self) -> Mapping[str, bytes]:
        """Return the signing keys of all trustees.

        Raises:
            QuorumMissingError: not every trustee is admitted yet; a quorum of those that are
                would be smaller than a quorum.
        """
        trustees = self.parameters.trustee_ids
        missing = [name for name in trustees if name not in self.admissions]
        if missing:
            raise QuorumMissingError(f"trustees {missing} are not admitted to the record yet")
        return {name: self.keyring[name] for name in trustees}

    def witness_keys(self) -> WitnessKeys:
        """Return the keys by which checkpoints of this record are judged.

        Raises:
            QuorumMissingError: see `trustee_keys`.
        """
        return WitnessKeys(
            hubs=self._keys_of(Role.HUB),
            trustees=self.trustee_keys(),
            partners=self._keys_of(Role.PARTNER),
        )

    def witnessed(self, note: bytes) -> WitnessedCheckpoint:
        """Return the head that this record's hub and a quorum of its trustees signed.

        Raises:
            QuorumMissingError, MalformedError, SignatureInvalidError: see
                `fedcarbon.transparency.checkpoint.witnessed`.
        """
        return witnessed(
            note,
            self.witness_keys(),
            parameter_id=self.parameters.parameter_id,
            threshold=self.parameters.threshold,
        )

    def _keys_of(self, role: Role) -> dict[str, bytes]:
        return {
            name: admission.signing_key
            for name, admission in self.admissions.items()
            if admission.role is role
        }
