"""Tables of statistics as an auditor judges them: honest ones pass, and every lie has its name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fedcarbon.audit.checklist import LineState
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.report import Report
from tests.audit.conftest import audited
from tests.audit.kit import Kit
from tests.audit.statistics.small_tables import Releaser
from tests.audit.statistics.tampered_tables import TAMPERINGS


def report_of(kit: Kit) -> Report:
    return audited(kit.folder, kit.good.roots)


def found_in(kit: Kit) -> set[tuple[str, str]]:
    return {(found.check.value, found.code) for found in report_of(kit).findings}


def test_released_tables_pass_and_what_was_spent_is_said(kit: Kit) -> None:
    Releaser.of(kit, "second").released()

    report = report_of(kit)

    assert report.findings == ()
    (line,) = [item for item in report.lines if item.check is CheckId.STATISTICS]
    assert (line.state, line.checked) == (LineState.PASSED, 2)
    assert line.remark == (
        "budget spent: 16,000,000 of 16,000,000 millionths of rho in 2026 (simulated)"
    )


@pytest.mark.parametrize("spoil", TAMPERINGS, ids=lambda spoil: spoil.__name__)
def test_statistics_that_were_tampered_with_are_found_out(
    fresh: Kit, spoil: Callable[[Kit], None]
) -> None:
    spoil(fresh)

    assert found_in(fresh) == TAMPERINGS[spoil]
