"""`fedcarbon-hub settle`."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final

from sqlmodel import Session

from fedcarbon.errors import FedcarbonError, PeerError
from fedcarbon.ids import ProgrammeId, programme_id
from fedcarbon.redemption.day_page import amount_text, html_of, verdict_of
from fedcarbon.redemption.day_report import DayReport, csv_of, json_of
from fedcarbon.redemption.rail import RailAnswer
from fedcarbon.redemption.rail_day import RailDay, RailFiles
from fedcarbon.redemption.value_day import ValueDay, day_from_text, day_text
from fedcarbon.wire.party import load_party
from hub.clearing.rail_folder import RailFolder
from hub.clearing.reconciling import ReconciledDay, missing_day, reconcile_day
from hub.clearing.storage.ledger_store import LedgerStore
from hub.commands.beside import Beside, beside
from hub.commands.printing import print_table
from hub.rails.opened_rail import rail_of

EXIT_UNEXPLAINED: Final = 1
EXIT_FILES_MISSING: Final = 2


class RailFilesUnreachableError(PeerError):
    """The rail did not give its files: try again, then ask its operator."""

    code: ClassVar[str] = "RAIL_FILES_UNREACHABLE"


def settle(
    *,
    config: Path,
    day: str,
    files: Path | None = None,
    programme: str | None = None,
    out: Path | None = None,
) -> None:
    """Reconcile a value day: ledger, the rail's settlement file and the float's statement.

    Run it when the rail's files of the day have come, usually the next morning; beside a running
    hub or without one. They are fetched from the rail of hub.toml's [rail]. The file wins over
    silence: payouts without a final answer get it. Every difference with money goes into suspense
    with its reason, and the report says who must act. Running it again is safe: the same files
    change nothing, newer ones are reconciled by what they add, and a later day's file may explain
    a difference of this one.

    What is left in suspense two persons release (`fedcarbon-hub suspense`).

    Exits with 0 if every difference is explained, 1 if one is not, 2 if files are missing.

    Args:
        config: the configuration file (TOML).
        day: the value day, 2026-03-31, by the clock of China.
        files: a folder to take them from instead, as PROGRAMME-DAY.json.
        programme: only this one; else every programme that has ever had money.
        out: folder for settle-DAY-PROGRAMME.json, .csv and .html; made if it is missing.
    """
    value_day = day_from_text(day)
    with beside(config) as hub, _opened(hub, files) as source:
        names = _programmes(hub) if programme is None else (programme_id(programme),)
        results = [_settled(hub, source, name, value_day) for name in names]
    for result in results:
        print_day(result)
        if out is not None:
            write_day(result.report, out)
    code = exit_code(results)
    if code:
        sys.exit(code)


def exit_code(results: Sequence[ReconciledDay]) -> int:
    """Return what the command exits with: 2 before 1 before 0."""
    if any(result.report.is_missing for result in results):
        return EXIT_FILES_MISSING
    return 0 if all(result.is_closed for result in results) else EXIT_UNEXPLAINED


def write_day(report: DayReport, folder: Path) -> None:
    """Write a report three times into `folder`, which is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    forms = {"json": json_of, "csv": csv_of, "html": html_of}
    for suffix, form in forms.items():
        path = folder / f"settle-{day_text(report.day)}-{report.programme}.{suffix}"
        # CSV has its own ends of lines.
        path.write_text(form(report), encoding="utf-8", newline="")


def print_day(result: ReconciledDay) -> None:
    """Print a day for people."""
    report = result.report
    print_table(
        f"Settlement of {report.programme}, {day_text(report.day)}",
        ("settlement file", "#lines", "#matched", "#sum"),
        (
            (item.outcome.value, str(item.lines), str(item.matched), amount_text(item.amount_fen))
            for item in report.outcomes
        ),
    )
    print_table(
        f"Float; {report.answers} answers entered",
        ("opening", "closing", "by the books", "in suspense", "written off"),
        [
            tuple(
                amount_text(value)
                for value in (
                    report.opening_fen,
                    report.closing_fen,
                    report.at_rail_fen,
                    report.suspense_fen,
                    report.written_off_fen,
                )
            )
        ],
    )
    if report.lines:
        print_table(
            "Differences",
            ("reason", "day", "#amount", "item", "explanation", "who must act"),
            (
                (
                    line.difference.reason.value,
                    day_text(line.difference.day),
                    amount_text(line.difference.amount_fen),
                    "" if line.item_id is None else line.item_id.hex(),
                    line.explanation.text,
                    line.who_must_act,
                )
                for line in report.lines
            ),
        )
    said = "" if result.changed or report.is_missing else " Nothing has changed since the last run."
    sys.stdout.write(f"{verdict_of(report)}{said}\n")


@contextmanager
def _opened(hub: Beside, folder: Path | None) -> Generator[RailFiles]:
    """Give the files of a folder, or of the rail that the hub pays by."""
    if folder is not None:
        yield RailFolder(folder)
        return
    party = load_party(hub.config.party)
    opened = rail_of(
        hub.config.rail, party, data=hub.config.data, clock=hub.clock, enter=_no_notices
    )
    try:
        yield opened.files
    finally:
        opened.close()


async def _no_notices(payout_id: bytes, answer: RailAnswer) -> None:
    """Stand where a serving hub takes notices: a command opens no door for them."""
    raise AssertionError((payout_id, answer))


def _settled(hub: Beside, files: RailFiles, programme: ProgrammeId, day: ValueDay) -> ReconciledDay:
    rail_day = _fetched(files, programme, day)
    if rail_day is None:
        return hub.read(lambda session: missing_day(session, programme, day))
    return hub.write(lambda session: reconcile_day(session, programme, rail_day, hub.now_s()))


def _fetched(files: RailFiles, programme: ProgrammeId, day: ValueDay) -> RailDay | None:
    try:
        return files.of_day(programme, day)
    except FedcarbonError:
        raise
    except OSError as error:
        raise RailFilesUnreachableError(
            f"the rail did not give its files of {day_text(day)}: {error.strerror or error}"
        ) from error


def _programmes(hub: Beside) -> tuple[ProgrammeId, ...]:
    def known(session: Session) -> tuple[ProgrammeId, ...]:
        return LedgerStore(session).programmes_with_money()

    return hub.read(known)
