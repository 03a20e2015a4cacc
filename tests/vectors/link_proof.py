"""Known answers of piece commitments and of a link proof, for `generate.py`."""

from __future__ import annotations

import dataclasses
from typing import Any

from fedcarbon.identity.commitment_list import CommitmentList, piece_commitment
from fedcarbon.identity.ristretto import ORDER, element, scalar_to_bytes
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.proofs.commitments import ProofKey, ProverTables
from fedcarbon.proofs.link import (
    LinkContext,
    LinkProof,
    LinkProofShape,
    LinkStatement,
    delta_generators,
    link_challenge,
)
from fedcarbon.proofs.link_prover import LinkWitness, prove_link
from fedcarbon.proofs.link_verifier import verify_link
from fedcarbon.proofs.range_proof import RangeContext, RangePurpose
from fedcarbon.proofs.range_prover import RangeWitness, encrypt_and_prove
from fedcarbon.units import MicrogramsCO2e
from tests.keys.ceremonies import dealt
from tests.vectors.stream import SeededStream

CAP_UG = 50_000_000_000
CONTEXT = LinkContext(
    programme_id=ProgrammeId("city"),
    party_id=PartyId("metro"),
    epoch=EpochIndex(3),
    plan_leaf=b"\x20\x01" + bytes(range(32)),
    verdict_leaf=b"\x25\x01" + bytes(range(32, 64)),
)


def link_proof() -> dict[str, Any]:
    """Commitments to pieces, the sum over the winners, and proofs that hold and that do not."""
    return {
        "note": "the keys are published: they protect nothing",
        "cases": [
            _case("below", {0: (900, 40), 5: (0, 10)}, (700, 0, 500, 80), (3,)),
            _case("equal", {2: (1_200,)}, (1_200,), ()),
            _case("nothing claimed", {0: (0,), 1: (0,)}, (), ()),
        ],
    }


def _case(
    name: str, values: dict[int, tuple[int, ...]], pieces: tuple[int, ...], lost: tuple[int, ...]
) -> dict[str, Any]:
    key, stream = dealt().parameters.proof_key, SeededStream(f"link {name}")
    generator = element(dealt().parameters.ristretto_generator)
    blindings = [stream.randbelow(ORDER) for _ in pieces]
    hidden = [bytes([number]) * 32 for number in range(len(pieces))]
    listed = CommitmentList.of(
        hidden,
        [
            piece_commitment(MicrogramsCO2e(piece), blinding, generator)
            for piece, blinding in zip(pieces, blindings, strict=True)
        ],
    )
    blocks, commitments = _blocks(key, values, stream)
    won = [position for position in range(len(pieces)) if position not in lost]
    statement = LinkStatement(
        context=CONTEXT,
        bound_max=CAP_UG,
        commitments=commitments,
        winnings=listed.sum_without(lost),
        generator=generator,
    )
    witness = LinkWitness.of(
        blocks,
        winnings=sum(pieces[position] for position in won),
        winnings_blinding=sum(blindings[position] for position in won),
    )
    proof = prove_link(key, statement, witness, stream.randbelow)
    verify_link(key, statement, proof)
    shape = LinkProofShape.of(key, statement)
    return {
        "name": name,
        "n": f"{key.public_key.n:x}",
        "N": f"{key.commitment_modulus:x}",
        "parameter_id": key.parameter_id.hex(),
        "delta_generators": [f"{value:x}" for value in delta_generators(key)],
        "ristretto_generator": generator.hex(),
        "programme": CONTEXT.programme_id,
        "party": CONTEXT.party_id,
        "epoch": CONTEXT.epoch,
        "plan_leaf": CONTEXT.plan_leaf.hex(),
        "verdict_leaf": CONTEXT.verdict_leaf.hex(),
        "cap_ug": str(CAP_UG),
        "claims": [
            {"hidden": h.hex(), "piece_ug": str(piece), "r": scalar_to_bytes(r).hex(), "K": k.hex()}
            for h, piece, r, k in zip(hidden, pieces, blindings, listed.commitments(), strict=True)
        ],
        "list_root": listed.root().hex(),
        "lost": list(lost),
        "K": statement.winnings.hex(),
        "blocks": [
            {"block": block, "A": f"{commitments[block]:x}", "values_ug": list(values[block])}
            for block in commitments
        ],
        "A": f"{statement.product(key):x}",
        "challenge": f"{link_challenge(key, statement, proof):x}",
        "proof": shape.encode(proof).hex(),
        "refused": _refused(shape, proof),
    }


def _blocks(
    key: ProofKey, values: dict[int, tuple[int, ...]], stream: SeededStream
) -> tuple[list[RangeWitness], dict[int, int]]:
    tables = ProverTables(key, bound_max=CAP_UG)
    slots = key.layout.slots
    witnesses, commitments = [], {}
    for block, own in values.items():
        proved = encrypt_and_prove(
            tables,
            RangeContext(
                purpose=RangePurpose.BLOCK,
                programme_id=CONTEXT.programme_id,
                party_id=CONTEXT.party_id,
                epoch=CONTEXT.epoch,
                block=block,
            ),
            values=[*own, *[0] * (slots - len(own))],
            bounds=[CAP_UG] * slots,
            randbelow=stream.randbelow,
        )
        witnesses.append(proved.witness)
        commitments[block] = proved.proof.commitment
    return witnesses, commitments


def _refused(shape: LinkProofShape, proof: LinkProof) -> dict[str, str]:
    """Return changed proofs by the check that refuses them."""
    changed = {
        "1b": dataclasses.replace(proof, linear=0),
        "1c": dataclasses.replace(proof, point_response=ORDER),
        "2": dataclasses.replace(proof, blinding_response=proof.blinding_response ^ 1),
        "3": dataclasses.replace(proof, delta_blinding_response=proof.delta_blinding_response ^ 1),
        "4": dataclasses.replace(proof, range_response=proof.range_response ^ 1),
        "5": dataclasses.replace(proof, point_response=proof.point_response ^ 1),
    }
    encoded = {check: shape.encode(item) for check, item in changed.items()}
    # What is not reduced has no encoding of its own: the last 32 bytes are put there by hand.
    encoded["1c"] = encoded["1c"][:-32] + ORDER.to_bytes(32, "little")
    return {check: data.hex() for check, data in encoded.items()}
