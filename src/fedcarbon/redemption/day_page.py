"""The report of a reconciled day as one page: no scripts, nothing loaded, fit for paper."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from fedcarbon.redemption.day_report import DayReport, ReportLine, report_hash
from fedcarbon.redemption.value_day import day_text
from fedcarbon.units import Fen, yuan_text

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1f1d; background: #fff;
       max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
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
.remark { color: #6b736f; font-size: .9em; }
@media print { body { margin: 0; max-width: none; } tr { break-inside: avoid; } }
"""


def html_of(report: DayReport) -> str:
    """Return the page of a report."""
    title = f"Settlement of {report.programme}, {day_text(report.day)}"
    body = "\n".join(
        (
            f"<h1>{escape(title)}</h1>",
            f'<p class="remark">Report {_code(report_hash(report).hex())}</p>',
            _verdict(report),
            _section("Settlement file", _outcomes(report)),
            _section("Float", _float(report)),
            _section("Differences", _differences(report.lines)),
        )
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def amount_text(amount_fen: int | None) -> str:
    """Return an amount for people: `-0.05 yuan`, or `none` where there is no figure."""
    if amount_fen is None:
        return "none"
    sign = "-" if amount_fen < 0 else ""
    return sign + yuan_text(Fen(abs(amount_fen)))


def verdict_of(report: DayReport) -> str:
    """Return in one sentence whether the day is closed."""
    if report.is_missing:
        return "The rail's files have not come; run settle again when they have."
    if report.unexplained:
        return f"{len(report.unexplained)} of {len(report.lines)} differences are unexplained."
    if report.lines:
        return f"The day is closed: all {len(report.lines)} differences are explained."
    return "The day is closed: books, file and float agree."


def _verdict(report: DayReport) -> str:
    kind = "bad" if report.unexplained else "good"
    return f'<p class="verdict {kind}">{escape(verdict_of(report))}</p>'


def _outcomes(report: DayReport) -> str:
    rows = (
        (
            escape(figure.outcome),
            f"{figure.lines:,}",
            f"{figure.matched:,}",
            escape(amount_text(figure.amount_fen)),
        )
        for figure in report.outcomes
    )
    entered = f"<p>Answers that the file gave to waiting payouts: {report.answers:,}.</p>"
    return _table(("Outcome", "Lines", "Matched", "Sum"), rows) + entered


def _float(report: DayReport) -> str:
    figures = (
        ("Opening, by the statement", report.opening_fen),
        ("Closing, by the statement", report.closing_fen),
        ("At the rail, by the books", report.at_rail_fen),
        ("In suspense now", report.suspense_fen),
        ("Written off so far", report.written_off_fen),
    )
    return _table((), ((name, escape(amount_text(value))) for name, value in figures))


def _differences(lines: tuple[ReportLine, ...]) -> str:
    if not lines:
        return "<p>None.</p>"
    rows = (
        (
            _code(line.difference.reason),
            escape(day_text(line.difference.day)),
            escape(amount_text(line.difference.amount_fen)),
            escape(line.difference.source or ""),
            _code("" if line.difference.payout_id is None else line.difference.payout_id.hex())
            + f"<br>{escape(line.difference.text)}",
            _code("" if line.item_id is None else line.item_id.hex())
            + f"<br>{escape(line.explanation.text)}",
            escape(line.who_must_act),
        )
        for line in lines
    )
    titles = ("Reason", "Day", "Amount", "From", "About", "Suspense", "Who must act")
    return _table(titles, rows)


def _section(title: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>\n{content}"


def _table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table; its cells are HTML already."""
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    lines = [f"<tr>{head}</tr>"] if titles else []
    lines += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>" if text else ""
