"""The parameter set: whoever holds its id can refuse a bad dealer alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fedcarbon.canonical.statement import decode, encode
from fedcarbon.errors import ConfigurationError, MalformedError
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.shares import deal_voprf
from fedcarbon.paillier.combine import self_test_ciphertexts
from fedcarbon.paillier.dealing import share_secret, threshold_key_of
from fedcarbon.paillier.shares import share_batch
from fedcarbon.parameters.generators import derive_all
from fedcarbon.parameters.parameter_set import (
    ParameterSet,
    ParametersInvalidError,
    TrusteeEntry,
    check_id,
)
from fedcarbon.parameters.roots import TrustRoots, parse_roots
from fedcarbon.parameters.self_test import (
    SelfTest,
    TrusteeSelfTest,
    check_self_test,
    self_test_context,
)
from fedcarbon.proofs.square_free import hashed_elements
from fedcarbon.transparency.envelope import open_signed
from fedcarbon.units import Natural
from tests.chance import seeded
from tests.keys.ceremonies import dealt
from tests.keys.primes import TINY, load_primes

GOOD = dealt().parameters


def test_a_dealt_set_passes_and_round_trips() -> None:
    GOOD.check()

    assert decode(ParameterSet, encode(GOOD)) == GOOD
    assert decode(ParameterSet, encode(GOOD)).parameter_id == GOOD.parameter_id


def test_the_envelope_is_signed_by_every_root_key() -> None:
    ring = {f"root:{name}": key for name, key in GOOD.root_keys.items()}

    signed = dealt().signed_parameters.to_bytes()

    assert open_signed(ParameterSet, signed, ring, signers=ring, at_least=5) == GOOD


def with_counter(parameters: ParameterSet) -> ParameterSet:
    counters = (parameters.generator_counters[0] + 1, *parameters.generator_counters[1:])
    return replace(parameters, generator_counters=counters)


def with_other_voprf_share(parameters: ParameterSet) -> ParameterSet:
    first, *rest = parameters.voprf_keys
    publics = (first.trustee_publics[1], first.trustee_publics[0], *first.trustee_publics[2:])
    return replace(parameters, voprf_keys=(replace(first, trustee_publics=publics), *rest))


def with_other_voprf_threshold(parameters: ParameterSet) -> ParameterSet:
    key, _ = deal_voprf(KeyLabel.ACCOUNT, 5, 4, seeded(1).randrange)
    first, *rest = parameters.voprf_keys
    entry = replace(
        first, public=key.public, trustee_publics=key.trustee_publics, commitments=key.commitments
    )
    return replace(parameters, voprf_keys=(entry, *rest))


def with_root(parameters: ParameterSet) -> ParameterSet:
    roots = (Natural(parameters.modulus_square_free[0] + 1), *parameters.modulus_square_free[1:])
    return replace(parameters, modulus_square_free=roots)


def with_commitment_root(parameters: ParameterSet) -> ParameterSet:
    first, *rest = parameters.commitment_square_free
    return replace(parameters, commitment_square_free=(Natural(first + 1), *rest))


def with_shared_root_key(parameters: ParameterSet) -> ParameterSet:
    """One organisation signs admissions under two names."""
    first, second, *rest = parameters.trustees
    return replace(parameters, trustees=(first, replace(second, root_key=first.root_key), *rest))


def with_claim_key_for_accounts(parameters: ParameterSet) -> ParameterSet:
    """What a wallet operator may have evaluated would give it claim tokens."""
    account, claim, *rest = parameters.voprf_keys
    return replace(parameters, voprf_keys=(account, replace(account, label=claim.label), *rest))


def with_commitment_modulus(parameters: ParameterSet, p: int, q: int) -> ParameterSet:
    """Another N = p q with everything that follows from it; p = 1 makes it a prime."""
    modulus = p * q
    order = (p - 1) * (q - 1) if p > 1 else q - 1
    derived = derive_all(parameters.modulus, modulus)
    return replace(
        parameters,
        commitment_modulus=Natural(modulus),
        commitment_square_free=tuple(
            Natural(pow(element, pow(modulus, -1, order), modulus))
            for element in hashed_elements(modulus)
        ),
        generator_counters=derived.generator_counters,
        ristretto_generator=derived.ristretto_generator,
    )


def with_shared_factor(parameters: ParameterSet) -> ParameterSet:
    primes = load_primes(TINY)
    return with_commitment_modulus(parameters, primes.p, primes.big_q)


def with_prime_modulus(parameters: ParameterSet) -> ParameterSet:
    return with_commitment_modulus(parameters, 1, load_primes(TINY).big_p)


def with_wrong_degree(parameters: ParameterSet) -> ParameterSet:
    """A dealer that shares with degree t instead of t - 1."""
    primes, chance = load_primes(TINY), seeded(7)
    order = (primes.p // 2) * (primes.q // 2)
    secret = order * pow(order, -1, primes.n)
    shares = share_secret(
        secret, modulus=primes.n * order, trustees=5, threshold=4, randbelow=chance.randrange
    )
    key = threshold_key_of(primes.n, shares, 3)
    return with_keys(parameters, key.verification_keys)


def with_keys(parameters: ParameterSet, keys: tuple[int, ...]) -> ParameterSet:
    trustees = tuple(
        replace(entry, verification_key=Natural(key))
        for entry, key in zip(parameters.trustees, keys, strict=True)
    )
    return replace(parameters, trustees=trustees)


BAD_DEALERS = {
    "a generator's counter was chosen": (with_counter, "generator"),
    "y's counter was chosen": (lambda p: replace(p, blinding_counter=1), "generator"),
    "v's counter was chosen": (lambda p: replace(p, verification_counter=1), "generator"),
    "G' was chosen": (
        lambda p: replace(p, ristretto_generator=p.voprf_keys[0].public),
        "generator",
    ),
    "two trustees' VOPRF shares are exchanged": (with_other_voprf_share, "trustee 1"),
    "a VOPRF key has another threshold": (with_other_voprf_threshold, "threshold"),
    "n is not shown to be square-free": (with_root, "(3)"),
    "N is not shown to be square-free": (with_commitment_root, "(3)"),
    "one modulus serves twice": (
        lambda p: replace(p, commitment_modulus=p.modulus),
        "must differ",
    ),
    "two organisations share a root key": (with_shared_root_key, "share a root key"),
    "two labels share a VOPRF key": (with_claim_key_for_accounts, "share a VOPRF key"),
    "the moduli share a factor": (with_shared_factor, "share a factor"),
    "N is a prime": (with_prime_modulus, "a prime"),
    "dealer_with_wrong_degree": (with_wrong_degree, "polynomial"),
    "half_threshold_parameters_refused": (lambda p: replace(p, threshold=2), "more than half"),
}


@pytest.mark.parametrize(("change", "finding"), BAD_DEALERS.values(), ids=BAD_DEALERS.keys())
def test_a_set_of_a_bad_dealer_is_refused(change: object, finding: str) -> None:
    parameters = change(GOOD)  # type: ignore[operator]

    with pytest.raises(ParametersInvalidError) as caught:
        parameters.check()

    assert finding in str(caught.value)


def test_sixteen_trustees_are_refused() -> None:
    extra = tuple(
        TrusteeEntry(
            trustee_id=f"extra-{index}",  # type: ignore[arg-type]
            root_key=bytes(32),
            verification_key=Natural(4),
        )
        for index in range(11)
    )

    with pytest.raises(ParametersInvalidError, match="at most 15"):
        replace(GOOD, trustees=(*GOOD.trustees, *extra), threshold=9).check()


MALFORMED: dict[str, dict[str, object]] = {
    "a trustee stands twice": {"trustees": (*GOOD.trustees[:4], GOOD.trustees[0])},
    "a root key is too short": {
        "trustees": (replace(GOOD.trustees[0], root_key=b"short"), *GOOD.trustees[1:])
    },
    "a VOPRF key is missing": {"voprf_keys": GOOD.voprf_keys[:3]},
    "the VOPRF keys are exchanged": {"voprf_keys": GOOD.voprf_keys[::-1]},
}


@pytest.mark.parametrize("changes", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_set_that_cannot_be_written_down(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        replace(GOOD, **changes)  # type: ignore[arg-type]


def test_a_small_modulus_must_say_that_it_is_insecure() -> None:
    with pytest.raises(MalformedError, match="insecure"):
        replace(GOOD, insecure=False)


def test_another_set_than_the_roots_name_is_refused() -> None:
    check_id(GOOD, GOOD.parameter_id)

    with pytest.raises(ParametersInvalidError):
        check_id(dealt(seed=2).parameters, GOOD.parameter_id)


def self_test_of(secret_factor: int) -> tuple[ParameterSet, SelfTest]:
    """Deal d' = factor * d, with everything else as an honest dealer does it."""
    primes, chance = load_primes(TINY), seeded(9)
    order = (primes.p // 2) * (primes.q // 2)
    secret = secret_factor * order * pow(order, -1, primes.n) % (primes.n * order)
    shares = share_secret(
        secret, modulus=primes.n * order, trustees=5, threshold=3, randbelow=chance.randrange
    )
    key = threshold_key_of(primes.n, shares, 3)
    parameters = with_keys(GOOD, key.verification_keys)
    ciphertexts = self_test_ciphertexts(parameters.public_key)
    entries = []
    for trustee, share in zip(parameters.trustee_ids, shares, strict=True):
        batch = share_batch(
            key,
            share,
            ciphertexts,
            parameter_id=parameters.parameter_id,
            context=self_test_context(parameters.parameter_id),
            randbelow=chance.randrange,
        )
        entries.append(
            TrusteeSelfTest(
                trustee_id=trustee,
                shares=tuple(map(Natural, batch.shares)),
                proof=batch.proof.to_bytes(key),
            )
        )
    return parameters, SelfTest(parameter_id=parameters.parameter_id, trustees=tuple(entries))


def test_an_honest_self_test_passes() -> None:
    check_self_test(*self_test_of(1))


def test_dealer_with_d_three_is_caught_by_the_self_test_alone() -> None:
    parameters, self_test = self_test_of(3)

    parameters.check()  # nothing else notices

    with pytest.raises(ParametersInvalidError, match="does not open"):
        check_self_test(parameters, self_test)


def test_a_self_test_of_another_set_or_with_a_trustee_missing_is_refused() -> None:
    parameters, self_test = self_test_of(1)

    for bad in (
        replace(self_test, parameter_id=bytes(32)),
        replace(self_test, trustees=self_test.trustees[1:]),
        replace(self_test, trustees=self_test.trustees[::-1]),
    ):
        with pytest.raises(ParametersInvalidError):
            check_self_test(parameters, bad)


def test_one_organisation_is_not_two_roots() -> None:
    keys = dict.fromkeys(GOOD.root_keys, b"k" * 32)

    with pytest.raises(ConfigurationError, match="share a root key"):
        TrustRoots(parameter_id=GOOD.parameter_id, threshold=3, root_keys=keys)


@pytest.mark.parametrize("threshold", [0, 6])
def test_a_threshold_that_means_nothing_is_refused(threshold: int) -> None:
    with pytest.raises(ConfigurationError, match="threshold"):
        TrustRoots(parameter_id=GOOD.parameter_id, threshold=threshold, root_keys=GOOD.root_keys)


def test_a_trustee_stands_once_among_the_roots() -> None:
    roots = TrustRoots(parameter_id=GOOD.parameter_id, threshold=3, root_keys=GOOD.root_keys)
    text = roots.to_toml() + f'[[root]]\ntrustee = "trustee-1"\nkey = "{"aa" * 32}"\n'

    with pytest.raises(ConfigurationError, match="twice"):
        parse_roots(text.encode())


def test_trust_roots_round_trip_through_their_file() -> None:
    roots = TrustRoots(parameter_id=GOOD.parameter_id, threshold=3, root_keys=GOOD.root_keys)

    assert parse_roots(roots.to_toml().encode()) == roots


@pytest.mark.parametrize(
    "text",
    ["", "not toml [", 'parameter_id = "00"\nthreshold = 1\n[[root]]\ntrustee = "a"\nkey = "00"\n'],
)
def test_a_damaged_roots_file_is_the_operators_to_mend(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_roots(text.encode())
