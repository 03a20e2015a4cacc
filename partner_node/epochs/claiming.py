"""Phase 1a: from activities to the list of claims and its two roots.

All of it is decided once, from what was accepted before the epoch was cut off, and stored together
with the random parts (salts, pads). Nothing is computed again afterwards.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fedcarbon.epoch.statements import ClaimCommitment
from fedcarbon.evidence.leaf import EVIDENCE_KEY_BYTES
from fedcarbon.identity.blinding import SecretOutput
from fedcarbon.identity.claims import SALT_BYTES, ClaimEntry, TokenList, pad
from fedcarbon.identity.commitment_list import CommitmentList, piece_commitment
from fedcarbon.identity.ristretto import element, random_scalar
from fedcarbon.identity.tokens import ClaimToken, claim_token
from fedcarbon.ids import EpochIndex
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.evaluation import NotEligibleError, reduction_ug
from fedcarbon.methodology.person_day import Piece, SlotClaim, by_day, claims_of, pieces_of
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.methodology.slots import SlotGrid
from fedcarbon.registry.methodology import bundle_hash
from fedcarbon.registry.programme import midnight_s, zone
from fedcarbon.transparency.envelope import sign
from fedcarbon.units import MicrogramsCO2e, Seconds
from partner_node.epochs.evidence import EpochEvidence, EvidenceSources, activity_of
from partner_node.epochs.snapshot import OwnSnapshot
from partner_node.membership import Membership
from partner_node.storage.activities import ActivityStore, StoredActivity, StoredReject
from partner_node.storage.database import Database
from partner_node.storage.enrolment import EnrolmentStore
from partner_node.storage.epochs import ClaimRow, Commitment, EpochWork, PersonDay
from partner_node.storage.outbox import Message, MessageKind
from partner_node.storage.persons import PersonStore, Standing

_DETAILS: Final[Mapping[str, str]] = {
    RejectReason.NOT_ENROLLED: "the person had no account when the epoch was planned",
    RejectReason.CONSENT_WITHDRAWN: "the consents ended before this epoch",
    RejectReason.ABOVE_CLAIM_QUOTA: "the admission allows no more claims in this epoch",
}

Slot = tuple[int, Seconds]
"""Person and start of a slot: what one claim is about."""


@dataclass(slots=True)
class _Pieces:
    """What is claimed so far."""

    of_person: dict[int, list[Piece]]
    slots: set[Slot]
    rejects: list[StoredReject]


class ClaimBuilder:
    """Builds the work of an epoch from the store."""

    def __init__(self, database: Database, member: Membership, methodology: Methodology) -> None:
        """Read activities, consents and secrets from `database`."""
        self._activities = ActivityStore(database)
        self._persons = PersonStore(database)
        self._enrolment = EnrolmentStore(database)
        self._member = member
        self._methodology = methodology
        programme = member.programme
        self._grid = SlotGrid(zone=zone(programme.time_zone), slot_s=programme.slot_s)

    def build(self, epoch: EpochIndex, snapshot: OwnSnapshot) -> EpochWork:
        """Return everything that phase 1a decides for `epoch`, ready to be stored."""
        activities = {item.activity_id: item for item in self._activities_of(epoch)}
        collected = self._collect(epoch, snapshot, activities.values())
        outputs = self._enrolment.claim_outputs(list(collected.of_person))
        about, entries = self._entries(collected.of_person, outputs)
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
            activities,
            snapshot,
            days=self._member.programme.days_of(epoch),
            methodology=self._methodology.content_hash,
        )
        commitment = Commitment(
            claims=len(entries),
            padded_claims=len(claims),
            list_root=commitments.root(),
            evidence_root=EpochEvidence(sources).root(),
            evidence_count=sources.numbering.leaves,
            evidence_key=sources.evidence_key,
            methodology=self._methodology.content_hash,
            methodology_bundle=bundle_hash([self._methodology.content_hash]),
        )
        return EpochWork(
            commitment=commitment,
            claims=rows,
            pieces=collected.of_person,
            person_days=_person_days(collected.of_person),
            rejects=collected.rejects,
            messages=self._messages(epoch, commitment, claims, commitments),
        )

    # --- pieces ---------------------------------------------------------------------------

    def _activities_of(self, epoch: EpochIndex) -> list[StoredActivity]:
        programme = self._member.programme
        first_s = midnight_s(programme.days_of(epoch)[0], programme.time_zone)
        return self._activities.between(first_s, programme.epoch_end_s(epoch))

    def _collect(
        self, epoch: EpochIndex, snapshot: OwnSnapshot, activities: Iterable[StoredActivity]
    ) -> _Pieces:
        """Return the pieces of every activity that counts, and why the others do not."""
        standings = self._persons.all_standings()
        quota = self._quota(epoch, snapshot)
        collected = _Pieces(of_person=defaultdict(list), slots=set(), rejects=[])
        for activity in activities:
            pieces = self._pieces(epoch, activity)
            if isinstance(pieces, StoredReject):
                collected.rejects.append(pieces)
                continue
            if not pieces:
                continue  # occupies slots of other epochs only
            slots = {(activity.person_id, piece.slot_start_s) for piece in pieces}
            reason = _standing_reason(epoch, activity, standings, snapshot)
            fresh = slots - collected.slots  # never a copy of all: there may be a million
            if reason is None and len(collected.slots) + len(fresh) > quota:
                reason = RejectReason.ABOVE_CLAIM_QUOTA
            if reason is not None:
                collected.rejects.append(_reject(epoch, activity, reason))
                continue
            collected.slots |= fresh
            collected.of_person[activity.person_id] += pieces
        return collected

    def _pieces(self, epoch: EpochIndex, stored: StoredActivity) -> list[Piece] | StoredReject:
        """Return the pieces of an activity that lie in `epoch`."""
        # A worse tier than recorded may be all that the admission allows.
        tier = max(stored.evidence, self._member.foundation.own.best_tier)
        activity = dataclasses.replace(activity_of(stored), evidence=tier)
        try:
            mass_ug = reduction_ug(
                activity, self._methodology, self._grid.day_of(activity.started_at_s)
            )
        except NotEligibleError as error:
            # Accepted under an earlier version of the methodology.
            return _reject(epoch, stored, error.reason)
        days = set(self._member.programme.days_of(epoch))
        return [piece for piece in pieces_of(activity, mass_ug, self._grid) if piece.day in days]

    def _quota(self, epoch: EpochIndex, snapshot: OwnSnapshot) -> int:
        """Return how many claims, before padding, the admission allows."""
        days = len(self._member.programme.days_of(epoch))
        per_account_day = self._member.foundation.own.claim_slots_per_account_day
        return per_account_day * snapshot.blocks.accounts * days

    # --- claims ---------------------------------------------------------------------------

    def _entries(
        self,
        pieces: Mapping[int, Sequence[Piece]],
        outputs: Mapping[int, SecretOutput],
    ) -> tuple[dict[ClaimToken, Slot], list[ClaimEntry]]:
        """Return what each token is about, and the claims."""
        about: dict[ClaimToken, Slot] = {}
        entries: list[ClaimEntry] = []
        for person_id, own in pieces.items():
            for claim in claims_of(own):
                token = self._token(outputs[person_id], claim)
                about[token] = (person_id, claim.slot_start_s)
                entries.append(
                    ClaimEntry(
                        token=token,
                        rank=claim.rank,
                        salt=self._member.randomness.octets(SALT_BYTES),
                    )
                )
        return about, entries

    def _token(self, output: SecretOutput, claim: SlotClaim) -> ClaimToken:
        programme = self._member.programme
        return claim_token(
            output,
            programme.exclusivity_domain,
            programme.exclusivity_group,
            claim.slot_start_s,
        )

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
            slot_start_s=None if slot is None else slot[1],
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
            methodologies=(commitment.methodology,),
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


def _standing_reason(
    epoch: EpochIndex,
    activity: StoredActivity,
    standings: Mapping[str, Standing],
    snapshot: OwnSnapshot,
) -> RejectReason | None:
    """Return why an accepted activity does not count in `epoch` after all."""
    periods = standings[activity.person_ref].periods
    if not any(
        period.covers(activity.started_at_s)
        and (period.until_epoch is None or epoch < period.until_epoch)
        for period in periods
    ):
        return RejectReason.CONSENT_WITHDRAWN
    return None if activity.person_id in snapshot.persons else RejectReason.NOT_ENROLLED


def _reject(epoch: EpochIndex, activity: StoredActivity, reason: str) -> StoredReject:
    return StoredReject(
        subject=activity.activity_id,
        reason=str(reason),
        detail=_DETAILS.get(reason, "the methodology in force does not count it"),
        epoch=epoch,
    )


def _by_slot(pieces: Mapping[int, Sequence[Piece]]) -> dict[Slot, list[Piece]]:
    by_slot: defaultdict[Slot, list[Piece]] = defaultdict(list)
    for person_id, own in pieces.items():
        for piece in own:
            by_slot[person_id, piece.slot_start_s].append(piece)
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
