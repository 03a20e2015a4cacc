"""A second reader of the record, written from docs/PROTOCOL.md alone: it imports nothing of ours.

It reads `tests/vectors/record.json` and recomputes what an auditor without any secret can. Numbers
in comments are sections of the page.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

VECTORS: Final = Path(__file__).resolve().parents[1] / "vectors"
RECORD: Final = json.loads((VECTORS / "record.json").read_text(encoding="utf-8"))
LABEL: Final = b"fedcarbon/v1/"

# --- 1, 5.1: hashing and trees ----------------------------------------------------------------


def joined(*items: bytes) -> bytes:
    return b"".join(len(item).to_bytes(8, "big") + item for item in items)


def hashed(label: bytes, *items: bytes) -> bytes:
    return hashlib.sha256(joined(LABEL + label, *items)).digest()


def expanded(label: bytes, *items: bytes, bits: int) -> int:
    length = -(-bits // 8)
    data = hashlib.shake_256(joined(LABEL + label, *items)).digest(length)
    return int.from_bytes(data, "big") >> (8 * length - bits)


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    return value.to_bytes(8, "big")


def shortest(value: int) -> bytes:
    return value.to_bytes(-(-value.bit_length() // 8), "big")


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = tree_root(leaves[:split]), tree_root(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


# --- 2, 3, 4: statements, envelopes, leaves ---------------------------------------------------


def canonical(tree: object) -> str:
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def opened(body: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return statement and signatures of an envelope, after checking its canonical form."""
    envelope = json.loads(body)
    assert canonical(envelope) == body
    payload = base64.b64decode(envelope["payload"], validate=True).decode()
    statement: dict[str, Any] = json.loads(payload)
    assert canonical(statement) == payload
    assert statement["fedcarbon"] == 2
    kind = statement["statement"].replace("_", "-")
    assert envelope["payloadType"] == f"application/vnd.fedcarbon.{kind}+json"
    signatures = {item["keyid"]: base64.b64decode(item["sig"]) for item in envelope["signatures"]}
    assert len(signatures) == len(envelope["signatures"])
    return statement, signatures


def covered(body: str) -> bytes:
    envelope = json.loads(body)
    kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


LEAVES: Final = [bytes.fromhex(item["leaf"]) for item in RECORD["leaves"]]
BODIES: Final = [item["body"] for item in RECORD["leaves"]]
STATEMENTS: Final = [opened(body)[0] for body in BODIES]
FILES: Final = {name: bytes.fromhex(data) for name, data in RECORD["files"].items()}
PARAMETERS: Final = STATEMENTS[0]
N: Final = int(PARAMETERS["modulus"], 16)
BIG_N: Final = int(PARAMETERS["commitment_modulus"], 16)
N2: Final = N * N
WIDTH: Final = N.bit_length() // 4
TRUSTEES: Final = [item["trustee_id"] for item in PARAMETERS["trustees"]]
THRESHOLD: Final = PARAMETERS["threshold"]
DELTA: Final = math.factorial(len(TRUSTEES))


def of_kind(kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, statement in enumerate(STATEMENTS):
        if statement["statement"] == kind:
            yield index, statement


def only(kind: str) -> tuple[int, dict[str, Any]]:
    (found,) = of_kind(kind)
    return found


def wide(value: int) -> bytes:
    return value.to_bytes(WIDTH, "big")


def keyring() -> dict[str, bytes]:
    roots = tomllib.loads(RECORD["roots_toml"])
    keys = {f"root:{item['trustee']}": bytes.fromhex(item["key"]) for item in roots["root"]}
    for _, admission in of_kind("party_admission"):
        keys[admission["party_id"]] = bytes.fromhex(admission["signing_key"])
    return keys


# --- 6: parameters ----------------------------------------------------------------------------


def hash_below(label: bytes, bound: int, *items: bytes) -> int:
    return expanded(label, *items, bits=bound.bit_length() + 128) % bound


def derived_h() -> int:
    y = hash_below(b"paillier/y", N, shortest(N), u32(PARAMETERS["blinding_counter"]))
    return pow(y * y, N, N2)


def verification_base() -> int:
    counter = u32(PARAMETERS["verification_counter"])
    return pow(hash_below(b"paillier/v", N2, shortest(N), counter), 2, N2)


def jacobi(a: int, n: int) -> int:
    a, result = a % n, 1
    while a:
        while a % 2 == 0:
            a //= 2
            result = -result if n % 8 in {3, 5} else result
        a, n = n, a
        result = -result if a % 4 == n % 4 == 3 else result
        a %= n
    return result if n == 1 else 0


def lagrange(indices: Sequence[int], of: int, at: int) -> int:
    numerator = DELTA * math.prod(at - index for index in indices if index != of)
    return numerator // math.prod(of - index for index in indices if index != of)


def verification_key(index: int) -> int:
    return int(PARAMETERS["trustees"][index - 1]["verification_key"], 16)


# --- 14.7, 14.8: shares -----------------------------------------------------------------------


def check_share_proof(
    trustee: int, context: bytes, ciphertexts: Sequence[int], shares: Sequence[int], proof: bytes
) -> None:
    v, v_i = verification_base(), verification_key(trustee)
    pairs = [wide(number) for pair in zip(ciphertexts, shares, strict=True) for number in pair]
    parameter_id = bytes.fromhex(STATEMENTS[1]["parameter_id"])
    proof_label = b"paillier/share-proof/"
    digest = hashed(
        proof_label + b"statement",
        parameter_id,
        shortest(N),
        u32(trustee),
        context,
        wide(v),
        wide(v_i),
        u32(len(shares)),
        *pairs,
    )
    weights = [
        expanded(proof_label + b"weight", digest, u32(j), bits=128) for j in range(len(shares))
    ]
    folded = math.prod(pow(c, w, N2) for c, w in zip(ciphertexts, weights, strict=True)) % N2
    share = math.prod(pow(c, w, N2) for c, w in zip(shares, weights, strict=True)) % N2
    response_bits = 2 * N.bit_length() + DELTA.bit_length() + 209
    assert len(proof) == 2 * WIDTH + -(-response_bits // 8)
    a, b = proof[:WIDTH], proof[WIDTH : 2 * WIDTH]
    z = int.from_bytes(proof[2 * WIDTH :], "big")
    e = expanded(proof_label + b"challenge", digest, a, b, bits=128)
    assert z.bit_length() <= response_bits
    assert pow(v, z, N2) == int.from_bytes(a, "big") * pow(v_i, e, N2) % N2
    assert pow(folded, 4 * z, N2) == int.from_bytes(b, "big") * pow(share, 2 * e, N2) % N2


def combined(shares: dict[int, int]) -> int:
    indices = sorted(shares)[:THRESHOLD]
    product = math.prod(pow(shares[i], 2 * lagrange(indices, i, 0), N2) for i in indices) % N2
    assert product % N == 1
    return (product - 1) // N * pow(4 * DELTA * DELTA, -1, N) % N
