"""Attacks between the draft of a start and the share, each with the code that stops it.

Trustee-2 and, among five, trustees 4 and 5 are corrupt where a test says so: it holds their keys.
"""

from __future__ import annotations

import dataclasses

import gmpy2
import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.opening.mask_sets import NO_HASH, masked_ciphertext
from fedcarbon.opening.statements import OpeningResult, OperatorBinding, Unbinding
from fedcarbon.packing.layout import split_digits
from fedcarbon.paillier.combine import combine
from fedcarbon.paillier.shares import decryption_share
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import trustee_pb2
from tests.trustee.city import City
from tests.trustee.corrupt import corrupt_mask, log_with_corrupt, shown_by
from tests.trustee.federation import Federation
from tests.trustee.founded import ALICE, BORA, METRO, OPERATOR, refused
from tests.trustee.opening_steps import Opening


@pytest.fixture
def opening(city: City) -> Opening:
    """An opening of Alice's account that may begin."""
    request = city.federation.request(ALICE, 2, city.alice)
    city.federation.witness()
    return Opening(city.federation, [request])


def share_code(opening: Opening, masks: list[bytes]) -> str:
    return refused(opening.federation.ask("trustee-1", share=opening.share_order(masks)))


def test_same_id_other_content_in_a_draft(opening: Opening) -> None:
    opening.commit()
    other = dataclasses.replace(
        opening.draft, subset=opening.subset[:1] + opening.federation.trustee_ids[2:]
    )

    answer = opening.federation.ask(
        "trustee-1", mask=trustee_pb2.MaskOrder(draft_starts=[statements.encode(other)])
    )

    assert refused(answer) == "SAME_ID_OTHER_CONTENT"


def test_bytes_that_are_no_start_are_refused(federation: Federation) -> None:
    answer = federation.ask("trustee-1", mask=trustee_pb2.MaskOrder(draft_starts=[b"{}"]))

    assert refused(answer) == "DRAFT_INVALID"


def test_a_start_is_not_signed_without_a_mask(opening: Opening) -> None:
    opening.hashes = {"trustee-1": b"1" * 32, "trustee-2": b"2" * 32}

    answer = opening.federation.ask("trustee-1", sign_start=opening.sign_order())

    assert refused(answer) == "MASK_UNKNOWN"


def test_a_start_is_not_signed_that_opens_more_than_its_draft(city: City) -> None:
    federation = city.federation
    requests = [federation.request(ALICE, 2, city.alice), federation.request(BORA, 2, city.bora)]
    federation.witness()
    both = Opening(federation, requests).draft
    opening = Opening(federation, requests[:1]).commit()

    order = opening.sign_order(targets=both.targets)

    assert refused(federation.ask("trustee-1", sign_start=order)) == "SAME_ID_OTHER_CONTENT"


HASHES: dict[str, tuple[tuple[str, str], str]] = {
    "own_mask_missing": (("other", "own"), "OWN_MASK_MISSING"),
    "own_mask_missing altogether": (("other", "third"), "OWN_MASK_MISSING"),
    "own_mask_twice": (("own", "own"), "OWN_MASK_TWICE"),
    "no mask of another": (("own", "none"), "MASK_HASHES_INVALID"),
}


@pytest.mark.parametrize("name", HASHES)
def test_a_start_is_not_signed_with_these_hashes(opening: Opening, name: str) -> None:
    places, code = HASHES[name]
    opening.commit()
    known = {
        "own": opening.hashes["trustee-1"],
        "other": opening.hashes["trustee-2"],
        "third": b"3" * 32,
        "none": NO_HASH,
    }

    order = opening.sign_order(mask_hashes=tuple(known[place] for place in places))

    assert refused(opening.federation.ask("trustee-1", sign_start=order)) == code


def test_mask_set_differs_between_trustees(opening: Opening) -> None:
    """Each is shown another set; no start carries both signatures, and nobody signs twice."""
    opening.commit()
    federation = opening.federation
    first = federation.ask("trustee-1", sign_start=opening.sign_order())
    other = (opening.hashes["trustee-1"], b"o" * 32)

    second = federation.ask("trustee-1", sign_start=opening.sign_order(mask_hashes=other))

    assert first.WhichOneof("answer") == "sign_start"
    assert refused(second) == "SAME_ID_OTHER_CONTENT"


def test_a_start_with_the_signatures_under_two_mask_sets_stops_everyone(opening: Opening) -> None:
    opening.commit()
    federation = opening.federation
    signature = federation.ask("trustee-1", sign_start=opening.sign_order()).sign_start.signatures
    opening.hashes["trustee-2"] = b"o" * 32
    opening.log_signed("trustee-2", borrowed={"trustee-1": signature[0]})

    assert federation.cosign_code("trustee-3") == "LEAF_INVALID"


def test_a_start_that_was_signed_otherwise_gets_no_mask(opening: Opening) -> None:
    """Somebody stole trustee-1's signing key: its own store still knows what it signed."""
    opening.commit()
    federation = opening.federation
    federation.ask("trustee-1", sign_start=opening.sign_order())
    opening.hashes["trustee-2"] = b"o" * 32
    opening.log_signed("trustee-1", "trustee-2")
    federation.witness()

    answer = federation.ask("trustee-1", reveal_mask=opening.reveal_order())

    assert refused(answer) == "START_DIFFERS"


def test_opening_without_start_leaf(opening: Opening) -> None:
    opening.commit()
    opening.leaf = opening.draft.targets[0].request_leaf
    federation = opening.federation

    reveal = federation.ask("trustee-1", reveal_mask=opening.reveal_order())
    share = federation.ask("trustee-1", share=opening.share_order([b"m", b"m"]))

    assert (refused(reveal), refused(share)) == ("START_MISSING", "START_MISSING")


def test_share_before_start_leaf_is_witnessed(opening: Opening) -> None:
    opening.commit().log()
    federation = opening.federation

    reveal = federation.ask("trustee-1", reveal_mask=opening.reveal_order())
    share = federation.ask("trustee-1", share=opening.share_order([b"m", b"m"]))

    assert (refused(reveal), refused(share)) == ("START_NOT_WITNESSED", "START_NOT_WITNESSED")


def test_withheld_start_leaf_body(opening: Opening) -> None:
    opening.start_witnessed()
    federation = opening.federation
    federation.wipe("trustee-1")
    federation.record.withheld.add(opening.leaf)

    answer = federation.ask("trustee-1", reveal_mask=opening.reveal_order())

    assert refused(answer) == "BODY_MISSING"


def inverse(federation: Federation, mask: bytes) -> bytes:
    """Return a mask with the inverse ciphertext and the same proof."""
    key = federation.parameters.public_key
    width = key.ciphertext_bytes
    found = int(gmpy2.invert(int.from_bytes(mask[:width], "big"), key.n_squared))
    return found.to_bytes(width, "big") + mask[width:]


def test_without_hashes_the_inverse_of_a_mask_would_open_the_whole_block(opening: Opening) -> None:
    """The weak variant: masks are simply multiplied as they come. It shows Bora's sum too."""
    federation = opening.federation
    opening.start_witnessed().reveal()
    honest = opening.masks["trustee-1"]
    product = federation.products(2)[0]

    masked = masked_ciphertext(
        federation.parameters.public_key,
        opening.start,
        product,
        [honest, inverse(federation, honest)],
    )

    assert masked == product
    key, opened = federation.parameters.threshold_key, int.from_bytes(masked, "big")
    shares = {
        secret.trustee_index: decryption_share(key, secret.paillier, opened)
        for secret in federation.dealing.secrets
    }
    digits = split_digits(federation.parameters.layout, combine(key, shares))
    assert digits[federation.places[BORA][1]] == 220


def test_mask_inverse_after_reveal(opening: Opening) -> None:
    """Trustee-2 commits to something, sees the honest mask, and answers with its inverse."""
    corrupt_mask(opening, b"something else")
    log_with_corrupt(opening)
    honest = shown_by(opening)

    code = share_code(opening, [honest, inverse(opening.federation, honest)])

    assert code == "MASK_HASH_DIFFERS"


def test_mask_inverse_rushing(opening: Opening) -> None:
    """The honest hash, inverted or not, is no help: the mask behind it is not shown before."""
    federation = opening.federation
    federation.ask("trustee-1", mask=opening.mask_order())
    opening.leaf = len(federation.record.leaves)

    answer = federation.ask("trustee-1", reveal_mask=opening.reveal_order())

    assert refused(answer) == "START_MISSING"


def test_mask_copied_from_other_trustee(opening: Opening) -> None:
    """Trustee-2 stole the honest ciphertext early and commits to it in its own name."""
    federation = opening.federation
    federation.ask("trustee-1", mask=opening.mask_order())
    stolen = federation.stored_mask("trustee-1", opening.draft)
    corrupt_mask(opening, stolen)
    log_with_corrupt(opening)

    assert share_code(opening, [shown_by(opening), stolen]) == "MASK_COPIED"


def test_own_mask_missing_among_the_shown(opening: Opening) -> None:
    opening.start_witnessed().reveal()

    code = share_code(opening, [opening.masks["trustee-2"], opening.masks["trustee-1"]])

    assert code == "OWN_MASK_MISSING"


def test_own_mask_twice_among_the_shown(opening: Opening) -> None:
    opening.start_witnessed().reveal()

    assert share_code(opening, [opening.masks["trustee-1"]] * 2) == "OWN_MASK_TWICE"


def test_masks_are_as_many_as_trustees(opening: Opening) -> None:
    opening.start_witnessed().reveal()

    assert share_code(opening, [opening.masks["trustee-1"]]) == "MASK_COUNT"


def test_a_mask_that_is_no_ciphertext_names_its_trustee(opening: Opening) -> None:
    width = opening.federation.parameters.public_key.ciphertext_bytes
    garbage = opening.federation.parameters.public_key.n.to_bytes(width, "big")
    corrupt_mask(opening, garbage)
    log_with_corrupt(opening)

    answer = opening.federation.ask(
        "trustee-1", share=opening.share_order([shown_by(opening), garbage])
    )

    assert refused(answer) == "MASK_INVALID"
    assert "trustee-2" in answer.refused.detail


def test_mask_erased_after_share(opening: Opening) -> None:
    opening.start_witnessed().reveal().share()
    federation = opening.federation

    reveal = federation.ask("trustee-1", reveal_mask=opening.reveal_order())
    mask = federation.ask("trustee-1", mask=opening.mask_order())

    assert (refused(reveal), refused(mask)) == ("MASK_ERASED", "MASK_ERASED")
    with pytest.raises(LookupError):
        federation.stored_mask("trustee-1", opening.draft)


def test_no_share_after_the_binding_ended(opening: Opening, city: City) -> None:
    opening.start_witnessed().reveal()
    federation = opening.federation
    half = federation.statement_at(city.alice, OperatorBinding)
    federation.log_own(
        Unbinding(
            parameter_id=half.parameter_id,
            programme_id=half.programme_id,
            binding_id=half.binding_id,
            account_token=ALICE,
            party_id=OPERATOR,
        ),
        OPERATOR,
    )

    answer = federation.ask("trustee-1", share=opening.share_order())

    assert refused(answer) == "BINDING_ENDED"


def test_a_batch_of_shares_names_each_start_once(opening: Opening) -> None:
    opening.start_witnessed().reveal()
    order = opening.share_order()
    order.starts.extend(list(order.starts))

    assert refused(opening.federation.ask("trustee-1", share=order)) == "ORDER_MALFORMED"


def two_subsets(five: City, epochs: tuple[int, int]) -> tuple[Opening, Opening]:
    """The hub and trustees 4 and 5 open one epoch with trustee-1 and another with trustee-2."""
    federation = five.federation
    requests = [federation.request(ALICE, epoch, five.alice) for epoch in epochs]
    federation.witness()
    openings = []
    for request, honest in zip(requests, ("trustee-1", "trustee-2"), strict=True):
        opening = Opening(federation, [request], (honest, "trustee-4", "trustee-5"))
        answer = federation.ask(honest, mask=opening.mask_order())
        opening.hashes = {
            honest: answer.mask.mask_hashes[0],
            "trustee-4": b"4" * 32,
            "trustee-5": b"5" * 32,
        }
        answer = federation.ask(honest, sign_start=opening.sign_order())
        assert answer.WhichOneof("answer") == "sign_start", answer.refused
        openings.append(opening)
    for opening, honest in zip(openings, ("trustee-1", "trustee-2"), strict=True):
        opening.log_signed(honest, "trustee-4", "trustee-5")
    federation.witness()
    return openings[0], openings[1]


@pytest.mark.parametrize(
    ("epochs", "code"),
    [((2, 3), "OPENING_TOO_SOON"), ((3, 2), "PAST_EPOCH_AFTER_LATER")],
    ids=["the later epoch is logged second", "the earlier epoch is logged second"],
)
def test_two_subsets_two_epochs(five: City, epochs: tuple[int, int], code: str) -> None:
    first, second = two_subsets(five, epochs)
    federation = five.federation

    allowed = federation.ask("trustee-1", reveal_mask=first.reveal_order())
    stopped = federation.ask("trustee-2", reveal_mask=second.reveal_order())

    assert allowed.WhichOneof("answer") == "reveal_mask"
    assert refused(stopped) == code


def test_one_trustee_does_not_sign_two_epochs_that_are_too_close(city: City) -> None:
    """Both drafts were masked while neither start was in the record."""
    federation = city.federation
    requests = [federation.request(ALICE, epoch, city.alice) for epoch in (2, 3)]
    federation.witness()
    openings = [Opening(federation, [request]).commit() for request in requests]
    order = openings[0].sign_order()
    order.starts.extend(openings[1].sign_order().starts)

    answer = federation.ask("trustee-1", sign_start=order)

    assert refused(answer) == "OPENING_TOO_SOON"
    assert list(answer.refused.positions) == [1]


def test_a_refused_batch_of_starts_promises_nothing(city: City) -> None:
    federation = city.federation
    requests = [federation.request(ALICE, epoch, city.alice) for epoch in (3, 2)]
    federation.witness()
    later, earlier = (Opening(federation, [request]).commit() for request in requests)
    order = later.sign_order()
    order.starts.extend(earlier.sign_order().starts)
    assert refused(federation.ask("trustee-1", sign_start=order)) == "PAST_EPOCH_AFTER_LATER"

    answer = federation.ask("trustee-1", sign_start=earlier.sign_order())

    assert answer.WhichOneof("answer") == "sign_start"


def test_a_start_by_fewer_than_the_threshold_stops_the_reader(five: City) -> None:
    """Otherwise a corrupt trustee alone could block an account by starting its last epoch."""
    federation = five.federation
    request = federation.request(ALICE, 4, five.alice)
    federation.witness()
    opening = Opening(federation, [request], ["trustee-4", "trustee-5"])
    opening.hashes = {"trustee-4": b"4" * 32, "trustee-5": b"5" * 32}
    opening.log_signed("trustee-4", "trustee-5")

    assert federation.cosign_code("trustee-1") == "LEAF_INVALID"


def test_a_start_is_signed_by_its_subset_and_nobody_else(opening: Opening) -> None:
    opening.hashes = {"trustee-1": b"1" * 32, "trustee-2": b"2" * 32}
    opening.log_signed("trustee-2", "trustee-3")

    assert opening.federation.cosign_code("trustee-1") == "LEAF_INVALID"


def test_a_result_must_answer_its_start(opening: Opening) -> None:
    opening.run()
    federation = opening.federation
    opening.finish(attempt=2)

    assert federation.cosign_code("trustee-3") == "LEAF_INVALID"


def test_a_start_has_one_result(opening: Opening) -> None:
    opening.run()
    opening.finish()
    opening.finish()

    assert opening.federation.cosign_code("trustee-3") == "LEAF_INVALID"


def test_an_attempt_is_logged_once(opening: Opening) -> None:
    opening.start_witnessed()
    federation = opening.federation
    federation.log(LeafType.OPENING_START, federation.record.leaves[opening.leaf].body)

    assert federation.cosign_code("trustee-3") == "LOGGED_TWICE"


def test_metro_cannot_log_a_result(opening: Opening) -> None:
    opening.run()
    leaf = opening.finish()
    federation = opening.federation
    statement = federation.statement_at(leaf, OpeningResult)
    federation.record.leaves.pop()
    federation.log(LeafType.OPENING_RESULT, federation.signed(statement, METRO))

    assert federation.cosign_code("trustee-3") == "SIGNER_REFUSED"
