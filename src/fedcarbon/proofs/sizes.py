"""The lengths of everything in a slot range proof, derived in one place (DESIGN section 9.2).

lambda = 128 bits of challenge, kappa = 80 bits of statistical hiding over billions of proofs. With
b = bits(B) for a slot's bound B, |N| for the commitment modulus and |s| for Paillier randomisers:

    what is hidden          its bound                 mask below                   response below
    v, x, y, z of a slot    B + 1 <= 2^b (b >= 1)     2^(b+1+lambda+kappa)         one bit more
    rho, tau1               2^(|N|+kappa)             2^(|N|+2 kappa+lambda)       one bit more
    s                       2^|s|                     2^(|s|+lambda+kappa)         one bit more

Why each line hides: e * value < 2^lambda * bound, and the mask is at least 2^kappa times that, so
the response's distribution is within 2^-kappa of one that does not depend on the value. Why "one
bit more" accepts every honest prover: mask + e * value < mask + 2^-kappa mask < 2 mask. The three
roots fit the slot's line too: x^2 + y^2 + z^2 = 4 v (B - v) + 1 <= B^2 + 1, so each is at most B,
or 1 where B is 0. rho itself is drawn kappa bits longer than the group is large, so that h^rho is
uniform in the group up to 2^-kappa.

Why slots cannot borrow from each other in what is proved: B < 2^W, and k W <= |n| - 2, so that the
integer that the commitment fixes is the plaintext, not only congruent to it mod n.
"""

from __future__ import annotations

from typing import Final

from fedcarbon.paillier.share_proof import CHALLENGE_BITS, HIDING_BITS

WEIGHT_BITS: Final = 128
"""Of the weights by which equations are folded into one."""

FOLDED_BITS: Final = WEIGHT_BITS + 32
"""By how much a sum of up to 2^31 weighted responses is longer than one response."""

_MASKING_BITS: Final = CHALLENGE_BITS + HIDING_BITS


def value_mask_bits(bound: int) -> int:
    """Return the length of the masks of a slot whose value is at most `bound`."""
    return bound.bit_length() + 1 + _MASKING_BITS


def value_response_bits(bound: int) -> int:
    """Return the longest response that is accepted for a slot's value and roots."""
    return value_mask_bits(bound) + 1


def blinding_bits(commitment_modulus: int) -> int:
    """Return the length of rho and tau1."""
    return commitment_modulus.bit_length() + HIDING_BITS


def blinding_mask_bits(commitment_modulus: int) -> int:
    """Return the length of the masks rho_a and tau0."""
    return blinding_bits(commitment_modulus) + _MASKING_BITS


def blinding_response_bits(commitment_modulus: int) -> int:
    """Return the longest rho_f and tau_f that are accepted."""
    return blinding_mask_bits(commitment_modulus) + 1


def coefficient_bits(bound: int, slots: int) -> int:
    """Return a length that the coefficients P1 and P0 of the range equation never exceed.

    Each is a sum over the slots of a challenge times at most 4 + 3 squares of masks.
    """
    return CHALLENGE_BITS + 2 * value_mask_bits(bound) + 3 + slots.bit_length()


def randomiser_mask_bits(randomiser_bits: int) -> int:
    """Return the length of s_a for randomisers s of that length."""
    return randomiser_bits + _MASKING_BITS


def randomiser_response_bits(randomiser_bits: int) -> int:
    """Return the longest s_f that is accepted."""
    return randomiser_mask_bits(randomiser_bits) + 1
