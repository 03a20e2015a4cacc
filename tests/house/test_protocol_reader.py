"""The example record, read by the rules of docs/PROTOCOL.md alone (`second_reader`)."""

from __future__ import annotations

import ast
import base64
import hashlib
import hmac
import json
import math
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.house.second_reader import (
    BIG_N,
    BODIES,
    DELTA,
    FILES,
    LABEL,
    LEAVES,
    N2,
    PARAMETERS,
    RECORD,
    STATEMENTS,
    THRESHOLD,
    TRUSTEES,
    VECTORS,
    WIDTH,
    N,
    canonical,
    check_share_proof,
    combined,
    covered,
    derived_h,
    hash_below,
    hashed,
    jacobi,
    joined,
    keyring,
    lagrange,
    of_kind,
    only,
    opened,
    shortest,
    tree_root,
    u32,
    u64,
    verification_base,
    verification_key,
    wide,
)

HUB, *_ = (item["party_id"] for _, item in of_kind("party_admission") if item["role"] == "hub")
PARTNERS: Final = {
    item["party_id"] for _, item in of_kind("party_admission") if item["role"] == "partner"
}
EXAMPLES: Final = json.loads((VECTORS / "protocol.json").read_text(encoding="utf-8"))["examples"]


def test_the_second_reader_imports_nothing_of_the_project() -> None:
    path = Path(__file__).with_name("second_reader.py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {
        item.name for node in ast.walk(tree) if isinstance(node, ast.Import) for item in node.names
    }

    ours = {"fedcarbon", "hub", "partner_node", "trustee", "demo", "tests"}
    assert {name.partition(".")[0] for name in names if name} & ours == set()


def test_every_leaf_commits_to_its_body() -> None:
    for leaf, item in zip(LEAVES, RECORD["leaves"], strict=True):
        salt, body = bytes.fromhex(item["salt"]), item["body"].encode()
        assert leaf == leaf[:1] + b"\x01" + hashed(b"leaf", leaf[:1], salt, body)


def test_every_signature_holds() -> None:
    keys = keyring()
    for body in BODIES:
        _, signatures = opened(body)
        assert signatures
        for keyid, signature in signatures.items():
            Ed25519PublicKey.from_public_bytes(keys[keyid]).verify(signature, covered(body))


def test_every_statement_names_the_parameter_set() -> None:
    parameter_id = hashed(b"parameter-id", canonical(PARAMETERS).encode()).hex()

    assert tomllib.loads(RECORD["roots_toml"])["parameter_id"] == parameter_id
    assert {item["parameter_id"] for item in STATEMENTS[1:]} == {parameter_id}


@pytest.mark.parametrize("head", RECORD["checkpoints"], ids=lambda head: str(head["size"]))
def test_every_head_is_signed_by_a_quorum(head: dict[str, Any]) -> None:
    keys, signers = keyring(), set()
    text, lines = head["note"].split("\n\n")
    text += "\n"
    origin, size, root = text.splitlines()
    assert origin == f"fedcarbon/{STATEMENTS[2]['parameter_id']}"
    assert int(size) == head["size"]
    assert base64.b64decode(root) == tree_root(LEAVES[: head["size"]])
    for line in lines.splitlines():
        dash, name, data = line.split(" ")
        blob = base64.b64decode(data)
        of_log = name == origin
        key, kind = keys[HUB if of_log else name], 1 if of_log else 4
        key_id = hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + key).digest()[:4]
        assert (dash, blob[:4]) == ("—", key_id)
        time_s = int.from_bytes(blob[4:12], "big")
        signed = text if of_log else f"cosignature/v1\ntime {time_s}\n{text}"
        Ed25519PublicKey.from_public_bytes(key).verify(blob[-64:], signed.encode())
        signers.add(name)

    partners = {name for name in signers if name in PARTNERS}
    assert signers == partners | {origin} | (signers & set(TRUSTEES))
    assert len(signers & set(TRUSTEES)) >= math.ceil((len(TRUSTEES) + THRESHOLD) / 2)
    assert partners


# --- 6: parameters ----------------------------------------------------------------------------


def test_what_follows_from_the_moduli_is_what_the_page_says() -> None:
    derived = EXAMPLES["derived"]
    slots = (N.bit_length() - 2) // 112
    kinds = [(kind, j) for kind in "vxyz" for j in range(slots)] + [("0", 0), ("h", 0)]
    counters = []
    for kind, j in kinds:
        items = (kind.encode(), u32(j), shortest(BIG_N), shortest(N))
        counter = 0
        while jacobi(hash_below(b"generator", BIG_N, *items, u32(counter)), BIG_N) != 1:
            counter += 1
        counters.append(counter)

    assert int(derived["H"], 16) == derived_h()
    assert int(derived["v"], 16) == verification_base()
    assert counters == PARAMETERS["generator_counters"]


@pytest.mark.parametrize("name", ["modulus", "commitment"])
def test_both_moduli_are_square_free(name: str) -> None:
    modulus = int(PARAMETERS["modulus" if name == "modulus" else "commitment_modulus"], 16)
    roots = [int(root, 16) for root in PARAMETERS[f"{name}_square_free"]]
    bits = modulus.bit_length()
    sponge = joined(LABEL + b"transcript", b"square-free")
    sponge += joined(b"item", b"bits", u32(bits))
    sponge += joined(b"item", b"modulus", modulus.to_bytes(-(-bits // 8), "big"))
    for root in roots:
        wanted = bits + 128
        sponge += joined(b"challenge", b"element", u32(wanted))
        length = -(-wanted // 8)
        drawn = int.from_bytes(hashlib.shake_256(sponge).digest(length), "big")
        assert pow(root, modulus, modulus) == (drawn >> (8 * length - wanted)) % modulus

    assert len(roots) == 8


def test_the_verification_keys_lie_on_one_polynomial() -> None:
    first = range(1, THRESHOLD + 1)
    for index in range(THRESHOLD + 1, len(TRUSTEES) + 1):
        powers = (pow(verification_key(j), lagrange(first, j, index), N2) for j in first)
        assert math.prod(powers) % N2 == pow(verification_key(index), DELTA, N2)


def test_the_self_test_opens_to_one_and_zero() -> None:
    _, self_test = only("self_test")
    context = hashed(b"self-test", bytes.fromhex(self_test["parameter_id"]))
    ciphertexts = (1 + N, derived_h())
    shares: dict[int, list[int]] = {}
    for index, entry in enumerate(self_test["trustees"], start=1):
        shares[index] = [int(share, 16) for share in entry["shares"]]
        proof = bytes.fromhex(entry["proof"])
        check_share_proof(index, context, ciphertexts, shares[index], proof)

    assert [combined({i: pair[k] for i, pair in shares.items()}) for k in range(2)] == [1, 0]


# --- 8, 11: tokens, claims, verdicts ----------------------------------------------------------


def test_tokens_follow_from_the_outputs() -> None:
    tokens, evaluation = EXAMPLES["tokens"], EXAMPLES["evaluation"]
    account = hmac.digest(
        bytes.fromhex(evaluation["output"]),
        joined(LABEL + b"account-token", tokens["programme"].encode()),
        "sha256",
    )
    domain, group = tokens["domain, group"].split(", ")
    claim = hmac.digest(
        bytes.fromhex(tokens["claim output"]),
        joined(LABEL + b"claim-token", domain.encode(), group.encode(), u64(tokens["slot start"])),
        "sha256",
    )

    assert account.hex() == tokens["account token"]
    assert claim[:16].hex() == tokens["claim token"]


def claim_records(partner: str) -> list[tuple[bytes, int, bytes]]:
    (logged,) = (item for _, item in of_kind("claim_list") if item["partner_id"] == partner)
    magic, _, records = FILES[logged["file_sha256"]].partition(b"\n")
    assert magic == LABEL + b"claims"
    assert len(records) == 33 * logged["count"]
    cut = [records[i : i + 33] for i in range(0, len(records), 33)]
    return [(item[:16], item[16], item[17:]) for item in cut]


def piece_commitments(partner: str) -> list[bytes]:
    (logged,) = (item for _, item in of_kind("claim_list") if item["partner_id"] == partner)
    magic, _, records = FILES[logged["commitments_sha256"]].partition(b"\n")
    assert magic == LABEL + b"commitments"
    return [records[i + 32 : i + 64] for i in range(0, len(records), 64)]


def partners() -> list[str]:
    return [item["partner_id"] for _, item in of_kind("claim_list")]


def test_revealed_lists_are_the_committed_ones() -> None:
    for _, commitment in of_kind("claim_commitment"):
        records = claim_records(commitment["partner_id"])
        pieces = piece_commitments(commitment["partner_id"])
        leaves = [
            hashed(b"claim-leaf", hashed(b"claim", salt, token, bytes([rank])), piece)
            for (token, rank, salt), piece in zip(records, pieces, strict=True)
        ]
        assert len(records) == commitment["count"]
        assert [token for token, _, _ in records] == sorted({token for token, _, _ in records})
        assert tree_root(leaves).hex() == commitment["list_root"]


def test_the_beacon_is_asked_over_the_closing_leaf() -> None:
    _, beacon = only("beacon_value")
    closed_leaf, closing = only("commit_closed")
    question = hashed(
        b"beacon-input",
        b"tie",
        closing["exclusivity_domain"].encode(),
        u32(closing["epoch"]),
        LEAVES[closed_leaf],
    )

    assert beacon["leaf_index"] == closed_leaf
    assert EXAMPLES["beacon"]["beacon input"] == question.hex()
    assert EXAMPLES["beacon"]["VOPRF input"] == joined(LABEL + b"voprf", b"beacon", question).hex()


def test_the_verdicts_can_be_recomputed() -> None:
    beacon = bytes.fromhex(only("beacon_value")[1]["output"])
    ranks: dict[bytes, dict[str, int]] = {}
    for partner in partners():
        for token, rank, _ in claim_records(partner):
            ranks.setdefault(token, {})[partner] = rank
    lost: dict[str, list[bytes]] = {partner: [] for partner in partners()}
    for token in sorted(ranks):
        order = {
            partner: (rank, hashed(b"tie", beacon, token, partner.encode()))
            for partner, rank in ranks[token].items()
        }
        winner = min(order, key=order.__getitem__)
        for partner in order.keys() - {winner}:
            lost[partner].append(token)

    for verdict in only("verdict_list")[1]["verdicts"]:
        tokens = lost[verdict["partner_id"]]
        assert verdict["lost"] == len(tokens)
        assert FILES[verdict["file_sha256"]] == LABEL + b"verdicts\n" + b"".join(tokens)


# --- 7, 8, 10: share files, evaluations, consents ---------------------------------------------


def test_a_share_file_opens_with_its_passphrase() -> None:
    example = EXAMPLES["share-file"]
    file = json.loads(example["file"])
    salt, nonce, ciphertext = (bytes.fromhex(file[k]) for k in ("salt", "nonce", "ciphertext"))
    key = hashlib.scrypt(
        example["passphrase"].encode(), salt=salt, n=1 << 17, r=8, p=1, maxmem=1 << 28, dklen=32
    )
    header = joined(
        LABEL + b"share-file", file["trustee_id"].encode(), bytes.fromhex(file["parameter_id"])
    )
    secrets = json.loads(AESGCM(key).decrypt(nonce, ciphertext, header))
    exponent = DELTA * int(secrets["paillier_share"], 16)

    assert secrets["statement"] == "trustee_secrets"
    assert pow(verification_base(), exponent, N2) == verification_key(secrets["trustee_index"])


def hash_to_scalar(message: bytes, tag: bytes) -> int:
    """RFC 9497, section 4.1: 64 bytes of expand_message_xmd with SHA-512, reduced."""
    order = (1 << 252) + 27742317777372353535851937790883648493
    tail = tag + bytes([len(tag)])
    first = hashlib.sha512(bytes(128) + message + b"\x00\x40\x00" + tail).digest()
    expanded_bytes = hashlib.sha512(first + b"\x01" + tail).digest()
    return int.from_bytes(expanded_bytes, "little") % order


def test_the_weight_of_an_evaluation_hashes_the_whole_batch() -> None:
    def p(item: bytes) -> bytes:
        return len(item).to_bytes(2, "big") + item

    context = b"OPRFV1-\x01-ristretto255-SHA512"
    public = bytes.fromhex(EXAMPLES["voprf-proof"]["K_1"])
    blinded = bytes.fromhex(EXAMPLES["evaluation"]["blinded"])
    evaluated = bytes.fromhex(EXAMPLES["evaluation"]["Z of trustee 1"])
    batch = p(LABEL + b"voprf-batch") + b"\x00\x01" + blinded + evaluated
    seed = hashlib.sha512(p(public) + p(b"Seed-" + context) + batch).digest()
    weight = hash_to_scalar(
        p(seed) + b"\x00\x00" + p(blinded) + p(evaluated) + b"Composite",
        b"HashToScalar-" + context,
    )

    found = EXAMPLES["voprf-proof"]["d_0 (little-endian)"]
    assert weight.to_bytes(32, "little").hex() == found


def test_a_consent_hash_names_person_and_time() -> None:
    example, person = EXAMPLES["enrolment"], EXAMPLES["person"]
    canonical_person = joined(LABEL + b"person", b"TEST", b"CN", person["number"].encode())
    (entry,) = json.loads(example["batch"])["entries"]
    for kind in ("data", "claim"):
        found = hashed(
            b"consent",
            bytes.fromhex(example["consent salt"]),
            kind.encode(),
            canonical_person,
            u64(example["consents given at"]),
        )
        assert found.hex() == entry[f"consent_{kind}_hash"]

    assert person["canonical"] == canonical_person.hex()
    account_input = joined(LABEL + b"voprf", b"account", canonical_person)
    assert EXAMPLES["evaluation"]["input"] == account_input.hex()


# --- 12, 13: chunks and products --------------------------------------------------------------


def chunk_entries(header: dict[str, Any]) -> list[bytes]:
    magic, _, data = FILES[header["file_sha256"]].partition(b"\n")
    assert magic == LABEL + b"chunk"
    size = len(data) // header["entries"]
    return [data[i : i + size] for i in range(0, len(data), size)]


def products() -> dict[int, int]:
    found: dict[int, int] = {}
    for part in only("seal")[1]["parts"]:
        for index in part["header_leaves"]:
            header = STATEMENTS[index]
            entries = chunk_entries(header)
            assert header["partner_id"] == part["partner_id"]
            assert header["entries"] == len(entries)
            assert header["entries_root"] == tree_root(entries).hex()
            for entry in entries:
                block = int.from_bytes(entry[:4], "big")
                number = int.from_bytes(entry[4 : 4 + WIDTH], "big")
                found[block] = found.get(block, 1) * number % N2
    return found


def test_the_seal_commits_to_the_products_of_the_logged_ciphertexts() -> None:
    _, seal = only("seal")
    found = products()
    entries = [
        u32(block) + hashed(b"product", u64(block), wide(found[block])) for block in sorted(found)
    ]

    assert seal["blocks"] == len(found)
    assert seal["products_root"] == tree_root(entries).hex()


# --- 14: the opening --------------------------------------------------------------------------


def share_files() -> dict[str, dict[str, Any]]:
    _, result = only("opening_result")
    found = {}
    for item in result["shares"]:
        data = FILES[item["file_sha256"]]
        found[item["trustee_id"]] = json.loads(data)
        assert canonical(found[item["trustee_id"]]).encode() == data
    return found


def test_the_start_names_what_was_asked_for() -> None:
    start_leaf, start = only("opening_start")
    request_leaf, request = only("opening_request")
    product_sha256 = hashlib.sha256(wide(products()[start["block"]])).digest()
    opening_id = hashed(
        b"opening-id",
        LEAVES[request_leaf],
        u64(request["block"]),
        u32(request["epoch"]),
        u32(request["slot"]),
        product_sha256,
    )

    assert start["product_sha256"] == product_sha256.hex()
    assert start["opening_id"] == opening_id.hex()
    assert request_leaf < start_leaf
    assert sorted(opened(BODIES[start_leaf])[1]) == start["subset"]


def test_anyone_can_open_the_account_again_from_the_share_files() -> None:
    start_leaf, start = only("opening_start")
    opening_id, attempt = bytes.fromhex(start["opening_id"]), u32(start["attempt"])
    files, masked = share_files(), products()[start["block"]]
    for name, mask_hash in zip(start["subset"], start["mask_hashes"], strict=True):
        mask = bytes.fromhex(files[name]["masks"][0])
        assert hashed(b"mask", opening_id, attempt, name.encode(), mask).hex() == mask_hash
        masked = masked * int.from_bytes(mask[:WIDTH], "big") % N2
    context = hashed(b"share-context", LEAVES[start_leaf], wide(masked))
    shares = {}
    for name, file in files.items():
        trustee, share = TRUSTEES.index(name) + 1, int(file["shares"][0], 16)
        check_share_proof(trustee, context, [masked], [share], bytes.fromhex(file["proof"]))
        shares[trustee] = share
    plaintext = combined(shares)

    for value in only("opening_result")[1]["values"]:
        digit = plaintext >> 112 * value["slot"] & (1 << 112) - 1
        assert str(digit) == value["opened_ug"]


# --- 15: clearing -----------------------------------------------------------------------------


def test_the_ledger_credits_what_was_opened_and_balances() -> None:
    _, batch = only("ledger_batch")
    (value,) = only("opening_result")[1]["values"]
    programme = only("programme")[1]["programme_id"].encode()
    credit = hashed(
        b"transfer-id",
        b"opening",
        programme,
        bytes.fromhex(value["account_token"]),
        bytes.fromhex(only("opening_start")[1]["opening_id"]),
    )[:16].hex()
    balances: dict[tuple[str, str], int] = {}
    for line in batch["lines"]:
        for account, sign in ((line["debit"], -1), (line["credit"], 1)):
            key = (line["unit"], account)
            balances[key] = balances.get(key, 0) + sign * int(line["amount"])
    credited = {line["transfer_id"]: line["amount"] for line in batch["lines"]}
    order = json.loads(EXAMPLES["order"]["order"])
    payout = hashed(b"payout-id", programme, bytes.fromhex(order["redemption_id"]))[:16]

    assert credited[credit] == value["opened_ug"]
    assert {key for key, balance in balances.items() if balance < 0} == {
        (f"ug:{programme.decode()}:2026", f"programme:{programme.decode()}:issuance"),
        ("fen", f"programme:{programme.decode()}:funding"),
    }
    assert EXAMPLES["order"]["payout id"] == payout.hex()
    batch_hash = hashed(b"ledger-batch", canonical(batch).encode())
    assert EXAMPLES["ledger"]["batch hash"] == batch_hash.hex()
