"""Forgeries that a weak variant lets pass and the real code refuses.

Every test builds the weakness (generators with known roots, a transcript without one item), sees
the forgery accepted there, and sees it refused here by the check that is named.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import pytest
from typing_extensions import override

from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.paillier.share_proof import HIDING_BITS
from fedcarbon.proofs import range_proof, sizes
from fedcarbon.proofs.commitments import ProofKey, ProverTables, SlotNumbers, joined
from fedcarbon.proofs.range_proof import (
    RangeCheck,
    RangeProof,
    RangePurpose,
    RangeStatement,
)
from fedcarbon.proofs.range_prover import encrypt_and_prove, prove
from fedcarbon.proofs.range_verifier import Claim, verify, verify_all
from fedcarbon.proofs.transcript import Transcript
from tests.chance import seeded
from tests.proofs.conftest import BOUNDS, CAP_UG, VALUES
from tests.proofs.dishonest import (
    Attacker,
    GammaBeforeA,
    check_that_fails,
    forgetting,
    packed,
    powered,
    roots_of,
    sum_of_three_squares,
)

Weakened = Callable[[type[Transcript]], Any]


@pytest.fixture
def weakened(monkeypatch: pytest.MonkeyPatch) -> Weakened:
    """Return what runs prover and verifier over another transcript for a while."""

    @contextmanager
    def weak(transcript: type[Transcript]) -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(range_proof, "Transcript", transcript)
            yield

    return weak


def accepted(key: ProofKey, statement: RangeStatement, proof: RangeProof) -> None:
    verify(key, statement, proof)
    verify_all(key, [(statement, proof)], seeded(4).randrange)


# ---- generators with known roots: fractions become provable ----


def half(attacker: Attacker, bound: int) -> tuple[Fraction, tuple[int, int, int]]:
    """Return 1/2 with its three squares: 4 (1/2)(B - 1/2) + 1 = 2 B."""
    return Fraction(1, 2), sum_of_three_squares(2 * bound, attacker.chance) if bound else (0, 0, 0)


def third(attacker: Attacker, bound: int) -> tuple[Fraction, tuple[Fraction, ...]]:
    """Return 1/3 with its three squares: 4 (1/3)(B - 1/3) + 1 = (12 B + 5)/9."""
    roots = sum_of_three_squares(12 * bound + 5, attacker.chance)
    return Fraction(1, 3), tuple(Fraction(root, 3) for root in roots)


FRACTIONS: Mapping[str, tuple[Callable[..., Any], int, int]] = {
    "half_integer_slot_rejected": (half, 2, 1),
    "half_integer_slot0": (half, 2, 0),
    "half_integer_zero_cap": (half, 2, 3),
    "third_in_slot": (third, 3, 1),
}


def fraction_in_slot(
    attacker: Attacker, made_by: Callable[..., Any], slot: int
) -> tuple[list[Any], SlotNumbers]:
    value, roots = made_by(attacker, BOUNDS[slot])
    values: list[Any] = [0, 0, 0, 0]
    values[slot] = value
    honest = roots_of([0, 0, 0, 0], BOUNDS, attacker.chance)
    parts = [list(part) for part in (honest.x, honest.y, honest.z)]
    for part, root in zip(parts, roots, strict=True):
        part[slot] = root
    x, y, z = (tuple(part) for part in parts)
    return values, SlotNumbers(v=tuple(values), x=x, y=y, z=z)


@pytest.mark.parametrize("name", FRACTIONS)
def test_a_fraction_in_a_slot_needs_generators_with_known_roots(
    attacker: Attacker, name: str
) -> None:
    made_by, degree, slot = FRACTIONS[name]
    key = attacker.key
    weak = powered(key, degree)
    insider = dataclasses.replace(attacker, key=weak)
    values, numbers = fraction_in_slot(insider, made_by, slot)
    statement, s = insider.statement(BOUNDS, values)

    proof = insider.prove(statement, numbers, s, divisor=degree)

    accepted(weak, statement, proof)
    assert check_that_fails(key, statement, proof) == RangeCheck.COMMITMENT
    # Over the real generators A can only hold whole numbers, and then the answers do not open it.
    whole = SlotNumbers.of_flat([int(number) for number in numbers.flat])
    attempt = attacker.prove(statement, whole, s)
    assert check_that_fails(key, statement, attempt) == RangeCheck.ENCRYPTION


def test_a_half_in_a_slot_is_half_a_slot_for_the_neighbour(key: ProofKey) -> None:
    # 2^111 ug for whoever has the slot below: why hash outputs are never squared.
    assert packed([0, Fraction(1, 2), 0, 0], key.public_key.n) == 2**111


# ---- the order of the transcript ----


def gamma_first(attacker: Attacker) -> Claim:
    """Prove a value above its cap, knowing the gammas before A: the slots' errors cancel.

    Errors w_0 = -4 gamma_1 and w_1 = 4 gamma_0 (slot 1 is a wide one, as in a mask) add up to
    gamma_0 w_0 + gamma_1 w_1 = 0.
    """
    bounds = (CAP_UG, 2**112 - 1, 0, 0)
    values = (1_000 * CAP_UG, 2**111, 0, 0)
    statement, s = attacker.statement(bounds, values)
    gammas = attacker.gammas(statement, 1)
    numbers = roots_of(values, bounds, attacker.chance)
    errors = (-4 * gammas[1], 4 * gammas[0])
    roots = [
        sum_of_three_squares(4 * v * (b - v) + 1 - w, attacker.chance)
        for v, b, w in zip(values, bounds, errors, strict=False)
    ]
    x, y, z = (
        tuple(new) + old[2:]
        for new, old in zip(
            zip(*roots, strict=True), (numbers.x, numbers.y, numbers.z), strict=True
        )
    )
    return statement, attacker.prove(statement, SlotNumbers(v=values, x=x, y=y, z=z), s)


def test_gamma_before_a_forgery(attacker: Attacker, weakened: Weakened) -> None:
    with weakened(GammaBeforeA):
        statement, proof = gamma_first(attacker)
        accepted(attacker.key, statement, proof)

    assert check_that_fails(attacker.key, statement, proof) == RangeCheck.COMMITMENT
    # Over the real transcript the same prover gets other gammas once A is fixed.
    statement, proof = gamma_first(attacker)
    assert check_that_fails(attacker.key, statement, proof) == RangeCheck.RANGE


# ---- one commitment left out of the transcript: it is computed backwards from the answers ----


def without_t(attacker: Attacker) -> Claim:
    """Prove a value above its cap; T is what makes (2) hold afterwards.

    The answers for the roots are chosen after e, so that (4) holds whatever v is.
    """
    key, chance = attacker.key, attacker.chance
    values = (2 * CAP_UG, 0, 0, 0)
    statement, s = attacker.statement(BOUNDS, values)
    rho = chance.getrandbits(sizes.blinding_bits(key.commitment_modulus))
    a = attacker.commit(roots_of((0, 0, 0, 0), BOUNDS, chance), rho)
    gammas = attacker.gammas(statement, a)
    # Every slot's share of P0 is -4 a_v^2 - K: K leaves room for sums of three squares after e.
    room = 1 << 400
    while True:
        masks = attacker.masks(BOUNDS)
        p1 = sum(
            g * 4 * av * (b - 2 * v)
            for g, av, b, v in zip(gammas, masks.a.v, BOUNDS, values, strict=True)
        )
        p0 = sum(-g * (4 * av**2 + room) for g, av in zip(gammas, masks.a.v, strict=True))
        d = attacker.encrypt(joined(masks.a.v), masks.s)
        e1, e0 = attacker.constant(p1, masks.tau1), attacker.constant(p0, masks.tau0)
        e = attacker.challenge(statement, a, t=1, d=d, e1=e1, e0=e0)
        if e % 2:  # then the sums are 1 mod 4
            break
    roots = [
        sum_of_three_squares(e * e * (4 * v * (b - v) + 1) + room, chance)
        for v, b in zip(values, BOUNDS, strict=True)
    ]
    fv = tuple(av + e * v for av, v in zip(masks.a.v, values, strict=True))
    fx, fy, fz = zip(*roots, strict=True)
    f = SlotNumbers(v=fv, x=fx, y=fy, z=fz)
    rho_f = masks.rho
    t = attacker.commit(f, rho_f) * pow(a, -e, key.commitment_modulus)
    return statement, RangeProof(
        commitment=a,
        mask_commitment=key.canonical(t),
        linear=e1,
        constant=e0,
        mask_ciphertext=d,
        responses=f,
        blinding_response=rho_f,
        range_response=masks.tau0 + e * masks.tau1,
        randomiser_response=masks.s + e * s,
    )


def without_d(attacker: Attacker) -> Claim:
    """Prove with an honest A; D is what makes (3) hold for a ciphertext of anything."""
    public_key = attacker.key.public_key
    statement, s = attacker.statement(BOUNDS, (2**100, 0, 0, 0))
    proof = attacker.prove(statement, roots_of(VALUES, BOUNDS, attacker.chance), s)
    e = attacker.challenge_of(statement, proof)
    encrypted = attacker.encrypt(joined(proof.responses.v), proof.randomiser_response)
    d = encrypted * pow(statement.ciphertext, -e, public_key.n_squared) % public_key.n_squared
    return statement, dataclasses.replace(proof, mask_ciphertext=d)


def without_e(attacker: Attacker) -> Claim:
    """Prove a negative value; E0 is what makes (4) hold afterwards."""
    key, values = attacker.key, (-CAP_UG, 0, 0, 0)
    statement, s = attacker.statement(BOUNDS, values)
    proof = attacker.prove(statement, roots_of(values, BOUNDS, attacker.chance), s)
    e = attacker.challenge_of(statement, proof)
    gammas = attacker.gammas(statement, proof.commitment)
    f = proof.responses
    q = sum(
        gamma * (4 * v * (bound * e - v) + e * e - x * x - y * y - z * z)
        for gamma, bound, v, x, y, z in zip(gammas, BOUNDS, f.v, f.x, f.y, f.z, strict=True)
    )
    e0 = attacker.constant(q, proof.range_response) * pow(proof.linear, -e, key.commitment_modulus)
    return statement, dataclasses.replace(proof, constant=key.canonical(e0))


def without_c(attacker: Attacker) -> Claim:
    """Prove with a D that holds one more than the masks, and find the C that fits afterwards.

    It holds a number as long as n: nobody's value, and every sum of the block is spoilt.
    """
    n = attacker.key.public_key.n
    s = attacker.chance.getrandbits(attacker.key.public_key.randomiser_bits)
    about_any = attacker.about(BOUNDS, 1)
    numbers = roots_of(VALUES, BOUNDS, attacker.chance)
    proof = attacker.prove(about_any, numbers, s, d_offset=1)
    e = attacker.challenge_of(about_any, proof)
    return attacker.about(BOUNDS, attacker.encrypt(joined(VALUES) - pow(e, -1, n), s)), proof


FORGERIES: Mapping[str, tuple[tuple[bytes, ...], Callable[[Attacker], Claim]]] = {
    "omit_T_forgery": ((b"T",), without_t),
    "omit_D_forgery": ((b"D",), without_d),
    "omit_E_forgery": ((b"E0",), without_e),
    "omit_C_forgery": ((b"C",), without_c),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_commitment_that_the_challenge_does_not_bind_can_be_forged(
    attacker: Attacker, weakened: Weakened, name: str
) -> None:
    labels, forge = FORGERIES[name]
    with weakened(forgetting(*labels)):
        statement, proof = forge(attacker)
        accepted(attacker.key, statement, proof)

    assert check_that_fails(attacker.key, statement, proof) == RangeCheck.COMMITMENT
    # Nor does the same recipe work over the real transcript.
    assert check_that_fails(attacker.key, *forge(attacker)) in {
        RangeCheck.COMMITMENT,
        RangeCheck.ENCRYPTION,
    }


# ---- every item of the transcript ----

ITEMS: Mapping[str, tuple[bytes, ...]] = {
    "version": (b"version",),
    "parameters": (b"parameters",),
    "purpose": (b"purpose",),
    "programme": (b"programme",),
    "party": (b"party",),
    "epoch": (b"epoch",),
    "block": (b"block",),
    "subject": (b"subject",),
    "W": (b"W",),
    "k": (b"k",),
    "B": (b"B",),
    "C": (b"C",),
    "A": (b"A",),
    "T": (b"T",),
    "D": (b"D",),
    "E1": (b"E1",),
    "E0": (b"E0",),
}


def test_the_list_of_items_is_that_of_the_transcript(
    key: ProofKey, honest: Claim, weakened: Weakened
) -> None:
    seen: list[bytes] = []

    class Listening(Transcript):
        __slots__ = ()

        @override
        def absorb_bytes(self, label: bytes, item: bytes) -> None:
            seen.append(label)
            super().absorb_bytes(label, item)

    with weakened(Listening):
        verify(key, *honest)

    assert list(dict.fromkeys(seen)) == [label for labels in ITEMS.values() for label in labels]
    assert seen.count(b"B") == key.layout.slots
    assert len(seen) == len(ITEMS) + key.layout.slots - 1


@pytest.mark.parametrize("item", ITEMS)
def test_omit_each_context_item(
    tables: ProverTables, honest: Claim, weakened: Weakened, item: str
) -> None:
    key, statement = tables.key, honest[0]
    with weakened(forgetting(*ITEMS[item])):
        proved = encrypt_and_prove(
            tables,
            statement.context,
            values=VALUES,
            bounds=BOUNDS,
            randbelow=seeded(1).randrange,
        )
        claim = dataclasses.replace(statement, ciphertext=proved.ciphertext)
        accepted(key, claim, proved.proof)

    assert check_that_fails(key, claim, proved.proof) == RangeCheck.COMMITMENT


ELSEWHERE: Mapping[str, Mapping[str, Any]] = {
    "purpose": {"purpose": RangePurpose.MASK},
    "programme": {"programme_id": ProgrammeId("town")},
    "party": {"party_id": PartyId("taxi")},
    "epoch": {"epoch": EpochIndex(4)},
    "block": {"block": 8},
    "subject": {"subject": b"opening"},
}


@pytest.mark.parametrize("item", ELSEWHERE)
def test_a_proof_moves_to_another_place_if_the_transcript_forgets_where_it_belongs(
    tables: ProverTables, honest: Claim, weakened: Weakened, item: str
) -> None:
    key, (statement, _) = tables.key, honest
    moved = dataclasses.replace(
        statement, context=dataclasses.replace(statement.context, **ELSEWHERE[item])
    )

    with weakened(forgetting(*ITEMS[item])):
        proved = encrypt_and_prove(
            tables, statement.context, values=VALUES, bounds=BOUNDS, randbelow=seeded(1).randrange
        )
        moved = dataclasses.replace(moved, ciphertext=proved.ciphertext)
        accepted(key, moved, proved.proof)

    assert check_that_fails(key, moved, honest[1]) == RangeCheck.COMMITMENT


@pytest.mark.parametrize(
    ("item", "constant"), [("version", "PROTOCOL_VERSION"), ("W", "SLOT_WIDTH_BITS")]
)
def test_a_constant_of_the_protocol_binds_only_if_it_is_taken_in(
    key: ProofKey,
    honest: Claim,
    weakened: Weakened,
    monkeypatch: pytest.MonkeyPatch,
    tables: ProverTables,
    item: str,
    constant: str,
) -> None:
    other = getattr(range_proof, constant) - 1
    with monkeypatch.context() as patch:
        patch.setattr(range_proof, constant, other)
        assert check_that_fails(key, *honest) == RangeCheck.COMMITMENT

    with weakened(forgetting(*ITEMS[item])):
        proved = encrypt_and_prove(
            tables, honest[0].context, values=VALUES, bounds=BOUNDS, randbelow=seeded(1).randrange
        )
        monkeypatch.setattr(range_proof, constant, other)
        verify(key, dataclasses.replace(honest[0], ciphertext=proved.ciphertext), proved.proof)


# ---- the prover's own chance ----


def test_mask_reuse_detected(tables: ProverTables, attacker: Attacker, honest: Claim) -> None:
    # The same seed twice: two challenges over one T. Everybody sees it, and reads the values.
    key, (statement, _) = tables.key, honest
    proofs = []
    statements = []
    for block in (7, 8):
        context = dataclasses.replace(statement.context, block=block)
        proved = encrypt_and_prove(
            tables, context, values=VALUES, bounds=BOUNDS, randbelow=seeded(9).randrange
        )
        statements.append(
            RangeStatement(context=context, bounds=BOUNDS, ciphertext=proved.ciphertext)
        )
        proofs.append(proved.proof)
    first, second = proofs

    assert first.mask_commitment == second.mask_commitment
    assert first.mask_ciphertext == second.mask_ciphertext
    e_first, e_second = (
        attacker.challenge_of(where, proof) for where, proof in zip(statements, proofs, strict=True)
    )
    extracted = [
        (one - other) // (e_first - e_second)
        for one, other in zip(first.responses.v, second.responses.v, strict=True)
    ]
    assert tuple(extracted) == VALUES
    for where, proof in zip(statements, proofs, strict=True):
        verify(key, where, proof)


def test_fresh_chance_gives_fresh_masks_for_the_same_witness(
    tables: ProverTables, honest: Claim
) -> None:
    chance = seeded(10)
    statement, _ = honest
    proved = encrypt_and_prove(
        tables, statement.context, values=VALUES, bounds=BOUNDS, randbelow=chance.randrange
    )
    about = dataclasses.replace(statement, ciphertext=proved.ciphertext)

    again = prove(tables, about, proved.witness, chance.randrange)

    verify(tables.key, about, again)
    assert again.commitment == proved.proof.commitment
    for field in ("mask_commitment", "mask_ciphertext", "linear", "constant", "responses"):
        assert getattr(again, field) != getattr(proved.proof, field)


def test_kappa_below_80_refused() -> None:
    # No verifier can see how a prover drew its masks, so there is no knob: lengths are constants.
    assert HIDING_BITS == 80
    for bound in (0, 1, CAP_UG, 2**112 - 1):
        largest = max(bound, 1)
        assert sizes.value_mask_bits(bound) >= 128 + 80 + largest.bit_length()


@pytest.mark.parametrize("hiding_bits", [0, 1, 80])
def test_without_hiding_bits_the_length_of_an_answer_tells_a_value_from_zero(
    monkeypatch: pytest.MonkeyPatch, hiding_bits: int
) -> None:
    monkeypatch.setattr(sizes, "_MASKING_BITS", 128 + hiding_bits)
    chance = seeded(hiding_bits)
    mask_bits = sizes.value_mask_bits(CAP_UG)

    answers = [chance.getrandbits(mask_bits) + chance.getrandbits(128) * CAP_UG for _ in range(400)]

    # An answer longer than the mask is one that 0 cannot give.
    assert any(answer >> mask_bits for answer in answers) == (hiding_bits < 80)
