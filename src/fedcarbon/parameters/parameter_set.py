"""The public parameter set: everything that the ceremony publishes, and its checks.

Its id is a hash of its canonical encoding; every proof and every signature binds the id. Whoever
holds the id from the trust roots can check the rest alone: `ParameterSet.check` refuses a set whose
keys, generators or proofs do not fit together (DESIGN section 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

import gmpy2

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.hashing import DIGEST_BYTES, digest
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import ConfigurationError, FedcarbonError, MalformedError
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.ristretto import element
from fedcarbon.identity.threshold import ThresholdVoprfKey
from fedcarbon.ids import PartyId, checked_name
from fedcarbon.packing.layout import Layout
from fedcarbon.paillier.keys import MODULUS_BITS_MIN, PublicKey
from fedcarbon.paillier.threshold_key import ThresholdKey, check_degree, derive_verification_base
from fedcarbon.parameters.generators import Derived, derive_all
from fedcarbon.proofs.commitments import ProofKey
from fedcarbon.proofs.square_free import verify_square_free
from fedcarbon.transparency.envelope import KEY_BYTES
from fedcarbon.units import Natural

_ID_LABEL: Final = b"fedcarbon/v1/parameter-id"


class ParametersInvalidError(ConfigurationError):
    """A parameter set fails one of its checks: nobody may use it; the ceremony must be repeated."""

    code: ClassVar[str] = "PARAMETERS_INVALID"


class UnknownTrusteeError(MalformedError):
    """No trustee of the parameter set has this name."""

    code: ClassVar[str] = "UNKNOWN_TRUSTEE"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrusteeEntry:
    """One trustee organisation; its index in Shamir's scheme is its position, from 1."""

    trustee_id: PartyId
    root_key: bytes
    """Ed25519 key that signs admissions and programmes."""
    verification_key: Natural
    """v_i = v^(Delta s_i) mod n^2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoprfEntry:
    """The public half of one of the four VOPRF keys."""

    label: KeyLabel
    public: bytes
    trustee_publics: tuple[bytes, ...]
    commitments: tuple[bytes, ...]
    """Feldman commitments of the dealing polynomial."""


@dataclass(frozen=True, kw_only=True)
class ParameterSet(Statement):
    """What everyone computes with. Without slots: derived keys are computed once and kept."""

    KIND: ClassVar[str] = "parameters"

    insecure: bool
    """True only for test keys below 2048 bits; production refuses it."""
    modulus: Natural
    """n of Paillier."""
    commitment_modulus: Natural
    """N of the commitments, another modulus, whose factors nobody keeps."""
    blinding_counter: int
    """Counter at which hashing n gave y; H = (y^2)^n."""
    verification_counter: int
    """Counter at which hashing n gave the root of the verification base v."""
    generator_counters: tuple[int, ...]
    """Counters of g_v, g_x, g_y, g_z for every slot, then g_0 and h."""
    ristretto_generator: bytes
    """G', hashed to the group; nobody knows its logarithm."""
    threshold: int
    trustees: tuple[TrusteeEntry, ...]
    voprf_keys: tuple[VoprfEntry, ...]
    """One per label, in the order of `KeyLabel`."""
    modulus_square_free: tuple[Natural, ...]
    """n-th roots modulo n of hashed elements."""
    commitment_square_free: tuple[Natural, ...]
    """N-th roots modulo N of hashed elements."""

    def __post_init__(self) -> None:
        """Check sizes and names; the equations are for `check`.

        Raises:
            MalformedError: a list or a key has another size than it must have.
        """
        names = [checked_name(entry.trustee_id) for entry in self.trustees]
        if len(set(names)) != len(names):
            raise MalformedError("a trustee stands twice")
        if {len(entry.root_key) for entry in self.trustees} != {KEY_BYTES}:
            raise MalformedError("a root key has 32 bytes")
        if [entry.label for entry in self.voprf_keys] != list(KeyLabel):
            raise MalformedError("there is one VOPRF key per label, in order")
        bits = (self.modulus.bit_length(), self.commitment_modulus.bit_length())
        if min(bits) < MODULUS_BITS_MIN and not self.insecure:
            raise MalformedError(f"moduli below {MODULUS_BITS_MIN} bits must be marked insecure")

    @cached_property
    def parameter_id(self) -> bytes:
        """The 32 bytes that stand for this set everywhere."""
        return digest(_ID_LABEL, statements.encode(self))

    @cached_property
    def public_key(self) -> PublicKey:
        """The Paillier key."""
        return PublicKey(n=self.modulus)

    @cached_property
    def layout(self) -> Layout:
        """How accounts share a plaintext."""
        return Layout.for_modulus(self.modulus.bit_length())

    @cached_property
    def threshold_key(self) -> ThresholdKey:
        """The public half of the Paillier shares."""
        base, _ = derive_verification_base(self.modulus)
        return ThresholdKey(
            public_key=self.public_key,
            trustees=len(self.trustees),
            threshold=self.threshold,
            verification_base=base,
            verification_keys=tuple(entry.verification_key for entry in self.trustees),
        )

    @cached_property
    def proof_key(self) -> ProofKey:
        """What range proofs and the proofs about their commitments are made and checked with."""
        return ProofKey(
            parameter_id=self.parameter_id,
            public_key=self.public_key,
            commitment_modulus=self.commitment_modulus,
            layout=self.layout,
        )

    @cached_property
    def trustee_ids(self) -> tuple[PartyId, ...]:
        """The trustees in the order of their indices."""
        return tuple(entry.trustee_id for entry in self.trustees)

    @cached_property
    def root_keys(self) -> dict[PartyId, bytes]:
        """Trustee id to root key."""
        return {entry.trustee_id: entry.root_key for entry in self.trustees}

    def trustee_index(self, trustee_id: PartyId) -> int:
        """Return the 1-based index of a trustee, or raise `UnknownTrusteeError`."""
        if trustee_id not in self.trustee_ids:
            raise UnknownTrusteeError(f"{trustee_id!r} is no trustee of this parameter set")
        return self.trustee_ids.index(trustee_id) + 1

    def voprf_key(self, label: KeyLabel) -> ThresholdVoprfKey:
        """Return the public half of the key `label`."""
        entry = self.voprf_keys[list(KeyLabel).index(label)]
        return ThresholdVoprfKey(
            label=label,
            public=element(entry.public),
            trustee_publics=tuple(map(element, entry.trustee_publics)),
            commitments=tuple(map(element, entry.commitments)),
        )

    def check(self) -> None:
        """Check everything that can be checked without a secret.

        (1) 2t > n_trustees <= 15 and gcd(2 Delta, n) = 1; (2) the verification keys lie on one
        polynomial of degree t - 1; (3) n and N are square-free, composite and share no factor;
        (4) every generator is what its counter says, and no counter was skipped; (5) each VOPRF key
        fits its commitments; (6) no two organisations share a root key, no two labels a VOPRF key.

        Raises:
            ParametersInvalidError: naming the check.
        """
        try:
            self._check()
        except ParametersInvalidError:
            raise
        except FedcarbonError as error:
            raise ParametersInvalidError(f"the parameter set is refused: {error}") from error

    def _check(self) -> None:
        if self.modulus == self.commitment_modulus:
            raise ParametersInvalidError("the two moduli must differ")
        check_degree(self.threshold_key)  # (1) when the key is built, (2)
        verify_square_free(self.modulus, self.modulus_square_free)  # (3)
        verify_square_free(self.commitment_modulus, self.commitment_square_free)
        # A prime passes for square-free, and everyone could decrypt under it.
        if any(gmpy2.is_prime(modulus) for modulus in (self.modulus, self.commitment_modulus)):
            raise ParametersInvalidError("a modulus is a prime: everyone knows its factor")
        if gmpy2.gcd(self.modulus, self.commitment_modulus) != 1:
            raise ParametersInvalidError("the two moduli share a factor, which everyone can find")
        if derive_all(self.modulus, self.commitment_modulus) != self._derived():  # (4)
            raise ParametersInvalidError("a generator is not what its counter says")
        for label in KeyLabel:  # (5)
            key = self.voprf_key(label)
            if (key.threshold, key.trustees) != (self.threshold, len(self.trustees)):
                raise ParametersInvalidError(f"the {label} key has another threshold")
            key.check()
        # (6) one organisation would count for two, and a claim token be had for an account's
        if len(set(self.root_keys.values())) != len(self.trustees):
            raise ParametersInvalidError("two trustee organisations share a root key")
        if len({entry.public for entry in self.voprf_keys}) != len(self.voprf_keys):
            raise ParametersInvalidError("two labels share a VOPRF key")

    def _derived(self) -> Derived:
        return Derived(
            blinding_counter=self.blinding_counter,
            verification_counter=self.verification_counter,
            generator_counters=self.generator_counters,
            ristretto_generator=element(self.ristretto_generator),
        )


def check_id(parameters: ParameterSet, expected: bytes) -> None:
    """Check that a set is the one that the trust roots name.

    Raises:
        ParametersInvalidError: it is another one.
    """
    if len(expected) != DIGEST_BYTES or parameters.parameter_id != expected:
        raise ParametersInvalidError("the parameter set is not the one that the roots name")
