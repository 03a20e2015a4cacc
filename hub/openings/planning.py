"""From requests to openings: what is opened together, and the drafts that trustees are shown.

Requests for one block and epoch become one opening, because one decryption opens all their slots;
openings become batches, because one proof holds for many shares. A request that a trustee would not
join in stands alone, so that it holds nobody else up.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.opening.accounts import AccountRef
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.mask_sets import NO_HASH
from fedcarbon.opening.statements import OpeningRequest, OpeningStart, Target, opening_id_of

BATCH_OPENINGS_MAX: Final = 64


@dataclass(slots=True)
class Note:
    """What earlier attempts have shown about one request; kept in memory only."""

    is_alone: bool = False
    """Whether it must not share an opening with others."""
    refused_by: dict[PartyId, str] = field(default_factory=dict)
    """Trustee to the code of its refusal."""
    incidents: int = 0
    """How often what came out could not be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A request that may be opened now."""

    request: Logged[OpeningRequest]
    product: bytes
    """Cumulative ciphertext of its block up to its epoch."""

    @property
    def account(self) -> AccountRef:
        """The account that it opens."""
        statement = self.request.statement
        return AccountRef(statement.programme_id, statement.account_token)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOpening:
    """One block to be opened for one or more requests."""

    programme_id: ProgrammeId
    block: int
    epoch: EpochIndex
    product: bytes
    requests: tuple[Logged[OpeningRequest], ...]
    """Sorted by slot."""

    @property
    def product_sha256(self) -> bytes:
        """SHA-256 of the cumulative ciphertext."""
        return hashlib.sha256(self.product).digest()

    @property
    def opening_id(self) -> bytes:
        """The id of this opening: the same requests over the same ciphertext give the same id."""
        return opening_id_of(
            request_leaves=[request.leaf for request in self.requests],
            block=self.block,
            epoch=self.epoch,
            slots=[request.statement.slot for request in self.requests],
            product_sha256=self.product_sha256,
        )

    def draft(self, parameter_id: bytes, subset: Sequence[PartyId], attempt: int) -> OpeningStart:
        """Return the draft of a start: everything but the mask hashes.

        Args:
            parameter_id: 32 bytes.
            subset: S, in any order.
            attempt: above every attempt that was begun before.
        """
        return OpeningStart(
            parameter_id=parameter_id,
            programme_id=self.programme_id,
            opening_id=self.opening_id,
            attempt=attempt,
            block=self.block,
            epoch=self.epoch,
            targets=tuple(
                Target(
                    slot=request.statement.slot,
                    account_token=request.statement.account_token,
                    request_leaf=request.index,
                )
                for request in self.requests
            ),
            subset=tuple(sorted(subset)),
            product_sha256=self.product_sha256,
            mask_hashes=(NO_HASH,) * len(subset),
        )


class Batch(NamedTuple):
    """Openings that one subset of trustees works on at once."""

    refused_by: frozenset[PartyId]
    """Trustees that have refused one of them before and are not asked."""
    openings: tuple[PlannedOpening, ...]


class _Group(NamedTuple):
    """What requests of one opening have in common."""

    refused_by: frozenset[PartyId]
    programme_id: ProgrammeId
    epoch: EpochIndex
    block: int
    alone: int
    """Leaf of the request if it stands alone, else 0."""


def planned_batches(
    candidates: Iterable[Candidate], notes: Mapping[int, Note]
) -> tuple[Batch, ...]:
    """Return the batches in which to open `candidates`; of one account only the oldest request.

    Args:
        candidates: requests that may be opened, oldest first.
        notes: what is known of requests, by leaf index.
    """
    groups: dict[_Group, list[Candidate]] = defaultdict(list)
    accounts: set[AccountRef] = set()
    for candidate in candidates:
        if candidate.account not in accounts:
            accounts.add(candidate.account)
            groups[_group_of(candidate, notes)].append(candidate)
    openings: dict[frozenset[PartyId], list[PlannedOpening]] = defaultdict(list)
    for group, members in sorted(groups.items(), key=lambda item: item[0][1:]):
        openings[group.refused_by].append(
            PlannedOpening(
                programme_id=group.programme_id,
                block=group.block,
                epoch=group.epoch,
                product=members[0].product,
                requests=tuple(
                    sorted(
                        (member.request for member in members),
                        key=lambda request: request.statement.slot,
                    )
                ),
            )
        )
    return tuple(
        Batch(refused_by, tuple(planned[start : start + BATCH_OPENINGS_MAX]))
        for refused_by, planned in openings.items()
        for start in range(0, len(planned), BATCH_OPENINGS_MAX)
    )


def _group_of(candidate: Candidate, notes: Mapping[int, Note]) -> _Group:
    request = candidate.request
    note = notes.get(request.index, Note())
    return _Group(
        refused_by=frozenset(note.refused_by),
        programme_id=request.statement.programme_id,
        epoch=request.statement.epoch,
        block=request.statement.block,
        alone=request.index if note.is_alone else 0,
    )
