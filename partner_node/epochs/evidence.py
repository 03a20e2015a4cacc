"""The evidence of an epoch: built in phase 1a, and built again, leaf for leaf, for an audit.

Everything comes from what is stored, so nothing but the secret of the salts is kept for it. The
leaves themselves are the core's (`fedcarbon.evidence.leaf`): the auditor computes the same ones.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fedcarbon.epoch.snapshot import Place
from fedcarbon.evidence.leaf import (
    ActivityEvidence,
    ClaimEvidence,
    EvidencePiece,
    PersonDayEvidence,
    SlotEvidence,
    leaf_salt,
)
from fedcarbon.evidence.numbering import Numbering
from fedcarbon.identity.tokens import AccountToken
from fedcarbon.methodology.occupancy import SlotKey
from fedcarbon.methodology.person_day import Piece, by_day, claims_of
from fedcarbon.transparency import merkle
from fedcarbon.units import MicrogramsCO2e
from partner_node.epochs.snapshot import OwnSnapshot
from partner_node.storage.activities import StoredActivity
from partner_node.storage.epochs import ClaimRow, CreditedActivity


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSources:
    """What the node knows of an epoch."""

    evidence_key: bytes = field(repr=False)
    """Secret of the salts."""
    claims: Sequence[ClaimRow]
    """In the order of the list."""
    commitments: Sequence[bytes]
    """K of every claim, in the same order."""
    pieces: Mapping[int, Sequence[Piece]]
    """By person."""
    activities: Mapping[str, StoredActivity]
    """By id; holds every activity of `pieces`."""
    persons: Mapping[int, Place]
    """Everybody who is enrolled in the snapshot, and their places."""
    tokens: Mapping[int, AccountToken]
    numbering: Numbering
    credited: Mapping[str, CreditedActivity]
    """By id; holds every activity of `pieces`."""

    @classmethod
    def of(
        cls,
        evidence_key: bytes,
        claims: Sequence[ClaimRow],
        commitments: Sequence[bytes],
        pieces: Mapping[int, Sequence[Piece]],
        activities: Mapping[str, StoredActivity],
        snapshot: OwnSnapshot,
        *,
        days: tuple[dt.date, ...],
        credited: Mapping[str, CreditedActivity],
    ) -> EvidenceSources:
        """Return the sources of an epoch over `days` whose people are those of `snapshot`."""
        return cls(
            evidence_key=evidence_key,
            claims=claims,
            commitments=commitments,
            pieces=pieces,
            activities=activities,
            persons=snapshot.persons,
            tokens=snapshot.tokens,
            numbering=Numbering.of(len(claims), snapshot.blocks.slots_of, days),
            credited=credited,
        )


class EpochEvidence:
    """The leaves of one epoch."""

    def __init__(self, sources: EvidenceSources) -> None:
        """Sort what belongs together."""
        self._sources = sources
        self._claim_of = {
            (row.person_id, row.slot): position
            for position, row in enumerate(sources.claims)
            if row.person_id is not None
        }
        self._person_at = {place: person_id for person_id, place in sources.persons.items()}
        self._in_slot: defaultdict[tuple[int, SlotKey], list[Piece]] = defaultdict(list)
        for person_id, own in sources.pieces.items():
            for piece in own:
                self._in_slot[person_id, piece.slot].append(piece)

    @property
    def numbering(self) -> Numbering:
        """Which leaf is whose."""
        return self._sources.numbering

    def claim(self, number: int) -> ClaimEvidence:
        """Return what stands behind the claim at position `number` of the list."""
        row = self._sources.claims[number]
        pieces: Iterable[Piece] = ()
        if row.person_id is not None and row.slot is not None:
            pieces = self._in_slot[row.person_id, row.slot]
        return ClaimEvidence(
            token=row.token,
            rank=row.rank,
            commitment=self._sources.commitments[number],
            pieces=tuple(
                EvidencePiece(
                    activity=self._activity(piece),
                    owner=piece.slot.owner,
                    group=piece.slot.group,
                    slot_start_s=piece.slot.start_s,
                    piece_ug=piece.piece_ug,
                )
                for piece in sorted(pieces, key=lambda item: item.activity_id)
            ),
        )

    def person_day(self, number: int) -> PersonDayEvidence:
        """Return what stands behind the person-day at leaf `number`."""
        sources = self._sources
        place, day = sources.numbering.person_day(number)
        person_id = self._person_at[place]
        own = by_day(sources.pieces.get(person_id, ())).get(day, ())
        slots = tuple(
            SlotEvidence(
                owner=claim.slot.owner,
                group=claim.slot.group,
                slot_start_s=claim.slot.start_s,
                claim=self._claim_of[person_id, claim.slot],
                reduction_ug=claim.reduction_ug,
            )
            for claim in claims_of(own)
        )
        by_id = {piece.activity_id: self._activity(piece) for piece in own}
        return PersonDayEvidence(
            account_token=sources.tokens[person_id],
            day=day.isoformat(),
            reduction_ug=MicrogramsCO2e(sum(slot.reduction_ug for slot in slots)),
            activities=tuple(by_id[name] for name in sorted(by_id)),
            slots=slots,
        )

    def salt(self, number: int) -> bytes:
        """Return the salt of the leaf `number`."""
        return leaf_salt(self._sources.evidence_key, number)

    def leaves(self) -> Iterator[bytes]:
        """Yield every leaf in order."""
        numbering = self.numbering
        for number in range(numbering.claims):
            yield self.claim(number).leaf(self.salt(number))
        for number in range(numbering.claims, numbering.leaves):
            yield self.person_day(number).leaf(self.salt(number))

    def root(self) -> bytes:
        """Return the root over all leaves: 32 bytes."""
        return merkle.root_of(self.leaves())

    def _activity(self, piece: Piece) -> ActivityEvidence:
        stored = self._sources.activities[piece.activity_id]
        credited = self._sources.credited[piece.activity_id]
        return ActivityEvidence.of(
            # The admission may allow only a worse tier than was recorded.
            dataclasses.replace(stored.activity, evidence=credited.evidence),
            stored.activity_type,
            credited.methodology,
            credited.history,
            credited.credited_ug,
        )
