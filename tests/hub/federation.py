"""A small federation around a real hub: real keys, signatures, ciphertexts, SQLite and files.

Trustees answer in process through the hub's own port, with their real shares and signatures.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fedcarbon.clock import SteppedClock
from fedcarbon.engine.local import LocalEngine
from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.epoch.snapshot import Place
from fedcarbon.epoch.statements import ClaimCommitment, LinkProof
from fedcarbon.ids import EpochIndex, PartyId, Role
from fedcarbon.opening.links import block_commitment, link_statement, winnings_of
from fedcarbon.packing.layout import SLOT_WIDTH_BITS
from fedcarbon.proofs.link import LinkContext
from fedcarbon.registry.enrolment import (
    EnrolmentAction,
    EnrolmentBatch,
    EnrolmentEntry,
)
from fedcarbon.submission.block_proofs import block_context
from fedcarbon.submission.chunk_file import ChunkFile, EntryShape, split_into_chunks
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.wire.processes import ProcessMap
from hub.bootstrap import open_hub
from hub.context import Hub, HubSettings
from hub.epochs.driver import EpochDriver, Progress
from hub.intake.chunks import admit_chunk
from hub.intake.claim_lists import IncomingList, reveal_list
from hub.intake.commitments import commit_claims
from hub.intake.link_proofs import admit_link_proof
from hub.intake.lost_claims import lost_claims
from hub.record.record import Signer
from hub.registry.admissions import admit
from hub.registry.enrolments import Enrolled, enrol
from hub.registry.methodologies import admit_methodology
from hub.registry.programmes import start_programme
from hub.storage.enrolment_store import EnrolmentStore
from hub.storage.epoch_store import EpochStore, StoredEpoch
from hub.storage.submission_store import SubmissionStore
from tests.chance import seeded
from tests.hub.local_trustees import LocalTrustees
from tests.hub.messages import (
    AUDITOR,
    BIKES,
    FIRST,
    HUB,
    METHODOLOGY,
    METRO,
    PARTNERS,
    PROGRAMME,
    SECOND,
    TAXIS,
    WINDOW_S,
    admission,
    altered,
    claim_token,
    claims,
    encryptor,
    genesis,
    key_of,
    methodology,
    opened,
    programme,
    rich_claims,
    root_signed,
    signed,
    token,
)
from tests.listed import Listed
from tests.proving import link_proof_of, proved_entry

__all__ = [
    "AUDITOR",
    "BIKES",
    "FIRST",
    "HUB",
    "METHODOLOGY",
    "METRO",
    "PARTNERS",
    "PROGRAMME",
    "SECOND",
    "TAXIS",
    "WINDOW_S",
    "Federation",
    "admission",
    "altered",
    "claim_token",
    "claims",
    "encryptor",
    "genesis",
    "key_of",
    "methodology",
    "opened",
    "programme",
    "root_signed",
    "signed",
    "token",
]


class Federation:
    """A hub in `folder`, its clock, and what parties do with it."""

    def __init__(
        self, folder: Path, *, pool: int = 2, seed: int = 3, database: str | None = None
    ) -> None:
        self.folder = folder
        self.pool = pool
        self.database = database
        self.clock = SteppedClock(programme().epoch_end_s(FIRST))
        self.clock.at_s = type(self.clock.at_s)(self.clock.at_s - 40_000)
        self.chance = seeded(seed)
        self.hub = self._open()
        self.trustees = LocalTrustees(self.hub)
        self.hub.witnesses = self.trustees
        self.lists: dict[tuple[PartyId, int], Listed] = {}

    def _open(self) -> Hub:
        return open_hub(
            self.folder,
            genesis(),
            signer=Signer(party_id=HUB, key=key_of(HUB)),
            clock=self.clock,
            settings=HubSettings(place_pool_blocks=self.pool, database_url=self.database),
            workers=LocalEngine(ProcessMap(1)),
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
        """Start a programme; the one of the tests gets its methodology at once."""
        started = self.hub.write_now(
            lambda session: start_programme(session, self.hub, message or root_signed(programme()))
        )
        if message is None:
            self.admit_methodology()
        return started

    def admit_methodology(self, message: bytes | None = None) -> bytes:
        message = message or root_signed(methodology())
        return self.hub.write_now(lambda session: admit_methodology(session, self.hub, message))

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
        self, partner: PartyId, listed: Listed, epoch: EpochIndex = FIRST, **changes: Any
    ) -> ClaimCommitment:
        fields: dict[str, Any] = {
            "parameter_id": self.hub.parameters.parameter_id,
            "programme_id": PROGRAMME,
            "epoch": epoch,
            "partner_id": partner,
            "count": len(listed),
            "list_root": listed.root(),
            "evidence_root": hashlib.sha256(partner.encode()).digest(),
            "evidence_count": len(listed) + self.accounts(partner, epoch) * programme().epoch_days,
            "methodologies": (METHODOLOGY,),
        }
        return ClaimCommitment(**{**fields, **changes})

    def accounts(self, partner: PartyId, epoch: EpochIndex) -> int:
        """Return how many accounts of a partner the snapshot of an epoch holds."""
        stored = self.hub.read_now(lambda session: EpochStore(session).find(PROGRAMME, epoch))
        if stored is None:
            return 0
        found = self.hub.read_now(
            lambda session: self.hub.snapshots.of(session, programme(), stored)
        ).partners.get(partner)
        return 0 if found is None else found.accounts

    def commit(
        self, partner: PartyId, listed: Listed | None = None, epoch: EpochIndex = FIRST
    ) -> bytes:
        listed = listed or claims({})
        self.lists[partner, epoch] = listed
        return self.send_commitment(
            partner, signed(self.commitment(partner, listed, epoch), partner)
        )

    def send_commitment(self, caller: PartyId, message: bytes) -> bytes:
        return self.hub.write_now(lambda session: commit_claims(session, self.hub, caller, message))

    def reveal(
        self,
        partner: PartyId,
        epoch: EpochIndex = FIRST,
        *,
        file: bytes | None = None,
        commitments: bytes | None = None,
    ) -> bytes:
        own = self.lists[partner, epoch]
        files = self.hub.record.files
        with files.incoming() as tokens, files.incoming() as pieces:
            tokens.write(own.to_bytes() if file is None else file)
            pieces.write(own.commitments.to_bytes() if commitments is None else commitments)
            incoming = IncomingList(tokens=tokens, commitments=pieces)
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
        key, cap_ug = self.hub.parameters.proof_key, programme().epoch_cap_ug
        entries = [
            proved_entry(
                key,
                block_context(PROGRAMME, partner, epoch, block),
                values=[
                    (values or {}).get(Place(block, slot), 0) for slot in range(key.layout.slots)
                ],
                bounds=own.caps_ug(block),
                cap_ug=cap_ug,
                randbelow=self.chance.randrange,
            )
            for block in own.blocks()
        ]
        chunks = split_into_chunks(entries, EntryShape.of(key, cap_ug), entries_per_chunk)
        return [
            (signed(self.header(partner, chunk, number, len(chunks), stored, **changes), partner),
             chunk.to_bytes())
            for number, chunk in enumerate(chunks)
        ]  # fmt: skip

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
        snapshot = self.hub.read_now(
            lambda session: self.hub.snapshots.of(session, programme(), stored)
        )
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
            "places_digest": snapshot.partners[partner].places_digest,
            "entries_root": chunk.root(),
            "file_sha256": chunk.sha256(),
            "evidence_root": committed.evidence_root if committed else bytes(32),
            "methodology_bundle": committed.methodology_bundle if committed else bytes(32),
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
        """Send a whole submission: chunks, then the link proof."""
        chunks = self.submission(partner, values, epoch)
        receipts = [self.send_chunk(partner, header, file) for header, file in chunks]
        return [*receipts, self.send_link_proof(partner, self.link_proof(partner, epoch))]

    def link_proof(
        self,
        partner: PartyId,
        epoch: EpochIndex = FIRST,
        *,
        lost: Sequence[int] | None = None,
        **changes: Any,
    ) -> bytes:
        """Return a partner's signed link proof over the chunks that the hub holds.

        Args:
            partner: who.
            epoch: of which epoch.
            lost: positions that the partner counts as lost, by default those of the verdict.
            changes: fields of the statement that are to be others.
        """
        hub, stored = self.hub, self.epoch(epoch)
        assert stored.verdict_leaf is not None
        parameters, cap_ug = hub.parameters, programme().epoch_cap_ug
        own = self.lists.get((partner, epoch))
        files = [
            hub.record.files.get(chunk.file_sha256)
            for chunk in hub.read_now(
                lambda session: SubmissionStore(session, PROGRAMME, epoch).chunks_of(partner)
            ).values()
        ]
        shape = EntryShape.of(parameters.proof_key, cap_ug)
        revealed = self.revealed(partner, epoch)
        if lost is None and own is not None and revealed:
            lost = self.lost_positions(partner, epoch)
        statement = link_statement(
            parameters,
            LinkContext(
                programme_id=PROGRAMME,
                party_id=partner,
                epoch=epoch,
                plan_leaf=self.leaf_at(stored.plan_leaf),
                verdict_leaf=self.leaf_at(stored.verdict_leaf),
            ),
            cap_ug=cap_ug,
            commitments={
                entry.block: block_commitment(parameters, entry.proof)
                for file in files
                for entry in ChunkFile.from_bytes(file, shape)
            },
            winnings=winnings_of(own.commitments if own and revealed else None, lost or ()),
        )
        won = own.won(lost or ()) if own is not None and revealed else (0, 0)
        fields: dict[str, Any] = {
            "parameter_id": parameters.parameter_id,
            "programme_id": PROGRAMME,
            "epoch": epoch,
            "partner_id": partner,
            "plan_leaf": stored.plan_leaf,
            "verdict_leaf": stored.verdict_leaf,
            "proof": link_proof_of(parameters, statement, won, self.chance),
        }
        return signed(LinkProof(**{**fields, **changes}), partner)

    def send_link_proof(self, caller: PartyId, message: bytes) -> bytes:
        return admit_link_proof(self.hub, caller, message)

    def leaf_at(self, index: int) -> bytes:
        return self.hub.read_now(lambda session: self.hub.record.leaf(session, index)).leaf

    def revealed(self, partner: PartyId, epoch: EpochIndex) -> bool:
        return partner in self.hub.read_now(
            lambda session: EpochStore(session).lists(PROGRAMME, epoch)
        )

    def places(self) -> dict[bytes, Place]:
        """Return the place of every account."""
        entries = self.hub.read_now(
            lambda session: list(
                EnrolmentStore(session).placed_entries(
                    PROGRAMME, snapshot_size=1 << 32, epoch=EpochIndex(1 << 16)
                )
            )
        )
        return {entry.account_token: entry.place for entry in entries}

    def lost_positions(self, partner: PartyId, epoch: EpochIndex = FIRST) -> list[int]:
        """Return the positions of a partner's lost claims, as the hub tells it."""
        lost = self.hub.read_now(
            lambda session: lost_claims(session, self.hub, partner, PROGRAMME, epoch)
        )
        return [item.position for item in lost.claims]

    def run_claims(self, partners: Sequence[PartyId] = PARTNERS, epoch: EpochIndex = FIRST) -> None:
        """Take an epoch from its last day to SUBMITTING; lists are those of `lists`, or rich."""
        self.wait_until_end_of(epoch)
        self.advance()
        for partner in partners:
            if (partner, epoch) not in self.lists:
                self.lists[partner, epoch] = rich_claims(partner, epoch)
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
