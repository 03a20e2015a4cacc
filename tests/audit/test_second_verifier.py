"""The verifier in one file says the same of every record as the auditor's command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audit.good_record import GoodRecord
from tests.audit.kit import Kit
from tests.audit.make_tampered import minimal
from tests.audit.second_verifier import second_opinion
from tests.audit.tampered_openings import books_never_begun
from tests.audit.tampering import TAMPERINGS, Tampering


@pytest.fixture
def roots(good: GoodRecord, tmp_path: Path) -> Path:
    path = tmp_path / "roots.toml"
    path.write_text(good.roots.to_toml())
    return path


def test_a_good_record_passes_through_the_real_program(
    good: GoodRecord, roots: Path, tmp_path: Path
) -> None:
    verdict = minimal(good.folder, roots, tmp_path / "report.json")

    assert (verdict.exit_code, verdict.findings) == (0, frozenset())


def one_per_line() -> list[Tampering]:
    """Return one tampering per line of the checklist: `make tampered` goes through all."""
    first: dict[str, Tampering] = {}
    for item in TAMPERINGS:
        if len(item.findings) == 1 and not item.in_document:
            first.setdefault(next(iter(item.findings))[0], item)
    return list(first.values())


@pytest.mark.parametrize("tampering", one_per_line(), ids=lambda item: item.name)
def test_a_tampered_record_fails_on_the_same_lines(
    kit: Kit, roots: Path, tmp_path: Path, tampering: Tampering
) -> None:
    """What the auditor's command finds is asserted in `test_tampered_records`."""
    tampering.spoil(kit)

    verdict = second_opinion(kit.folder, roots, tmp_path / "report.json")

    assert verdict.exit_code == 1
    assert verdict.lines == tampering.minimal_lines


def test_copies_of_the_tree_are_checked(kit: Kit, roots: Path, tmp_path: Path) -> None:
    for path in (kit.folder / "checkpoint", next((kit.folder / "tile" / "0").rglob("000.p/*"))):
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

        verdict = second_opinion(kit.folder, roots, tmp_path / "report.json")

        path.write_bytes(data)
        assert verdict.lines == {"V05"}


def test_a_credit_that_is_never_booked_is_overdue(kit: Kit, roots: Path, tmp_path: Path) -> None:
    books_never_begun(kit)

    verdict = second_opinion(kit.folder, roots, tmp_path / "report.json")

    assert ("V19", "OPENING_NOT_CREDITED") in verdict.findings
    assert not {"V20", "V21", "V22"} & verdict.lines
