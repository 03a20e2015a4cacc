"""Masks whose proofs do not hold: no trustee gives a share over them.

Trustee-2 is corrupt: the tests hold its keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from fedcarbon.ids import PartyId
from fedcarbon.opening.mask_proofs import mask_context
from fedcarbon.opening.masks import EDGE_SLOT_MAX, FULL_SLOT_MAX, mask_bounds
from fedcarbon.proofs.range_proof import RangeProofShape
from tests.chance import seeded
from tests.proving import proved_entry
from tests.trustee.city import City
from tests.trustee.corrupt import corrupt_mask, log_with_corrupt, shown_by
from tests.trustee.founded import ALICE, refused
from tests.trustee.opening_steps import Opening


@pytest.fixture
def opening(city: City) -> Opening:
    """An opening of Alice's account that may begin."""
    request = city.federation.request(ALICE, 2, city.alice)
    city.federation.witness()
    return Opening(city.federation, [request])


def crafted(opening: Opening, digits: Mapping[int, int], name: str = "trustee-2") -> bytes:
    """Return a mask of a corrupt trustee that holds `digits`, as well proved as it can be."""
    key, start = opening.federation.parameters.proof_key, opening.draft
    bounds = mask_bounds(key.layout, [target.slot for target in start.targets])
    entry = proved_entry(
        key,
        mask_context(start, PartyId(name)),
        values=[digits.get(slot, 0) for slot in range(key.layout.slots)],
        bounds=bounds,
        cap_ug=FULL_SLOT_MAX,
        randbelow=seeded(5).randrange,
    )
    return entry.ciphertext + entry.proof


def target_of(opening: Opening) -> int:
    return opening.draft.targets[0].slot


def edge_of(opening: Opening) -> int:
    return opening.federation.parameters.layout.slots - 1


PROOFS: dict[str, Callable[[Opening], bytes]] = {
    # The opened sum would be one ug more, and somebody is credited grams that nobody saved.
    "mask_nonzero_target": lambda opening: crafted(opening, {target_of(opening): 1}),
    # Carries into a target or wraps.
    "mask_slot_too_large": lambda opening: crafted(opening, {edge_of(opening): EDGE_SLOT_MAX + 1}),
    "a mask of another trustee's": lambda opening: crafted(opening, {}, "trustee-3"),
    "no proof at all": lambda opening: (
        crafted(opening, {})[: opening.federation.parameters.public_key.ciphertext_bytes]
        + bytes(
            RangeProofShape.of(opening.federation.parameters.proof_key, FULL_SLOT_MAX).proof_bytes
        )
    ),
}


@pytest.mark.parametrize("name", PROOFS)
def test_no_share_over_a_mask_whose_proof_does_not_hold(opening: Opening, name: str) -> None:
    mask = PROOFS[name](opening)
    corrupt_mask(opening, mask)
    log_with_corrupt(opening)

    answer = opening.federation.ask(
        "trustee-1", share=opening.share_order([shown_by(opening), mask])
    )

    assert refused(answer) == "RANGE_PROOF_INVALID"
    assert "trustee-2" in answer.refused.detail


def test_a_corrupt_trustees_mask_with_a_good_proof_is_as_good_as_any(opening: Opening) -> None:
    mask = crafted(opening, {})
    corrupt_mask(opening, mask)
    log_with_corrupt(opening)

    answer = opening.federation.ask(
        "trustee-1", share=opening.share_order([shown_by(opening), mask])
    )

    assert answer.WhichOneof("answer") == "share"
