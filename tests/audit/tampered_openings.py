"""What is done to openings and to what follows from them: starts, shares, results, books."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Final

from fedcarbon.canonical import statement as statements
from fedcarbon.epoch.statements import Seal
from fedcarbon.ledger.batch import LedgerBatch, batch_hash
from fedcarbon.opening.share_file import ShareFile
from fedcarbon.opening.statements import (
    OpenedValue,
    OpeningRequest,
    OpeningResult,
    OpeningStart,
    OperatorBinding,
    PartnerBinding,
    ShareBatch,
    Target,
    mask_hash,
    share_context,
)
from fedcarbon.paillier.shares import share_batch
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.redemption.payouts import PayoutBatch
from fedcarbon.registry.evaluation import EvaluationRequest
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import USE_TYPES, LeafType
from fedcarbon.units import SECONDS_PER_DAY, MicrogramsCO2e, Natural
from tests.audit.kit import Entry, Kit, roots_of
from tests.chance import seeded
from tests.simulation.world import HUB, OPERATOR, PARTNERS, PROGRAMME

LAST_OPENED: Final = 2
"""The last epoch up to which accounts are opened in the good record."""
_MONEY_TYPES: Final = USE_TYPES | {
    LeafType.LEDGER_BATCH,
    LeafType.REDEMPTION_ORDER,
    LeafType.PAYOUT_BATCH,
}


# --- openings -----------------------------------------------------------------------------------


def start_without_request(kit: Kit) -> None:
    kit.append(_start(kit, request_leaf=0), *kit.parameters.trustee_ids[:3])


def epoch_opened_twice(kit: Kit) -> None:
    """An account that was opened up to an epoch is opened up to it again, on a new request."""
    _, old = kit.of(OpeningRequest, epoch=LAST_OPENED)[0]
    size, times = kit.heads()[-1]
    request = dataclasses.replace(
        old,
        request_id=b"another request.",
        not_after_s=max(times.values()) + 86_400,
        checkpoint_size=size,
        checkpoint_root=roots_of(kit.entries())[size],
    )
    leaf = kit.append(request, OPERATOR)
    start = dataclasses.replace(
        _start(kit, leaf),
        block=request.block,
        targets=(
            Target(slot=request.slot, account_token=request.account_token, request_leaf=leaf),
        ),
    )
    kit.append(start, *start.subset)


def opened_value_altered(kit: Kit) -> None:
    index, item = kit.of(OpeningResult)[-1]
    first = item.values[0]
    more = OpenedValue(
        slot=first.slot,
        account_token=first.account_token,
        opened_ug=MicrogramsCO2e(first.opened_ug + 1_000_000),
    )
    kit.replace(index, dataclasses.replace(item, values=(more, *item.values[1:])), HUB)


def share_altered(kit: Kit) -> None:
    """A share is another number, and every result of the batch names the file that says so."""
    n = kit.parameters.public_key.n

    def spoil(file: ShareFile) -> ShareFile:
        wrong = Natural(int(file.shares[0]) * (1 + n) % (n * n))
        return dataclasses.replace(file, shares=(wrong, *file.shares[1:]))

    _with_share_file(kit, spoil)


def mask_exchanged(kit: Kit) -> None:
    """A trustee shows another mask than the one that it committed to."""

    def spoil(file: ShareFile) -> ShareFile:
        return dataclasses.replace(file, masks=(file.masks[0][::-1], *file.masks[1:]))

    _with_share_file(kit, spoil)


def mask_without_proof(kit: Kit) -> None:
    """A trustee committed to a mask whose proof does not hold; the rest was done rightly."""
    batch = kit.of(OpeningResult)[-1][1].shares
    files = [_share_file(kit, item) for item in batch]
    index = files[0].start_leaves[0]
    start = next(item for at, item in kit.of(OpeningStart) if at == index)
    mask = files[0].masks[0]
    spoilt = mask[:-1] + bytes([mask[-1] ^ 1])
    files[0] = dataclasses.replace(files[0], masks=(spoilt, *files[0].masks[1:]))
    hashes = list(start.mask_hashes)
    hashes[start.subset.index(files[0].trustee_id)] = mask_hash(
        start.opening_id, start.attempt, files[0].trustee_id, spoilt
    )
    kit.replace(index, dataclasses.replace(start, mask_hashes=tuple(hashes)), *start.subset)
    _name_share_files(kit, batch, [_shared_anew(kit, file) for file in files])


def _shared_anew(kit: Kit, file: ShareFile) -> ShareFile:
    """Return a trustee's file with shares that are bound to the starts as they are now."""
    key, width = kit.parameters.threshold_key, kit.parameters.public_key.ciphertext_bytes
    secrets = next(item for item in kit.good.dealt.secrets if item.trustee_id == file.trustee_id)
    leaves = [kit.entries()[index].leaf for index in file.start_leaves]
    masked = [number.to_bytes(width, "big") for number in file.masked]
    shared = share_batch(
        key,
        secrets.paillier,
        list(file.masked),
        parameter_id=kit.parameters.parameter_id,
        context=share_context(leaves, masked),
        randbelow=seeded(1).randrange,
    )
    return dataclasses.replace(
        file, shares=tuple(map(Natural, shared.shares)), proof=shared.proof.to_bytes(key)
    )


def share_file_left_out(kit: Kit) -> None:
    for index, item in kit.of(OpeningResult):
        if item.shares == kit.of(OpeningResult)[-1][1].shares:
            kit.replace(index, dataclasses.replace(item, shares=item.shares[1:]), HUB)


def _with_share_file(kit: Kit, spoil: Callable[[ShareFile], ShareFile]) -> None:
    """Alter the first share file of the last batch, and the results that name it."""
    batch = kit.of(OpeningResult)[-1][1].shares
    files = [_share_file(kit, item) for item in batch]
    _name_share_files(kit, batch, [spoil(files[0]), *files[1:]])


def _share_file(kit: Kit, named: ShareBatch) -> ShareFile:
    return statements.decode(ShareFile, kit.file(named.file_sha256).read_bytes())


def _name_share_files(kit: Kit, batch: tuple[ShareBatch, ...], files: Sequence[ShareFile]) -> None:
    """Keep other share files of a batch, and have its results name them."""
    named = tuple(
        dataclasses.replace(item, file_sha256=kit.put(statements.encode(file)))
        for item, file in zip(batch, files, strict=True)
    )
    for index, item in kit.of(OpeningResult):
        if item.shares == batch:
            kit.replace(index, dataclasses.replace(item, shares=named), HUB)


# --- books --------------------------------------------------------------------------------------


def credit_raised(kit: Kit) -> None:
    """The hub credits a gram more than was opened, and makes the rest fit."""
    index, batch, at, line = next(
        (index, batch, at, line)
        for index, batch in reversed(kit.of(LedgerBatch))
        for at, line in enumerate(batch.lines)
        if line.debit.endswith(":issuance")
    )
    raised = dataclasses.replace(line, amount=str(int(line.amount) + 1_000_000))
    lines = (*batch.lines[:at], raised, *batch.lines[at + 1 :])
    raised_batch = dataclasses.replace(batch, lines=lines)
    kit.replace(index, raised_batch, HUB)
    at, payouts = kit.of(PayoutBatch, day=batch.day)[0]
    named = batch_hash(statements.encode(raised_batch))
    kit.replace(at, dataclasses.replace(payouts, ledger_batch=named), HUB)
    _chain_anew(kit)


def _chain_anew(kit: Kit) -> None:
    """Have every ledger batch name the one before it, and every payout batch its own."""
    previous = bytes(32)
    for index, batch in kit.of(LedgerBatch):
        linked = dataclasses.replace(batch, previous_batch=previous)
        previous = batch_hash(statements.encode(linked))
        if linked != batch:
            kit.replace(index, linked, HUB)
            at, payouts = kit.of(PayoutBatch, day=batch.day)[0]
            kit.replace(at, dataclasses.replace(payouts, ledger_batch=previous), HUB)


def order_by_another(kit: Kit) -> None:
    """A redemption is ordered in the operator's name by a partner; nothing rests on its leaf."""
    _, order = kit.of(RedemptionOrder)[-1]
    kit.append(dataclasses.replace(order, redemption_id=b"another order 16"), PARTNERS[0])


def order_on_a_new_binding(kit: Kit) -> None:
    """A wallet is bound, and redeems in the next minute, before anybody could object."""
    _, order = kit.of(RedemptionOrder)[-1]
    leaf = _leaf_of_binding(kit, order)
    kit.append(
        dataclasses.replace(order, redemption_id=b"another order 16", binding_leaf=leaf), OPERATOR
    )


def order_on_a_wallet_not_shown(kit: Kit) -> None:
    """The holder was shown another wallet than the one that redeems."""
    _, order = kit.of(RedemptionOrder)[-1]
    leaf = _leaf_of_binding(kit, order, wallet_hint="")
    kit.append(
        dataclasses.replace(order, redemption_id=b"another order 16", binding_leaf=leaf), OPERATOR
    )


def _leaf_of_binding(kit: Kit, order: RedemptionOrder, **shown: str) -> bytes:
    """Bind the wallet of an order once more, and return the leaf of the operator's half."""
    half = next(
        half
        for _, half in kit.of(OperatorBinding)
        if (half.account_token, half.wallet_id) == (order.account_token, order.wallet_id)
    )
    confirmed, partner = next(
        (item, item.partner_id)
        for _, item in kit.of(PartnerBinding)
        if item.binding_id == half.binding_id
    )
    binding_id = b"a second binding"
    at = kit.append(dataclasses.replace(half, binding_id=binding_id), OPERATOR)
    leaf = kit.entries()[at].leaf
    kit.append(
        dataclasses.replace(confirmed, binding_id=binding_id, operator_leaf=leaf, **shown), partner
    )
    return leaf


def books_never_begun(kit: Kit) -> None:
    """The hub opens accounts and logs nothing about grams and money."""
    _, item = kit.of(EvaluationRequest)[0]
    entries = kit.entries()
    for at, entry in enumerate(entries):
        if entry.type in _MONEY_TYPES:
            other = dataclasses.replace(item, request_id=at.to_bytes(16, "big"), count=1)
            body = kit.signed(other, item.asker_id)
            entries[at] = Entry(LeafType.EVALUATION_REQUEST, entry.salt, body)
        elif entry.type is LeafType.OPENING_REQUEST:  # it names a head of its day
            asked = statements.decode(OpeningRequest, Envelope.from_bytes(entry.body).payload)
            root = roots_of(entries[: asked.checkpoint_size])[asked.checkpoint_size]
            body = kit.signed(dataclasses.replace(asked, checkpoint_root=root), OPERATOR)
            entries[at] = dataclasses.replace(entry, body=body)
    kit.rebuild(entries)
    size, times = kit.heads()[-1]
    later = {name: at_s + 3 * SECONDS_PER_DAY for name, at_s in times.items()}
    kit.write_head(size, roots_of(entries)[size], later)


def ledger_batch_forged(kit: Kit) -> None:
    index, _ = kit.of(LedgerBatch)[-1]
    entries = kit.entries()
    envelope = Envelope.from_bytes(entries[index].body)
    signature = dataclasses.replace(envelope.signatures[0], sig=bytes(64))
    forged = dataclasses.replace(envelope, signatures=(signature,)).to_bytes()
    entries[index] = dataclasses.replace(entries[index], body=forged)
    kit.rebuild(entries)


def _start(kit: Kit, request_leaf: int) -> OpeningStart:
    subset = kit.parameters.trustee_ids[:3]
    return OpeningStart(
        parameter_id=kit.parameters.parameter_id,
        programme_id=PROGRAMME,
        opening_id=b"o" * 32,
        attempt=1,
        block=0,
        epoch=kit.of(Seal, epoch=LAST_OPENED)[0][1].epoch,
        targets=(Target(slot=0, account_token=bytes(32), request_leaf=request_leaf),),
        subset=tuple(sorted(subset)),
        product_sha256=b"p" * 32,
        mask_hashes=tuple(bytes([number]) * 32 for number in range(1, 4)),
    )
