"""`fedcarbon-hub settle` and `suspense` from the command line, on a hub that does not run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cyclopts import App

from fedcarbon.redemption.rail_day_json import rail_day_from_json, rail_day_json
from fedcarbon.redemption.suspense import SecondPersonMissingError
from fedcarbon.redemption.value_day import ValueDay, day_text
from fedcarbon.transparency.envelope import SigningKey
from fedcarbon.wire.dev_ca import write_seed
from hub.clearing.suspense import list_items
from hub.commands import settling, suspense
from hub.storage.engine import reading
from tests.databases import new_sqlite
from tests.hub.clearing.conftest import Books
from tests.hub.clearing.desk import Desk
from tests.hub.running import write_hub

# The same functions as in `hub.__main__`, which must not be imported beside tests that run it.
app = App(result_action="return_value")
app.command(settling.settle)
app.command(suspense.suspense)
SEEDS = {"desk-1": bytes([1]) * 32, "desk-2": bytes([2]) * 32}


@dataclass(slots=True)
class Terminal:
    """A hub's configuration, its books, and a folder with the rail's files."""

    config: Path
    desk: Desk
    folder: Path

    def bring_files(self) -> ValueDay:
        day, programme = self.desk.today, self.desk.books.programme
        files = self.desk.rail.of_day(programme, day)
        assert files is not None
        path = self.folder / f"{programme}-{day_text(day)}.json"
        path.write_bytes(rail_day_json(files))
        assert rail_day_from_json(path.read_bytes()) == files
        return day

    def run(self, *arguments: str) -> int:
        """Run a command; return its exit code."""
        try:
            app([*arguments, "--config", str(self.config)])
        except SystemExit as exit_:
            return exit_.code if isinstance(exit_.code, int) else 1
        return 0

    def settle(self, day: ValueDay, *more: str) -> int:
        where = ("--files", str(self.folder))
        return self.run("settle", "--day", day_text(day), *where, *more)

    def decide(self, verb: str, operator: str, item: str, to: str = "WRITTEN_OFF") -> None:
        key = self.config.parent / f"{operator}.seed"
        self.run(
            *("suspense", verb, "--item", item, "--to", to, "--reason", "lost"),
            *("--operator", operator, "--key", str(key)),
        )


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    config = write_hub(tmp_path)
    lines = ["[operators]"]
    for name, seed in SEEDS.items():
        write_seed(tmp_path / f"{name}.seed", seed)
        lines.append(f'{name} = "{SigningKey(seed).public.hex()}"')
    config.write_text(config.read_text(encoding="utf-8") + "\n".join(lines), encoding="utf-8")
    (tmp_path / "hub").mkdir()
    books = Books(tmp_path / "hub", new_sqlite)
    (tmp_path / "clock").write_text(f"{books.clock.now_s()}\n", encoding="ascii")
    files = tmp_path / "files"
    files.mkdir()
    yield Terminal(config, Desk(books), files)
    books.close()


def test_a_closed_day_exits_with_0_and_writes_three_reports(
    terminal: Terminal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.desk.redeem(100)
    day = terminal.bring_files()
    out = tmp_path / "reports"

    assert terminal.settle(day, "--out", str(out)) == 0

    printed = capsys.readouterr().out
    assert "The day is closed: books, file and float agree." in printed
    assert "1.00 yuan" in printed
    stem = f"settle-{day_text(day)}-ecny-shanghai"
    assert sorted(path.name for path in out.iterdir()) == [
        f"{stem}.csv",
        f"{stem}.html",
        f"{stem}.json",
    ]
    tree = json.loads((out / f"{stem}.json").read_text(encoding="utf-8"))
    assert (tree["unexplained"], tree["file"]["settled"]["matched"]) == (0, 1)
    assert terminal.settle(day) == 0
    assert "Nothing has changed since the last run." in capsys.readouterr().out


def test_an_unexplained_day_exits_with_1_until_two_persons_have_decided(
    terminal: Terminal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = terminal.desk
    payout = desk.redeem(100)
    desk.rail.write(payout, 100, suffix="<b>again</b>")
    day = terminal.bring_files()

    assert terminal.settle(day, "--out", str(tmp_path)) == 1

    assert "PAID_TWICE" in capsys.readouterr().out
    page = next(tmp_path.glob("*.html")).read_text(encoding="utf-8")
    assert "PAID_TWICE" in page
    assert "<b>" not in page
    assert "<script" not in page
    with reading(desk.books.engine) as session:
        (listed,) = list_items(session, desk.books.programme)
    item = listed.item.item_id.hex()
    assert terminal.run("suspense", "list", "--programme", "ecny-shanghai") == 0
    assert item in capsys.readouterr().out
    terminal.decide("propose", "desk-1", item)
    terminal.run("suspense", "list", "--programme", "ecny-shanghai")
    assert "desk-1 proposes written_off: lost" in capsys.readouterr().out
    terminal.decide("approve", "desk-2", item)
    assert "released: 1.00 yuan (PAID_TWICE) to WRITTEN_OFF" in capsys.readouterr().out
    assert terminal.settle(day) == 0
    assert "1.00 yuan" in capsys.readouterr().out


def test_the_same_person_twice_is_refused_at_the_command_line(terminal: Terminal) -> None:
    desk = terminal.desk
    desk.rail.move(-5, "fee")
    assert terminal.settle(terminal.bring_files()) == 1
    with reading(desk.books.engine) as session:
        (listed,) = list_items(session, desk.books.programme)
    item = listed.item.item_id.hex()
    terminal.decide("propose", "desk-1", item)

    with pytest.raises(SecondPersonMissingError):
        terminal.decide("approve", "desk-1", item)


def test_missing_files_exit_with_2(terminal: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.desk.redeem(100)

    assert terminal.settle(terminal.desk.today) == 2

    assert "FILE_MISSING" in capsys.readouterr().out


def test_a_hub_without_money_has_nothing_to_settle(tmp_path: Path) -> None:
    config = write_hub(tmp_path)
    (tmp_path / "hub").mkdir()
    new_sqlite(tmp_path / "hub")

    app(
        ["settle", "--config", str(config), "--day", "2026-03-31", "--files", str(tmp_path)],
    )
