"""Tables that must keep up with the types of leaves and the lines of the checklist."""

from __future__ import annotations

from pathlib import Path

from fedcarbon.audit.attribution import CHECK_OF_LEAF
from fedcarbon.audit.checklist import WORDINGS
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.show import KINDS
from fedcarbon.transparency.leaf import LeafType

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "AUDIT.md"


def test_every_leaf_type_has_a_line_and_an_explanation() -> None:
    assert set(CHECK_OF_LEAF) == set(KINDS) == set(LeafType)


def test_an_explanation_is_of_the_statement_that_the_type_names() -> None:
    assert {kind.statement.KIND for kind in KINDS.values()} == {item.kind for item in LeafType}


def test_every_line_has_words_and_a_row_in_the_document() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert set(WORDINGS) == set(CheckId)
    assert [check for check in CheckId if f"| {check.value} |" not in text] == []
