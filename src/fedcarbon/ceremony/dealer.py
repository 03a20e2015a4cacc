"""The dealer: from four safe primes to a parameter set and one set of secrets per trustee.

Pure: primes and randomness are handed in. Whoever runs it forgets the primes and the secrets
afterwards; what nobody can check is exactly that (ADR 3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import phe
from typing_extensions import override

from fedcarbon.ceremony.share_file import TrusteeSecrets
from fedcarbon.errors import ConfigurationError
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.shares import deal_voprf
from fedcarbon.identity.threshold import ThresholdVoprfKey
from fedcarbon.ids import PartyId
from fedcarbon.paillier.cipher import Encryptor
from fedcarbon.paillier.combine import self_test_ciphertexts
from fedcarbon.paillier.dealing import check_safe_primes, threshold_key_of
from fedcarbon.paillier.dealing import deal as deal_paillier
from fedcarbon.paillier.keys import MODULUS_BITS_MIN, PublicKey
from fedcarbon.paillier.shares import KeyShare, share_batch
from fedcarbon.paillier.threshold_key import ThresholdKey
from fedcarbon.parameters.generators import derive_all
from fedcarbon.parameters.parameter_set import ParameterSet, TrusteeEntry, VoprfEntry
from fedcarbon.parameters.self_test import (
    SelfTest,
    TrusteeSelfTest,
    check_self_test,
    self_test_context,
)
from fedcarbon.proofs.square_free import prove_square_free
from fedcarbon.registry.admission import root_keyid
from fedcarbon.transparency.envelope import SEED_BYTES, Envelope, SigningKey, sign
from fedcarbon.units import Natural

_SELF_CHECK_MESSAGE: Final = 97_000


class CeremonyError(ConfigurationError):
    """The ceremony cannot go on with these inputs."""

    code: ClassVar[str] = "CEREMONY"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CeremonyPrimes:
    """Four different safe primes; secret, and forgotten after the ceremony."""

    paillier_p: int
    paillier_q: int
    commitment_p: int
    commitment_q: int

    def __post_init__(self) -> None:
        """Check that they differ; that they are safe is checked when they are dealt.

        Raises:
            CeremonyError: two are equal.
        """
        four = {self.paillier_p, self.paillier_q, self.commitment_p, self.commitment_q}
        if len(four) != 4:  # noqa: PLR2004 - two moduli of two primes
            raise CeremonyError("the four primes of a ceremony must differ")

    @override
    def __repr__(self) -> str:
        """Return a text without the primes."""
        return "CeremonyPrimes(<redacted>)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealt:
    """What comes out of a ceremony."""

    parameters: ParameterSet
    signed_parameters: Envelope
    """Leaf 0 of the record, signed by every root key."""
    signed_self_test: Envelope
    """Leaf 1."""
    secrets: tuple[TrusteeSecrets, ...]
    """One per trustee, in order."""


def deal(
    primes: CeremonyPrimes,
    trustee_ids: Sequence[PartyId],
    threshold: int,
    *,
    random_below: Callable[[int], int],
    random_bytes: Callable[[int], bytes],
) -> Dealt:
    """Deal the keys of a federation.

    Args:
        primes: two pairs of safe primes.
        trustee_ids: the trustee organisations, in the order of their indices.
        threshold: t, with 2t > n_trustees <= 15.
        random_below: uniform integers below a bound, for the polynomials and proofs.
        random_bytes: uniform bytes, for root keys.

    Raises:
        ThresholdInvalidError, PrimesInvalidError: see `paillier.dealing.deal`.
        ParametersInvalidError: what was dealt does not pass its own checks.
    """
    check_safe_primes(primes.commitment_p, primes.commitment_q)
    _check_with_phe(primes)
    public_key = PublicKey(n=primes.paillier_p * primes.paillier_q)
    shares = deal_paillier(
        primes.paillier_p,
        primes.paillier_q,
        trustees=len(trustee_ids),
        threshold=threshold,
        randbelow=random_below,
    )
    threshold_key = threshold_key_of(public_key.n, shares, threshold)
    seeds = [random_bytes(SEED_BYTES) for _ in trustee_ids]
    roots = {
        root_keyid(trustee): SigningKey(seed)
        for trustee, seed in zip(trustee_ids, seeds, strict=True)
    }
    voprf = {
        label: deal_voprf(label, len(trustee_ids), threshold, random_below) for label in KeyLabel
    }
    parameters = _parameters(
        primes,
        threshold_key,
        root_keys={name: roots[root_keyid(name)].public for name in trustee_ids},
        voprf_keys=[key for key, _ in voprf.values()],
    )
    parameters.check()
    self_test = _self_test(parameters, shares, random_below)
    check_self_test(parameters, self_test)
    return Dealt(
        parameters=parameters,
        signed_parameters=sign(parameters, roots),
        signed_self_test=sign(self_test, roots),
        secrets=tuple(
            TrusteeSecrets(
                trustee_id=trustee,
                trustee_index=index,
                parameter_id=parameters.parameter_id,
                paillier=shares[index - 1],
                voprf={label: voprf[label][1][index - 1] for label in KeyLabel},
                root_key_seed=seeds[index - 1],
            )
            for index, trustee in enumerate(trustee_ids, start=1)
        ),
    )


def _parameters(
    primes: CeremonyPrimes,
    threshold_key: ThresholdKey,
    *,
    root_keys: Mapping[PartyId, bytes],
    voprf_keys: Sequence[ThresholdVoprfKey],
) -> ParameterSet:
    """Return the public side of what was dealt; `root_keys` are in the order of the trustees."""
    public_key = threshold_key.public_key
    commitment_modulus = primes.commitment_p * primes.commitment_q
    derived = derive_all(public_key.n, commitment_modulus)
    return ParameterSet(
        insecure=public_key.bits < MODULUS_BITS_MIN,
        modulus=Natural(public_key.n),
        commitment_modulus=Natural(commitment_modulus),
        blinding_counter=derived.blinding_counter,
        verification_counter=derived.verification_counter,
        generator_counters=derived.generator_counters,
        ristretto_generator=derived.ristretto_generator,
        threshold=threshold_key.threshold,
        trustees=tuple(
            TrusteeEntry(trustee_id=name, root_key=root_key, verification_key=Natural(value))
            for (name, root_key), value in zip(
                root_keys.items(), threshold_key.verification_keys, strict=True
            )
        ),
        voprf_keys=tuple(
            VoprfEntry(
                label=key.label,
                public=key.public,
                trustee_publics=key.trustee_publics,
                commitments=key.commitments,
            )
            for key in voprf_keys
        ),
        modulus_square_free=_naturals(prove_square_free(primes.paillier_p, primes.paillier_q)),
        commitment_square_free=_naturals(
            prove_square_free(primes.commitment_p, primes.commitment_q)
        ),
    )


def _self_test(
    parameters: ParameterSet, shares: Sequence[KeyShare], random_below: Callable[[int], int]
) -> SelfTest:
    ciphertexts = self_test_ciphertexts(parameters.public_key)
    entries = []
    for trustee, share in zip(parameters.trustee_ids, shares, strict=True):
        batch = share_batch(
            parameters.threshold_key,
            share,
            ciphertexts,
            parameter_id=parameters.parameter_id,
            context=self_test_context(parameters.parameter_id),
            randbelow=random_below,
        )
        entries.append(
            TrusteeSelfTest(
                trustee_id=trustee,
                shares=_naturals(batch.shares),
                proof=batch.proof.to_bytes(parameters.threshold_key),
            )
        )
    return SelfTest(parameter_id=parameters.parameter_id, trustees=tuple(entries))


def _check_with_phe(primes: CeremonyPrimes) -> None:
    """Decrypt one of our ciphertexts with an independent implementation and the full key.

    Raises:
        CeremonyError: the primes do not make a working Paillier key.
    """
    public_key = PublicKey(n=primes.paillier_p * primes.paillier_q)
    ciphertext = Encryptor(public_key, window_bits=4).encrypt(_SELF_CHECK_MESSAGE, s=1)
    private = phe.PaillierPrivateKey(
        phe.PaillierPublicKey(public_key.n), primes.paillier_p, primes.paillier_q
    )
    if private.raw_decrypt(ciphertext) != _SELF_CHECK_MESSAGE:
        raise CeremonyError("a test encryption does not decrypt: the primes must be made again")


def _naturals(values: Sequence[int]) -> tuple[Natural, ...]:
    return tuple(Natural(value) for value in values)
