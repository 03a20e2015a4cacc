"""The submissions of the example record: packed, encrypted, in one chunk each, and sealed."""

from __future__ import annotations

from functools import cache, partial

from fedcarbon.epoch.snapshot import Place, places_digest
from fedcarbon.epoch.statements import BeaconValue, LinkProof, Seal, SealedPart
from fedcarbon.ids import Claimant, PartyId
from fedcarbon.methodology.person_day import DaySettlement, settle_day
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.links import link_statement, winnings_of
from fedcarbon.opening.products import products_root_of, sealed_products
from fedcarbon.packing.layout import SLOT_WIDTH_BITS
from fedcarbon.paillier.cipher import ciphertext_to_bytes
from fedcarbon.proofs.link import LinkContext, LinkProofShape
from fedcarbon.proofs.link_prover import LinkWitness, prove_link
from fedcarbon.proofs.range_proof import RangeProofShape
from fedcarbon.proofs.range_prover import ProvedBlock, encrypt_and_prove
from fedcarbon.registry.methodology import bundle_hash
from fedcarbon.submission.block_proofs import block_context, verify_blocks
from fedcarbon.submission.chunk_file import ChunkEntry, ChunkFile, EntryShape
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.transparency.leaf import LeafType
from tests.house.examples import claims, parties
from tests.house.examples.chance import NamedChance
from tests.house.examples.parties import PROGRAMME_ID
from tests.house.examples.registry import FIRST_EPOCH, PLACES, epoch_end_s, token_of
from tests.house.examples.tiny_record import ExampleLeaf, TinyRecord
from tests.proving import tables_of

BLOCK = 0
EPOCH = EpochRef(PROGRAMME_ID, FIRST_EPOCH)


def settlement(partner: PartyId, serial: int, tie_beacon: bytes) -> DaySettlement:
    """Return what the verdicts leave of a person's day at a partner."""
    lost = set(claims.verdicts(tie_beacon).lost[Claimant(PROGRAMME_ID, partner)])
    own = claims.pieces(claims.RIDES[partner][serial])
    lost_slots = {piece.slot for piece in own if claims.slot_token(serial, piece.slot) in lost}
    return settle_day(own, lost_slots, parties.programme().cap_ug)


def values_ug(partner: PartyId, tie_beacon: bytes) -> list[int]:
    """Return what a partner packs into the slots of the block."""
    values = [0] * parties.parameters().layout.slots
    for serial in claims.RIDES[partner]:
        values[PLACES[serial][1]] = settlement(partner, serial, tie_beacon).submitted_ug
    return values


@cache
def proved(partner: PartyId, tie_beacon: bytes) -> ProvedBlock:
    """Return a partner's block, encrypted and proved."""
    key = parties.parameters().proof_key
    return encrypt_and_prove(
        tables_of(key, parties.programme().epoch_cap_ug),
        block_context(PROGRAMME_ID, partner, FIRST_EPOCH, BLOCK),
        values=values_ug(partner, tie_beacon),
        bounds=bounds_ug(partner),
        randbelow=NamedChance(f"block {partner}").below,
    )


def bounds_ug(partner: PartyId) -> list[int]:
    """Return the bounds of a partner's slots: it has enrolled who rides with it."""
    bounds = [0] * parties.parameters().layout.slots
    for serial in claims.RIDES[partner]:
        bounds[PLACES[serial][1]] = parties.programme().epoch_cap_ug
    return bounds


def ciphertext(partner: PartyId, tie_beacon: bytes) -> bytes:
    """Return a partner's ciphertext of the block."""
    found = parties.parameters()
    return ciphertext_to_bytes(found.public_key, proved(partner, tie_beacon).ciphertext)


def chunk(partner: PartyId, tie_beacon: bytes) -> ChunkFile:
    """Return a partner's only chunk."""
    key, cap_ug = parties.parameters().proof_key, parties.programme().epoch_cap_ug
    proof = RangeProofShape.of(key, cap_ug).encode(proved(partner, tie_beacon).proof)
    entry = ChunkEntry(BLOCK, ciphertext(partner, tie_beacon), proof)
    return ChunkFile.from_entries([entry], EntryShape.of(key, cap_ug))


def header(partner: PartyId, plan: ExampleLeaf, tie_beacon: bytes) -> ChunkHeader:
    """Return the header of a partner's chunk."""
    file = chunk(partner, tie_beacon)
    return ChunkHeader(
        parameter_id=parties.parameters().parameter_id,
        programme_id=PROGRAMME_ID,
        epoch=FIRST_EPOCH,
        partner_id=partner,
        plan_leaf=plan.index,
        chunk=0,
        chunks=1,
        entries=len(file),
        slot_width_bits=SLOT_WIDTH_BITS,
        slots=parties.parameters().layout.slots,
        places_digest=places_digest(
            {token_of(serial): Place(*PLACES[serial]) for serial in claims.RIDES[partner]}
        ),
        entries_root=file.root(),
        file_sha256=file.sha256(),
        evidence_root=claims.claimed(partner).evidence.root(),
        methodology_bundle=bundle_hash([claims.methodology().content_hash]),
    )


def output_of(record: TinyRecord) -> bytes:
    """Return the output of the record's tie beacon."""
    (beacon,) = record.of_type(LeafType.BEACON_VALUE)
    return beacon.statement(BeaconValue).output


def products(record: TinyRecord) -> dict[int, bytes]:
    """Return the cumulative ciphertexts as a trustee multiplies them, seal and files checked."""
    weights = NamedChance("weights").below
    check = partial(verify_blocks, randbelow=weights)
    return sealed_products(record.view, EPOCH, {}, lambda name: [record.files[name]], check)


def link_proof(record: TinyRecord, partner: PartyId, tie_beacon: bytes) -> LinkProof:
    """Return a partner's proof that its block holds no more than its winning claims."""
    (plan,), (verdicts,) = (
        record.of_type(LeafType.EPOCH_PLAN),
        record.of_type(LeafType.VERDICT_LIST),
    )
    found, block = claims.claimed(partner), proved(partner, tie_beacon)
    lost = set(claims.verdicts(tie_beacon).lost[Claimant(PROGRAMME_ID, partner)])
    won = [row for row in found.rows if row.token not in lost]
    statement = link_statement(
        parties.parameters(),
        LinkContext(
            programme_id=PROGRAMME_ID,
            party_id=partner,
            epoch=FIRST_EPOCH,
            plan_leaf=plan.leaf,
            verdict_leaf=verdicts.leaf,
        ),
        cap_ug=parties.programme().epoch_cap_ug,
        commitments={BLOCK: block.proof.commitment},
        winnings=winnings_of(
            found.commitments,
            [number for number, row in enumerate(found.rows) if row.token in lost],
        ),
    )
    witness = LinkWitness.of(
        [block.witness],
        winnings=sum(row.piece_ug for row in won),
        winnings_blinding=sum(row.blinding for row in won),
    )
    key = parties.parameters().proof_key
    made = prove_link(key, statement, witness, NamedChance(f"link {partner}").below)
    return LinkProof(
        parameter_id=parties.parameters().parameter_id,
        programme_id=PROGRAMME_ID,
        epoch=FIRST_EPOCH,
        partner_id=partner,
        plan_leaf=plan.index,
        verdict_leaf=verdicts.index,
        proof=LinkProofShape.of(key, statement).encode(made),
    )


def add_submissions(record: TinyRecord) -> None:
    """Log both headers and the seal, and have the head witnessed."""
    (plan,) = record.of_type(LeafType.EPOCH_PLAN)
    tie_beacon = output_of(record)
    parts, factors = [], []
    for name in claims.RIDES:
        file = chunk(name, tie_beacon)
        record.keep(file.to_bytes())
        leaf = record.append_by(name, header(name, plan, tie_beacon))
        record.append_by(name, link_proof(record, name, tie_beacon))
        parts.append(SealedPart(partner_id=name, header_leaves=(leaf.index,), missing=False))
        factors.append(ciphertext(name, tie_beacon))
    public_key = parties.parameters().public_key
    product = ciphertext_to_bytes(public_key, plain_product(factors))
    record.append_hub(
        Seal(
            parameter_id=parties.parameters().parameter_id,
            programme_id=PROGRAMME_ID,
            epoch=FIRST_EPOCH,
            plan_leaf=plan.index,
            parts=tuple(parts),
            blocks=1,
            products_root=products_root_of({BLOCK: product}),
        )
    )
    record.witness(epoch_end_s() + 1200)
    assert products(record) == {BLOCK: product}


def plain_product(factors: list[bytes]) -> int:
    """Return the product of ciphertexts mod n^2, without the code under test."""
    n_squared = parties.parameters().public_key.n_squared
    result = 1
    for factor in factors:
        result = result * int.from_bytes(factor, "big") % n_squared
    return result
