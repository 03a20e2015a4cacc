"""The verifier in one file says the same of statistics as the auditor's command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.audit.kit import Kit
from tests.audit.make_tampered import Verdict, minimal
from tests.audit.statistics.small_tables import Releaser
from tests.audit.statistics.tampered_tables import TAMPERINGS


def verdict_on(kit: Kit, folder: Path) -> Verdict:
    roots = folder / "roots.toml"
    roots.write_text(kit.good.roots.to_toml())
    return minimal(kit.folder, roots, folder / "report.json")


def test_released_tables_are_made_again_byte_for_byte(kit: Kit, tmp_path: Path) -> None:
    Releaser.of(kit, "second").released()

    verdict = verdict_on(kit, tmp_path)

    assert (verdict.exit_code, verdict.findings) == (0, frozenset())


@pytest.mark.parametrize("spoil", TAMPERINGS, ids=lambda spoil: spoil.__name__)
def test_statistics_that_were_tampered_with_are_found_out_under_the_same_codes(
    fresh: Kit, tmp_path: Path, spoil: Callable[[Kit], None]
) -> None:
    """What the auditor's command finds is asserted in `test_statistics_checks`."""
    spoil(fresh)

    assert verdict_on(fresh, tmp_path).findings == TAMPERINGS[spoil]
