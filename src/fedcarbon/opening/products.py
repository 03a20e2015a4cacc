"""Check 4 of an opening: the seal is complete and its products are those of the logged ciphertexts.

Whoever opens has multiplied for itself: every chunk file of every epoch is fetched by its hash,
held against its signed header, and every block that the snapshot asks for must be there exactly
once. Results are cumulative, so that an epoch costs its own ciphertexts only; a large one costs
minutes, and comes in steps between which other work can be done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping
from typing import NamedTuple

from fedcarbon.epoch.snapshot import PartnerSnapshot, Snapshot
from fedcarbon.epoch.statements import EpochPlan, Seal, SealedPart, product_entry
from fedcarbon.errors import FedcarbonError
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.fetched import Fetch, joined
from fedcarbon.opening.links import block_commitment, sealed_link_steps
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.refusals import (
    ChunkFileDiffersError,
    EpochNotSealedError,
    IncompleteSealError,
    PlacesDifferError,
    PlanTooEarlyError,
    ProductsDifferError,
)
from fedcarbon.opening.view import RecordView
from fedcarbon.packing.layout import SLOT_WIDTH_BITS
from fedcarbon.paillier.cipher import ciphertext_to_bytes, product
from fedcarbon.submission.block_proofs import CheckBlocks, ProvedBlocks
from fedcarbon.submission.chunk_file import CHUNK_BYTES_MAX, ChunkFile, EntryShape
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.transparency.checkpoint import TIME_TOLERANCE_S
from fedcarbon.transparency.merkle import root_of

Products = Mapping[int, bytes]
"""Block to the bytes of its cumulative ciphertext."""


Multiplying = Generator[int, None, dict[int, bytes]]
"""Check 4 in steps: yields how many chunks are checked so far, returns the products."""


def multiplied(
    view: RecordView, ref: EpochRef, previous: Products, fetch: Fetch, check: CheckBlocks
) -> Multiplying:
    """Check a seal in steps, and return the cumulative ciphertext of every block up to its epoch.

    A step fetches and checks one chunk, or a range of one list of claims, which is checked as it
    comes: seconds, and megabytes. What comes into
    the record in between changes nothing.

    Args:
        view: the record.
        ref: the epoch.
        previous: what this function returned for the epoch before; empty for the first.
        fetch: gets chunk files, and the files of claims that trustees read.
        check: checks the range proofs of a chunk's blocks.

    Raises:
        EpochNotSealedError: no plan or no seal.
        PlanTooEarlyError: the plan is from before the end of the epoch.
        IncompleteSealError: see there.
        PlacesDifferError: a partner encrypted for other places than the record's.
        ChunkFileDiffersError: naming the partner and the chunk.
        RangeProofInvalidError: naming the partner and the block.
        VerdictsDifferError, LinkProofMissingError, ClaimFileDiffersError, LinkProofInvalidError:
            see `check_sealed_link`.
        ProductsDifferError: the seal's root is not that of these products.
        NotWitnessedError: the plan is not under a witnessed head yet.
    """
    plan, seal, snapshot = _sealed(view, ref)
    factors: dict[int, list[bytes]] = {block: [data] for block, data in previous.items()}
    chunks = 0
    for part in seal.statement.parts:
        if part.missing:
            continue
        checks = _Checks(snapshot.partners[part.partner_id], fetch, check)
        sent = _Sent({}, {})
        for header in _headers(view, plan, part, seal.index, checks.own):
            _take_chunk(view, header, checks, sent)
            chunks += 1
            yield chunks
        if sorted(sent.ciphertexts) != list(checks.own.blocks()):
            raise IncompleteSealError(
                f"{part.partner_id!r} owes {len(checks.own.slots_of)} blocks in epoch {ref.epoch}, "
                f"{len(sent.ciphertexts)} of them are there"
            )
        link = sealed_link_steps(
            view, plan, part.partner_id, sent.commitments, seal_leaf=seal.index, fetch=fetch
        )
        for _ in link:
            yield chunks
        for block, data in sent.ciphertexts.items():
            factors.setdefault(block, []).append(data)
    products = _products(view, factors)
    if (seal.statement.blocks, seal.statement.products_root) != (
        len(products),
        products_root_of(products),
    ):
        raise ProductsDifferError(f"the seal of epoch {ref.epoch} has other products")
    return products


def sealed_products(
    view: RecordView, ref: EpochRef, previous: Products, fetch: Fetch, check: CheckBlocks
) -> dict[int, bytes]:
    """Return what `multiplied` returns, or raise what it raises, in one go."""
    steps = multiplied(view, ref, previous, fetch, check)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            products: dict[int, bytes] = end.value
            return products


def products_root_of(products: Products) -> bytes:
    """Return the RFC 6962 root over the products, by ascending block."""
    return root_of(product_entry(block, products[block]) for block in sorted(products))


def require_plan_after_end(view: RecordView, plan: Logged[EpochPlan]) -> None:
    """Check that a plan was logged after its epoch was over, by the time of its leaf.

    Raises:
        PlanTooEarlyError: it was not.
        NotWitnessedError: it is not under a witnessed head yet.
    """
    programme = view.parties.programme(plan.statement.programme_id)
    end_s = programme.epoch_end_s(plan.statement.epoch)
    logged_s = view.heads.leaf_time_s(plan.index)
    if logged_s + TIME_TOLERANCE_S < end_s:
        raise PlanTooEarlyError(f"epoch {plan.statement.epoch} ends at {end_s}, not {logged_s}")


class _Sealed(NamedTuple):
    """A seal over the plan and the partners that it must name."""

    plan: Logged[EpochPlan]
    seal: Logged[Seal]
    snapshot: Snapshot


def _sealed(view: RecordView, ref: EpochRef) -> _Sealed:
    """Return the seal of an epoch, if it names its plan and everybody who is enrolled."""
    plan, seal = view.epochs.plans.get(ref), view.epochs.seals.get(ref)
    if plan is None or seal is None:
        raise EpochNotSealedError(f"epoch {ref.epoch} is not sealed")
    if seal.statement.plan_leaf != plan.index:
        raise IncompleteSealError(f"the seal of epoch {ref.epoch} names another plan")
    require_plan_after_end(view, plan)
    snapshot = view.accounts.snapshot(plan.statement)
    named = [part.partner_id for part in seal.statement.parts]
    if named != list(snapshot.partners):
        raise IncompleteSealError(
            f"the seal of epoch {ref.epoch} names {named}, enrolled are {list(snapshot.partners)}"
        )
    return _Sealed(plan, seal, snapshot)


def _headers(
    view: RecordView,
    plan: Logged[EpochPlan],
    part: SealedPart,
    seal_leaf: int,
    own: PartnerSnapshot,
) -> list[ChunkHeader]:
    """Return the headers of a part, all made for the places that the record has."""
    headers = [
        require_header(view, plan, part, number, seal_leaf)
        for number in range(len(part.header_leaves))
    ]
    if any(header.places_digest != own.places_digest for header in headers):
        raise PlacesDifferError(
            f"{part.partner_id!r} encrypted for other accounts or places in epoch "
            f"{plan.statement.epoch} than the record has: it must compare them with the answers "
            "that the hub signed"
        )
    return headers


class _Checks(NamedTuple):
    """What a partner's chunks are held against."""

    own: PartnerSnapshot
    fetch: Fetch
    check: CheckBlocks


class _Sent(NamedTuple):
    """What a partner sent, by block."""

    ciphertexts: dict[int, bytes]
    commitments: dict[int, int]
    """A of every range proof."""


def _take_chunk(view: RecordView, header: ChunkHeader, checks: _Checks, sent: _Sent) -> None:
    """Check a chunk of a partner and add what it holds to what the partner has sent."""
    parameters = view.parties.parameters
    chunk = _chunk_of(view, header, checks.fetch)
    if not checks.own.slots_of.keys() - sent.ciphertexts.keys() >= set(chunk.blocks()):
        raise IncompleteSealError(
            f"{header.partner_id!r} sent a block twice, or one that it does not owe"
        )
    checks.check(parameters.proof_key, _proved(header, chunk, checks.own))
    for entry in chunk:
        sent.ciphertexts[entry.block] = entry.ciphertext
        sent.commitments[entry.block] = block_commitment(parameters, entry.proof)


def require_header(
    view: RecordView, plan: Logged[EpochPlan], part: SealedPart, number: int, seal_leaf: int
) -> ChunkHeader:
    """Return the header of a sealed part's chunk, if it is the one that must stand there.

    Args:
        view: the record.
        plan: the epoch's plan.
        part: the part, as the seal names it.
        number: position in `part.header_leaves`, from 0.
        seal_leaf: index of the seal.

    Raises:
        IncompleteSealError: the leaf is no header below the seal, or that of another chunk.
    """
    leaf_index = part.header_leaves[number]
    logged = view.epochs.headers.get(leaf_index)
    if logged is None or logged.index > seal_leaf:
        raise IncompleteSealError(f"leaf {leaf_index} is no chunk header below the seal")
    header = logged.statement
    found = (header.programme_id, header.epoch, header.partner_id, header.plan_leaf)
    item = plan.statement
    if found != (item.programme_id, item.epoch, part.partner_id, plan.index) or (
        header.chunk,
        header.chunks,
    ) != (number, len(part.header_leaves)):
        raise IncompleteSealError(f"leaf {leaf_index} is not chunk {number} of {part.partner_id!r}")
    return header


def _proved(header: ChunkHeader, chunk: ChunkFile, own: PartnerSnapshot) -> ProvedBlocks:
    return ProvedBlocks(
        programme_id=header.programme_id,
        partner_id=header.partner_id,
        epoch=header.epoch,
        cap_ug=own.cap_ug,
        entries=tuple(chunk),
        bounds_ug=tuple(own.caps_ug(block) for block in chunk.blocks()),
    )


def _chunk_of(view: RecordView, header: ChunkHeader, fetch: Fetch) -> ChunkFile:
    where = f"chunk {header.chunk} of {header.partner_id!r} in epoch {header.epoch}"
    data = joined(fetch(header.file_sha256), CHUNK_BYTES_MAX)
    if hashlib.sha256(data).digest() != header.file_sha256:
        raise ChunkFileDiffersError(f"{where}: the file has another hash")
    layout = view.parties.parameters.layout
    programme = view.parties.programme(header.programme_id)
    if (header.slots, header.slot_width_bits) != (layout.slots, SLOT_WIDTH_BITS):
        raise ChunkFileDiffersError(f"{where}: another layout than the parameter set's")
    try:
        chunk = ChunkFile.from_bytes(
            data, EntryShape.of(view.parties.parameters.proof_key, programme.epoch_cap_ug)
        )
    except FedcarbonError as error:
        raise ChunkFileDiffersError(f"{where}: {error}") from error
    if (header.entries, header.entries_root) != (len(chunk), chunk.root()):
        raise ChunkFileDiffersError(f"{where}: the header counts other entries")
    return chunk


def _products(view: RecordView, factors: Mapping[int, list[bytes]]) -> dict[int, bytes]:
    key = view.parties.parameters.public_key
    try:
        return {
            block: ciphertext_to_bytes(key, product(key, factors[block]))
            for block in sorted(factors)
        }
    except FedcarbonError as error:
        raise ChunkFileDiffersError(f"a logged ciphertext is refused: {error}") from error
