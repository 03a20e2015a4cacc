"""Every tampered record is found out, by exactly the finding that it deserves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fedcarbon.audit.checklist import LineState
from fedcarbon.opening.statements import OpeningResult
from tests.audit.conftest import audited
from tests.audit.kit import Kit
from tests.audit.tampered_claims import conflict_invented
from tests.audit.tampered_folders import body_altered, chunk_byte_flipped
from tests.audit.tampered_openings import (
    books_never_begun,
    mask_exchanged,
    order_on_a_new_binding,
    order_on_a_wallet_not_shown,
    share_altered,
)
from tests.audit.tampering import (
    TAMPERINGS,
    Tampering,
    seal_of_other_products,
)


def found_in(kit: Kit) -> set[tuple[str, str]]:
    report = audited(kit.folder, kit.good.roots)
    return {(found.check.value, found.code) for found in report.findings}


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=[item.name for item in TAMPERINGS])
def test_a_tampered_record_is_found_out(kit: Kit, tampering: Tampering) -> None:
    tampering.spoil(kit)

    assert found_in(kit) == tampering.findings


def test_a_history_that_is_only_signed_anew_is_as_good_as_the_first(kit: Kit) -> None:
    kit.rebuild(kit.entries())

    assert found_in(kit) == set()


def test_claims_of_one_token_in_two_epochs_are_named_to_the_auditor(kit: Kit) -> None:
    """Both stand and are credited: the promise is that somebody opens their evidence."""
    conflict_invented(kit)

    (note,) = [item for item in audited(kit.folder, kit.good.roots).notes if "two epochs" in item]
    assert "claim 0 of " in note
    assert "in epoch 1" in note


def test_all_findings_are_collected(kit: Kit) -> None:
    body_altered(kit)
    chunk_byte_flipped(kit)

    assert found_in(kit) == {("V01", "BODY_CHANGED"), ("V01", "FILE_CHANGED")}


def test_findings_of_different_lines_stand_side_by_side(kit: Kit) -> None:
    seal_of_other_products(kit)
    mask_exchanged(kit)

    assert found_in(kit) == {
        ("V12", "EVALUATION_PROOF_INVALID"),  # the sample beacon is over another seal
        ("V15", "PRODUCTS_DIFFER"),
        ("V17", "MASK_HASH_DIFFERS"),
    }


def test_what_rests_on_a_missing_file_is_left_out_and_not_passed(kit: Kit) -> None:
    chunk_byte_flipped(kit)

    report = audited(kit.folder, kit.good.roots)

    states = {line.check.value: (line.state, line.left_out) for line in report.lines}
    assert states["V10"] == (LineState.INCOMPLETE, 1)
    assert states["V14"] == (LineState.INCOMPLETE, 1)
    assert states["V15"] == (LineState.INCOMPLETE, 1)


def test_a_wrong_share_names_its_trustee_and_its_leaf(kit: Kit) -> None:
    share_altered(kit)

    report = audited(kit.folder, kit.good.roots)

    found = next(item for item in report.findings if item.code == "SHARE_PROOF_INVALID")
    result, item = kit.of(OpeningResult)[-1]
    first = next(at for at, other in kit.of(OpeningResult) if other.shares == item.shares)
    assert found.subject == f"the share file of {item.shares[0].trustee_id} named by leaf {first}"
    assert found.leaf == first <= result


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (order_on_a_new_binding, "BINDING_WAITS"),
        (order_on_a_wallet_not_shown, "WALLET_SHOWN_DIFFERS"),
    ],
)
def test_a_redemption_needs_a_binding_that_is_in_force(
    kit: Kit, spoil: Callable[[Kit], None], why: str
) -> None:
    spoil(kit)

    report = audited(kit.folder, kit.good.roots)

    assert [
        (found.check.value, found.code, found.text.split(":")[0]) for found in report.findings
    ] == [("V20", "BINDING_NOT_IN_FORCE", why)]


def test_openings_without_any_books_are_not_passed_over(kit: Kit) -> None:
    books_never_begun(kit)

    report = audited(kit.folder, kit.good.roots)

    books = {"V19", "V20", "V21", "V22"}
    assert {
        (found.check.value, found.code)
        for found in report.findings
        if found.check.value in books  # the kit cannot keep opening ids, which V16 notes
    } == {("V19", "OPENING_NOT_CREDITED")}
