"""SUBMITTING -> SEALED: multiplying what came in and closing the epoch for ever.

Epochs of a programme are sealed in their order, because a block's product is cumulative. A partner
whose submission is not complete when the time is over is sealed missing, and nothing of what it did
send is multiplied.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from sqlmodel import Session

from fedcarbon.epoch.lifecycle import EpochEvent, EpochState
from fedcarbon.epoch.statements import BeaconLabel, Seal, SealedPart, product_entry
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.registry.programme import Programme
from fedcarbon.submission.chunk_file import FILE_MAGIC, EntryShape, ciphertexts_in
from fedcarbon.transparency import merkle
from hub.context import Hub
from hub.epochs.lookup import beacon_leaf_over
from hub.epochs.planning import phase_end_s
from hub.epochs.products import products
from hub.storage.epoch_store import EpochStore, StoredEpoch
from hub.storage.submission_store import ProductStore, StoredChunk, SubmissionStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What an epoch is sealed with."""

    enrolled: tuple[PartyId, ...]
    """Partners of the snapshot, sorted."""
    complete: Mapping[PartyId, tuple[StoredChunk, ...]]
    """Partners whose dense submission is complete and proved, with their chunks in order."""

    @property
    def is_whole(self) -> bool:
        """Whether nobody is missing."""
        return set(self.enrolled) == set(self.complete)


def contribution_if_due(
    session: Session, hub: Hub, programme: Programme, stored: StoredEpoch
) -> Contribution | None:
    """Return what to seal an epoch with, or None if it is not to be sealed yet.

    It is to be sealed when the epoch before is, and everyone has submitted or the time is over.
    """
    store = EpochStore(session)
    if stored.epoch > 1:
        before = store.find(stored.programme_id, EpochIndex(stored.epoch - 1))
        if before is None or before.state is not EpochState.SEALED:
            return None
    found = contribution(session, hub, programme, stored)
    assert stored.verdict_leaf is not None  # noqa: S101 - SUBMITTING has one
    verdicts_s = hub.record.leaf(session, stored.verdict_leaf).appended_at_s
    until_s = phase_end_s(stored.submit_until_s, verdicts_s, programme.policy.submit_window_s)
    return found if found.is_whole or hub.clock.now_s() > until_s else None


def contribution(
    session: Session, hub: Hub, programme: Programme, stored: StoredEpoch
) -> Contribution:
    """Return which partners' submissions are complete now."""
    enrolled = tuple(hub.snapshots.of(session, programme, stored).partners)
    submitted = SubmissionStore(session, stored.programme_id, stored.epoch).chunks()
    # A link proof is logged only when all chunks are in and it holds.
    proved = EpochStore(session).link_proofs(stored.programme_id, stored.epoch)
    return Contribution(
        enrolled=enrolled,
        complete={
            partner_id: tuple(chunks.values())
            for partner_id, chunks in submitted.items()
            if partner_id in enrolled and partner_id in proved
        },
    )


def multiplied(
    hub: Hub, programme: Programme, stored: StoredEpoch, contributed: Contribution
) -> dict[int, bytes]:
    """Return the new cumulative ciphertext of every block that the epoch adds to."""
    before = hub.read_now(
        lambda session: ProductStore(session, stored.programme_id).at(EpochIndex(stored.epoch - 1))
    )
    shape = EntryShape.of(hub.parameters.proof_key, programme.epoch_cap_ug)
    # Of a nation they are thousands, which are not all open at once.
    sent = [
        ciphertexts_in(hub.record.files.reader(chunk.file_sha256, len(FILE_MAGIC)), shape)
        for chunks in contributed.complete.values()
        for chunk in chunks
    ]
    return products(hub.parameters.public_key, _factors(sent, before), hub.workers)


def _factors(
    sent: Sequence[Iterable[tuple[int, bytes]]], before: Mapping[int, bytes]
) -> Iterator[tuple[int, list[bytes]]]:
    """Yield what every block's new product is made of, ascending by block.

    Args:
        sent: block and ciphertext of every chunk, each ascending by block.
        before: the products so far.
    """
    # Chunks are merged as they are read: none is in memory, however many there are.
    for block, entries in groupby(heapq.merge(*sent, key=itemgetter(0)), key=itemgetter(0)):
        factors = [ciphertext for _, ciphertext in entries]
        if block in before:
            factors.append(before[block])
        yield block, factors


def seal(
    session: Session,
    hub: Hub,
    programme: Programme,
    stored: StoredEpoch,
    contributed: Contribution,
    of_blocks: Mapping[int, bytes],
) -> bool:
    """Log the seal; tell whether it was, or whether another submission came in the meantime.

    Args:
        session: a writing session.
        hub: where to.
        programme: whose epoch.
        stored: the epoch, SUBMITTING.
        contributed: what `of_blocks` was computed from.
        of_blocks: see `multiplied`.
    """
    if contribution(session, hub, programme, stored) != contributed:
        return False
    store = ProductStore(session, stored.programme_id)
    store.add(stored.epoch, of_blocks)
    cumulative = store.at(stored.epoch)
    logged = hub.record.append_own(
        session,
        Seal(
            parameter_id=hub.parameters.parameter_id,
            programme_id=stored.programme_id,
            epoch=stored.epoch,
            plan_leaf=stored.plan_leaf,
            parts=tuple(_part(contributed, partner_id) for partner_id in contributed.enrolled),
            blocks=len(cumulative),
            products_root=merkle.root_of(
                product_entry(block, ciphertext) for block, ciphertext in cumulative.items()
            ),
        ),
    )
    EpochStore(session).move(stored, EpochEvent.SEAL_LOGGED, seal_leaf=logged.index)
    return True


def keep_sample(session: Session, hub: Hub, stored: StoredEpoch) -> None:
    """Keep where the sample beacon over the seal lies, which has been drawn."""
    assert stored.seal_leaf is not None  # noqa: S101 - SEALED has one
    leaf = beacon_leaf_over(session, hub, BeaconLabel.SAMPLE, stored.seal_leaf)
    EpochStore(session).keep_sample(stored, leaf)


def _part(contributed: Contribution, partner_id: PartyId) -> SealedPart:
    chunks = contributed.complete.get(partner_id, ())
    return SealedPart(
        partner_id=partner_id,
        header_leaves=tuple(chunk.header_leaf for chunk in chunks),
        missing=not chunks,
    )
