"""Worked examples of sections 6 and 7: parameters, what follows from them, and share files."""

from __future__ import annotations

from collections.abc import Iterator

from fedcarbon.canonical import statement as statements
from fedcarbon.ceremony.share_file import open_share_file, seal_share_file
from fedcarbon.paillier.combine import combine, self_test_ciphertexts
from fedcarbon.paillier.keys import blinding_base, derive_y
from fedcarbon.paillier.threshold_key import derive_verification_base, lagrange_integer
from fedcarbon.parameters.self_test import SelfTest, self_test_context
from fedcarbon.proofs.generators import GeneratorKind, derive_generator
from fedcarbon.proofs.square_free import hashed_elements
from fedcarbon.transparency.leaf import LeafType
from tests.house.examples import parties
from tests.house.examples.block import Example
from tests.house.examples.chance import NamedChance
from tests.house.examples.whole import leaf

PASSPHRASE = b"only for this page"


def examples() -> Iterator[Example]:
    """Yield the examples in the order of the page."""
    found = parties.parameters()
    yield Example(
        name="parameter-id",
        values={
            "statement": statements.encode(found).decode(),
            "parameter id": found.parameter_id,
        },
    )
    yield _derived()
    yield _square_free()
    yield _degree()
    yield _self_test()
    yield Example(name="roots", values={"roots.toml": parties.roots().to_toml()})
    yield _share_file()


def _derived() -> Example:
    found = parties.parameters()
    n, big_n = found.modulus, found.commitment_modulus
    y, y_counter = derive_y(n)
    v, v_counter = derive_verification_base(n)
    generator = derive_generator(
        GeneratorKind.VALUE, 0, commitment_modulus=big_n, paillier_modulus=n
    )
    return Example(
        name="derived",
        values={
            "n": n,
            "N": big_n,
            "counter of y": y_counter,
            "y": y,
            "H": blinding_base(n),
            "counter of v": v_counter,
            "v": v,
            "counter of g_v,0": generator.counter,
            "g_v,0": generator.element,
            "G'": found.ristretto_generator,
        },
    )


def _square_free() -> Example:
    found = parties.parameters()
    return Example(
        name="square-free",
        values={
            "rho_1": hashed_elements(found.modulus)[0],
            "sigma_1": found.modulus_square_free[0],
        },
    )


def _degree() -> Example:
    key = parties.parameters().threshold_key
    first = range(1, key.threshold + 1)
    exponents = [lagrange_integer(key.delta, first, of=index, at=4) for index in first]
    n_squared = key.public_key.n_squared
    return Example(
        name="degree",
        values={
            "Delta": key.delta,
            "L_41, L_42, L_43": ", ".join(map(str, exponents)),
            "v_4": key.verification_key(4),
            "v_4^Delta": pow(key.verification_key(4), key.delta, n_squared),
        },
    )


def _self_test() -> Example:
    found = parties.parameters()
    statement: SelfTest = leaf(LeafType.SELF_TEST).statement(SelfTest)
    shares = {index: entry.shares for index, entry in enumerate(statement.trustees, start=1)}
    opened = [
        combine(found.threshold_key, {index: pair[position] for index, pair in shares.items()})
        for position in range(2)
    ]
    return Example(
        name="self-test",
        values={
            "context": self_test_context(found.parameter_id),
            "c for 1": self_test_ciphertexts(found.public_key)[0],
            "c for 0": self_test_ciphertexts(found.public_key)[1],
            "share of trustee 1": statement.trustees[0].shares[0],
            "opened": ", ".join(map(str, opened)),
        },
    )


def _share_file() -> Example:
    secret = parties.ceremony().secrets[0]
    chance = NamedChance("share file")
    data = seal_share_file(secret, PASSPHRASE, chance.octets)
    drawn = NamedChance("share file")
    salt, nonce = drawn.octets(16), drawn.octets(12)
    assert open_share_file(data, PASSPHRASE).paillier.value == secret.paillier.value
    return Example(
        name="share-file",
        values={
            "passphrase": PASSPHRASE.decode(),
            "salt": salt,
            "nonce": nonce,
            "file": data.decode(),
        },
    )
