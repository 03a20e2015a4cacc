"""The verifier in one file says the same of statistics as the auditor's command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.audit.kit import Kit
from tests.audit.make_tampered import minimal
from tests.audit.second_verifier import second_opinion
from tests.audit.statistics.small_tables import Releaser
from tests.audit.statistics.tampered_tables import TAMPERINGS


def roots_of(kit: Kit, folder: Path) -> Path:
    roots = folder / "roots.toml"
    roots.write_text(kit.good.roots.to_toml())
    return roots


def test_released_tables_are_made_again_byte_for_byte(kit: Kit, tmp_path: Path) -> None:
    Releaser.of(kit, "second").released()

    verdict = minimal(kit.folder, roots_of(kit, tmp_path), tmp_path / "report.json")

    assert (verdict.exit_code, verdict.findings) == (0, frozenset())


@pytest.mark.parametrize("spoil", TAMPERINGS, ids=lambda spoil: spoil.__name__)
def test_statistics_that_were_tampered_with_are_found_out_under_the_same_codes(
    fresh: Kit, tmp_path: Path, spoil: Callable[[Kit], None]
) -> None:
    """What the auditor's command finds is asserted in `test_statistics_checks`."""
    spoil(fresh)

    verdict = second_opinion(fresh.folder, roots_of(fresh, tmp_path), tmp_path / "report.json")

    assert (verdict.exit_code, verdict.findings) == (1, TAMPERINGS[spoil])
