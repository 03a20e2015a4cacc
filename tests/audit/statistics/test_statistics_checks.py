"""Tables of statistics as an auditor judges them: honest ones pass, and every lie has its name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fedcarbon.audit.checklist import Line, LineState
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.html_report import html_of
from fedcarbon.audit.report import Report
from fedcarbon.audit.show import explain
from fedcarbon.cli.audit_folder import open_folder
from fedcarbon.disclosure.statements import ReleaseStart, TableContribution, TableRelease
from tests.audit.conftest import audited
from tests.audit.kit import Kit
from tests.audit.statistics.small_tables import MEMBERS, Releaser
from tests.audit.statistics.tampered_tables import (
    TAMPERINGS,
    let_time_pass,
    noise_that_takes_anothers_away,
)


def report_of(kit: Kit) -> Report:
    return audited(kit.folder, kit.good.roots)


def line_of(report: Report) -> Line:
    (line,) = [item for item in report.lines if item.check is CheckId.STATISTICS]
    return line


def found_in(kit: Kit) -> set[tuple[str, str]]:
    return {(found.check.value, found.code) for found in report_of(kit).findings}


def test_released_tables_pass_and_what_was_spent_is_said(kit: Kit) -> None:
    Releaser.of(kit, "second").released()

    report = report_of(kit)

    assert report.findings == ()
    line = line_of(report)
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


def test_a_finding_names_the_trustee_whose_noise_it_is(fresh: Kit) -> None:
    noise_that_takes_anothers_away(fresh)

    (found,) = report_of(fresh).findings
    assert found.subject == "block 0 of the noise of trustee-2 to period 1"
    assert [found.leaf] == [leaf for leaf, _ in fresh.of(ReleaseStart)]


def test_nothing_is_passed_before_anything_is_released(fresh: Kit) -> None:
    Releaser.of(fresh, "first").contribute()

    line = line_of(report_of(fresh))

    assert (line.state, line.remark) == (LineState.NOT_PRESENT, "no budget was spent yet")


def test_a_table_that_is_on_its_way_is_a_note(fresh: Kit) -> None:
    maker = Releaser.of(fresh, "first")
    maker.contribute()
    leaf = maker.start()

    report = report_of(fresh)

    assert report.findings == ()
    text = f"its budget is spent in leaf {leaf}, and there is no table yet"
    assert f"period 1 of table first: {text}" in report.notes
    assert line_of(report).remark.startswith("budget spent: 8,000,000 of 16,000,000")


def test_more_trustees_than_needed_may_add_noise_and_give_shares(fresh: Kit) -> None:
    maker = Releaser.of(fresh, "first")
    maker.contribute()
    maker.start({name: maker.noise_of(name) for name in fresh.parameters.trustee_ids})
    maker.release()

    assert found_in(fresh) == set()


def test_a_partner_that_is_late_is_left_behind(fresh: Kit) -> None:
    maker = Releaser.of(fresh, "second")
    for name in MEMBERS[:-1]:
        maker.contribute_as(name)
    let_time_pass(fresh, 3_600)
    maker.start()
    maker.release()

    assert found_in(fresh) == set()


@pytest.mark.parametrize("which", ["contribution", "noise", "table", "share"])
def test_what_rests_on_a_missing_file_is_left_out_and_not_passed(kit: Kit, which: str) -> None:
    release = kit.of(TableRelease)[0][1]
    names = {
        "contribution": kit.of(TableContribution)[0][1].file_sha256,
        "noise": kit.of(ReleaseStart)[0][1].noise[0].file_sha256,
        "table": release.table_sha256,
        "share": release.shares[0].file_sha256,
    }
    kit.file(names[which]).unlink()

    report = report_of(kit)

    assert [(found.check.value, found.code) for found in report.findings] == [
        ("V01", "FILE_MISSING")
    ]
    line = line_of(report)
    assert (line.state, line.checked, line.left_out) == (LineState.INCOMPLETE, 0, 1)


def test_the_report_says_what_was_released_and_spent(kit: Kit) -> None:
    report = report_of(kit)

    statistics = report.to_tree()["report"]["record"]["statistics"]
    leaf, release = kit.of(TableRelease)[0]
    assert [item["shell_id"] for item in statistics["tables"]] == ["first", "second"]
    assert statistics["tables"][0]["periods"] == [
        {
            "period": 1,
            "contributions": len(MEMBERS),
            "start_leaf": release.start_leaf,
            "release_leaf": leaf,
            "table_sha256": release.table_sha256.hex(),
        }
    ]
    assert statistics["budgets"] == [
        {
            "programme_id": "simulated",
            "year": 2026,
            "releases": 1,
            "spent_millionths": 8_000_000,
            "limit_millionths": 16_000_000,
        }
    ]
    assert release.table_sha256.hex() in html_of(report, "0" * 64)


def test_leaves_about_statistics_are_explained(kit: Kit) -> None:
    (leaf, release), *_ = kit.of(TableRelease)

    text = "\n".join(explain(open_folder(kit.folder), release.start_leaf))

    assert f"it refers to leaf {release.shell_leaf} (table_shell), leaf " in text
    assert f"referred to by leaf {leaf} (table_release)" in text
    assert "V23: Statistics within their budget" in text
