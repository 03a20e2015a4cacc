"""A small federation around real trustees: only the hub's side is played here.

Everybody signs real statements with keys of their own; the record lies in memory; trustees read it
through the same interface as over the wire. What a dishonest hub might do, a test does to this.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Self

from fedcarbon.canonical.statement import Statement
from fedcarbon.ceremony.dealer import Dealt
from fedcarbon.ceremony.share_file import TrusteeSecrets
from fedcarbon.clock import SteppedClock
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, Role
from fedcarbon.opening.statements import OpeningStart
from fedcarbon.opening.view import RecordView
from fedcarbon.paillier.cipher import Encryptor
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.registry.admission import PartyAdmission, root_keyid
from fedcarbon.registry.enrolment import (
    EnrolmentAction,
    EnrolmentBatch,
    EnrolmentEntry,
    PlaceBatch,
    PlaceEntry,
)
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.programme import Policy, Programme
from fedcarbon.transparency.checkpoint import TreeHead, joined
from fedcarbon.transparency.envelope import (
    Envelope,
    Signature,
    SigningKey,
    pre_authentication_encoding,
    sign,
)
from fedcarbon.transparency.leaf import LeafType, commit
from fedcarbon.transparency.note import SignedNote
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds
from fedcarbon.v1 import trustee_pb2
from tests.chance import seeded
from tests.keys.ceremonies import dealt
from tests.trustee.memory_record import BuiltLeaf, Record
from trustee.own_keys import OwnKeys
from trustee.sampling import NoiseSource
from trustee.storage.answers import AnswerStore
from trustee.storage.database import Database
from trustee.storage.mask_store import AttemptId, MaskStore
from trustee.storage.record_log import RecordLog
from trustee.trustee import Trustee

HUB, OPERATOR = PartyId("hub"), PartyId("wallet-one")
METRO, BIKE, SHAM = PartyId("metro"), PartyId("bike"), PartyId("sham")
PROGRAMME = ProgrammeId("ecny-test")
ALICE, BORA = b"A" * 32, b"B" * 32
"""Account tokens."""
DAY_S = 86_400
METHODOLOGY = b"m" * 32
"""The content hash that every commitment names."""


def programme_of(dealing: Dealt, **changes: Any) -> Programme:
    """Two-day epochs in spring 2026, openings at least four days apart, the default waits."""
    fields: dict[str, Any] = {
        "parameter_id": dealing.parameters.parameter_id,
        "programme_id": PROGRAMME,
        "exclusivity_domain": "ecny",
        "exclusivity_group": "movement",
        "measure": Measure.GRAMS,
        "token_epoch": 1,
        "time_zone": "Asia/Shanghai",
        "first_day": "2026-03-02",
        "last_day": "2026-03-21",
        "epoch_days": 2,
        "slot_s": 300,
        "cap_ug": MicrogramsCO2e(50_000_000_000),
        "partners_max": 10,
        "days_max": 100,
        "unit_ug": MicrogramsCO2e(1_250_000_000),
        "unit_fen": Fen(1),
        "test_identities": True,
        "policy": Policy(opening_interval_days=4, starts_max=3),
    }
    return Programme(**{**fields, **changes})


class Founded:
    """Parties, trustees, clock and the record with its accounts."""

    def __init__(self, *, trustees: int = 3, threshold: int = 2, **programme: Any) -> None:
        self.dealing = dealt(trustees=trustees, threshold=threshold)
        self.parameters = self.dealing.parameters
        self.programme = programme_of(self.dealing, **programme)
        self.record = Record()
        self.clock = SteppedClock(Seconds(self.programme.epoch_end_s(EpochIndex(1)) - 12 * DAY_S))
        self.places: dict[bytes, tuple[int, int]] = {}
        self.lies: dict[PartyId, dict[bytes, tuple[int, int]]] = {}
        """Places that the hub told a partner and that are not those of the record."""
        self.trustees: dict[PartyId, Trustee] = {}
        self.databases: dict[PartyId, Database] = {}
        self.allow_insecure = True
        self.own_keys: dict[str, SigningKey] = {}
        """What a trustee holds instead of its admitted signing key."""
        self.own_secrets: dict[str, TrusteeSecrets] = {}
        """What a trustee holds instead of its share file."""
        self.noise_sources: dict[str, NoiseSource] = {}
        """Where a trustee's noise comes from instead of OpenDP."""
        self._chance = seeded(7)

    def copy(self) -> Self:
        """Return the same record with trustees that have yet to read it."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.record = self.record.copy()
        twin.clock = SteppedClock(self.clock.at_s)
        twin.places, twin.trustees, twin.databases = dict(self.places), {}, {}
        twin.own_keys, twin.own_secrets, twin.lies = {}, {}, {}
        twin.noise_sources = {}
        return twin

    def wait(self, *, days: int = 0, seconds: int = 0) -> None:
        """Move protocol time on."""
        self.clock.at_s = Seconds(self.clock.at_s + days * DAY_S + seconds)

    # Keys

    @property
    def trustee_ids(self) -> tuple[PartyId, ...]:
        return self.parameters.trustee_ids

    @cached_property
    def roots(self) -> TrustRoots:
        return TrustRoots(
            parameter_id=self.parameters.parameter_id,
            threshold=self.parameters.threshold,
            root_keys=self.parameters.root_keys,
        )

    @cached_property
    def encryptor(self) -> Encryptor:
        return Encryptor(self.parameters.public_key, window_bits=4)

    def key(self, party: str) -> SigningKey:
        """Return the signing key of a party: known to the tests, so that they can cheat."""
        return SigningKey(self.seed(party))

    def seed(self, party: str) -> bytes:
        return hashlib.sha256(party.encode()).digest()

    def signed(self, statement: Statement, *parties: str) -> Envelope:
        return sign(statement, {party: self.key(party) for party in parties})

    def tampered(self, envelope: bytes, signer: str, old: bytes, new: bytes) -> bytes:
        """Return an envelope over changed bytes that its signer signed all the same."""
        found = Envelope.from_bytes(envelope)
        payload = found.payload.replace(old, new)
        assert payload != found.payload
        message = pre_authentication_encoding(found.payload_type, payload)
        signature = Signature(keyid=signer, sig=self.key(signer).sign(message))
        changed = dataclasses.replace(found, payload=payload, signatures=(signature,))
        return changed.to_bytes()

    def rooted(self, statement: Statement) -> Envelope:
        keys = {
            root_keyid(secret.trustee_id): SigningKey(secret.root_key_seed)
            for secret in self.dealing.secrets
        }
        return sign(statement, dict(list(keys.items())[: self.parameters.threshold]))

    # Trustees

    def trustee(self, name: str) -> Trustee:
        """Return a running trustee; it resumes from its store if it ran before."""
        party = PartyId(name)
        if party not in self.trustees:
            dealt_secrets = self.dealing.secrets[self.parameters.trustee_index(party) - 1]
            keys = OwnKeys(
                trustee_id=party,
                signing_key=self.own_keys.get(name, self.key(name)),
                secrets=self.own_secrets.get(name, dealt_secrets),
                random_below=self._chance.randrange,
                allow_insecure=self.allow_insecure,
            )
            database = self.databases.setdefault(party, Database(":memory:"))
            self.trustees[party] = Trustee(
                keys,
                self.roots,
                database,
                self.record,
                self.clock,
                noise=self.noise_sources.get(name),
            )
        return self.trustees[party]

    def kill(self, name: str) -> None:
        """Stop a trustee; its store survives."""
        self.trustees.pop(PartyId(name), None)

    def wipe(self, name: str) -> None:
        """Stop a trustee and lose its store."""
        self.kill(name)
        self.databases.pop(PartyId(name)).close()

    def order(self, **order: Any) -> trustee_pb2.WorkResponse:
        """Return an order over the whole record with the newest witnessed head."""
        size = order.pop("record_size", len(self.record.leaves))
        message = trustee_pb2.WorkResponse(
            order_id=self._chance.randbytes(16), record_size=size, **order
        )
        if self.record.heads:
            message.checkpoint.note = self.record.heads[-1][1]
            message.partner_checkpoint.note = self.record.heads[-1][1]
        return message

    def ask(self, name: str, **order: Any) -> trustee_pb2.WorkRequest:
        return self.trustee(name).handle(self.order(**order))

    def cosignature(self, name: str) -> bytes:
        """Return the note with a trustee's signature under the present head; it must not refuse."""
        answer = self.ask(name, cosign=trustee_pb2.CosignOrder(root=self.record.root()))
        assert answer.WhichOneof("answer") == "cosign", answer.refused
        return answer.cosign.note

    def cosign_code(self, name: str) -> str:
        """Return why a trustee does not sign the present head; empty if it does."""
        answer = self.ask(name, cosign=trustee_pb2.CosignOrder(root=self.record.root()))
        return "" if answer.WhichOneof("answer") == "cosign" else refused(answer)

    def stored_mask(self, name: str, draft: OpeningStart) -> bytes:
        """Return a mask out of a trustee's own store, as a thief would."""
        store = MaskStore(self.databases[PartyId(name)])
        stored = store.mask(AttemptId(draft.opening_id, draft.attempt))
        if stored is None or stored.mask is None:
            raise LookupError("there is no mask any more")
        return stored.mask

    def stored_body(self, name: str, leaf_index: int) -> bytes | None:
        """Return the body of a leaf out of a trustee's own store."""
        leaves = RecordLog(self.databases[PartyId(name)]).leaves()
        return next(leaf.body for leaf in leaves if leaf.leaf_index == leaf_index)

    def present_head(self) -> TreeHead:
        """Return the head over all leaves."""
        return TreeHead(
            parameter_id=self.parameters.parameter_id,
            size=len(self.record.leaves),
            root=self.record.root(),
        )

    def have_witnessed(
        self, names: Iterable[str] | None = None, partners: Iterable[str] = (METRO,)
    ) -> None:
        """Have the present head signed by all trustees, or by those given, and by partners."""
        chosen = self.trustee_ids if names is None else tuple(names)
        notes = [SignedNote.from_bytes(self.cosignature(name)) for name in chosen]
        self._show_head([*notes, *self._cosigned(dict.fromkeys(partners, self.clock.at_s))])

    def witness(
        self, names: Iterable[str] | None = None, partners: Iterable[str] = (METRO,)
    ) -> None:
        """Do the same with their keys and without their reading the record: quicker."""
        chosen = self.trustee_ids if names is None else tuple(names)
        self.witness_at(dict.fromkeys((*chosen, *partners), self.clock.at_s))

    def witness_at(self, times_s: Mapping[str, int]) -> None:
        """Have the present head signed by parties, each at a time of its own."""
        self._show_head(self._cosigned(times_s))

    def _cosigned(self, times_s: Mapping[str, int]) -> list[SignedNote]:
        head = self.present_head()
        return [head.cosigned(name, self.key(name), at_s) for name, at_s in times_s.items()]

    def _show_head(self, notes: Sequence[SignedNote]) -> None:
        head = self.present_head()
        note = joined([head.signed(self.key(HUB)), *notes])
        self.record.heads.append((head.size, note.to_bytes()))

    def refusal_codes(self, name: str) -> list[str]:
        """Return the codes in a trustee's own log of refusals."""
        return AnswerStore(self.databases[PartyId(name)]).refusal_codes()

    # The record

    def log_refusal(self, signed: bytes) -> int:
        return self.log(LeafType.REFUSAL, signed)

    def log(self, leaf_type: LeafType, body: Envelope | bytes) -> int:
        """Append a leaf and return its index."""
        data = body if isinstance(body, bytes) else body.to_bytes()
        salt = self._chance.randbytes(32)
        leaf = commit(leaf_type, salt, data).to_bytes()
        self.record.leaves.append(BuiltLeaf(leaf, salt, data))
        return len(self.record.leaves) - 1

    def log_own(self, statement: Statement, *signers: str) -> int:
        """Append a statement under the type that its kind names."""
        leaf_type = LeafType[statement.KIND.upper()]
        return self.log(leaf_type, self.signed(statement, *signers))

    def begin(self) -> None:
        """Log parameters, parties and the programme."""
        self.log(LeafType.PARAMETERS, self.dealing.signed_parameters)
        self.log(LeafType.SELF_TEST, self.dealing.signed_self_test)
        for party, role in (
            (HUB, Role.HUB),
            (OPERATOR, Role.WALLET_OPERATOR),
            (METRO, Role.PARTNER),
            (BIKE, Role.PARTNER),
            (SHAM, Role.PARTNER),
            *((trustee, Role.TRUSTEE) for trustee in self.trustee_ids),
        ):
            self.admit(party, role)
        self.log(LeafType.PROGRAMME, self.rooted(self.programme))

    def admit(self, party: PartyId, role: Role, **changes: Any) -> int:
        admission = PartyAdmission(
            parameter_id=self.parameters.parameter_id,
            party_id=party,
            role=role,
            signing_key=self.key(party).public,
            best_tier=0,
            claim_slots_per_account_day=72,
            object_quota=changes.pop("object_quota", 0),
        )
        admission = dataclasses.replace(admission, **changes)
        return self.log(LeafType.PARTY_ADMISSION, self.rooted(admission))

    def enrol(
        self,
        partner: PartyId,
        tokens: Sequence[bytes],
        action: EnrolmentAction = EnrolmentAction.ENROL,
        from_epoch: int = 1,
    ) -> int:
        """Log a partner's batch and the places of new accounts; return the batch's index."""
        consent = b"c" * 32 if action is EnrolmentAction.ENROL else bytes(32)
        batch = EnrolmentBatch(
            parameter_id=self.parameters.parameter_id,
            programme_id=PROGRAMME,
            partner_id=partner,
            batch_id=self._chance.randbytes(16),
            entries=tuple(
                EnrolmentEntry(
                    account_token=token,
                    action=action,
                    from_epoch=from_epoch,
                    consent_data_hash=consent,
                    consent_claim_hash=consent,
                )
                for token in tokens
            ),
        )
        index = self.log_own(batch, partner)
        self.place(index, [token for token in tokens if token not in self.places])
        return index

    def place(self, enrolment_leaf: int, tokens: Iterable[bytes]) -> int:
        entries = []
        for token in tokens:
            slots = self.parameters.layout.slots
            place = self.places.setdefault(token, divmod(len(self.places), slots))
            entries.append(PlaceEntry(account_token=token, block=place[0], slot=place[1]))
        return self.log_places(enrolment_leaf, entries)

    def log_places(self, enrolment_leaf: int, entries: Iterable[PlaceEntry]) -> int:
        batch = PlaceBatch(
            parameter_id=self.parameters.parameter_id,
            programme_id=PROGRAMME,
            enrolment_leaf=enrolment_leaf,
            entries=tuple(entries),
        )
        return self.log_own(batch, HUB)

    def view(self) -> RecordView:
        """Return the honest view of the record as it is now."""
        view = RecordView(self.roots)
        for index, built in enumerate(self.record.leaves):
            view.apply(index, built.leaf, built.salt, built.body)
        for _, note in self.record.heads:
            view.witness(note)
        return view


def refused(answer: trustee_pb2.WorkRequest) -> str:
    """Return the code of a refusal; an answer that is none fails the test."""
    assert answer.WhichOneof("answer") == "refused", answer.WhichOneof("answer")
    return answer.refused.code
