"""Encryption, addition and the one encoding of ciphertexts.

Every ciphertext made here is a valid standard Paillier ciphertext: any implementation with the
full key decrypts it, and any standard ciphertext under the same n adds to ours.

Left to others: what stands in a plaintext (`fedcarbon.packing`), drawing s (the program that
encrypts; s must come from a CSPRNG and be used once), decryption (`fedcarbon.paillier.combine`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Final

import gmpy2
from gmpy2 import mpz
from typing_extensions import override

from fedcarbon.errors import CallerError
from fedcarbon.paillier.fixed_base import Comb, CombShape
from fedcarbon.paillier.keys import PublicKey, blinding_base


class PlaintextOutOfRangeError(CallerError):
    """A plaintext that is negative or not below n."""

    code: ClassVar[str] = "PLAINTEXT_OUT_OF_RANGE"


class RandomiserOutOfRangeError(CallerError):
    """An s that is negative or longer than half of n."""

    code: ClassVar[str] = "RANDOMISER_OUT_OF_RANGE"


class CiphertextLengthError(CallerError):
    """An encoded ciphertext that has not exactly 2 |n| / 8 bytes."""

    code: ClassVar[str] = "CIPHERTEXT_LENGTH"


class CiphertextRangeError(CallerError):
    """A ciphertext that is 0 or less, or n^2 or more."""

    code: ClassVar[str] = "CIPHERTEXT_RANGE"


class CiphertextNotUnitError(CallerError):
    """A ciphertext that shares a factor with n."""

    code: ClassVar[str] = "CIPHERTEXT_NOT_UNIT"


class Encryptor:
    """Encrypts under one key with tables of H."""

    __slots__ = ("_comb", "_modulus", "_n", "public_key")

    def __init__(
        self,
        public_key: PublicKey,
        window_bits: int | None = None,
        *,
        comb: Comb | None = None,
    ) -> None:
        """Build the tables of H (3072 bits: 0.6 s and 54 MB), or take them.

        Args:
            public_key: whom to encrypt for.
            window_bits: digit length of the tables; a process that encrypts a few values only, as
                a trustee does, saves memory with 6. By default what `window_bits_for` says.
            comb: tables of `encryption_shape`, if they are there already.
        """
        self.public_key: Final = public_key
        self._n: Final = mpz(public_key.n)
        self._modulus: Final = mpz(public_key.n_squared)
        self._comb: Final = comb or Comb(encryption_shape(public_key, window_bits))

    def encrypt(self, message: int, s: int) -> int:
        """Return Enc(message; s) = (1 + n message) H^s mod n^2.

        Args:
            message: the plaintext, in [0, n).
            s: uniform in [0, 2^randomiser_bits), never used before; as long as the table allows.

        Raises:
            PlaintextOutOfRangeError: see `message`.
            RandomiserOutOfRangeError: see `s`.
        """
        return self.hidden(message, self.powers((s,))[0])

    def powers(self, randomisers: Sequence[int]) -> list[Any]:
        """Return H^s mod n^2 for every s; see `encrypt`.

        Raises:
            RandomiserOutOfRangeError: an s does not fit.
        """
        limit = self._comb.shape.exponent_bits
        if any(s < 0 or s.bit_length() > limit for s in randomisers):
            raise RandomiserOutOfRangeError(f"s must have at most {limit} bits and no sign")
        return self._comb.powers([(s,) for s in randomisers])

    def hidden(self, message: int, power: Any) -> int:  # noqa: ANN401 - mpz has no type stubs
        """Return (1 + n message) power mod n^2, where `power` is H^s.

        Raises:
            PlaintextOutOfRangeError: see `encrypt`.
        """
        if not 0 <= message < self.public_key.n:
            raise PlaintextOutOfRangeError("a plaintext must be at least 0 and below n")
        return int((1 + self._n * message) * power % self._modulus)

    @override
    def __repr__(self) -> str:
        """Return the key's size."""
        return f"Encryptor(bits={self.public_key.bits})"


def encryption_shape(
    public_key: PublicKey, window_bits: int | None = None, exponent_bits: int | None = None
) -> CombShape:
    """Return the shape of the tables of H.

    Args:
        public_key: the key.
        window_bits: see `Encryptor`.
        exponent_bits: length of the longest s; by default that of a randomiser. A prover masks
            randomisers by longer ones.
    """
    return CombShape.of_one(
        blinding_base(public_key.n),
        public_key.n_squared,
        exponent_bits=exponent_bits or public_key.randomiser_bits,
        window_bits=window_bits,
    )


def check_ciphertext(public_key: PublicKey, ciphertext: int) -> None:
    """Accept the canonical representative of a unit mod n^2.

    Raises:
        CiphertextRangeError: not in (0, n^2).
        CiphertextNotUnitError: shares a factor with n.
    """
    if not 0 < ciphertext < public_key.n_squared:
        raise CiphertextRangeError("a ciphertext must be above 0 and below n^2")
    if gmpy2.gcd(ciphertext, public_key.n) != 1:
        raise CiphertextNotUnitError("a ciphertext must share no factor with n")


def add(public_key: PublicKey, first: int, second: int) -> int:
    """Return a ciphertext of the sum mod n of two plaintexts: the product mod n^2.

    Raises:
        CiphertextRangeError, CiphertextNotUnitError: see `check_ciphertext`.
    """
    check_ciphertext(public_key, first)
    check_ciphertext(public_key, second)
    return int(mpz(first) * second % public_key.n_squared)


def product(public_key: PublicKey, ciphertexts: Iterable[bytes]) -> int:
    """Return the product mod n^2 of stored ciphertexts; of none, 1 (an encryption of 0).

    Length and range are checked for each; that all are units is checked once, on the product,
    because a product is a unit exactly if every factor is.

    Args:
        public_key: the key that all are under.
        ciphertexts: big-endian encodings, as `ciphertext_to_bytes` makes them.

    Raises:
        CiphertextLengthError: an encoding has another width.
        CiphertextRangeError: an encoded number is not in (0, n^2).
        CiphertextNotUnitError: one or more of them share a factor with n.
    """
    modulus, width = mpz(public_key.n_squared), public_key.ciphertext_bytes
    # At one width the order of bytes is the order of numbers, and far cheaper to look at: the
    # whole check and parse costs a fifth of the product that it guards.
    lowest, bound = bytes(width), public_key.n_squared.to_bytes(width, "big")
    result, parsed = mpz(1), mpz.from_bytes
    for data in ciphertexts:
        if len(data) != width:
            raise CiphertextLengthError(f"a ciphertext has {width} bytes, not {len(data)}")
        if not lowest < data < bound:
            raise CiphertextRangeError("a ciphertext must be above 0 and below n^2")
        result = result * parsed(data) % modulus
    if gmpy2.gcd(result, public_key.n) != 1:
        raise CiphertextNotUnitError("one of the ciphertexts shares a factor with n")
    return int(result)


def ciphertext_to_bytes(public_key: PublicKey, ciphertext: int) -> bytes:
    """Return the encoding of a ciphertext: 2 |n| / 8 big-endian bytes.

    Raises:
        CiphertextRangeError, CiphertextNotUnitError: see `check_ciphertext`.
    """
    check_ciphertext(public_key, ciphertext)
    return ciphertext.to_bytes(public_key.ciphertext_bytes, "big")


def ciphertext_from_bytes(public_key: PublicKey, data: bytes) -> int:
    """Return the ciphertext that `data` encodes.

    Raises:
        CiphertextLengthError: not exactly 2 |n| / 8 bytes.
        CiphertextRangeError, CiphertextNotUnitError: see `check_ciphertext`.
    """
    if len(data) != public_key.ciphertext_bytes:
        raise CiphertextLengthError(
            f"a ciphertext has {public_key.ciphertext_bytes} bytes, not {len(data)}"
        )
    ciphertext = int.from_bytes(data, "big")
    check_ciphertext(public_key, ciphertext)
    return ciphertext
