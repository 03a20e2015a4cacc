"""Make the known answers of this folder; the same bytes on every machine.

    python -m tests.vectors.generate        (from the repository's root; `make vectors`)

Keys come from `tests/keys`, randomness from `SeededStream`. All numbers are hexadecimal, except
indices and sizes. Another implementation should reproduce every value from the fields before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fedcarbon.opening.masks import draw_mask, mask_bounds
from fedcarbon.packing.layout import SLOT_WIDTH_BITS, Layout, join_digits, pack, unpack
from fedcarbon.paillier.cipher import Encryptor
from fedcarbon.paillier.combine import ShareBatch, combine
from fedcarbon.paillier.dealing import deal, threshold_key_of
from fedcarbon.paillier.keys import PublicKey, blinding_base, derive_y
from fedcarbon.paillier.share_proof import ShareStatement, fold, mask_bits
from fedcarbon.paillier.shares import share_batch
from fedcarbon.paillier.threshold_key import ThresholdKey, derive_verification_base
from tests.keys.primes import BITS_2048, TINY, load_primes
from tests.vectors.generate_range import range_proof
from tests.vectors.link_proof import link_proof
from tests.vectors.stream import SeededStream

FOLDER: Final = Path(__file__).parent
PARAMETER_ID: Final = bytes(range(32))
CONTEXT: Final = b"worked example"


def threshold_paillier() -> dict[str, Any]:
    """Key, ciphertexts, shares, proofs and plaintexts, at a tiny and at a production size."""
    return {
        "note": "published keys: tiny-INSECURE can be factored, none of them protects anything",
        "parameter_id": PARAMETER_ID.hex(),
        "context": CONTEXT.hex(),
        "cases": [
            _threshold_case(TINY, trustees=5, threshold=3),
            _threshold_case(TINY, trustees=3, threshold=2),
            _threshold_case(BITS_2048, trustees=3, threshold=2),
        ],
    }


def _threshold_case(name: str, *, trustees: int, threshold: int) -> dict[str, Any]:
    primes = load_primes(name)
    public_key = PublicKey(n=primes.n)
    stream = SeededStream(f"threshold {name} {trustees} {threshold}")
    shares = deal(
        primes.p, primes.q, trustees=trustees, threshold=threshold, randbelow=stream.randbelow
    )
    key = threshold_key_of(primes.n, shares, threshold)
    encryptor = Encryptor(public_key, window_bits=4)
    ciphertexts, inputs = [], []
    for message in (0, 1, 97_000, primes.n - 1):
        s = stream.randbelow(1 << public_key.randomiser_bits)
        ciphertexts.append(encryptor.encrypt(message, s))
        inputs.append({"message": f"{message:x}", "s": f"{s:x}", "c": f"{ciphertexts[-1]:x}"})
    batches, answers = [], []
    for share in shares:
        proof_stream = SeededStream(f"{stream.seed} proof {share.index}")
        batch = share_batch(
            key,
            share,
            ciphertexts,
            parameter_id=PARAMETER_ID,
            context=CONTEXT,
            randbelow=proof_stream.randbelow,
        )
        batches.append(batch)
        mask = SeededStream(proof_stream.seed).randbelow(1 << mask_bits(key))
        answers.append(_answer(key, batch, ciphertexts, mask))
    last = batches[trustees - threshold :]
    y, y_counter = derive_y(primes.n)
    _, v_counter = derive_verification_base(primes.n)
    return {
        "key": name,
        "p": f"{primes.p:x}",
        "q": f"{primes.q:x}",
        "trustees": trustees,
        "threshold": threshold,
        "y": f"{y:x}",
        "y_counter": y_counter,
        "blinding_base": f"{blinding_base(primes.n):x}",
        "verification_base": f"{key.verification_base:x}",
        "verification_base_counter": v_counter,
        "key_shares": [f"{share.value:x}" for share in shares],
        "verification_keys": [f"{value:x}" for value in key.verification_keys],
        "ciphertexts": inputs,
        "answers": answers,
        "combined_from": [batch.trustee for batch in last],
        "plaintexts": [
            f"{combine(key, {batch.trustee: batch.shares[i] for batch in last}):x}"
            for i in range(len(ciphertexts))
        ],
    }


def _answer(
    key: ThresholdKey, batch: ShareBatch, ciphertexts: Sequence[int], mask: int
) -> dict[str, Any]:
    folded = fold(
        ShareStatement(
            key=key,
            parameter_id=PARAMETER_ID,
            trustee=batch.trustee,
            context=CONTEXT,
            ciphertexts=tuple(ciphertexts),
            shares=batch.shares,
        )
    )
    proof = batch.proof
    e = folded.challenge(key, proof.commitment_base, proof.commitment_pairs)
    return {
        "trustee": batch.trustee,
        "shares": [f"{value:x}" for value in batch.shares],
        "statement_digest": folded.digest.hex(),
        "folded_ciphertext": f"{int(folded.ciphertext):x}",
        "folded_share": f"{int(folded.share):x}",
        "mask": f"{mask:x}",
        "challenge": f"{e:x}",
        "proof": proof.to_bytes(key).hex(),
    }


def packing() -> dict[str, Any]:
    """Layouts, packed plaintexts and masks."""
    return {"slot_width_bits": SLOT_WIDTH_BITS, "cases": [_packing_case(b) for b in (512, 2048)]}


def _packing_case(bits: int) -> dict[str, Any]:
    layout = Layout.for_modulus(bits)
    stream = SeededStream(f"packing {bits}")
    rows = [[stream.randbelow(50_000_000_001) for _ in range(layout.slots)] for _ in range(3)]
    rows.append([0] * layout.slots)
    rows.append([(1 << 56) - 1 - sum(column) for column in zip(*rows, strict=True)])
    plaintexts = [pack(layout, row) for row in rows]
    targets = [1, layout.slots - 2]
    masks = [join_digits(draw_mask(layout, targets, stream.randbelow)) for _ in range(5)]
    return {
        "modulus_bits": bits,
        "slots": layout.slots,
        "rows": [
            {"values_ug": [str(value) for value in row], "plaintext": f"{plaintext:x}"}
            for row, plaintext in zip(rows, plaintexts, strict=True)
        ],
        "sum": f"{sum(plaintexts):x}",
        "sum_values_ug": [str(value) for value in unpack(layout, sum(plaintexts))],
        "targets": targets,
        "mask_bounds": [f"{bound:x}" for bound in mask_bounds(layout, targets)],
        "masks": [f"{mask:x}" for mask in masks],
        "masked_sum": f"{sum(plaintexts) + sum(masks):x}",
    }


FILES: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "threshold_paillier.json": threshold_paillier,
    "packing.json": packing,
    "range_proof.json": range_proof,
    "link_proof.json": link_proof,
}


def text_of(name: str) -> str:
    """Return what the file of that name must hold."""
    return json.dumps(FILES[name](), indent=1) + "\n"


if __name__ == "__main__":
    for file_name in FILES:
        (FOLDER / file_name).write_text(text_of(file_name), encoding="utf-8")
