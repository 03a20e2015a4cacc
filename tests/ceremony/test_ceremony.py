"""The ceremony: share files that only their trustee opens, and the command that makes them."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import gmpy2
import pytest

from fedcarbon.ceremony import share_file
from fedcarbon.ceremony.dealer import CeremonyError, CeremonyPrimes, deal
from fedcarbon.ceremony.share_file import ShareFileError, open_share_file, seal_share_file
from fedcarbon.cli.ceremony import ceremony
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.shares import check_share
from fedcarbon.ids import PartyId
from fedcarbon.paillier.cipher import Encryptor
from fedcarbon.paillier.combine import combine
from fedcarbon.paillier.dealing import PrimesInvalidError
from fedcarbon.paillier.shares import check_key_share, decryption_share
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.parameters.roots import parse_roots
from fedcarbon.parameters.self_test import SelfTest, check_self_test
from fedcarbon.transparency.envelope import SigningKey, open_signed
from fedcarbon.units import Natural
from tests.chance import seeded
from tests.keys.ceremonies import dealt
from tests.keys.primes import TINY, load_primes

PASSPHRASE = b"correct horse"


def test_any_three_of_five_dealt_shares_open() -> None:
    given = dealt()
    key = given.parameters.threshold_key
    ciphertext = Encryptor(given.parameters.public_key, window_bits=4).encrypt(123_456, s=99)
    shares = {
        item.trustee_index: decryption_share(key, item.paillier, ciphertext)
        for item in given.secrets
    }

    for subset in itertools.combinations(shares, 3):
        assert combine(key, {index: shares[index] for index in subset}) == 123_456


def test_every_share_belongs_to_its_public_half() -> None:
    given = dealt()

    for item in given.secrets:
        check_key_share(given.parameters.threshold_key, item.paillier)
        for label in KeyLabel:
            check_share(given.parameters.voprf_key(label), item.voprf[label])
        assert SigningKey(item.root_key_seed).public == given.parameters.root_keys[item.trustee_id]


def test_secrets_never_show() -> None:
    primes = CeremonyPrimes(paillier_p=3, paillier_q=5, commitment_p=7, commitment_q=11)

    assert repr(primes) == "CeremonyPrimes(<redacted>)"
    assert repr(dealt().secrets[0]) == "TrusteeSecrets(trustee-1, <redacted>)"


def test_the_plaintext_of_a_share_file_never_shows() -> None:
    """A traceback with local variables would print it."""
    plain = share_file._Plain(
        trustee_index=1,
        paillier_share=Natural(0xC0FFEE),
        voprf_shares=(b"secret",) * len(KeyLabel),
        root_key_seed=b"seed",
    )

    assert repr(plain) == "_Plain(<redacted>)"


def test_equal_primes_are_refused() -> None:
    with pytest.raises(CeremonyError):
        CeremonyPrimes(paillier_p=3, paillier_q=5, commitment_p=3, commitment_q=11)


@pytest.mark.parametrize("field", ["paillier_p", "commitment_q"])
def test_primes_that_are_not_safe_are_not_dealt(field: str) -> None:
    """Of either modulus: in a group with small subgroups commitments do not bind."""
    known = load_primes(TINY)
    primes = CeremonyPrimes(
        paillier_p=known.p,
        paillier_q=known.q,
        commitment_p=known.big_p,
        commitment_q=known.big_q,
    )
    unsafe = int(gmpy2.next_prime(getattr(primes, field)))
    chance = seeded(1)

    with pytest.raises(PrimesInvalidError):
        deal(
            dataclasses.replace(primes, **{field: unsafe}),
            tuple(PartyId(f"trustee-{index}") for index in range(1, 4)),
            2,
            random_below=chance.randrange,
            random_bytes=chance.randbytes,
        )


def test_a_share_file_opens_with_its_passphrase_only() -> None:
    secrets = dealt().secrets[1]

    data = seal_share_file(secrets, PASSPHRASE, bytes)

    assert open_share_file(data, PASSPHRASE) == secrets
    with pytest.raises(ShareFileError, match="wrong passphrase"):
        open_share_file(data, b"battery staple")


def test_a_share_file_cannot_be_passed_off_as_anothers() -> None:
    data = seal_share_file(dealt().secrets[1], PASSPHRASE, bytes)

    renamed = data.replace(b"trustee-2", b"trustee-3")

    with pytest.raises(ShareFileError):
        open_share_file(renamed, PASSPHRASE)


def test_foreign_bytes_are_no_share_file() -> None:
    for data in (b"", b"{}", json.dumps({"a": 1}).encode()):
        with pytest.raises(ShareFileError):
            open_share_file(data, PASSPHRASE)


def test_the_command_deals_files_that_work(tmp_path: Path) -> None:
    out = tmp_path / "keys"

    ceremony(out=out, trustees=3, threshold=2, bits=1024, insecure=True)

    roots = parse_roots((out / "roots.toml").read_bytes())
    ring = {f"root:{name}": key for name, key in roots.root_keys.items()}
    signed = (out / "parameters.dsse.json").read_bytes()
    parameters = open_signed(ParameterSet, signed, ring, signers=ring, at_least=3)
    parameters.check()
    assert parameters.parameter_id == roots.parameter_id
    assert parameters.public_key.bits == 1024
    tested = open_signed(
        SelfTest, (out / "self-test.dsse.json").read_bytes(), ring, signers=ring, at_least=3
    )
    check_self_test(parameters, tested)
    for name in roots.root_keys:
        share, passphrase = out / f"{name}.share", out / f"{name}.passphrase"
        assert {share.stat().st_mode & 0o777, passphrase.stat().st_mode & 0o777} == {0o600}
        opened = open_share_file(share.read_bytes(), passphrase.read_bytes().strip())
        check_key_share(parameters.threshold_key, opened.paillier)


REFUSED = {
    "insecure size without saying so": {"bits": 1024},
    "names and number disagree": {"bits": 2048, "names": ("a", "b")},
    "a length that no pair of primes has": {"bits": 2050},
}


@pytest.mark.parametrize("arguments", REFUSED.values(), ids=REFUSED.keys())
def test_a_ceremony_that_makes_no_sense_is_refused_at_once(
    tmp_path: Path, arguments: dict[str, object]
) -> None:
    with pytest.raises(CeremonyError):
        ceremony(out=tmp_path / "keys", **arguments)  # type: ignore[arg-type]


def test_a_ceremony_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "roots.toml").write_text("", encoding="utf-8")

    with pytest.raises(CeremonyError, match="already"):
        ceremony(out=tmp_path, bits=2048)
