"""The operator's commands beside a hub: what they print, and that two at once make one closing."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import Session

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.ledger.credit import OpeningCredit
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.limits import LimitsInvalidError
from fedcarbon.redemption.operator_statement import COLUMNS
from fedcarbon.redemption.order import Redemption, RedemptionOrder
from fedcarbon.redemption.settlement import ECNY_RULE
from fedcarbon.redemption.states import RedemptionEvent, RedemptionState
from fedcarbon.redemption.value_day import ValueDayInvalidError
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds
from hub.clearing.credits import credit_opening, top_up_float
from hub.clearing.freezing import ReasonInvalidError
from hub.clearing.redemptions import create_redemption, find_redemption
from hub.clearing.storage.batch_store import BatchStore
from hub.clearing.storage.outbox_store import OutboxStore, OutboxTask
from hub.clearing.storage.redemption_rows import OutboxStep
from hub.clearing.storage.redemption_store import RedemptionStore, Step
from hub.commands import freezing, limits, positions, redemptions, statements
from hub.commands.beside import beside
from hub.commands.printing import (
    HexInvalidError,
    MomentInvalidError,
    moment_from_text,
    moment_text,
)
from tests.hub.federation import PROGRAMME, Federation
from tests.hub.running import HubProcess, write_hub
from tests.nursery import Child
from tests.unlimited import unlimited, unlimited_toml

NOW_S = Seconds(1_000)  # what the clock file of `write_hub` says
TOKEN = bytes([1]) * 32
OPERATOR = PartyId("wallet-operator")
LATER_S = Seconds(10**9)


def order(number: int) -> RedemptionOrder:
    return RedemptionOrder(
        parameter_id=bytes(32),
        programme_id=ProgrammeId(PROGRAMME),
        redemption_id=number.to_bytes(16, "big"),
        account_token=TOKEN,
        wallet_id=sandbox_wallet_id(1),
        wallet_class=WalletClass.CLASS_2,
        binding_leaf=bytes(34),
        operator_id=OPERATOR,
        units=number,
    )


@pytest.fixture
def config(federation: Federation, tmp_path: Path) -> Path:
    """A hub that does not run: 100 units of grams, 9.00 yuan, and two redemptions in no hurry."""
    federation.hub.close()
    path = write_hub(tmp_path)
    credit = OpeningCredit(
        programme=PROGRAMME,
        vintage=Vintage(2026),
        account_token=TOKEN,
        opening_id=bytes(32),
        previous_opened_ug=MicrogramsCO2e(0),
        opened_ug=MicrogramsCO2e(100 * ECNY_RULE.unit_ug),
    )

    def seed(session: Session) -> None:
        credit_opening(session, credit, NOW_S)
        top_up_float(session, PROGRAMME, Fen(900), bytes(16), NOW_S)
        for number in (1, 2):
            create_redemption(session, order(number), ECNY_RULE, NOW_S, limits=unlimited(PROGRAMME))
            task = OutboxTask(
                redemption_id=order(number).redemption_id,
                step=OutboxStep.PAY,
                due_s=LATER_S,
                calls=0,
            )
            OutboxStore(session).plan_many([task])

    with beside(path) as hub:
        hub.write(seed)
    return path


def redemption(config: Path, number: int) -> Redemption:
    with beside(config) as hub:
        return hub.read(lambda session: find_redemption(session, order(number).redemption_id))


def said(capsys: pytest.CaptureFixture[str], command: Callable[[], None]) -> object:
    """Return the JSON document that a command prints."""
    command()
    return json.loads(capsys.readouterr().out)


def run(config: Path, *arguments: str) -> Child:
    """Start a command as a process of its own."""
    return Child("hub", *arguments, "--config", config)


def wait_until_paid(config: Path) -> None:
    """Wait until the hub has paid what was reserved: two payouts of two transfers."""
    deadline = time.monotonic() + 30
    with beside(config) as hub:
        while hub.read(lambda session: BatchStore(session).last_sequence()) < 10:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_day_is_closed_once_by_two_runs_at_once_and_a_third_changes_nothing(
    config: Path,
) -> None:
    with HubProcess.start(config):
        wait_until_paid(config)
        runs = [run(config, "close-day") for _ in range(2)]
        answers = [process.communicate()[0] for process in runs]
        third = run(config, "close-day")
        late = third.communicate()[0]

    assert [process.returncode for process in (*runs, third)] == [0, 0, 0]
    first = {answer.partition("\n")[0] for answer in answers}
    assert "ledger day 1970-01-01 is closed: 10 transfers are in the record" in first
    assert first <= {
        "ledger day 1970-01-01 is closed: 10 transfers are in the record",
        "ledger day 1970-01-01 is closed, as another run had asked: 10 transfers are in the record",
        late.partition("\n")[0],
    }
    assert len(first) == 2
    assert late.startswith("ledger day 1970-01-01 is closed already, with 10 transfers;")
    assert "8.97 yuan" in late
    with beside(config) as hub:
        closed = hub.read(lambda session: BatchStore(session).last())
    assert closed is not None
    assert (closed.day, closed.transfer_count) == (0, 10)


def test_cancel_works_beside_a_running_hub_and_is_refused_after_it_was_sent(config: Path) -> None:
    def send(session: Session) -> None:
        found = find_redemption(session, order(2).redemption_id)
        step = Step(redemption=found, event=RedemptionEvent.SEND)
        RedemptionStore(session).advance(step, NOW_S)

    with HubProcess.start(config):
        with beside(config) as hub:
            hub.write(send)
        ids = [order(number).redemption_id.hex() for number in (1, 2)]
        done = [run(config, "cancel", number, "--reason", "by mistake") for number in ids]
        answers = [process.communicate() for process in done]

    assert [process.returncode for process in done] == [0, 1]
    assert answers[0][0].endswith("is cancelled: 1,250 g and 0.01 yuan are free again\n")
    assert "[REDEMPTION_STATE]" in answers[1][1]
    assert redemption(config, 1).state is RedemptionState.REJECTED
    assert redemption(config, 2).state is RedemptionState.SENT


def test_positions_are_printed_for_people_and_machines(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    positions.positions(config=config)
    text = capsys.readouterr().out
    tree = said(capsys, lambda: positions.positions(config=config, json=True))
    before = said(capsys, lambda: positions.positions(config=config, at="1969-12-31", json=True))

    for figure in ("-9.00 yuan", "8.97 yuan", "0.03 yuan", "121,250 g", "3,750 g", "-125,000 g"):
        assert figure in text
    assert isinstance(tree, dict)
    (programme,) = tree["programmes"]
    assert programme["money_fen"]["float"] == 897
    assert programme["grams_ug"]["2026"]["reserved"] == 3 * ECNY_RULE.unit_ug
    assert before == {"at_s": -28_801, "programmes": []}


def test_stuck_and_show_say_what_happened_and_what_to_do(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    redemptions.stuck(config=config, older_than_s=0)
    text = capsys.readouterr().out
    tree = said(capsys, lambda: redemptions.stuck(config=config, older_than_s=0, json=True))
    number = order(2).redemption_id.hex()
    shown = said(capsys, lambda: redemptions.show(number, config=config, json=True))
    redemptions.show(number, config=config)
    page = capsys.readouterr().out

    assert "2 redemptions have no final answer after 0 s" in text
    assert "`cancel` gives it back" in text
    assert isinstance(tree, list)
    assert [(item["state"], item["last_event"]) for item in tree] == [("reserved", "reserve")] * 2
    assert isinstance(shown, dict)
    assert (shown["payout_fen"], shown["next_step"], shown["due_s"]) == (2, "pay", LATER_S)
    assert sandbox_wallet_id(1) not in text + page  # people see enough of it to recognise it
    assert "990000******0001" in page


def test_accounts_are_frozen_listed_and_let_go(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    who = {"config": config, "programme": PROGRAMME, "reason": "court order 7", "operator": "li.na"}
    freezing.freeze(TOKEN.hex(), **who)  # type: ignore[arg-type]
    freezing.freeze(TOKEN.hex(), **who)  # type: ignore[arg-type]
    assert capsys.readouterr().out == "the account is frozen\nthe account was frozen before\n"

    tree = said(capsys, lambda: freezing.frozen(config=config, json=True))
    freezing.frozen(config=config)
    assert "court order 7" in capsys.readouterr().out
    freezing.unfreeze(TOKEN.hex(), **who)  # type: ignore[arg-type]
    freezing.unfreeze(TOKEN.hex(), **who)  # type: ignore[arg-type]

    assert capsys.readouterr().out == "the account is free again\nthe account was not frozen\n"
    assert tree == [
        {
            "programme": PROGRAMME,
            "account_token": TOKEN.hex(),
            "frozen_s": NOW_S,
            "operator": "li.na",
            "reason": "court order 7",
        }
    ]
    assert said(capsys, lambda: freezing.frozen(config=config, json=True)) == []


def test_a_statement_is_a_table_a_csv_file_and_a_document(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "statement.csv"

    statements.statement(OPERATOR, "1970-01-01", config=config, out=out)
    text = capsys.readouterr().out
    tree = said(capsys, lambda: statements.statement(OPERATOR, "1970-01", config=config, json=True))
    other = said(
        capsys, lambda: statements.statement("another", "1970-01", config=config, json=True)
    )

    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert "reserved" in text
    assert "0.03 yuan" in text
    assert tuple(rows[0]) == COLUMNS
    assert isinstance(tree, dict)
    assert [row["payout_fen"] for row in tree["lines"]] == [int(row["payout_fen"]) for row in rows]
    assert tree["totals"] == [
        {
            "state": "reserved",
            "count": 2,
            "mass_ug": 3 * ECNY_RULE.unit_ug,
            "payout_fen": 3,
        }
    ]
    assert isinstance(other, dict)
    assert other["lines"] == []


def test_limits_say_what_is_missing(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits.limits(config=config)
    nothing = capsys.readouterr().out
    file = config.parent / "limits.toml"
    file.write_text(unlimited_toml(PROGRAMME), encoding="utf-8")
    with config.open("a", encoding="utf-8") as more:
        more.write('limits = "limits.toml"\n')
    limits.limits(config=config)
    everything = capsys.readouterr().out
    tree = said(capsys, lambda: limits.limits(config=config, json=True))

    assert f"not set, and therefore refused: WL01, WL02, WL03, {PROGRAMME}" in nothing
    assert "nothing is missing" in everything
    assert isinstance(tree, dict)
    assert {row["holds"] for row in tree["wallet_classes"]} == {"today"}
    file.write_text("[[wallet_class]]\nclass = 1\n", encoding="utf-8")
    with pytest.raises(LimitsInvalidError):
        limits.limits(config=config)


def test_a_hub_says_at_its_start_what_is_not_set(config: Path) -> None:
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "hub", "serve", "--config", str(config)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(json.loads(line))
        if lines[-1]["event"] == "hub_started":
            break
    process.terminate()
    process.communicate()

    (warning,) = [line for line in lines if line["event"] == "limits_not_set"]
    assert warning["missing"] == ["WL01", "WL02", "WL03", PROGRAMME]


REFUSED: dict[str, tuple[type[FedcarbonError], Callable[[Path], None]]] = {
    "a moment that is none": (
        MomentInvalidError,
        lambda config: positions.positions(config=config, at="yesterday"),
    ),
    "a moment without a zone": (
        MomentInvalidError,
        lambda config: positions.positions(config=config, at="2026-03-31T18:00"),
    ),
    "a day that is none": (
        ValueDayInvalidError,
        lambda config: statements.statement("another", "2026-02-30", config=config),
    ),
    "an id that is no number": (
        HexInvalidError,
        lambda config: redemptions.show("number one", config=config),
    ),
    "an id that is too short": (
        HexInvalidError,
        lambda config: redemptions.cancel("ab" * 15, config=config, reason="why"),
    ),
    "a cancel without a reason": (
        ReasonInvalidError,
        lambda config: redemptions.cancel("00" * 15 + "01", config=config, reason=""),
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_command_that_cannot_be_meant_is_refused(config: Path, what: str) -> None:
    error, command = REFUSED[what]

    with pytest.raises(error):
        command(config)


def test_moments_are_read_and_written_by_the_clock_of_china() -> None:
    assert moment_text(Seconds(0)) == "1970-01-01 08:00:00 UTC+8"
    assert moment_from_text("1970-01-01T08:00:00+08:00") == 0
    assert moment_from_text("1970-01-01T00:00:01Z") == 1
    assert moment_text(moment_from_text("2026-03-31")) == "2026-03-31 23:59:59 UTC+8"
