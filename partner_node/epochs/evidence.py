"""The evidence of an epoch: its leaves in phase 1a and again for an audit, and what is opened.

Everything comes from what is stored, so nothing but the secret of the salts is kept for it. The
leaves themselves are the core's (`fedcarbon.evidence.leaf`): the auditor computes the same ones.
For all people they are made from rows, a range of persons at a time; what an auditor asks for is
made of the core's evidence, which can be opened.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fedcarbon.epoch.snapshot import Place
from fedcarbon.evidence.leaf import (
    ActivityEvidence,
    ClaimEvidence,
    EvidencePiece,
    LeafSalts,
    PersonDayEvidence,
    SlotEvidence,
    activity_bytes,
    claim_leaf,
    day_slot_bytes,
    leaf_salt,
    person_day_leaf,
    piece_bytes,
)
from fedcarbon.evidence.numbering import Numbering
from fedcarbon.identity.tokens import AccountToken
from fedcarbon.ids import EpochIndex
from fedcarbon.methodology.occupancy import SlotKey
from fedcarbon.methodology.person_day import Piece, by_day, claims_of
from fedcarbon.transparency import merkle
from fedcarbon.units import MicrogramsCO2e
from partner_node.storage.accounts import AccountStore
from partner_node.storage.activities import StoredActivity
from partner_node.storage.claim_work import ClaimWork
from partner_node.storage.database import Row
from partner_node.storage.epochs import ClaimRow, CreditedActivity


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSources:
    """What the node knows of an epoch."""

    evidence_key: bytes = field(repr=False)
    """Secret of the salts."""
    claims: Mapping[int, ClaimRow]
    """By position in the list."""
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


class EpochEvidence:
    """The leaves of one epoch."""

    def __init__(self, sources: EvidenceSources) -> None:
        """Sort what belongs together."""
        self._sources = sources
        self._claim_of = {
            (row.person_id, row.slot): position
            for position, row in sources.claims.items()
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
            commitment=row.commitment,
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
        """Yield every leaf in order; the sources must hold everything."""
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


# --- all leaves, from rows ------------------------------------------------------------------------

Leaves = tuple[list[int], list[bytes]]
"""Numbers and leaves."""
_Listed = tuple[int, bytes, int, bytes]
"""Position, token, rank and commitment of a claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRows:
    """What the store has of a range of persons in an epoch."""

    accounts: Sequence[tuple[int, int, AccountToken]]
    """Number, person and account token."""
    pieces: Iterable[Row]
    """See `ClaimWork.pieces_of`."""
    activities: Mapping[str, bytes]
    """What leaves hash of every activity, by id."""

    @classmethod
    def of(
        cls,
        work: ClaimWork,
        accounts: AccountStore,
        epoch: EpochIndex,
        first_person: int,
        last_person: int,
    ) -> PersonRows:
        """Read a range of persons, both ends included; inside of `work.sorted_by_person`."""
        return cls(
            accounts=accounts.numbered(epoch, first_person, last_person),
            pieces=work.pieces_of(epoch, first_person, last_person),
            activities={
                row[0]: _activity_bytes(row)
                for row in work.activities_of(epoch, first_person, last_person)
            },
        )


@dataclass(slots=True)
class _Day:
    """What stands behind a person-day."""

    activities: dict[str, bytes] = field(default_factory=dict)
    """By id."""
    slots: dict[SlotKey, tuple[int, int]] = field(default_factory=dict)
    """To the position of the claim and the mass of its pieces; in order."""


_NO_DAY: Final = _Day()


def person_leaves(
    evidence_key: bytes, rows: PersonRows, days: Sequence[dt.date], *, claims: int
) -> Leaves:
    """Return the leaves of all claims and person-days of a range of persons.

    Args:
        evidence_key: secret of the salts.
        rows: of these persons.
        days: of the epoch.
        claims: length of the list, pads included.
    """
    behind: dict[_Listed, dict[str, bytes]] = {}
    of_days: defaultdict[tuple[int, str], _Day] = defaultdict(_Day)
    for person_id, day, owner, group, start_s, name, piece_ug, *listed in rows.pieces:
        slot, activity = SlotKey(owner, group, start_s), rows.activities[name]
        position, token, rank, commitment = listed
        pieces = behind.setdefault((position, token, rank, commitment), {})
        pieces[name] = piece_bytes(activity, slot, piece_ug)
        of_day = of_days[person_id, day]
        of_day.activities[name] = activity
        _, before_ug = of_day.slots.get(slot, (position, 0))
        of_day.slots[slot] = (position, before_ug + piece_ug)
    salts = LeafSalts(evidence_key)
    numbers, leaves = [], []
    for (position, token, rank, commitment), pieces in behind.items():
        parts = [pieces[name] for name in sorted(pieces)]
        numbers.append(position)
        leaves.append(claim_leaf(salts.salt(position), token, rank, commitment, parts))
    for account, person_id, account_token in rows.accounts:
        for number, date in enumerate(days, start=claims + account * len(days)):
            day = date.isoformat()
            of_day = of_days.get((person_id, day), _NO_DAY)
            numbers.append(number)
            leaves.append(_day_leaf(salts.salt(number), account_token, day, of_day))
    return numbers, leaves


def pad_leaves(evidence_key: bytes, pads: Iterable[_Listed]) -> Leaves:
    """Return the leaves of pads, which stand for no piece."""
    salts = LeafSalts(evidence_key)
    numbers, leaves = [], []
    for position, token, rank, commitment in pads:
        numbers.append(position)
        leaves.append(claim_leaf(salts.salt(position), token, rank, commitment, ()))
    return numbers, leaves


def _day_leaf(salt: bytes, account_token: bytes, day: str, of_day: _Day) -> bytes:
    slots = [
        day_slot_bytes(slot, position, worth_ug)
        for slot, (position, worth_ug) in of_day.slots.items()
    ]
    reduction_ug = sum(worth_ug for _, worth_ug in of_day.slots.values())
    activities = [of_day.activities[name] for name in sorted(of_day.activities)]
    return person_day_leaf(salt, account_token, day, reduction_ug, activities, slots)


def _activity_bytes(row: Row) -> bytes:
    """Return what leaves hash of a row of `ClaimWork.activities_of`."""
    history = ["" if item is None else str(item) for item in json.loads(row[10])]
    return activity_bytes(row[:4], row[4], row[5], row[6:8], row[8], row[9], history, row[11])
