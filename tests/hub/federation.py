"""A small federation around a real hub: real keys, signatures, ciphertexts, SQLite and files.

Trustees answer in process through the hub's own port, with their real shares and signatures.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlmodel import Session
from typing_extensions import override

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.clock import SteppedClock
from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.epoch.snapshot import Place
from fedcarbon.epoch.statements import (
    BeaconLabel,
    BeaconPartial,
    BeaconValue,
    ClaimCommitment,
    CommitClosed,
    beacon_input,
)
from fedcarbon.identity.beacon import combine_beacon
from fedcarbon.identity.claims import ClaimEntry, TokenList, pad
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.shares import evaluate_input
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, Role
from fedcarbon.packing.layout import SLOT_WIDTH_BITS, pack
from fedcarbon.paillier.cipher import Encryptor, ciphertext_to_bytes
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.registry.admission import PartyAdmission, root_keyid
from fedcarbon.registry.enrolment import (
    EnrolmentAction,
    EnrolmentBatch,
    EnrolmentEntry,
)
from fedcarbon.registry.programme import Policy, Programme
from fedcarbon.submission.chunk_file import ChunkFile, split_into_chunks
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.transparency.checkpoint import (
    Checkpoint,
    QuorumMissingError,
    WitnessedCheckpoint,
    quorum_of,
    witnessed,
)
from fedcarbon.transparency.envelope import Envelope, SigningKey, sign
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import Fen, MicrogramsCO2e
from hub.bootstrap import open_hub
from hub.context import Hub, HubSettings
from hub.epochs.driver import EpochDriver, Progress
from hub.epochs.products import Multiplier
from hub.genesis import Genesis, checked_genesis
from hub.intake.chunks import admit_chunk
from hub.intake.claim_lists import reveal_list
from hub.intake.commitments import commit_claims
from hub.record.record import Signer
from hub.registry.admissions import admit
from hub.registry.enrolments import Enrolled, enrol
from hub.registry.programmes import start_programme
from hub.storage.epoch_store import EpochStore, StoredEpoch
from hub.trustees.port import Witnesses
from tests.chance import seeded
from tests.keys.ceremonies import dealt

S = TypeVar("S", bound=Statement)

HUB: Final = PartyId("hub")
METRO, BIKES, TAXIS = PartyId("metro"), PartyId("bikes"), PartyId("taxis")
PARTNERS: Final = (BIKES, METRO, TAXIS)
AUDITOR: Final = PartyId("auditor")
PROGRAMME: Final = ProgrammeId("shanghai")
FIRST, SECOND = EpochIndex(1), EpochIndex(2)
WINDOW_S: Final = 3600


@cache
def genesis() -> Genesis:
    """Return what the record begins with; the trustees' set of 512 bits."""
    keys = dealt()
    roots = TrustRoots(
        parameter_id=keys.parameters.parameter_id,
        threshold=keys.parameters.threshold,
        root_keys=keys.parameters.root_keys,
    )
    return checked_genesis(
        roots, keys.signed_parameters.to_bytes(), keys.signed_self_test.to_bytes()
    )


@cache
def encryptor() -> Encryptor:
    """Return the one encryptor of the tests."""
    return Encryptor(genesis().parameters.public_key, window_bits=4)


def key_of(name: str) -> SigningKey:
    """Return a party's signing key, the same in every run."""
    return SigningKey(hashlib.sha256(name.encode()).digest())


def token(number: int) -> bytes:
    """Return the account token of person `number`."""
    return hashlib.sha256(b"account %d" % number).digest()


def claim_token(number: int) -> ClaimToken:
    """Return the claim token of slot `number`."""
    return ClaimToken(hashlib.sha256(b"slot %d" % number).digest()[:16])


def claims(ranks: Mapping[int, int], seed: int = 1) -> TokenList:
    """Return the padded list that claims slot numbers with ranks."""
    chance = seeded(seed)
    real = [
        ClaimEntry(token=claim_token(number), rank=rank, salt=chance.randbytes(16))
        for number, rank in ranks.items()
    ]
    return pad(real, chance.randbytes, lambda: 4)


def root_signed(statement: Statement, roots: int = 3) -> bytes:
    """Return a statement signed by the first `roots` root keys."""
    keys = {
        root_keyid(secret.trustee_id): SigningKey(secret.root_key_seed)
        for secret in dealt().secrets[:roots]
    }
    return sign(statement, keys).to_bytes()


def signed(statement: Statement, name: str) -> bytes:
    """Return a statement signed by a party."""
    return sign(statement, {name: key_of(name)}).to_bytes()


def admission(name: str, role: Role, **changes: Any) -> PartyAdmission:
    """Return a party's admission."""
    fields: dict[str, Any] = {
        "parameter_id": genesis().parameters.parameter_id,
        "party_id": PartyId(name),
        "role": role,
        "signing_key": key_of(name).public,
        "best_tier": 0,
        "claim_slots_per_account_day": 72,
        "object_quota": 0,
    }
    return PartyAdmission(**{**fields, **changes})


def programme(**changes: Any) -> Programme:
    """Return the programme of the tests: three epochs of one day."""
    fields: dict[str, Any] = {
        "parameter_id": genesis().parameters.parameter_id,
        "programme_id": PROGRAMME,
        "exclusivity_domain": "cn-east",
        "exclusivity_group": "movement",
        "token_epoch": 1,
        "time_zone": "Asia/Shanghai",
        "first_day": "2026-03-02",
        "last_day": "2026-03-04",
        "epoch_days": 1,
        "slot_s": 300,
        "cap_ug": MicrogramsCO2e(50_000_000_000),
        "partners_max": 3,
        "days_max": 30,
        "unit_ug": MicrogramsCO2e(1_250_000_000),
        "unit_fen": Fen(1),
        "test_identities": True,
        "policy": Policy(
            commit_window_s=WINDOW_S, reveal_window_s=WINDOW_S, submit_window_s=WINDOW_S
        ),
    }
    return Programme(**{**fields, **changes})


@dataclass(slots=True)
class LocalTrustees(Witnesses):
    """The trustees' answers, given in process with their real keys and shares."""

    hub: Hub
    down: set[PartyId] = field(default_factory=set)

    def _up(self) -> list[PartyId]:
        return [name for name in self.hub.parameters.trustee_ids if name not in self.down]

    @override
    async def witness(self) -> WitnessedCheckpoint:
        size, root = self.hub.read_now(self.hub.record.head)
        parameter_id = self.hub.parameters.parameter_id
        at_s = self.hub.clock.now_s()
        statement = Checkpoint(parameter_id=parameter_id, size=size, root=root, timestamp_s=at_s)
        head = witnessed(
            [signed(statement, name) for name in self._up()],
            parameter_id=parameter_id,
            trustee_keys={name: key_of(name).public for name in self.hub.parameters.trustee_ids},
            threshold=self.hub.parameters.threshold,
        )
        self.hub.write_now(lambda session: self.hub.record.keep_checkpoint(session, head))
        return head

    @override
    async def beacon(self, label: BeaconLabel, leaf_index: int) -> bytes:
        known = self.hub.read_now(lambda session: self._logged(session, label, leaf_index))
        return known or self.hub.write_now(lambda session: self._log(session, label, leaf_index))

    def _logged(self, session: Session, label: BeaconLabel, leaf_index: int) -> bytes | None:
        for _, body in self.hub.record.bodies_of_type(session, LeafType.BEACON_VALUE):
            value = opened(BeaconValue, body)
            if (value.label, value.leaf_index) == (label, leaf_index):
                return value.output
        return None

    def _log(self, session: Session, label: BeaconLabel, leaf_index: int) -> bytes:
        parameters = self.hub.parameters
        closed = opened(CommitClosed, self.hub.record.body(session, leaf_index))
        leaf = self.hub.record.leaf(session, leaf_index).leaf
        question = beacon_input(label, closed.exclusivity_domain, closed.epoch, leaf)
        chance = seeded(7)
        asked = [secret for secret in dealt().secrets if secret.trustee_id in self._up()]
        if len(asked) < quorum_of(len(parameters.trustee_ids), parameters.threshold):
            raise QuorumMissingError("too few trustees")
        partials = [
            evaluate_input(secret.voprf[KeyLabel.BEACON], question, chance.randrange)
            for secret in asked[: parameters.threshold]
        ]
        output = combine_beacon(parameters.voprf_key(KeyLabel.BEACON), question, partials)
        value = BeaconValue(
            parameter_id=parameters.parameter_id,
            label=label,
            exclusivity_domain=closed.exclusivity_domain,
            epoch=closed.epoch,
            leaf_index=leaf_index,
            partials=tuple(
                BeaconPartial(
                    trustee_id=secret.trustee_id,
                    element=partial.elements[0],
                    proof=partial.proof,
                )
                for secret, partial in zip(asked, partials, strict=False)
            ),
            output=output,
        )
        self.hub.record.append_own(session, value)
        return output


def opened(cls: type[S], body: bytes) -> S:
    """Return the statement in a body, its signature unchecked."""
    return statements.decode(cls, Envelope.from_bytes(body).payload)


class Federation:
    """A hub in `folder`, its clock, and what parties do with it."""

    def __init__(self, folder: Path, *, pool: int = 2, seed: int = 3) -> None:
        self.folder = folder
        self.pool = pool
        self.clock = SteppedClock(programme().epoch_end_s(FIRST))
        self.clock.at_s = type(self.clock.at_s)(self.clock.at_s - 40_000)
        self.chance = seeded(seed)
        self.hub = self._open()
        self.trustees = LocalTrustees(self.hub)
        self.hub.witnesses = self.trustees
        self.lists: dict[tuple[PartyId, int], TokenList] = {}

    def _open(self) -> Hub:
        return open_hub(
            self.folder,
            genesis(),
            signer=Signer(party_id=HUB, key=key_of(HUB)),
            clock=self.clock,
            settings=HubSettings(place_pool_blocks=self.pool),
            multiplier=Multiplier(genesis().parameters.public_key, workers=1),
            random_bytes=self.chance.randbytes,
            randbelow=self.chance.randrange,
        )

    def restart(self) -> None:
        """Close the hub and open it again from what lies on the disk."""
        self.hub.close()
        self.hub = self._open()
        self.trustees = LocalTrustees(self.hub)
        self.hub.witnesses = self.trustees

    def close(self) -> None:
        self.hub.close()

    # Registry

    def admit(self, message: bytes) -> bytes:
        return self.hub.write_now(lambda session: admit(session, self.hub, message))

    def admit_everyone(self) -> None:
        roles = {HUB: Role.HUB, AUDITOR: Role.AUDITOR}
        roles |= dict.fromkeys(self.hub.parameters.trustee_ids, Role.TRUSTEE)
        roles |= dict.fromkeys(PARTNERS, Role.PARTNER)
        for name, role in roles.items():
            self.admit(root_signed(admission(name, role)))

    def start(self, message: bytes | None = None) -> bytes:
        message = message or root_signed(programme())
        return self.hub.write_now(lambda session: start_programme(session, self.hub, message))

    def enrol(self, caller: PartyId, message: bytes) -> Enrolled:
        return self.hub.write_now(lambda session: enrol(session, self.hub, caller, message))

    def enrol_people(
        self, partner: PartyId, people: Iterable[int], *, from_epoch: int = 1
    ) -> dict[int, Place]:
        people = list(people)
        message = signed(self.batch(partner, people, from_epoch=from_epoch), partner)
        answer = self.enrol(partner, message)
        return {person: place for person, (_, place) in zip(people, answer.places, strict=True)}

    def withdraw_people(self, partner: PartyId, people: Iterable[int], from_epoch: int) -> None:
        batch = self.batch(partner, people, action=EnrolmentAction.WITHDRAW, from_epoch=from_epoch)
        self.enrol(partner, signed(batch, partner))

    def batch(
        self,
        partner: PartyId,
        people: Iterable[int],
        *,
        action: EnrolmentAction = EnrolmentAction.ENROL,
        from_epoch: int = 1,
        **changes: Any,
    ) -> EnrolmentBatch:
        fields: dict[str, Any] = {
            "parameter_id": self.hub.parameters.parameter_id,
            "programme_id": PROGRAMME,
            "partner_id": partner,
            "batch_id": self.chance.randbytes(16),
            "entries": tuple(
                EnrolmentEntry(
                    account_token=token(person),
                    action=action,
                    from_epoch=from_epoch,
                    consent_data_hash=b"d" * 32,
                    consent_claim_hash=b"c" * 32,
                )
                for person in people
            ),
        }
        return EnrolmentBatch(**{**fields, **changes})

    # Epochs

    def wait_until_end_of(self, epoch: EpochIndex) -> None:
        self.clock.at_s = programme().epoch_end_s(epoch)

    def wait(self, seconds: int) -> None:
        self.clock.at_s = type(self.clock.at_s)(self.clock.at_s + seconds)

    def advance(self) -> Progress:
        """Call the driver once, as the ticker does."""
        return asyncio.run(EpochDriver(self.hub).advance())

    def epoch(self, epoch: EpochIndex = FIRST) -> StoredEpoch:
        stored = self.hub.read_now(lambda session: EpochStore(session).find(PROGRAMME, epoch))
        assert stored is not None
        return stored

    def state(self, epoch: EpochIndex = FIRST) -> EpochState:
        return self.epoch(epoch).state

    def commitment(
        self, partner: PartyId, listed: TokenList, epoch: EpochIndex = FIRST, **changes: Any
    ) -> ClaimCommitment:
        fields: dict[str, Any] = {
            "parameter_id": self.hub.parameters.parameter_id,
            "programme_id": PROGRAMME,
            "epoch": epoch,
            "partner_id": partner,
            "count": len(listed),
            "list_root": listed.root(),
            "evidence_root": hashlib.sha256(partner.encode()).digest(),
        }
        return ClaimCommitment(**{**fields, **changes})

    def commit(
        self, partner: PartyId, listed: TokenList | None = None, epoch: EpochIndex = FIRST
    ) -> bytes:
        listed = listed or claims({})
        self.lists[partner, epoch] = listed
        return self.send_commitment(
            partner, signed(self.commitment(partner, listed, epoch), partner)
        )

    def send_commitment(self, caller: PartyId, message: bytes) -> bytes:
        return self.hub.write_now(lambda session: commit_claims(session, self.hub, caller, message))

    def reveal(
        self, partner: PartyId, epoch: EpochIndex = FIRST, *, file: bytes | None = None
    ) -> bytes:
        content = self.lists[partner, epoch].to_bytes() if file is None else file
        with self.hub.record.files.incoming() as incoming:
            incoming.write(content)
            return reveal_list(self.hub, partner, PROGRAMME, epoch, incoming)

    def submission(
        self,
        partner: PartyId,
        values: Mapping[Place, int] | None = None,
        epoch: EpochIndex = FIRST,
        *,
        entries_per_chunk: int | None = None,
        **changes: Any,
    ) -> list[tuple[bytes, bytes]]:
        """Return signed header and file of every chunk of a dense submission."""
        stored = self.epoch(epoch)
        own = self.hub.read_now(
            lambda session: self.hub.snapshots.of(session, programme(), stored)
        ).partners[partner]
        key = self.hub.parameters.public_key
        ciphertexts = [
            (block, self.encrypted(block, values or {}, key.randomiser_bits))
            for block in own.blocks()
        ]
        chunks = split_into_chunks(ciphertexts, key.ciphertext_bytes, entries_per_chunk)
        return [
            (signed(self.header(partner, chunk, number, len(chunks), stored, **changes), partner),
             chunk.to_bytes())
            for number, chunk in enumerate(chunks)
        ]  # fmt: skip

    def encrypted(self, block: int, values: Mapping[Place, int], randomiser_bits: int) -> bytes:
        layout = self.hub.parameters.layout
        plaintext = pack(
            layout, [values.get(Place(block, slot), 0) for slot in range(layout.slots)]
        )
        ciphertext = encryptor().encrypt(plaintext, self.chance.getrandbits(randomiser_bits))
        return ciphertext_to_bytes(self.hub.parameters.public_key, ciphertext)

    def header(
        self,
        partner: PartyId,
        chunk: ChunkFile,
        number: int,
        chunks: int,
        stored: StoredEpoch,
        **changes: Any,
    ) -> ChunkHeader:
        committed = self.hub.read_now(
            lambda session: EpochStore(session).commitments(PROGRAMME, stored.epoch)
        ).get(partner)
        fields: dict[str, Any] = {
            "parameter_id": self.hub.parameters.parameter_id,
            "programme_id": PROGRAMME,
            "epoch": stored.epoch,
            "partner_id": partner,
            "plan_leaf": stored.plan_leaf,
            "chunk": number,
            "chunks": chunks,
            "entries": len(chunk),
            "slot_width_bits": SLOT_WIDTH_BITS,
            "slots": self.hub.parameters.layout.slots,
            "entries_root": chunk.root(),
            "file_sha256": chunk.sha256(),
            "evidence_root": committed.evidence_root if committed else bytes(32),
            "methodology_bundle": b"m" * 32,
        }
        return ChunkHeader(**{**fields, **changes})

    def send_chunk(self, caller: PartyId, header: bytes, file: bytes) -> bytes:
        return admit_chunk(self.hub, caller, header, file)

    def submit(
        self,
        partner: PartyId,
        values: Mapping[Place, int] | None = None,
        epoch: EpochIndex = FIRST,
    ) -> list[bytes]:
        chunks = self.submission(partner, values, epoch)
        return [self.send_chunk(partner, header, file) for header, file in chunks]

    def run_claims(self, partners: Sequence[PartyId] = PARTNERS, epoch: EpochIndex = FIRST) -> None:
        """Take an epoch from its last day to SUBMITTING; lists are those of `commit`, or empty."""
        self.wait_until_end_of(epoch)
        self.advance()
        for partner in partners:
            if (partner, epoch) not in self.lists:
                self.lists[partner, epoch] = claims({})
            self.commit(partner, self.lists[partner, epoch], epoch)
        self.advance()
        for partner in partners:
            self.reveal(partner, epoch)
        self.advance()

    def running(self) -> Federation:
        """Admit everyone and start the programme."""
        self.admit_everyone()
        self.start()
        return self


def altered(message: bytes, cls: type[S], name: str, **changes: Any) -> bytes:
    """Return a party's message with other fields, signed again by `name`."""
    return signed(replace(opened(cls, message), **changes), name)  # type: ignore[type-var]
