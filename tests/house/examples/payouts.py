"""Worked examples of sections 14 to 16: openings, redemptions, work orders."""

from __future__ import annotations

from collections.abc import Iterator

from fedcarbon.canonical import statement as statements
from fedcarbon.ledger.batch import LedgerBatch, batch_hash
from fedcarbon.ledger.transfer import derived_transfer_id
from fedcarbon.opening.masks import mask_bounds
from fedcarbon.opening.statements import OpeningRequest, OpeningResult, OpeningStart, PartnerBinding
from fedcarbon.packing.layout import split_digits
from fedcarbon.paillier.cipher import ciphertext_from_bytes
from fedcarbon.paillier.share_proof import ShareStatement, fold, mask_bits
from fedcarbon.paillier.threshold_key import lagrange_integer
from fedcarbon.redemption.payouts import PayoutBatch
from fedcarbon.redemption.settlement import SettlementRule, payout_fen
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import trustee_pb2
from tests.house.examples import openings, parties, submission
from tests.house.examples.block import Example
from tests.house.examples.whole import leaf, opening, record
from trustee.trustee import _content_sha256


def examples() -> Iterator[Example]:
    """Yield the examples in the order of the page."""
    half: PartnerBinding = leaf(LeafType.PARTNER_BINDING).statement(PartnerBinding)
    yield Example(name="binding", values={"partner's half": statements.encode(half).decode()})
    asked: OpeningRequest = leaf(LeafType.OPENING_REQUEST).statement(OpeningRequest)
    yield Example(name="opening-request", values={"request": statements.encode(asked).decode()})
    yield _opening_id()
    yield _masks()
    yield _masked()
    yield _share_proof()
    yield _combination()
    yield _result()
    yield _order()
    yield _settlement()
    yield _ledger()
    yield _payouts()
    yield _work_order()


def _start() -> OpeningStart:
    found: OpeningStart = leaf(LeafType.OPENING_START).statement(OpeningStart)
    return found


def _opening_id() -> Example:
    return Example(
        name="opening-id",
        values={
            "request leaf": leaf(LeafType.OPENING_REQUEST).leaf,
            "SHA-256 of product": _start().product_sha256,
            "opening id": _start().opening_id,
            "start": statements.encode(_start()).decode(),
        },
    )


def _masks() -> Example:
    layout = parties.parameters().layout
    bounds = mask_bounds(layout, {openings.SLOT})
    first = openings.SUBSET[0]
    return Example(
        name="masks",
        values={
            "targets": openings.SLOT,
            "largest digits": ", ".join(_power(bound) for bound in bounds),
            "mask of trustee-1": f"0x{opening().mask_plaintexts[first]:x}",
            "ciphertext and proof": opening().masks[0],
            "its hash": _start().mask_hashes[0],
        },
    )


def _power(bound: int) -> str:
    return f"2^{bound.bit_length()} - 1" if bound else "0"


def _masked() -> Example:
    return Example(
        name="masked",
        values={
            "product": submission.products(record())[submission.BLOCK],
            "masked": opening().masked,
            "start leaf": leaf(LeafType.OPENING_START).leaf,
            "share context": opening().context,
        },
    )


def _share_proof() -> Example:
    key, batch = parties.parameters().threshold_key, opening().shares[0]
    statement = ShareStatement(
        key=key,
        parameter_id=parties.parameters().parameter_id,
        trustee=batch.trustee,
        context=opening().context,
        ciphertexts=(ciphertext_from_bytes(key.public_key, opening().masked),),
        shares=batch.shares,
    )
    folded = fold(statement)
    proof = batch.proof
    return Example(
        name="share-proof",
        values={
            "share c_1": batch.shares[0],
            "statement": folded.digest,
            "C": int(folded.ciphertext),
            "S": int(folded.share),
            "a": proof.commitment_base,
            "b": proof.commitment_pairs,
            "e": folded.challenge(key, proof.commitment_base, proof.commitment_pairs),
            "bits of the mask r": mask_bits(key),
            "z": proof.response,
            "proof": proof.to_bytes(key),
        },
    )


def _combination() -> Example:
    key, layout = parties.parameters().threshold_key, parties.parameters().layout
    indices = [batch.trustee for batch in opening().shares]
    digits = split_digits(layout, opening().plaintext)
    return Example(
        name="combination",
        values={
            "lambda_1, lambda_2, lambda_3": ", ".join(
                str(lagrange_integer(key.delta, indices, of=index, at=0)) for index in indices
            ),
            "M": f"0x{opening().plaintext:x}",
            **{f"digit {slot}": f"0x{digit:x}" for slot, digit in enumerate(digits)},
            "sum of caps": opening().caps_ug,
            "opened": opening().opened_ug,
        },
    )


def _result() -> Example:
    found: OpeningResult = leaf(LeafType.OPENING_RESULT).statement(OpeningResult)
    file = record().files[found.shares[0].file_sha256]
    return Example(
        name="result",
        values={
            "result": statements.encode(found).decode(),
            "share file": file.decode(),
        },
    )


def _order() -> Example:
    order = openings.redemption_order(record())
    return Example(
        name="order",
        values={"order": statements.encode(order).decode(), "payout id": order.payout_id},
    )


def _settlement() -> Example:
    rule = SettlementRule.of(parties.programme())
    amount_fen, remainder_ug = payout_fen(opening().opened_ug, rule)
    return Example(
        name="settlement",
        values={
            "pooled": opening().opened_ug,
            "unit": rule.unit_ug,
            "units": opening().opened_ug // rule.unit_ug,
            "pays (fen)": amount_fen,
            "stays": remainder_ug,
        },
    )


def _ledger() -> Example:
    body = leaf(LeafType.LEDGER_BATCH).body
    payload = Envelope.from_bytes(body).payload
    batch: LedgerBatch = statements.decode(LedgerBatch, payload)
    spent = openings.redemption_order(record())
    reserve = derived_transfer_id(b"redemption", spent.redemption_id, b"reserve", b"money")
    assert reserve in {line.transfer_id for line in batch.lines}
    return Example(
        name="ledger",
        values={
            **{
                f"line {number}": f"{line.phase}: {line.amount} from {line.debit} to {line.credit}"
                for number, line in enumerate(batch.lines, start=1)
            },
            "id of line 4": reserve,
            "batch hash": batch_hash(payload),
        },
    )


def _payouts() -> Example:
    batch: PayoutBatch = leaf(LeafType.PAYOUT_BATCH).statement(PayoutBatch)
    return Example(name="payouts", values={"payouts": statements.encode(batch).decode()})


def _work_order() -> Example:
    head = record().heads[-1]
    asked = trustee_pb2.CosignOrder(root=head.root)
    order = trustee_pb2.WorkResponse(record_size=head.size, cosign=asked)
    return Example(
        name="work-order",
        values={
            "order": "cosign",
            "record_size": head.size,
            "message": asked.SerializeToString(deterministic=True),
            "subject": _content_sha256(order),
        },
    )
