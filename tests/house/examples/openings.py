"""The opening of the example record: request, start, masks, shares, result, order, books."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from fedcarbon.canonical import statement as statements
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.ledger.account import AccountKind, programme_account
from fedcarbon.ledger.batch import (
    CHAIN_START,
    LedgerBatch,
    batch_hash,
    ledger_day,
    line_of,
    replay,
)
from fedcarbon.ledger.credit import OpeningCredit, transfer_of
from fedcarbon.ledger.transfer import Phase, Transfer, derived_transfer_id
from fedcarbon.ledger.unit import FEN, Vintage
from fedcarbon.opening.accounts import AccountRef
from fedcarbon.opening.caps import caps_so_far
from fedcarbon.opening.checks import Reader, check_start
from fedcarbon.opening.mask_proofs import fresh_mask, invalid_masks
from fedcarbon.opening.mask_sets import NO_HASH, check_masks, masked_ciphertext
from fedcarbon.opening.masks import FULL_SLOT_MAX, draw_mask, read_opened
from fedcarbon.opening.share_file import ShareFile
from fedcarbon.opening.statements import (
    OpenedValue,
    OpeningRequest,
    OpeningResult,
    OpeningStart,
    Purpose,
    ShareBatch,
    Target,
    mask_hash,
    opening_id_of,
    share_context,
)
from fedcarbon.packing.layout import join_digits
from fedcarbon.paillier.cipher import ciphertext_from_bytes
from fedcarbon.paillier.combine import ShareBatch as Shares
from fedcarbon.paillier.combine import combine, verify_shares
from fedcarbon.paillier.shares import share_batch
from fedcarbon.redemption.order import Redemption, RedemptionOrder
from fedcarbon.redemption.payouts import PayoutBatch, PayoutLine, PayoutOutcome
from fedcarbon.redemption.postings import posts, reservations
from fedcarbon.redemption.settlement import SettlementRule, quote
from fedcarbon.redemption.states import RedemptionState
from fedcarbon.redemption.wallet import WalletClass
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import MicrogramsCO2e, Natural, Seconds
from tests.house.examples import parties, registry, submission
from tests.house.examples.chance import NamedChance
from tests.house.examples.parties import BANK, PROGRAMME_ID, TRUSTEES
from tests.house.examples.registry import ALICE, FIRST_EPOCH, PLACES, WALLET, token_of
from tests.house.examples.submission import BLOCK
from tests.house.examples.tiny_record import ExampleLeaf, TinyRecord
from tests.proving import tables_of

SUBSET = TRUSTEES[:3]
SLOT = PLACES[ALICE][1]
VINTAGE = Vintage(2026)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Everything that came up while the block was opened."""

    mask_plaintexts: Mapping[PartyId, int]
    masks: tuple[bytes, ...]
    masked: bytes
    context: bytes
    shares: tuple[Shares, ...]
    plaintext: int
    caps_ug: MicrogramsCO2e
    opened_ug: MicrogramsCO2e


def request(record: TinyRecord) -> OpeningRequest:
    """Return the bank's request for Alice's account."""
    (binding,) = record.of_type(LeafType.OPERATOR_BINDING)
    head = record.heads[-1]
    return OpeningRequest(
        parameter_id=parties.parameters().parameter_id,
        programme_id=PROGRAMME_ID,
        request_id=registry.message_id("opening"),
        account_token=token_of(ALICE),
        block=BLOCK,
        slot=SLOT,
        epoch=FIRST_EPOCH,
        previous_epoch=EpochIndex(0),
        purpose=Purpose.CREDIT,
        wallet_id=WALLET,
        binding_leaf=binding.leaf,
        operator_id=BANK,
        not_after_s=registry.epoch_end_s() + 7 * 86_400,
        checkpoint_size=head.size,
        checkpoint_root=head.root,
    )


@cache
def mask_plaintext(trustee: PartyId) -> int:
    """Return the plaintext of a trustee's mask."""
    layout = parties.parameters().layout
    # The digits are what a mask draws first.
    return join_digits(draw_mask(layout, {SLOT}, NamedChance(f"mask {trustee}").below))


@cache
def mask(begun: OpeningStart, trustee: PartyId) -> bytes:
    """Return a trustee's mask: ciphertext and proof."""
    tables = tables_of(parties.parameters().proof_key, FULL_SLOT_MAX)
    return fresh_mask(tables, begun, trustee, NamedChance(f"mask {trustee}").below)


def draft(record: TinyRecord, asked: ExampleLeaf) -> OpeningStart:
    """Return the start before any mask hash is known."""
    product_sha256 = hashlib.sha256(submission.products(record)[BLOCK]).digest()
    return OpeningStart(
        parameter_id=parties.parameters().parameter_id,
        programme_id=PROGRAMME_ID,
        opening_id=opening_id_of(
            request_leaves=[asked.leaf],
            block=BLOCK,
            epoch=FIRST_EPOCH,
            slots=[SLOT],
            product_sha256=product_sha256,
        ),
        attempt=1,
        block=BLOCK,
        epoch=FIRST_EPOCH,
        targets=(Target(slot=SLOT, account_token=token_of(ALICE), request_leaf=asked.index),),
        subset=SUBSET,
        product_sha256=product_sha256,
        mask_hashes=(NO_HASH,) * len(SUBSET),
    )


def full_start(begun: OpeningStart) -> OpeningStart:
    """Return the start with every mask hash in it."""
    hashes = (
        mask_hash(begun.opening_id, begun.attempt, name, mask(begun, name)) for name in SUBSET
    )
    return replace(begun, mask_hashes=tuple(hashes))


def opened(record: TinyRecord, start_leaf: ExampleLeaf) -> Opened:
    """Open the block as trustees and hub do, every check included."""
    found = parties.parameters()
    start: OpeningStart = start_leaf.statement(OpeningStart)
    product = submission.products(record)[BLOCK]
    begun = replace(start, mask_hashes=(NO_HASH,) * len(SUBSET))
    masks = tuple(mask(begun, name) for name in SUBSET)
    assert not invalid_masks(found.proof_key, [(start, masks)], NamedChance("weights").below)
    for name in SUBSET:
        reader = Reader(trustee_id=name, product_of=lambda _ref, _block: product)
        check_start(record.view, start, reader, logged_at=start_leaf.index)
        check_masks(start, name, masks)
    masked = masked_ciphertext(found.public_key, start, product, masks)
    context = share_context([start_leaf.leaf], [masked])
    ciphertexts = [ciphertext_from_bytes(found.public_key, masked)]
    shares = tuple(
        share_batch(
            found.threshold_key,
            secret.paillier,
            ciphertexts,
            parameter_id=found.parameter_id,
            context=context,
            randbelow=NamedChance(f"share proof {secret.trustee_id}").below,
        )
        for secret in parties.ceremony().secrets[: len(SUBSET)]
    )
    for batch in shares:
        verify_shares(
            found.threshold_key,
            ciphertexts,
            batch,
            parameter_id=found.parameter_id,
            context=context,
        )
    plaintext = combine(found.threshold_key, {batch.trustee: batch.shares[0] for batch in shares})
    caps_ug = caps_so_far(record.view, AccountRef(PROGRAMME_ID, token_of(ALICE)), FIRST_EPOCH)
    return Opened(
        mask_plaintexts={name: mask_plaintext(name) for name in SUBSET},
        masks=masks,
        masked=masked,
        context=context,
        shares=shares,
        plaintext=plaintext,
        caps_ug=caps_ug,
        opened_ug=read_opened(found.layout, plaintext, {SLOT}, {SLOT: caps_ug})[SLOT],
    )


def share_file(start_leaf: ExampleLeaf, found: Opened, number: int) -> bytes:
    """Return the file behind the shares of trustee `number` of the subset, from 0."""
    batch = found.shares[number]
    return statements.encode(
        ShareFile(
            parameter_id=parties.parameters().parameter_id,
            trustee_id=SUBSET[number],
            start_leaves=(start_leaf.index,),
            masks=(found.masks[number],),
            masked=(Natural(int.from_bytes(found.masked, "big")),),
            shares=(Natural(batch.shares[0]),),
            proof=batch.proof.to_bytes(parties.parameters().threshold_key),
        )
    )


def redemption_order(record: TinyRecord) -> RedemptionOrder:
    """Return the bank's order to redeem as much of Alice's account as there is."""
    (binding,) = record.of_type(LeafType.OPERATOR_BINDING)
    return RedemptionOrder(
        parameter_id=parties.parameters().parameter_id,
        programme_id=PROGRAMME_ID,
        redemption_id=registry.message_id("redemption"),
        account_token=token_of(ALICE),
        wallet_id=WALLET,
        wallet_class=WalletClass.CLASS_2,
        binding_leaf=binding.leaf,
        operator_id=BANK,
        units=None,
    )


def redemption(order: RedemptionOrder, opened_ug: MicrogramsCO2e) -> Redemption:
    """Return the order after it was paid."""
    quoted = quote({VINTAGE: opened_ug}, None, SettlementRule.of(parties.programme()))
    return Redemption(
        order=order,
        state=RedemptionState.SETTLED,
        units=quoted.units,
        mass_ug=quoted.mass_ug,
        amount_fen=quoted.amount_fen,
        draws=quoted.draws,
        reason="",
        rail_reference="",
        created_s=Seconds(registry.epoch_end_s() + 1900),
    )


def credit(opening_id: bytes, opened_ug: MicrogramsCO2e) -> Transfer:
    """Return the transfer that credits the opening."""
    transfer = transfer_of(
        OpeningCredit(
            programme=PROGRAMME_ID,
            vintage=VINTAGE,
            account_token=token_of(ALICE),
            opening_id=opening_id,
            previous_opened_ug=MicrogramsCO2e(0),
            opened_ug=opened_ug,
        )
    )
    assert transfer is not None
    return transfer


def top_up() -> Transfer:
    """Return ten yuan of the programme's operator, for payouts."""
    top_up_id = registry.message_id("top-up")
    return Transfer(
        transfer_id=derived_transfer_id(b"top-up", PROGRAMME_ID.encode(), top_up_id),
        debit=programme_account(AccountKind.FUNDING, PROGRAMME_ID),
        credit=programme_account(AccountKind.FLOAT, PROGRAMME_ID),
        unit=FEN,
        amount=1000,
        phase=Phase.SINGLE,
        resolves=None,
    )


def ledger_batch(
    order: RedemptionOrder, opening_id: bytes, opened_ug: MicrogramsCO2e
) -> LedgerBatch:
    """Return the batch of the day: money in, the credit, a redemption reserved and posted."""
    spent = redemption(order, opened_ug)
    transfers = [top_up(), credit(opening_id, opened_ug), *reservations(spent), *posts(spent)]
    at_s = Seconds(registry.epoch_end_s() + 1900)
    batch = LedgerBatch(
        parameter_id=parties.parameters().parameter_id,
        day=ledger_day(at_s),
        previous_batch=CHAIN_START,
        first_sequence=1,
        lines=tuple(line_of(transfer, at_s) for transfer in transfers),
    )
    replay([statements.encode(batch)], batch.parameter_id).trial_balance()
    return batch


def payout_batch(paid: Redemption, batch: LedgerBatch) -> PayoutBatch:
    """Return what the rail has answered about the one payout of the day."""
    return PayoutBatch(
        parameter_id=batch.parameter_id,
        day=batch.day,
        ledger_batch=batch_hash(statements.encode(batch)),
        lines=(
            PayoutLine(
                payout_id=paid.order.payout_id,
                redemption_id=paid.order.redemption_id,
                wallet_id=paid.order.wallet_id,
                amount_fen=paid.amount_fen,
                outcome=PayoutOutcome.SETTLED,
                answered_s=batch.lines[-1].recorded_s,
                reference="sandbox-1",
                reason="",
            ),
        ),
    )


def add_opening(record: TinyRecord) -> None:
    """Log request, start, result, order and the books of the day, with heads in between."""
    at_s = registry.epoch_end_s()
    asked = record.append_by(BANK, request(record))
    record.witness(at_s + 1500)
    start = full_start(draft(record, asked))
    begun = record.append(LeafType.OPENING_START, parties.signed(start, *SUBSET))
    record.witness(at_s + 1700)
    found = opened(record, begun)
    record.append_hub(
        OpeningResult(
            parameter_id=start.parameter_id,
            programme_id=PROGRAMME_ID,
            opening_id=start.opening_id,
            attempt=1,
            start_leaf=begun.index,
            values=(
                OpenedValue(slot=SLOT, account_token=token_of(ALICE), opened_ug=found.opened_ug),
            ),
            shares=tuple(
                ShareBatch(
                    trustee_id=name, file_sha256=record.keep(share_file(begun, found, number))
                )
                for number, name in enumerate(SUBSET)
            ),
        )
    )
    order = redemption_order(record)
    record.append_by(BANK, order)
    batch = ledger_batch(order, start.opening_id, found.opened_ug)
    record.append_hub(batch)
    record.append_hub(payout_batch(redemption(order, found.opened_ug), batch))
    record.witness(at_s + 2000)
