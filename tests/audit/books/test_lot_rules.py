"""Rules for lots: methodologies, vintages, sizes and offsets, by both auditors."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import pytest

from fedcarbon.audit.ledger_checks import check_books
from fedcarbon.ids import EpochIndex
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.methodology import MethodologyAdmission
from fedcarbon.uses.lot import LotRetirement, Obligation
from fedcarbon.uses.offer import LotRules
from tests.audit.books.drafts import PARAMETER_ID
from tests.audit.books.minimal import minimal_codes
from tests.audit.books.tampering import codes
from tests.audit.books.use_drafts import UseDraft, honest_uses
from tests.hub.clearing.conftest import SHANGHAI

RAIL, BIKE = b"r" * 32, b"s" * 32
LAST_YEAR_ONLY: Final = (EpochIndex(1), EpochIndex(1))
"""The one epoch of 2025; everything that is bundled is of 2026."""


@pytest.fixture(scope="session")
def honest_lots(tmp_path_factory: pytest.TempPathFactory) -> UseDraft:
    draft = honest_uses(tmp_path_factory.mktemp("lots"))
    draft.admitted.append((1, admission(RAIL)))
    return draft


@pytest.fixture
def draft(honest_lots: UseDraft) -> UseDraft:
    return copy.deepcopy(honest_lots)


def admission(
    content_hash: bytes, window: tuple[EpochIndex, EpochIndex] = (EpochIndex(1), EpochIndex(0))
) -> MethodologyAdmission:
    return MethodologyAdmission(
        parameter_id=PARAMETER_ID,
        programme_id=SHANGHAI,
        methodology_id="a-methodology",
        version="2026",
        content_hash=content_hash,
        document=b"a document",
        kind=Measure.GRAMS,
        from_epoch=window[0],
        until_epoch=window[1],
    )


def lots_found(draft: UseDraft) -> set[str]:
    """Return what both auditors find about lots; about expiry the drafts do not tell both alike."""
    books = draft.sealed()
    expiry = {"V26 EXPIRED_TOO_EARLY", "V26 EXPIRED_WITHOUT_NOTICE"}
    found = codes(check_books(books))
    assert minimal_codes(books) - expiry == found
    return found


RULES: Final[dict[str, dict[str, Any]]] = {
    "nothing": {},
    "its methodology": {"methodologies": (RAIL,)},
    "its methodology and another": {"methodologies": (RAIL, BIKE)},
    "its year": {"vintage_first": 2026, "vintage_last": 2026},
    "a tonne": {"tonnes_min": 1},
}


@pytest.mark.parametrize("what", RULES)
def test_rules_that_a_lot_keeps_are_no_finding(draft: UseDraft, what: str) -> None:
    draft.change(LotRules, **RULES[what])

    assert lots_found(draft) == set()


BROKEN: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "another methodology": ({"methodologies": (BIKE,)}, "V26 LOT_METHODOLOGY_EXCLUDED"),
    "later years": ({"vintage_first": 2027}, "V26 LOT_VINTAGE_EXCLUDED"),
    "earlier years": ({"vintage_last": 2025}, "V26 LOT_VINTAGE_EXCLUDED"),
    "more tonnes": ({"tonnes_min": 2}, "V26 LOT_TOO_SMALL"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_lot_against_its_rules_is_found(draft: UseDraft, what: str) -> None:
    changes, code = BROKEN[what]
    draft.change(LotRules, **changes)

    assert lots_found(draft) == {code}


def test_a_second_methodology_of_the_same_year_excludes_a_lot(draft: UseDraft) -> None:
    draft.change(LotRules, methodologies=(RAIL,))
    draft.admitted.append((2, admission(BIKE)))

    assert lots_found(draft) == {"V26 LOT_METHODOLOGY_EXCLUDED"}


@pytest.mark.parametrize("case", ["of another year", "after the lot"])
def test_a_methodology_that_made_none_of_a_lot_excludes_nothing(draft: UseDraft, case: str) -> None:
    draft.change(LotRules, methodologies=(RAIL,))
    late = case == "after the lot"
    other = admission(BIKE) if late else admission(BIKE, LAST_YEAR_ONLY)
    draft.admitted.append((10_000 if late else 2, other))

    assert lots_found(draft) == set()


def offset(obligation_kg: int, parts: int, of: int) -> Callable[[UseDraft], None]:
    """The one tonne offsets an obligation of so many kilograms, of which a part may be offset."""

    def spoil(draft: UseDraft) -> None:
        draft.change(LotRules, offset_parts=parts, offset_of=of)
        obligation = Obligation(obligation_id="sh-2026", amount_kg=obligation_kg)
        draft.change(LotRetirement, obligation=obligation)

    return spoil


@pytest.mark.parametrize(
    ("obligation_kg", "parts", "of", "found"),
    {
        "exactly a twentieth": (20_000, 1, 20, set()),
        "a kilogram over a twentieth": (19_999, 1, 20, {"V26 OFFSET_LIMIT"}),
        "exactly three sevenths": (2_334, 3, 7, set()),
        "over three sevenths": (2_333, 3, 7, {"V26 OFFSET_LIMIT"}),
        "the whole": (1_000, 1, 1, set()),
        "more than there is": (999, 1, 1, {"V26 OFFSET_LIMIT"}),
    }.values(),
)
def test_an_offset_is_the_part_of_an_obligation_that_is_allowed(
    draft: UseDraft, obligation_kg: int, parts: int, of: int, found: set[str]
) -> None:
    offset(obligation_kg, parts, of)(draft)

    assert lots_found(draft) == found
