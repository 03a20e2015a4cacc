"""Attacks on slot range proofs that need no weak variant to be understood, by name.

Each names the check that must refuse it, alone and in a batch (`check_that_fails`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import gmpy2
import pytest

from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.packing.layout import Layout, LayoutDoesNotFitError
from fedcarbon.paillier.keys import PublicKey
from fedcarbon.proofs import sizes
from fedcarbon.proofs.commitments import ProofKey, SlotNumbers
from fedcarbon.proofs.range_proof import RangeCheck, RangeProof, RangePurpose
from fedcarbon.proofs.range_verifier import Claim, verify
from tests.proofs.conftest import BOUNDS, CAP_UG, VALUES
from tests.proofs.dishonest import Attacker, check_that_fails, roots_of


def with_field(proof: RangeProof, name: str, number: int) -> RangeProof:
    changes: dict[str, Any] = {name: number}
    return dataclasses.replace(proof, **changes)


def with_f(proof: RangeProof, *, kind: str = "v", slot: int = 0, to: int) -> RangeProof:
    numbers = list(getattr(proof.responses, kind))
    numbers[slot] = to
    return dataclasses.replace(
        proof, responses=dataclasses.replace(proof.responses, **{kind: tuple(numbers)})
    )


# ---- what stands in the slots ----

BAD_VALUES: Mapping[str, tuple[int, ...]] = {
    "slot_cap_plus_one": (CAP_UG + 1, 0, 0, 0),
    "slot_minus_one": (-1, 0, 0, 0),
    "slot_borrow_neighbour": (5, 2**112 + 7, CAP_UG - 1, 0),
    "slot borrows the other way": (5, 7 - 2**112, CAP_UG, 0),
    "b_zero_nonzero_value": (0, 0, 0, 1),
    "every slot too large": (CAP_UG + 1, CAP_UG + 9, 2 * CAP_UG, 3),
}


@pytest.mark.parametrize("name", BAD_VALUES)
def test_a_value_outside_its_bound_is_refused_by_the_range_equation(
    attacker: Attacker, name: str
) -> None:
    # The prover is consistent: the same wrong integers stand in A and in C.
    values = BAD_VALUES[name]
    statement, s = attacker.statement(BOUNDS, values)

    proof = attacker.prove(statement, roots_of(values, BOUNDS, attacker.chance), s)

    assert check_that_fails(attacker.key, statement, proof) == RangeCheck.RANGE


def test_slot_borrow_neighbour_is_the_same_plaintext_as_an_honest_block() -> None:
    # What makes borrowing dangerous: the sum alone cannot tell, only the bound of each slot can.
    borrowed, honest = BAD_VALUES["slot_borrow_neighbour"], (5, 7, CAP_UG, 0)
    width = 2**112

    assert sum(v * width**j for j, v in enumerate(borrowed)) == sum(
        v * width**j for j, v in enumerate(honest)
    )


def test_squares_do_not_match(attacker: Attacker) -> None:
    numbers = roots_of(VALUES, BOUNDS, attacker.chance)
    wrong = dataclasses.replace(numbers, x=(numbers.x[0] + 1, *numbers.x[1:]))
    statement, s = attacker.statement(BOUNDS, VALUES)

    proof = attacker.prove(statement, wrong, s)

    assert check_that_fails(attacker.key, statement, proof) == RangeCheck.RANGE


def test_commitment_other_value(attacker: Attacker) -> None:
    # A and its roots are in order; C holds a hundred times as much.
    statement, s = attacker.statement(BOUNDS, (500, *VALUES[1:]))

    proof = attacker.prove(statement, roots_of(VALUES, BOUNDS, attacker.chance), s)

    assert check_that_fails(attacker.key, statement, proof) == RangeCheck.ENCRYPTION


def test_ciphertext_times_enc_one_before_the_proof(attacker: Attacker) -> None:
    fitting, s = attacker.statement(BOUNDS, VALUES)
    key = attacker.key.public_key
    statement = attacker.about(BOUNDS, fitting.ciphertext * (1 + key.n) % key.n_squared)

    proof = attacker.prove(statement, roots_of(VALUES, BOUNDS, attacker.chance), s)

    assert check_that_fails(attacker.key, statement, proof) == RangeCheck.ENCRYPTION


def test_a_randomiser_that_is_not_that_of_the_ciphertext_is_refused(attacker: Attacker) -> None:
    statement, s = attacker.statement(BOUNDS, VALUES)

    proof = attacker.prove(statement, roots_of(VALUES, BOUNDS, attacker.chance), s + 1)

    assert check_that_fails(attacker.key, statement, proof) == RangeCheck.ENCRYPTION


# ---- a finished proof, and one thing changed ----


def not_in_group(key: ProofKey) -> int:
    big_n = key.commitment_modulus
    return next(x for x in range(2, 1000) if gmpy2.jacobi(x, big_n) == -1)


def ciphertext_with_symbol_minus_one(key: ProofKey) -> int:
    return next(x for x in range(2, 1000) if gmpy2.jacobi(x, key.public_key.n) == -1)


ELEMENTS = {"A": "commitment", "T": "mask_commitment", "E1": "linear", "E0": "constant"}


@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize(
    "attack",
    [
        "commitment_jacobi_minus_one",
        "commitment_not_canonical_sign",
        "commitment_zero",
        "plus_modulus",
        "negative",
    ],
)
def test_an_element_that_is_not_canonical_is_refused(
    key: ProofKey, honest: Claim, element: str, attack: str
) -> None:
    statement, proof = honest
    held = getattr(proof, ELEMENTS[element])
    changed = {
        "commitment_jacobi_minus_one": not_in_group(key),
        "commitment_not_canonical_sign": key.commitment_modulus - held,
        "commitment_zero": 0,
        "plus_modulus": held + key.commitment_modulus,
        "negative": -held,
    }[attack]

    attacked = with_field(proof, ELEMENTS[element], changed)

    assert check_that_fails(key, statement, attacked) == RangeCheck.GROUP


@pytest.mark.parametrize("where", ["C", "D"])
@pytest.mark.parametrize(
    "attack",
    [
        "ciphertext_plus_n2",
        "ciphertext_zero",
        "ciphertext_multiple_of_n",
        "ciphertext_multiple_of_a_prime",
        "negative",
        "n2",
        "jacobi_minus_one",
    ],
)
def test_a_number_that_is_no_canonical_ciphertext_is_refused(
    key: ProofKey, honest: Claim, tiny_p: int, where: str, attack: str
) -> None:
    statement, proof = honest
    public_key = key.public_key
    held = statement.ciphertext if where == "C" else proof.mask_ciphertext
    changed = {
        "ciphertext_plus_n2": held + public_key.n_squared,
        "ciphertext_zero": 0,
        "ciphertext_multiple_of_n": 5 * public_key.n,
        "ciphertext_multiple_of_a_prime": tiny_p * 12_345,
        "negative": held - public_key.n_squared,
        "n2": public_key.n_squared,
        "jacobi_minus_one": ciphertext_with_symbol_minus_one(key),
    }[attack]
    if where == "C":
        statement = dataclasses.replace(statement, ciphertext=changed)
    else:
        proof = dataclasses.replace(proof, mask_ciphertext=changed)

    assert check_that_fails(key, statement, proof) == RangeCheck.CIPHERTEXT


AFTERWARDS: Mapping[str, Callable[[ProofKey, int], int]] = {
    "ciphertext_times_enc_one": lambda key, c: c * (1 + key.public_key.n),
    "ciphertext_rerandomised": lambda key, c: c * key.blinding_base,
    "ciphertext_negated": lambda _, c: -c,
    "ciphertext_squared": lambda _, c: c * c,
}


@pytest.mark.parametrize("name", AFTERWARDS)
def test_a_ciphertext_that_is_changed_after_the_proof_changes_the_challenge(
    key: ProofKey, honest: Claim, name: str
) -> None:
    statement, proof = honest
    changed = AFTERWARDS[name](key, statement.ciphertext) % key.public_key.n_squared
    attacked = dataclasses.replace(statement, ciphertext=changed)

    assert check_that_fails(key, attacked, proof) == RangeCheck.COMMITMENT


TOO_LONG = {
    "rho_too_long": "blinding_response",
    "tau_too_long": "range_response",
    "s_too_long": "randomiser_response",
}
NEGATIVE = {
    "rho_negative": "blinding_response",
    "tau_negative": "range_response",
    "s_negative": "randomiser_response",
}


def longest(key: ProofKey, name: str) -> int:
    if name == "randomiser_response":
        return sizes.randomiser_response_bits(key.public_key.randomiser_bits)
    return sizes.blinding_response_bits(key.commitment_modulus)


@pytest.mark.parametrize("name", TOO_LONG)
def test_a_response_to_blinding_that_is_one_bit_too_long_is_refused(
    key: ProofKey, honest: Claim, name: str
) -> None:
    statement, proof = honest
    bits = longest(key, TOO_LONG[name])
    just = with_field(proof, TOO_LONG[name], (1 << bits) - 1)
    attacked = with_field(proof, TOO_LONG[name], 1 << bits)

    assert check_that_fails(key, statement, attacked) == RangeCheck.RESPONSE_SIZE
    assert check_that_fails(key, statement, just) != RangeCheck.RESPONSE_SIZE


@pytest.mark.parametrize("name", NEGATIVE)
def test_a_negative_response_to_blinding_is_refused(
    key: ProofKey, honest: Claim, name: str
) -> None:
    statement, proof = honest
    attacked = with_field(proof, NEGATIVE[name], -1)

    assert check_that_fails(key, statement, attacked) == RangeCheck.RESPONSE_SIZE


def test_a_response_that_is_longer_by_the_order_of_the_group_is_refused(
    key: ProofKey, honest: Claim, commitment_order: int
) -> None:
    # The equations still hold, as they must for whoever knows N's factors: only the size says no.
    statement, proof = honest
    twin = proof.blinding_response + commitment_order
    verify(key, statement, dataclasses.replace(proof, blinding_response=twin))
    bits = sizes.blinding_response_bits(key.commitment_modulus)
    steps = (1 << bits) // commitment_order + 1
    longer = proof.blinding_response + steps * commitment_order

    attacked = dataclasses.replace(proof, blinding_response=longer)

    assert check_that_fails(key, statement, attacked) == RangeCheck.RESPONSE_SIZE


@pytest.mark.parametrize("kind", "vxyz")
@pytest.mark.parametrize("slot", range(4))
def test_a_response_of_a_slot_is_judged_by_the_bound_of_that_slot(
    key: ProofKey, honest: Claim, kind: str, slot: int
) -> None:
    statement, proof = honest
    bits = sizes.value_response_bits(BOUNDS[slot])
    attacks = {
        "response_negative": (-1, RangeCheck.RESPONSE_SIZE),
        "response_one_bit_too_long": (1 << bits, RangeCheck.RESPONSE_SIZE),
        "as long as it may be": ((1 << bits) - 1, RangeCheck.COMMITMENT),
    }

    for to, check in attacks.values():
        attacked = with_f(proof, kind=kind, slot=slot, to=to)
        assert check_that_fails(key, statement, attacked) == check


def test_response_missing(key: ProofKey, honest: Claim) -> None:
    statement, proof = honest
    f = proof.responses
    attacks = (
        dataclasses.replace(f, v=f.v[:-1]),
        dataclasses.replace(f, z=f.z[:-1]),
        dataclasses.replace(f, y=()),
        dataclasses.replace(f, x=(*f.x, 0)),
        # The right number in all, in the wrong places.
        dataclasses.replace(f, v=(*f.v, f.x[0]), x=f.x[1:]),
        SlotNumbers(v=(), x=(), y=(), z=()),
    )

    for responses in attacks:
        attacked = dataclasses.replace(proof, responses=responses)
        assert check_that_fails(key, statement, attacked) == RangeCheck.SHAPE


@pytest.mark.parametrize(
    ("bounds", "case"),
    [
        (BOUNDS[:-1], "a bound is missing"),
        ((*BOUNDS, 0), "a bound too many"),
        ((-1, *BOUNDS[1:]), "a negative bound"),
        ((1 << 112, *BOUNDS[1:]), "a bound as wide as its slot and more"),
    ],
)
def test_bounds_that_do_not_fit_their_slots_are_refused(
    key: ProofKey, honest: Claim, bounds: tuple[int, ...], case: str
) -> None:
    statement, proof = honest

    attacked = dataclasses.replace(statement, bounds=bounds)

    assert check_that_fails(key, attacked, proof) == RangeCheck.SHAPE, case


def test_responses_swapped(key: ProofKey, honest: Claim) -> None:
    statement, proof = honest
    f = proof.responses
    swapped = dataclasses.replace(f, v=(f.v[1], f.v[0], *f.v[2:]))
    kinds = dataclasses.replace(f, x=f.y, y=f.x)

    for responses in (swapped, kinds):
        attacked = dataclasses.replace(proof, responses=responses)
        assert check_that_fails(key, statement, attacked) == RangeCheck.COMMITMENT


@pytest.mark.parametrize(
    ("field", "check"),
    [
        ("blinding_response", RangeCheck.COMMITMENT),
        ("randomiser_response", RangeCheck.ENCRYPTION),
        ("range_response", RangeCheck.RANGE),
    ],
)
def test_each_equation_watches_its_own_response(
    key: ProofKey, honest: Claim, field: str, check: RangeCheck
) -> None:
    statement, proof = honest

    attacked = with_field(proof, field, getattr(proof, field) + 1)

    assert check_that_fails(key, statement, attacked) == check


# ---- a finished proof in another place ----

REPLAYS: Mapping[str, Mapping[str, Any]] = {
    "replay_other_party": {"party_id": PartyId("taxi")},
    "replay_other_epoch": {"epoch": EpochIndex(4)},
    "replay_other_block": {"block": 8},
    "replay other programme": {"programme_id": ProgrammeId("town")},
    "replay other purpose": {"purpose": RangePurpose.MASK},
    "replay other subject": {"subject": b"\x00"},
}


@pytest.mark.parametrize("name", REPLAYS)
def test_a_proof_of_another_place_is_refused(key: ProofKey, honest: Claim, name: str) -> None:
    statement, proof = honest
    context = dataclasses.replace(statement.context, **REPLAYS[name])

    elsewhere = dataclasses.replace(statement, context=context)

    assert check_that_fails(key, elsewhere, proof) == RangeCheck.COMMITMENT


def test_a_proof_under_another_parameter_set_is_refused(key: ProofKey, honest: Claim) -> None:
    other = dataclasses.replace(key, parameter_id=bytes(32))

    assert check_that_fails(other, *honest) == RangeCheck.COMMITMENT


def test_caps_supplied_by_prover(attacker: Attacker) -> None:
    # A value above the cap under bounds of the prover's own choice is a perfect proof of nothing.
    values = (CAP_UG + 1, 0, 0, 0)
    own = (2 * CAP_UG, CAP_UG, CAP_UG, 0)
    statement, s = attacker.statement(own, values)
    proof = attacker.prove(statement, roots_of(values, own, attacker.chance), s)
    as_the_record_says = dataclasses.replace(statement, bounds=BOUNDS)

    assert check_that_fails(attacker.key, as_the_record_says, proof) == RangeCheck.COMMITMENT


# ---- parameters ----


def test_layout_does_not_fit_modulus(key: ProofKey) -> None:
    # Five slots of 112 bits wrap around a modulus of 512 bits: the packed sum is not the plaintext.
    with pytest.raises(LayoutDoesNotFitError):
        Layout(modulus_bits=512, slots=5)
    with pytest.raises(LayoutDoesNotFitError):
        dataclasses.replace(key, layout=Layout.for_modulus(2048))
    with pytest.raises(LayoutDoesNotFitError):
        dataclasses.replace(key, public_key=PublicKey(n=key.public_key.n >> 16 | 1))
