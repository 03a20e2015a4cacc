"""Tampering with a record: everything that is done to a good one, by name.

Each function takes a `Kit` on a copy of the good record and spoils one thing; `TAMPERINGS` says
what an audit must find then, and nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fedcarbon.epoch.statements import Seal
from fedcarbon.ids import PartyId
from fedcarbon.opening.statements import OpeningRequest, OpeningResult
from fedcarbon.parameters.self_test import SelfTest
from fedcarbon.registry.admission import root_keyid
from fedcarbon.registry.enrolment import (
    EnrolmentAction,
    EnrolmentBatch,
    EnrolmentEntry,
    PlaceBatch,
    PlaceEntry,
)
from fedcarbon.registry.programme import Programme
from fedcarbon.submission.chunk_file import ChunkEntry, ChunkFile, EntryShape
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.merkle import root_of
from fedcarbon.transparency.note import SignedNote
from fedcarbon.units import Natural
from tests.audit import tampered_uses as uses
from tests.audit.kit import LAST_DAY, METRO, Kit, roots_of
from tests.audit.tampered_claims import (
    claim_list_exchanged,
    commitments_exchanged,
    conflict_invented,
    evidence_miscounted,
    link_proof_for_other_verdicts,
    link_proof_of_another_epoch,
    other_claims_lost_for_trustees,
    verdict_with_a_token_less,
)
from tests.audit.tampered_folders import (
    body_altered,
    body_removed,
    body_renamed,
    chunk_byte_flipped,
    end_cut_off,
    file_removed,
    leaf_altered,
    leaf_doubled,
    leaf_removed,
    leaves_swapped,
    line_garbled,
    lines_reordered,
)
from tests.audit.tampered_methodologies import (
    bundle_exchanged,
    document_exchanged,
    document_garbled,
    draft_admitted,
    footprint_admitted,
    methodology_by_the_hub,
    methodology_for_a_planned_epoch,
    methodology_that_nobody_admitted,
    points_among_grams,
    version_edited,
)
from tests.audit.tampered_openings import (
    credit_raised,
    epoch_opened_twice,
    ledger_batch_forged,
    mask_exchanged,
    mask_without_proof,
    opened_value_altered,
    order_by_another,
    order_on_a_new_binding,
    order_on_a_wallet_not_shown,
    share_altered,
    share_file_left_out,
    start_without_request,
)
from tests.simulation.world import HUB, OPERATOR, PARTNERS, PROGRAMME

# --- heads --------------------------------------------------------------------------------------


def head_of_too_few(kit: Kit) -> None:
    size, times = kit.heads()[-1]
    few = dict(list(times.items())[:3])
    kit.write_head(size, roots_of(kit.entries())[size], few)


def head_over_another_root(kit: Kit) -> None:
    size, times = kit.heads()[-1]
    kit.write_head(size, bytes(32), times)


def head_forged(kit: Kit) -> None:
    size, _ = kit.heads()[-1]
    path = kit.folder / "checkpoints" / f"{size}.txt"
    note = SignedNote.from_bytes(path.read_bytes())
    log, first, *others = note.signatures
    forged = dataclasses.replace(first, blob=first.blob[:8] + bytes(64))
    kit.write_note(size, dataclasses.replace(note, signatures=(log, forged, *others)))


def head_without_the_hub(kit: Kit) -> None:
    size, _ = kit.heads()[-1]
    path = kit.folder / "checkpoints" / f"{size}.txt"
    note = SignedNote.from_bytes(path.read_bytes())
    kit.write_note(size, dataclasses.replace(note, signatures=note.signatures[1:]))


def openings_that_no_partner_saw(kit: Kit) -> None:
    """Hub and trustees kept the end of the record to themselves."""
    _, item = kit.of(OpeningResult)[-1]
    roots = roots_of(kit.entries())
    for size, times in kit.heads():
        if size > item.start_leaf:
            alone = {name: at_s for name, at_s in times.items() if name not in PARTNERS}
            kit.write_head(size, roots[size], alone)


def result_before_its_head(kit: Kit) -> None:
    """The heads between a start and its result are gone: shares were given too early."""
    result, item = kit.of(OpeningResult)[-1]
    for size, _ in kit.heads():
        if item.start_leaf < size <= result:
            (kit.folder / "checkpoints" / f"{size}.txt").unlink()


# --- signers ------------------------------------------------------------------------------------


def stranger_signs(kit: Kit) -> None:
    """The wallet operator signs an enrolment."""
    kit.append(_enrolment(kit, OPERATOR), OPERATOR)


def signature_forged(kit: Kit) -> None:
    batch = _enrolment(kit, METRO)
    envelope = Envelope.from_bytes(kit.signed(batch, METRO))
    signature = dataclasses.replace(envelope.signatures[0], sig=bytes(64))
    forged = dataclasses.replace(envelope, signatures=(signature,))
    kit.append_body(batch, forged.to_bytes())


def self_test_with_wrong_share(kit: Kit) -> None:
    index, item = kit.of(SelfTest)[0]
    first = item.trustees[0]
    wrong = dataclasses.replace(first, shares=(Natural(first.shares[0] + 1), *first.shares[1:]))
    roots = [root_keyid(name) for name in kit.parameters.trustee_ids]
    altered = dataclasses.replace(item, trustees=(wrong, *item.trustees[1:]))
    kit.replace(index, altered, *roots)


def second_place(kit: Kit) -> None:
    """The hub gives an account a second place."""
    _, request = kit.of(OpeningRequest)[0]
    batch = next(
        index
        for index, item in kit.of(EnrolmentBatch)
        if any(entry.account_token == request.account_token for entry in item.entries)
    )
    kit.append(
        PlaceBatch(
            parameter_id=kit.parameters.parameter_id,
            programme_id=PROGRAMME,
            enrolment_leaf=batch,
            entries=(PlaceEntry(account_token=request.account_token, block=99, slot=0),),
        ),
        HUB,
    )


def _enrolment(kit: Kit, partner_id: PartyId) -> EnrolmentBatch:
    return EnrolmentBatch(
        parameter_id=kit.parameters.parameter_id,
        programme_id=PROGRAMME,
        partner_id=partner_id,
        batch_id=bytes(16),
        entries=(
            EnrolmentEntry(
                account_token=bytes(range(32)),
                action=EnrolmentAction.ENROL,
                from_epoch=1,
                consent_data_hash=b"d" * 32,
                consent_claim_hash=b"c" * 32,
            ),
        ),
    )


# --- submissions and claims ---------------------------------------------------------------------


def chunk_of_other_ciphertexts(kit: Kit) -> None:
    """A partner's chunk is exchanged after the seal, header and all; no proof fits it."""
    one = (1).to_bytes(kit.parameters.public_key.ciphertext_bytes, "big")
    _exchange_chunk(kit, lambda chunk: [entry._replace(ciphertext=one) for entry in chunk])


def block_left_out(kit: Kit) -> None:
    """A partner's chunk lacks a block, with a header that says so."""
    _exchange_chunk(kit, lambda chunk: list(chunk)[:-1])


def ciphertext_zero(kit: Kit) -> None:
    zero = bytes(kit.parameters.public_key.ciphertext_bytes)
    _exchange_chunk(kit, lambda chunk: [entry._replace(ciphertext=zero) for entry in chunk])


def proof_of_another_block(kit: Kit) -> None:
    """Every ciphertext stands beside the proof of the block before it; the products are right."""

    def shifted(chunk: ChunkFile) -> list[ChunkEntry]:
        entries = list(chunk)
        proofs = [entries[-1].proof, *(entry.proof for entry in entries[:-1])]
        return [entry._replace(proof=proof) for entry, proof in zip(entries, proofs, strict=True)]

    _exchange_chunk(kit, shifted)


def _exchange_chunk(kit: Kit, altered: Callable[[ChunkFile], list[ChunkEntry]]) -> None:
    index, header = kit.of(ChunkHeader, epoch=LAST_DAY, partner_id=METRO)[0]
    cap_ug = kit.of(Programme)[0][1].epoch_cap_ug
    shape = EntryShape.of(kit.parameters.proof_key, cap_ug)
    chunk = ChunkFile.from_bytes(kit.file(header.file_sha256).read_bytes(), shape)
    other = ChunkFile.from_entries(altered(chunk), shape)
    fitting = dataclasses.replace(
        header,
        file_sha256=kit.put(other.to_bytes()),
        entries_root=other.root(),
        entries=len(other),
    )
    kit.replace(index, fitting, METRO)


def evidence_exchanged(kit: Kit) -> None:
    index, header = kit.of(ChunkHeader, epoch=LAST_DAY, partner_id=METRO)[0]
    kit.replace(index, dataclasses.replace(header, evidence_root=b"e" * 32), METRO)


def places_that_the_hub_lied_about(kit: Kit) -> None:
    """The partner encrypted for places that are not those of the record."""
    index, header = kit.of(ChunkHeader, epoch=LAST_DAY, partner_id=METRO)[0]
    kit.replace(index, dataclasses.replace(header, places_digest=b"p" * 32), METRO)


def seal_of_other_products(kit: Kit) -> None:
    index, seal = kit.of(Seal, epoch=LAST_DAY)[0]
    kit.replace(index, dataclasses.replace(seal, products_root=root_of([b"other"])), HUB)


def submission_dropped(kit: Kit) -> None:
    """The hub seals a partner missing that has sent everything."""
    index, seal = kit.of(Seal, epoch=LAST_DAY)[0]
    parts = tuple(
        dataclasses.replace(part, header_leaves=(), missing=True)
        if part.partner_id == METRO
        else part
        for part in seal.parts
    )
    kit.replace(index, dataclasses.replace(seal, parts=parts), HUB)


def partner_left_out_of_the_seal(kit: Kit) -> None:
    index, seal = kit.of(Seal, epoch=LAST_DAY)[0]
    parts = tuple(part for part in seal.parts if part.partner_id != METRO)
    kit.replace(index, dataclasses.replace(seal, parts=parts), HUB)


@dataclass(frozen=True, slots=True)
class Tampering:
    """What is done to a record, and everything that an audit must find."""

    spoil: Callable[[Kit], None]
    findings: frozenset[tuple[str, str]]
    """Check id and code."""
    in_document: bool = False
    """Only who can read a methodology's document sees it: the second verifier does not."""

    @property
    def minimal_lines(self) -> set[str]:
        """The lines of the checklist that the second verifier must find broken."""
        return set() if self.in_document else {check for check, _ in self.findings}

    @property
    def name(self) -> str:
        return self.spoil.__name__


def _finds(
    spoil: Callable[[Kit], None], *findings: tuple[str, str], in_document: bool = False
) -> Tampering:
    return Tampering(spoil, frozenset(findings), in_document)


_OTHER_SEAL: Final = ("V12", "EVALUATION_PROOF_INVALID")

TAMPERINGS: Final = (
    _finds(leaf_altered, ("V05", "COMMITMENT_DIFFERS"), ("V05", "FORKED_RECORD")),
    _finds(leaf_removed, ("V05", "LEAF_MISSING"), ("V05", "FORKED_RECORD")),
    _finds(leaf_doubled, ("V05", "LEAF_DOUBLED")),
    _finds(lines_reordered, ("V05", "LEAF_OUT_OF_ORDER")),
    _finds(leaves_swapped, ("V05", "FORKED_RECORD")),
    _finds(end_cut_off, ("V05", "LEAF_MISSING")),
    _finds(line_garbled, ("V05", "LEAF_LINE_MALFORMED")),
    _finds(body_altered, ("V01", "BODY_CHANGED")),
    _finds(body_renamed, ("V05", "COMMITMENT_DIFFERS")),
    _finds(body_removed, ("V01", "BODY_MISSING")),
    _finds(file_removed, ("V01", "FILE_MISSING")),
    _finds(chunk_byte_flipped, ("V01", "FILE_CHANGED")),
    _finds(head_of_too_few, ("V06", "QUORUM_MISSING")),
    _finds(head_over_another_root, ("V05", "FORKED_RECORD")),
    _finds(head_forged, ("V07", "SIGNATURE_INVALID")),
    _finds(head_without_the_hub, ("V07", "SIGNATURE_INVALID")),
    _finds(result_before_its_head, ("V06", "START_NOT_WITNESSED")),
    _finds(openings_that_no_partner_saw, ("V06", "PARTNER_WITNESS_MISSING")),
    _finds(stranger_signs, ("V04", "SIGNER_REFUSED")),
    _finds(signature_forged, ("V07", "SIGNATURE_INVALID")),
    _finds(
        self_test_with_wrong_share, ("V03", "PARAMETERS_INVALID"), ("V05", "FORKED_RECORD")
    ),  # requests name the heads of the untouched record
    _finds(second_place, ("V09", "TOKEN_PLACED_TWICE")),
    _finds(chunk_of_other_ciphertexts, ("V11", "RANGE_PROOF_INVALID"), ("V15", "PRODUCTS_DIFFER")),
    _finds(proof_of_another_block, ("V11", "RANGE_PROOF_INVALID"), ("V13", "LINK_PROOF_INVALID")),
    _finds(block_left_out, ("V14", "BLOCK_MISSING")),
    _finds(ciphertext_zero, ("V11", "CIPHERTEXT_RANGE")),
    _finds(evidence_exchanged, ("V10", "EVIDENCE_ROOT_DIFFERS")),
    _finds(places_that_the_hub_lied_about, ("V09", "HEADER_PLACES_DIFFER")),
    # The sample beacon was drawn over the honest seal: it does not hold over another.
    _finds(seal_of_other_products, ("V15", "PRODUCTS_DIFFER"), _OTHER_SEAL),
    _finds(
        submission_dropped,
        _OTHER_SEAL,
        ("V14", "SUBMISSION_DROPPED"),
        ("V14", "SEALED_TOO_EARLY"),
        ("V15", "PRODUCTS_DIFFER"),
    ),
    _finds(partner_left_out_of_the_seal, ("V14", "INCOMPLETE_SEAL"), _OTHER_SEAL),
    _finds(claim_list_exchanged, ("V12", "LIST_DIFFERS_FROM_ROOT")),
    _finds(
        verdict_with_a_token_less,
        ("V12", "VERDICTS_DIFFER"),
        ("V13", "CLAIM_FILE_DIFFERS"),
        ("V13", "LINK_PROOF_INVALID"),  # the others': their proofs name the leaf of the verdicts
    ),
    _finds(evidence_miscounted, ("V12", "EVIDENCE_COUNT_DIFFERS")),
    _finds(commitments_exchanged, ("V12", "LIST_DIFFERS_FROM_ROOT"), ("V13", "CLAIM_FILE_DIFFERS")),
    _finds(
        other_claims_lost_for_trustees,
        ("V12", "VERDICTS_DIFFER"),
        ("V13", "LINK_PROOF_INVALID"),
    ),
    _finds(conflict_invented, ("V12", "REPEATED_TOKENS_DIFFER"), ("V13", "LINK_PROOF_INVALID")),
    _finds(link_proof_of_another_epoch, ("V13", "LINK_PROOF_INVALID")),
    _finds(link_proof_for_other_verdicts, ("V13", "LINK_PROOF_MISSING")),
    _finds(
        methodology_that_nobody_admitted,
        ("V08", "METHODOLOGY_NOT_ADMITTED"),
        ("V08", "METHODOLOGY_BUNDLE_DIFFERS"),
    ),
    _finds(bundle_exchanged, ("V08", "METHODOLOGY_BUNDLE_DIFFERS")),
    _finds(version_edited, ("V08", "METHODOLOGY_CONFLICT")),
    _finds(methodology_for_a_planned_epoch, ("V08", "METHODOLOGY_TOO_LATE")),
    _finds(points_among_grams, ("V08", "METHODOLOGY_KIND_DIFFERS")),
    _finds(methodology_by_the_hub, ("V07", "SIGNATURE_INVALID")),
    _finds(document_exchanged, ("V08", "METHODOLOGY_DOCUMENT_DIFFERS"), in_document=True),
    _finds(document_garbled, ("V08", "INVALID_METHODOLOGY"), in_document=True),
    _finds(draft_admitted, ("V08", "METHODOLOGY_NOT_USABLE"), in_document=True),
    _finds(footprint_admitted, ("V08", "METHODOLOGY_NOT_USABLE"), in_document=True),
    _finds(start_without_request, ("V16", "TARGET_WITHOUT_REQUEST")),
    _finds(epoch_opened_twice, ("V16", "EPOCH_NOT_INCREASING")),
    _finds(
        opened_value_altered,
        ("V18", "OPENED_VALUE_DIFFERS"),
        ("V19", "CREDIT_DIFFERS"),
        ("V22", "ISSUED_NOT_OPENED"),
    ),
    _finds(share_altered, ("V18", "SHARE_PROOF_INVALID"), ("V18", "TOO_FEW_SHARES")),
    _finds(mask_exchanged, ("V17", "MASK_HASH_DIFFERS")),
    _finds(mask_without_proof, ("V17", "RANGE_PROOF_INVALID")),
    _finds(share_file_left_out, ("V18", "TOO_FEW_SHARES")),
    _finds(credit_raised, ("V19", "CREDIT_DIFFERS"), ("V22", "ISSUED_NOT_OPENED")),
    _finds(order_by_another, ("V04", "SIGNER_REFUSED"), ("V20", "REDEMPTION_ORDER_UNSIGNED")),
    _finds(order_on_a_new_binding, ("V20", "BINDING_NOT_IN_FORCE")),
    _finds(order_on_a_wallet_not_shown, ("V20", "BINDING_NOT_IN_FORCE")),
    _finds(ledger_batch_forged, ("V07", "SIGNATURE_INVALID"), ("V19", "LEDGER_BATCH_UNSIGNED")),
    _finds(uses.donation_at_another_price, ("V26", "USE_MASS_DIFFERS")),
    _finds(uses.donation_out_of_season, ("V26", "OFFER_NOT_VALID")),
    _finds(uses.offer_by_too_few, ("V07", "SIGNATURE_INVALID"), ("V26", "OFFER_UNSIGNED")),
    _finds(uses.pledge_without_consent, ("V26", "PLEDGE_NOT_AUTHORISED")),
    _finds(
        uses.pledged_grams_given_away,
        ("V19", "INSUFFICIENT_BALANCE"),
        ("V22", "SPENT_ABOVE_ISSUED"),
    ),
    _finds(
        uses.goods_without_order,
        ("V20", "REDEMPTION_WITHOUT_ORDER"),
        ("V26", "GOODS_WITHOUT_ORDER"),
        ("V26", "USE_NOT_BOOKED"),
        ("V26", "USE_WITHOUT_ORDER"),
    ),
    _finds(uses.goods_used_up_without_a_word, ("V26", "GOODS_NOT_CONCLUDED")),
    _finds(
        uses.goods_given_back_early,
        ("V26", "GOODS_GIVEN_BACK_EARLY"),
        ("V26", "GOODS_NOT_BOOKED"),
    ),
    _finds(
        uses.donated_before_it_was_ordered,
        ("V19", "RECORDED_TIME_DIFFERS"),
        ("V26", "OFFER_NOT_VALID"),
        ("V26", "RED_PACKET_DIFFERS"),
    ),
    _finds(
        uses.redeemed_before_it_was_ordered,
        ("V05", "FORKED_RECORD"),  # a later request names the head of the untouched record
        ("V19", "RECORDED_TIME_DIFFERS"),
    ),
    _finds(uses.expired_in_the_future, ("V19", "RECORDED_TIME_DIFFERS")),
    _finds(
        uses.redeemed_out_of_proceeds,
        ("V05", "FORKED_RECORD"),  # a later request names the head of the untouched record
        ("V19", "INSUFFICIENT_BALANCE"),
        ("V20", "REDEMPTION_ACCOUNT_DIFFERS"),
        ("V22", "REDEEMED_NOT_PAID"),
    ),
    _finds(uses.handed_out_after_all, ("V26", "GOODS_NOT_BOOKED")),
    _finds(uses.word_on_goods_that_nobody_ordered, ("V26", "GOODS_WITHOUT_ORDER")),
    _finds(
        uses.word_in_another_programme,
        ("V26", "GOODS_WITHOUT_ORDER"),
        ("V26", "UNKNOWN_PROGRAMME"),
    ),
    _finds(uses.offer_in_an_unknown_programme, ("V26", "UNKNOWN_PROGRAMME")),
    _finds(
        uses.goods_without_voucher,
        ("V26", "GOODS_OUTCOME_MALFORMED"),
        ("V26", "GOODS_NOT_CONCLUDED"),
    ),
    _finds(uses.pledge_of_pieces, ("V26", "USE_ORDER_MALFORMED"), ("V26", "USE_WITHOUT_ORDER")),
    _finds(uses.red_packet_of_another_size, ("V26", "RED_PACKET_DIFFERS")),
    _finds(uses.campaign_for_something_else, ("V26", "RED_PACKET_DIFFERS")),
    _finds(uses.price_out_of_the_air, ("V26", "MARKET_PRICE_DIFFERS")),
    _finds(
        uses.traded_at_another_price,
        ("V26", "MARKET_PRICE_DIFFERS"),
        ("V26", "USE_TRANSFER_DIFFERS"),
    ),
    _finds(uses.ranked_among_too_few, ("V26", "RANKING_DIFFERS")),
    _finds(uses.ranked_on_demand, ("V26", "RANKING_REPEATED")),
    _finds(
        uses.joined_by_the_hub,
        ("V04", "SIGNER_REFUSED"),
        ("V26", "RANKING_CHOICE_UNSIGNED"),
    ),
    _finds(uses.more_retired_than_said, ("V26", "USE_MASS_DIFFERS")),
    _finds(uses.offer_without_title, ("V26", "OFFER_MALFORMED"), ("V26", "UNKNOWN_OFFER")),
    _finds(uses.contributor_named_twice, ("V26", "CREDIT_LOT_MALFORMED")),
    _finds(uses.money_vanishes_through_suspense, ("V22", "SUSPENSE_OVER_RETURNED")),
    _finds(uses.expired_before_the_notice_was_over, ("V26", "EXPIRED_TOO_EARLY")),
    _finds(uses.expired_without_notice, ("V26", "EXPIRED_WITHOUT_NOTICE")),
    _finds(uses.lot_of_less_than_a_tonne, ("V26", "LOT_NOT_WHOLE")),
    _finds(uses.gram_pooled_twice, ("V19", "INSUFFICIENT_BALANCE"), ("V26", "LOT_NOT_WHOLE")),
    _finds(uses.lot_sold_unverified, ("V26", "LOT_NOT_WHOLE"), ("V26", "LOT_STATE")),
    _finds(uses.share_off_by_one_fen, ("V26", "LOT_NOT_WHOLE"), ("V26", "LOT_SHARES_DIFFER")),
    _finds(
        uses.lot_sold_below_the_floor, ("V26", "LOT_NOT_WHOLE"), ("V26", "LOT_PRICE_BELOW_FLOOR")
    ),
)
