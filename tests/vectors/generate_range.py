"""Known answers of slot range proofs: proofs that hold, and by name proofs that must not.

Every claim is complete: another verifier needs the keys of `tests/keys`, the parameter id, and
nothing else. `expected` is `holds` or the number of the first check that fails. The claims that
hold also show the prover's randomness and what the transcript gave.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from random import Random  # noqa: TID251 - an interface, fed from the vectors' own stream
from typing import Any, Final

import gmpy2
from typing_extensions import override

from fedcarbon.canonical.statement import PROTOCOL_VERSION
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.opening.masks import mask_bounds
from fedcarbon.packing.layout import Layout
from fedcarbon.paillier.keys import PublicKey
from fedcarbon.proofs.commitments import ProofKey, ProverTables
from fedcarbon.proofs.range_proof import (
    RangeCheck,
    RangeContext,
    RangeProof,
    RangeProofShape,
    RangePurpose,
    RangeStatement,
    mask_subject,
    range_challenge,
    range_gammas,
    range_transcript,
)
from fedcarbon.proofs.range_prover import encrypt_and_prove
from tests.keys.primes import BITS_2048, BITS_3072, TINY, load_primes
from tests.proofs.dishonest import Attacker, roots_of
from tests.vectors.stream import SeededStream

PARAMETER_ID: Final = bytes(range(32))
CAP_UG: Final = 50_000_000_000
HOLDS: Final = "holds"

_BLOCK: Final = RangeContext(
    purpose=RangePurpose.BLOCK,
    programme_id=ProgrammeId("carbon-sz"),
    party_id=PartyId("sz-metro"),
    epoch=EpochIndex(3),
    block=7,
)
_MASK: Final = dataclasses.replace(
    _BLOCK,
    purpose=RangePurpose.MASK,
    party_id=PartyId("trustee-1"),
    subject=mask_subject(bytes(range(32)), 1),
)

Named = tuple[str, RangeStatement, RangeProof, str]


class StreamRandom(Random):
    """The published stream behind the interface of `Random`."""

    def __init__(self, seed: str) -> None:
        """Start at the first draw of `seed`."""
        super().__init__(0)
        self._stream = SeededStream(seed)

    @override
    def getrandbits(self, k: int, /) -> int:
        """Return k bits, as one draw of the stream below 2^k."""
        return self._stream.randbelow(1 << k)


def proof_key(name: str) -> ProofKey:
    """Return the key over the primes of that name."""
    primes = load_primes(name)
    public_key = PublicKey(n=primes.n)
    return ProofKey(
        parameter_id=PARAMETER_ID,
        public_key=public_key,
        commitment_modulus=primes.big_n,
        layout=Layout.for_modulus(public_key.bits),
    )


def range_proof() -> dict[str, Any]:
    """Return claims that hold at three sizes, and at the tiny one claims that do not."""
    tiny = proof_key(TINY)
    claims = [
        _positive(tiny, TINY, _BLOCK, (5, 1_234_567, CAP_UG, 0), (CAP_UG, CAP_UG, CAP_UG, 0)),
        _positive(tiny, TINY, _MASK, *_mask_of(tiny, {1})),
    ]
    for name in (BITS_2048, BITS_3072):
        key = proof_key(name)
        bounds = tuple(CAP_UG if j % 3 else 0 for j in range(key.layout.slots))
        stream = SeededStream(f"range values {name}")
        values = tuple(stream.randbelow(bound + 1) for bound in bounds)
        claims.append(_positive(key, name, _BLOCK, values, bounds))
    claims += [
        _claim(tiny, TINY, about, proof, expected, called=called)
        for called, about, proof, expected in _negatives(tiny)
    ]
    return {
        "note": "published keys: tiny-INSECURE can be factored, none of them protects anything",
        "version": PROTOCOL_VERSION,
        "parameter_id": PARAMETER_ID.hex(),
        "slot_width_bits": 112,
        "claims": claims,
    }


def _mask_of(key: ProofKey, targets: set[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    bounds = mask_bounds(key.layout, targets)
    stream = SeededStream("range mask")
    return tuple(stream.randbelow(bound + 1) for bound in bounds), bounds


def _positive(
    key: ProofKey, name: str, context: RangeContext, values: Sequence[int], bounds: Sequence[int]
) -> dict[str, Any]:
    seed = f"range {name} {context.purpose}"
    tables = ProverTables(key, bound_max=max(bounds), window_bits=4)
    proved = encrypt_and_prove(
        tables, context, values=values, bounds=bounds, randbelow=SeededStream(seed).randbelow
    )
    statement = RangeStatement(context=context, bounds=tuple(bounds), ciphertext=proved.ciphertext)
    proof, numbers = proved.proof, proved.witness.numbers
    transcript = range_transcript(key, statement, proof.commitment)
    gammas = range_gammas(transcript, len(bounds))
    e = range_challenge(
        transcript,
        key,
        t=proof.mask_commitment,
        d=proof.mask_ciphertext,
        e1=proof.linear,
        e0=proof.constant,
    )
    return {
        **_claim(key, name, statement, proof, HOLDS, called=f"honest {context.purpose} {name}"),
        "seed": seed,
        "values": [f"{value:x}" for value in values],
        "roots": [
            [f"{root:x}" for root in slot]
            for slot in zip(numbers.x, numbers.y, numbers.z, strict=True)
        ],
        "s": f"{proved.witness.randomiser:x}",
        "rho": f"{proved.witness.blinding:x}",
        "gammas": [f"{gamma:x}" for gamma in gammas],
        "e": f"{e:x}",
    }


def _claim(
    key: ProofKey,
    name: str,
    statement: RangeStatement,
    proof: RangeProof,
    expected: str,
    *,
    called: str,
) -> dict[str, Any]:
    context = statement.context
    bound_max = max(CAP_UG, *(bound for bound in statement.bounds if bound < 1 << 112))
    return {
        "name": called,
        "key": name,
        "purpose": context.purpose.value,
        "programme_id": context.programme_id,
        "party_id": context.party_id,
        "epoch": context.epoch,
        "block": context.block,
        "subject": context.subject.hex(),
        "bounds": [f"{bound:x}" for bound in statement.bounds],
        "bound_max": f"{bound_max:x}",
        "ciphertext": f"{statement.ciphertext:x}",
        "proof": RangeProofShape.of(key, bound_max).encode(proof).hex(),
        "expected": expected,
    }


def _negatives(key: ProofKey) -> Iterator[Named]:
    attacker = Attacker(key=key, context=_BLOCK, chance=StreamRandom("range attacks"))
    bounds, values = (CAP_UG, CAP_UG, CAP_UG, 0), (5, 1_234_567, CAP_UG, 0)
    statement, s = attacker.statement(bounds, values)
    numbers = roots_of(values, bounds, attacker.chance)
    proof = attacker.prove(statement, numbers, s)
    yield from _bad_witnesses(attacker, bounds, values)
    yield from _bad_numbers(key, statement, proof)
    yield from _bad_places(statement, proof)
    n, n2 = key.public_key.n, key.public_key.n_squared
    for name, c in (
        ("ciphertext_times_enc_one", statement.ciphertext * (1 + n) % n2),
        ("ciphertext_rerandomised", statement.ciphertext * key.blinding_base % n2),
        ("ciphertext_negated", n2 - statement.ciphertext),
    ):
        yield name, attacker.about(bounds, c), proof, RangeCheck.COMMITMENT.value
    for name, c in (
        ("ciphertext_plus_n2", statement.ciphertext + n2),
        ("ciphertext_zero", 0),
        ("ciphertext_multiple_of_n", 5 * n),
    ):
        yield name, attacker.about(bounds, c), proof, RangeCheck.CIPHERTEXT.value


def _bad_witnesses(
    attacker: Attacker, bounds: Sequence[int], values: Sequence[int]
) -> Iterator[Named]:
    """Yield proofs by someone who follows the recipe with numbers that do not fit."""
    for name, wrong in (
        ("slot_cap_plus_one", (CAP_UG + 1, 0, 0, 0)),
        ("slot_minus_one", (-1, 0, 0, 0)),
        ("slot_borrow_neighbour", (5, 2**112 + 7, CAP_UG - 1, 0)),
        ("b_zero_nonzero_value", (0, 0, 0, 1)),
    ):
        statement, s = attacker.statement(bounds, wrong)
        proof = attacker.prove(statement, roots_of(wrong, bounds, attacker.chance), s)
        yield name, statement, proof, RangeCheck.RANGE.value
    numbers = roots_of(values, bounds, attacker.chance)
    statement, s = attacker.statement(bounds, values)
    unmatched = dataclasses.replace(numbers, x=(numbers.x[0] + 1, *numbers.x[1:]))
    proof = attacker.prove(statement, unmatched, s)
    yield "squares_do_not_match", statement, proof, RangeCheck.RANGE.value
    statement, s = attacker.statement(bounds, (500, *values[1:]))
    proof = attacker.prove(statement, numbers, s)
    yield "commitment_other_value", statement, proof, RangeCheck.ENCRYPTION.value
    own = tuple(2 * bound for bound in bounds)
    statement, s = attacker.statement(own, values)
    proof = attacker.prove(statement, roots_of(values, own, attacker.chance), s)
    as_recorded = attacker.about(bounds, statement.ciphertext)
    yield "caps_supplied_by_prover", as_recorded, proof, RangeCheck.COMMITMENT.value


def _bad_numbers(key: ProofKey, statement: RangeStatement, proof: RangeProof) -> Iterator[Named]:
    """Yield a proof that holds with one number changed."""
    big_n, f = key.commitment_modulus, proof.responses
    shape = RangeProofShape.of(key, CAP_UG)
    for name, changes, check in (
        ("commitment_zero", {"commitment": 0}, RangeCheck.GROUP),
        (
            "commitment_not_canonical_sign",
            {"commitment": big_n - proof.commitment},
            RangeCheck.GROUP,
        ),
        ("commitment_jacobi_minus_one", {"linear": _other_symbol(big_n)}, RangeCheck.GROUP),
        ("mask ciphertext zero", {"mask_ciphertext": 0}, RangeCheck.CIPHERTEXT),
        (
            "mask ciphertext with Jacobi symbol -1",
            {"mask_ciphertext": _other_symbol(key.public_key.n)},
            RangeCheck.CIPHERTEXT,
        ),
        (
            "response_one_bit_too_long",
            {"responses": dataclasses.replace(f, v=(1 << 246, *f.v[1:]))},
            RangeCheck.RESPONSE_SIZE,
        ),
        (
            "response of a slot with bound 0 as long as the others'",
            {"responses": dataclasses.replace(f, x=(*f.x[:3], 1 << 210))},
            RangeCheck.RESPONSE_SIZE,
        ),
        (
            "rho_too_long",
            {"blinding_response": (1 << 8 * shape.blinding_bytes) - 1},
            RangeCheck.RESPONSE_SIZE,
        ),
        (
            "tau_too_long",
            {"range_response": (1 << 8 * shape.blinding_bytes) - 1},
            RangeCheck.RESPONSE_SIZE,
        ),
        (
            "s_too_long",
            {"randomiser_response": (1 << 8 * shape.randomiser_bytes) - 1},
            RangeCheck.RESPONSE_SIZE,
        ),
        (
            "responses_swapped",
            {"responses": dataclasses.replace(f, v=(f.v[1], f.v[0], *f.v[2:]))},
            RangeCheck.COMMITMENT,
        ),
        (
            "rho off by one",
            {"blinding_response": proof.blinding_response + 1},
            RangeCheck.COMMITMENT,
        ),
        (
            "s off by one",
            {"randomiser_response": proof.randomiser_response + 1},
            RangeCheck.ENCRYPTION,
        ),
        ("tau off by one", {"range_response": proof.range_response + 1}, RangeCheck.RANGE),
    ):
        changed: dict[str, Any] = changes
        yield name, statement, dataclasses.replace(proof, **changed), check.value


def _bad_places(statement: RangeStatement, proof: RangeProof) -> Iterator[Named]:
    """Yield a proof that holds, for another place or other bounds."""
    for name, moved in (
        ("replay_other_party", {"party_id": PartyId("sz-taxi")}),
        ("replay_other_epoch", {"epoch": EpochIndex(4)}),
        ("replay_other_block", {"block": 8}),
        ("replay other programme", {"programme_id": ProgrammeId("carbon-sh")}),
        ("replay other purpose", {"purpose": RangePurpose.CHALLENGE}),
        ("replay other subject", {"subject": b"\x00"}),
    ):
        changes: dict[str, Any] = moved
        context = dataclasses.replace(statement.context, **changes)
        elsewhere = dataclasses.replace(statement, context=context)
        yield name, elsewhere, proof, RangeCheck.COMMITMENT.value
    for name, bounds in (
        ("a bound is missing", statement.bounds[:-1]),
        ("a bound wider than its slot", (1 << 112, *statement.bounds[1:])),
    ):
        yield name, dataclasses.replace(statement, bounds=bounds), proof, RangeCheck.SHAPE.value


def _other_symbol(modulus: int) -> int:
    """Return the least number whose Jacobi symbol is -1."""
    return next(x for x in range(2, 1_000) if gmpy2.jacobi(x, modulus) == -1)
