"""Checking link proofs; see `fedcarbon.proofs.link` for why the numbered checks are enough."""

from __future__ import annotations

from collections.abc import Sequence

import gmpy2
from gmpy2 import mpz

from fedcarbon.errors import FedcarbonError
from fedcarbon.identity.ristretto import ORDER, Point, element, pedersen, scaled, sum_of
from fedcarbon.proofs.commitments import ProofKey
from fedcarbon.proofs.generators import LINK_KINDS, check_element
from fedcarbon.proofs.link import (
    DELTA_MAX,
    LinkCheck,
    LinkProof,
    LinkProofInvalidError,
    LinkSizes,
    LinkStatement,
    delta_generators,
    link_challenge,
)
from fedcarbon.proofs.multi_power import multi_power


def verify_link(key: ProofKey, statement: LinkStatement, proof: LinkProof) -> None:
    """Accept a proof.

    Args:
        key: of the parameter set.
        statement: as the verifier computed it from the record; K from checked elements.
        proof: as `LinkProofShape.decode` returned it.

    Raises:
        LinkProofInvalidError: naming the first check that fails.
    """
    _check_shape(key, statement, proof)
    _check_group(key, statement, proof)
    _check_sizes(key, statement, proof)
    e = link_challenge(key, statement, proof)
    f, f_d = proof.responses, proof.delta_responses
    # (2) the responses open A, the product over all blocks
    if not _holds(
        key,
        (*key.slot_generators, key.blinding_generator),
        (*f.flat, proof.blinding_response),
        (proof.mask_commitment, statement.product(key)),
        e,
    ):
        raise _failed(LinkCheck.COMMITMENT, statement, "the responses do not open all blocks")
    # (3) and they open the commitment to the difference
    if not _holds(
        key,
        (*delta_generators(key), key.blinding_generator),
        (*f_d, proof.delta_blinding_response),
        (proof.delta_mask_commitment, proof.delta_commitment),
        e,
    ):
        raise _failed(LinkCheck.DELTA, statement, "the responses do not open the difference")
    # (4) the difference is within [0, 2^60)
    q = 4 * f_d[0] * (DELTA_MAX * e - f_d[0]) + e * e - sum(root * root for root in f_d[1:])
    if not _holds(
        key,
        (key.constant_generator, key.blinding_generator),
        (q, proof.range_response),
        (proof.constant, proof.linear),
        e,
    ):
        raise _failed(LinkCheck.RANGE, statement, "the difference is negative or 2^60 or more")
    # (5) slots and difference together are what the winning claims commit to
    left = pedersen(sum(f.v) + f_d[0], proof.point_response, statement.generator)
    if left != sum_of((Point(proof.mask_point), scaled(e, statement.winnings))):
        raise _failed(LinkCheck.LINK, statement, "the slots are not what the winning claims hold")


def _check_shape(key: ProofKey, statement: LinkStatement, proof: LinkProof) -> None:
    slots = key.layout.slots
    blocks = list(statement.commitments)
    if not blocks or blocks != sorted(blocks):
        raise _failed(LinkCheck.SHAPE, statement, "a submission has blocks, in order")
    sent = (len(proof.responses.flat), len(proof.delta_responses))
    if sent != (4 * slots, len(LINK_KINDS)):
        raise _failed(LinkCheck.SHAPE, statement, f"there are {slots} slots and 4 responses each")


def _check_group(key: ProofKey, statement: LinkStatement, proof: LinkProof) -> None:
    elements = (
        *statement.commitments.values(),
        proof.delta_commitment,
        proof.mask_commitment,
        proof.delta_mask_commitment,
        proof.linear,
        proof.constant,
    )
    try:
        for member in elements:
            check_element(key.commitment_modulus, member)
        element(proof.mask_point)
    except FedcarbonError as error:
        raise _failed(LinkCheck.GROUP, statement, str(error)) from error


def _check_sizes(key: ProofKey, statement: LinkStatement, proof: LinkProof) -> None:
    lengths = LinkSizes.of(key, statement)
    limits = [
        *((number, lengths.value_mask_bits + 1) for number in proof.responses.flat),
        *((number, lengths.delta_mask_bits + 1) for number in proof.delta_responses),
        (proof.blinding_response, lengths.blinding_mask_bits + 1),
        (proof.delta_blinding_response, lengths.delta_blinding_mask_bits + 1),
        (proof.range_response, lengths.delta_blinding_mask_bits + 1),
    ]
    if any(number < 0 or number.bit_length() > bits for number, bits in limits):
        raise _failed(LinkCheck.RESPONSE_SIZE, statement, "a response is negative or too long")
    if not 0 <= proof.point_response < ORDER:
        raise _failed(LinkCheck.RESPONSE_SIZE, statement, "r_f is not reduced")


def _holds(
    key: ProofKey,
    bases: Sequence[int],
    exponents: Sequence[int],
    committed: tuple[int, int],
    e: int,
) -> bool:
    """Tell whether prod bases^exponents = committed[0] committed[1]^e in SQR(N)."""
    modulus = mpz(key.commitment_modulus)
    left = multi_power(bases, exponents, modulus)
    right = committed[0] * gmpy2.powmod(committed[1], e, modulus)
    return key.canonical(left) == key.canonical(right)


def _failed(check: LinkCheck, statement: LinkStatement, finding: str) -> LinkProofInvalidError:
    return LinkProofInvalidError(check, statement.context, finding)
