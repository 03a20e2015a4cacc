"""What a hub and its trustees release holds before an auditor who has only their record."""

from __future__ import annotations

from fedcarbon.audit.checklist import LineState
from fedcarbon.audit.findings import CheckId
from tests.audit.conftest import audited
from tests.hub.messages import trust_roots
from tests.hub.statistics.tables_world import TableWorld


def test_an_auditor_makes_the_same_table(contributed: TableWorld) -> None:
    contributed.advance_releases()

    report = audited(contributed.folder / "record", trust_roots())

    # The methodology of the hub's tests has a document that nobody could count by.
    assert {found.check for found in report.findings} == {CheckId.METHODOLOGIES}
    (line,) = [item for item in report.lines if item.check is CheckId.STATISTICS]
    assert (line.state, line.checked) == (LineState.PASSED, 1)
