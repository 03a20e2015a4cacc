"""Phase 1a: from activities to the list of claims and its two roots.

All of it is decided once, from what was accepted before the epoch was cut off, and stored together
with the random parts (salts, pads). Nothing is computed again afterwards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from fedcarbon.epoch.statements import ClaimCommitment
from fedcarbon.evidence.leaf import EVIDENCE_KEY_BYTES
from fedcarbon.identity.blinding import SecretOutput
from fedcarbon.identity.claims import SALT_BYTES, ClaimEntry, TokenList, pad
from fedcarbon.identity.commitment_list import CommitmentList, piece_commitment
from fedcarbon.identity.ristretto import element, random_scalar
from fedcarbon.identity.tokens import ClaimToken, claim_token, object_token
from fedcarbon.ids import EpochIndex
from fedcarbon.methodology.occupancy import NO_TIME_S, SlotKey
from fedcarbon.methodology.person_day import Piece, by_day, claims_of
from fedcarbon.transparency.envelope import sign
from fedcarbon.units import MicrogramsCO2e
from partner_node.activities.bundle import Bundle
from partner_node.epochs.collecting import Collector, Slot
from partner_node.epochs.evidence import EpochEvidence, EvidenceSources
from partner_node.epochs.snapshot import OwnSnapshot
from partner_node.membership import Membership
from partner_node.storage.activities import ActivityStore
from partner_node.storage.database import Database
from partner_node.storage.enrolment import EnrolmentStore
from partner_node.storage.epochs import ClaimRow, Commitment, EpochWork, PersonDay
from partner_node.storage.objects import ObjectStore
from partner_node.storage.outbox import Message, MessageKind


class ClaimBuilder:
    """Builds the work of an epoch from the store."""

    def __init__(self, database: Database, member: Membership, bundle: Bundle) -> None:
        """Read activities, consents and secrets from `database`."""
        self._activities = ActivityStore(database)
        self._enrolment = EnrolmentStore(database)
        self._objects = ObjectStore(database)
        self._collector = Collector(database, member, bundle)
        self._member = member
        self._bundle = bundle

    def build(self, epoch: EpochIndex, snapshot: OwnSnapshot) -> EpochWork:
        """Return everything that phase 1a decides for `epoch`, ready to be stored."""
        days = self._member.programme.days_of(epoch)
        stored = self._activities.credited_between(days[0], days[-1])
        objects = self._objects.outputs(item.activity.object_ref for item in stored)
        collected = self._collector.collect(epoch, stored, snapshot, objects.keys())
        persons = self._enrolment.claim_outputs(list(collected.of_person))
        about, entries = self._entries(collected.of_person, persons, objects)
        ranks = [entry.rank for entry in entries]
        chance = self._member.randomness
        claims = pad(entries, chance.octets, lambda: ranks[chance.below(len(ranks))])
        by_slot = _by_slot(collected.of_person)
        rows = [self._row(entry, about.get(entry.token), by_slot) for entry in claims]
        commitments = self._commitments(claims, rows)
        sources = EvidenceSources.of(
            chance.octets(EVIDENCE_KEY_BYTES),
            rows,
            commitments.commitments(),
            collected.of_person,
            collected.activities,
            snapshot,
            days=days,
            credited=collected.credited,
        )
        commitment = Commitment(
            claims=len(entries),
            padded_claims=len(claims),
            list_root=commitments.root(),
            evidence_root=EpochEvidence(sources).root(),
            evidence_count=sources.numbering.leaves,
            evidence_key=sources.evidence_key,
            methodologies={item.methodology_id: item.content_hash for item in self._bundle.all()},
            methodology_bundle=self._bundle.hash,
        )
        return EpochWork(
            commitment=commitment,
            claims=rows,
            pieces=collected.of_person,
            person_days=_person_days(collected.of_person),
            credited=list(collected.credited.values()),
            rejects=collected.rejects,
            messages=self._messages(epoch, commitment, claims, commitments),
        )

    # --- claims ---------------------------------------------------------------------------

    def _entries(
        self,
        pieces: Mapping[int, Sequence[Piece]],
        persons: Mapping[int, SecretOutput],
        objects: Mapping[str, SecretOutput],
    ) -> tuple[dict[ClaimToken, Slot], list[ClaimEntry]]:
        """Return what each token is about, and the claims."""
        about: dict[ClaimToken, Slot] = {}
        entries: list[ClaimEntry] = []
        for person_id, own in pieces.items():
            for claim in claims_of(own):
                slot = claim.slot
                output = objects[slot.owner] if slot.owner else persons[person_id]
                token = self._token(output, slot)
                about[token] = (person_id, slot)
                entries.append(
                    ClaimEntry(
                        token=token,
                        rank=claim.rank,
                        salt=self._member.randomness.octets(SALT_BYTES),
                    )
                )
        return about, entries

    def _token(self, output: SecretOutput, slot: SlotKey) -> ClaimToken:
        domain = self._member.programme.exclusivity_domain
        if not slot.owner:
            return claim_token(output, domain, slot.group, slot.start_s)
        start_s = None if slot.start_s == NO_TIME_S else slot.start_s
        return object_token(output, domain, slot.group, start_s)

    def _row(
        self, entry: ClaimEntry, slot: Slot | None, by_slot: Mapping[Slot, Sequence[Piece]]
    ) -> ClaimRow:
        """Return what the node keeps of a claim; a pad is about no slot and worth nothing."""
        chance = self._member.randomness
        worth_ug = 0 if slot is None else sum(piece.piece_ug for piece in by_slot[slot])
        return ClaimRow(
            token=entry.token,
            rank=entry.rank,
            person_id=None if slot is None else slot[0],
            slot=None if slot is None else slot[1],
            piece_ug=MicrogramsCO2e(worth_ug),
            blinding=random_scalar(chance.below),
        )

    def _commitments(self, claims: TokenList, rows: Sequence[ClaimRow]) -> CommitmentList:
        """Return the file that commits to what every claim is worth, in the order of the list."""
        generator = element(self._member.parameters.ristretto_generator)
        return CommitmentList.of(
            claims.hidden(),
            [piece_commitment(row.piece_ug, row.blinding, generator) for row in rows],
        )

    # --- messages -------------------------------------------------------------------------

    def _messages(
        self,
        epoch: EpochIndex,
        commitment: Commitment,
        claims: TokenList,
        commitments: CommitmentList,
    ) -> list[Message]:
        statement = ClaimCommitment(
            parameter_id=self._member.parameters.parameter_id,
            programme_id=self._member.programme.programme_id,
            epoch=epoch,
            partner_id=self._member.party_id,
            count=commitment.padded_claims,
            list_root=commitment.list_root,
            evidence_root=commitment.evidence_root,
            evidence_count=commitment.evidence_count,
            methodologies=tuple(sorted(commitment.methodologies.values())),
        )
        return [
            Message(
                kind=MessageKind.CLAIM_COMMITMENT,
                subject=str(epoch),
                envelope=sign(statement, self._member.signers).to_bytes(),
            ),
            Message(
                kind=MessageKind.CLAIM_LIST,
                subject=str(epoch),
                content=claims.to_bytes(),
                second_content=commitments.to_bytes(),
            ),
        ]


def _by_slot(pieces: Mapping[int, Sequence[Piece]]) -> dict[Slot, list[Piece]]:
    by_slot: defaultdict[Slot, list[Piece]] = defaultdict(list)
    for person_id, own in pieces.items():
        for piece in own:
            by_slot[person_id, piece.slot].append(piece)
    return dict(by_slot)


def _person_days(pieces: Mapping[int, Sequence[Piece]]) -> list[PersonDay]:
    """Return what everybody earned on each day, before verdicts."""
    return [
        PersonDay(
            person_id=person_id,
            day=day,
            reduction_ug=MicrogramsCO2e(sum(piece.piece_ug for piece in of_day)),
        )
        for person_id, own in sorted(pieces.items())
        for day, of_day in by_day(own).items()
    ]
