"""The report as one page: no scripts, nothing loaded from elsewhere, fit for paper."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from fedcarbon.audit.checklist import WORDINGS, Line
from fedcarbon.audit.findings import Finding
from fedcarbon.audit.report import EpochFigure, PartyFigure, RecordFigures, Report

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1f1d; background: #fff;
       max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; }
h2 { font-size: 1.1rem; margin-top: 2rem; border-bottom: 1px solid #d5dad7; }
.verdict { font-size: 1.1rem; padding: .6rem 1rem; border-left: .4rem solid; margin: 1rem 0; }
.good { border-color: #2f7d4f; background: #eef6f0; }
.bad { border-color: #b3261e; background: #fbeeed; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0;
         border-bottom: 1px solid #e8ebe9; }
th { font-weight: 600; }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
.passed { color: #2f7d4f; } .failed { color: #b3261e; font-weight: 600; }
.incomplete, .not-checked { color: #8a5a00; } .not-present { color: #6b736f; }
.remark { color: #6b736f; font-size: .9em; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; }
               tr { break-inside: avoid; } }
"""


def html_of(report: Report, report_sha256: str) -> str:
    """Return the page of a report.

    Args:
        report: the report.
        report_sha256: hash of its JSON part, so that page and file can be told to belong together.
    """
    body = "\n".join(
        (
            "<h1>Audit of a fedcarbon record</h1>",
            f'<p class="remark">Report <code>{escape(report_sha256)}</code></p>',
            _verdict(report),
            _section("Record", _record(report.record)),
            _section("Checklist", _checklist(report.lines)),
            _section("Findings", _findings(report.findings)),
            _section("Epochs", _epochs(report.record.epochs)),
            _section("Statistics", _statistics(report.record)) if report.record.tables else "",
            _section("Parties", _parties(report.record.parties)),
            _section("Notes", _notes(report.notes)) if report.notes else "",
        )
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>Audit of a fedcarbon record</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _verdict(report: Report) -> str:
    if report.passed:
        text = "Nothing was found."
    else:
        text = f"{len(report.findings)} findings. Read the one of the lowest leaf first."
    undone = ", ".join(line.check.value for line in report.undone)
    if undone:
        text += f" Not checked: {undone}."
    if report.unwitnessed:
        text += f" Incomplete: {report.unwitnessed}."
    return f'<p class="verdict {"good" if report.passed else "bad"}">{escape(text)}</p>'


def _record(record: RecordFigures) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in record.leaf_types.items())
    return _table(
        (),
        (
            ("Leaves", _number(record.leaves)),
            ("of them witnessed", _number(record.witnessed_leaves)),
            ("Witnessed heads", _number(record.heads)),
            ("Root", _code(record.root)),
            ("Parameter set", _code(record.parameter_id)),
            ("Kinds of leaves", escape(kinds)),
        ),
    )


def _checklist(lines: Iterable[Line]) -> str:
    rows = []
    for line in lines:
        wording = WORDINGS[line.check]
        state = line.state.value
        checked = f"{line.checked:,} {wording.unit}" if line.checked else ""
        if line.left_out:
            checked += f", {line.left_out:,} left out"
        rows.append(
            (
                escape(line.check.value),
                escape(wording.title)
                + (f'<br><span class="remark">{escape(line.remark)}</span>' if line.remark else ""),
                f'<span class="{state.replace(" ", "-")}">{escape(state)}</span>',
                escape(checked),
                _number(line.findings) if line.findings else "",
            )
        )
    return _table(("Check", "What", "State", "Checked", "Findings"), rows)


def _findings(findings: tuple[Finding, ...]) -> str:
    if not findings:
        return "<p>None.</p>"
    rows = (
        (
            escape(found.check.value),
            _code(found.code),
            "" if found.leaf is None else _number(found.leaf),
            escape(found.subject),
            escape(found.text),
        )
        for found in findings
    )
    return _table(("Check", "Code", "Leaf", "About", "What does not hold"), rows)


def _epochs(epochs: tuple[EpochFigure, ...]) -> str:
    rows = (
        (
            escape(item.programme_id),
            _number(item.epoch),
            _number(item.lists),
            _number(item.lost_claims),
            _number(item.submitted),
            escape(", ".join(item.missing)),
            _number(item.blocks),
            "" if item.sealed_leaf is None else _number(item.sealed_leaf),
            _number(item.opened),
        )
        for item in epochs
    )
    titles = (
        "Programme",
        "Epoch",
        "Claim lists",
        "Claims lost",
        "Submissions",
        "Missing",
        "Blocks",
        "Sealed in leaf",
        "Accounts opened",
    )
    return _table(titles, rows)


def _statistics(record: RecordFigures) -> str:
    periods = (
        (
            escape(table.programme_id),
            escape(table.shell_id),
            _number(table.shell_leaf),
            _number(item.period),
            _number(item.contributions),
            "" if item.start_leaf is None else _number(item.start_leaf),
            "" if item.release_leaf is None else _number(item.release_leaf),
            _code(item.table_sha256),
        )
        for table in record.tables
        for item in table.periods
    )
    budgets = (
        (
            escape(item.programme_id),
            str(item.year),
            _number(item.releases),
            _number(item.spent_millionths),
            _number(item.limit_millionths),
        )
        for item in record.budgets
    )
    titles = (
        "Programme",
        "Table",
        "Shell in leaf",
        "Period",
        "Contributions",
        "Started in leaf",
        "Released in leaf",
        "File of the table",
    )
    spent = ("Programme", "Year", "Releases", "Spent (rho / 1,000,000)", "Limit")
    return _table(titles, periods) + "\n" + _table(spent, budgets)


def _parties(parties: tuple[PartyFigure, ...]) -> str:
    rows = ((escape(item.party_id), escape(item.role), _code(item.signing_key)) for item in parties)
    return _table(("Party", "Role", "Signing key"), rows)


def _notes(notes: tuple[str, ...]) -> str:
    return "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>"


def _section(title: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>\n{content}"


def _table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table; its cells are HTML already."""
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    lines = [f"<tr>{head}</tr>"] if titles else []
    lines += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _number(value: int) -> str:
    return f"{value:,}"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
