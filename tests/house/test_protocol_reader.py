"""The page's examples of what is in no record, read by the rules of the page alone.

What is in a record is read by `tools/verify_minimal.py`, whose functions are used here too.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tools.verify_minimal import (
    CONTEXT,
    Moduli,
    element_bytes,
    hash_to_group,
    hash_to_scalar,
    hashed,
    joined,
    prefixed,
    u64,
)

VECTORS: Final = Path(__file__).resolve().parents[1] / "vectors"
EXAMPLES: Final = json.loads((VECTORS / "protocol.json").read_text(encoding="utf-8"))["examples"]
PARAMETERS: Final = json.loads((VECTORS / "record.json").read_text(encoding="utf-8"))["parameters"]


def labelled(label: str, *items: bytes) -> bytes:
    return joined(b"fedcarbon/v1/" + label.encode(), *items)


def test_tokens_follow_from_the_outputs() -> None:
    tokens, evaluation = EXAMPLES["tokens"], EXAMPLES["evaluation"]
    account = hmac.digest(
        bytes.fromhex(evaluation["output"]),
        labelled("account-token", tokens["programme"].encode()),
        "sha256",
    )
    domain, group = tokens["domain, group"].split(", ")
    claim = hmac.digest(
        bytes.fromhex(tokens["claim output"]),
        labelled("claim-token", domain.encode(), group.encode(), u64(tokens["slot start"])),
        "sha256",
    )

    assert account.hex() == tokens["account token"]
    assert claim[:16].hex() == tokens["claim token"]


def test_a_share_file_opens_with_its_passphrase() -> None:
    example = EXAMPLES["share-file"]
    file = json.loads(example["file"])
    salt, nonce, ciphertext = (bytes.fromhex(file[k]) for k in ("salt", "nonce", "ciphertext"))
    key = hashlib.scrypt(
        example["passphrase"].encode(), salt=salt, n=1 << 17, r=8, p=1, maxmem=1 << 28, dklen=32
    )
    header = labelled(
        "share-file", file["trustee_id"].encode(), bytes.fromhex(file["parameter_id"])
    )
    secrets = json.loads(AESGCM(key).decrypt(nonce, ciphertext, header))
    moduli = (int(PARAMETERS[name], 16) for name in ("modulus", "commitment_modulus"))
    at, trustees = Moduli(*moduli, b""), PARAMETERS["trustees"]
    exponent = math.factorial(len(trustees)) * int(secrets["paillier_share"], 16)
    verification_key = trustees[secrets["trustee_index"] - 1]["verification_key"]

    assert secrets["statement"] == "trustee_secrets"
    assert pow(at.v, exponent, at.nn) == int(verification_key, 16)


def test_the_weight_of_an_evaluation_hashes_the_whole_batch() -> None:
    public = bytes.fromhex(EXAMPLES["voprf-proof"]["K_1"])
    blinded = bytes.fromhex(EXAMPLES["evaluation"]["blinded"])
    evaluated = bytes.fromhex(EXAMPLES["evaluation"]["Z of trustee 1"])
    batch = prefixed(b"fedcarbon/v1/voprf-batch") + b"\x00\x01" + blinded + evaluated
    seed = hashlib.sha512(prefixed(public) + prefixed(b"Seed-" + CONTEXT) + batch).digest()
    pair = prefixed(blinded) + prefixed(evaluated)
    weight = hash_to_scalar(prefixed(seed) + b"\x00\x00" + pair + b"Composite")

    found = EXAMPLES["voprf-proof"]["d_0 (little-endian)"]
    assert weight.to_bytes(32, "little").hex() == found


def test_an_input_is_hashed_to_the_group_as_the_rfc_says() -> None:
    example = EXAMPLES["evaluation"]
    point = hash_to_group(bytes.fromhex(example["input"]), b"HashToGroup-" + CONTEXT)

    assert element_bytes(point).hex() == example["point of the input"]


def test_a_consent_hash_names_person_and_time() -> None:
    example, person = EXAMPLES["enrolment"], EXAMPLES["person"]
    canonical_person = labelled("person", b"TEST", b"CN", person["number"].encode())
    (entry,) = json.loads(example["batch"])["entries"]
    for kind in ("data", "claim"):
        found = hashed(
            "consent",
            bytes.fromhex(example["consent salt"]),
            kind.encode(),
            canonical_person,
            u64(example["consents given at"]),
        )
        assert found.hex() == entry[f"consent_{kind}_hash"]

    assert person["canonical"] == canonical_person.hex()
    assert EXAMPLES["evaluation"]["input"] == labelled("voprf", b"account", canonical_person).hex()
