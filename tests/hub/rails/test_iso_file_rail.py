"""The folder rail: what it writes once, and what it makes of whatever comes, in whatever order."""

from __future__ import annotations

import random  # noqa: TID251 - a seeded shuffle
from pathlib import Path

import pytest
from typing_extensions import override

from fedcarbon.clock import SteppedClock
from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import RailAmountDiffersError, RailContradictionError, RailStatus
from hub.rails.iso20022 import file_rail
from hub.rails.iso20022.bank_file import BankFile, read_bank_file
from hub.rails.iso20022.disk import Disk
from hub.rails.iso20022.file_rail import IsoFileRail
from tests.hub.rails.bank import (
    DEBTOR,
    OTHER,
    OTHER_ACCOUNT,
    entry,
    message_rejection,
    notification,
    payment_return,
    statement,
    status_report,
)
from tests.hub.sandbox.operator_process import DAY, NOON_S, SHANGHAI, payout

FIRST, SECOND, THIRD = (payout(number, 25 * number) for number in (1, 2, 3))


def rail_at(folder: Path, disk: Disk | None = None) -> IsoFileRail:
    return IsoFileRail(folder, DEBTOR, SteppedClock(NOON_S), disk=disk)


@pytest.fixture
def rail(tmp_path: Path) -> IsoFileRail:
    return rail_at(tmp_path)


def put(folder: Path, *files: bytes) -> None:
    for data in files:
        number = len(list((folder / "incoming").iterdir()))
        (folder / "incoming" / f"{number}.xml").write_bytes(data)


# --- in ---------------------------------------------------------------------------------------

Expected = tuple[RailStatus, str]
STORIES: dict[str, tuple[list[bytes], Expected]] = {
    "nothing came": ([], (RailStatus.ACCEPTED, "")),
    "accepted": ([status_report(FIRST.payout_id, "ACCP")], (RailStatus.ACCEPTED, "")),
    "settled by a status": (
        [status_report(FIRST.payout_id, "ACSC", reference="R1")],
        (RailStatus.SETTLED, "R1"),
    ),
    "settled by an entry": (
        [notification(entry(FIRST.payout_id, "0.25", "R1"))],
        (RailStatus.SETTLED, "R1"),
    ),
    "settled by both": (
        [
            status_report(FIRST.payout_id, "ACCP"),
            status_report(FIRST.payout_id, "ACSC", reference="R1"),
            notification(entry(FIRST.payout_id, "0.25", "R1")),
        ],
        (RailStatus.SETTLED, "R1"),
    ),
    "rejected": (
        [status_report(FIRST.payout_id, "RJCT", reason="AC04")],
        (RailStatus.REJECTED, ""),
    ),
    "returned": (
        [
            notification(entry(FIRST.payout_id, "0.25", "R1")),
            payment_return(FIRST.payout_id, "0.25"),
        ],
        (RailStatus.RETURNED, "RTR-1"),
    ),
    "returned, announced and booked": (
        [
            notification(entry(FIRST.payout_id, "0.25", "R1")),
            payment_return(FIRST.payout_id, "0.25"),
            notification(entry(FIRST.payout_id, "0.25", "R2", side="CRDT", text="back")),
        ],
        (RailStatus.RETURNED, "R2"),
    ),
    "returned in part": (
        [
            notification(entry(FIRST.payout_id, "0.25", "R1")),
            payment_return(FIRST.payout_id, "0.10"),
        ],
        (RailStatus.SETTLED, "R1"),
    ),
    "returned in two parts": (
        [
            notification(entry(FIRST.payout_id, "0.25", "R1")),
            payment_return(FIRST.payout_id, "0.10", "RTR-1"),
            payment_return(FIRST.payout_id, "0.15", "RTR-2"),
        ],
        (RailStatus.RETURNED, "RTR-1"),
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_the_answer_is_what_all_files_say_in_any_order_and_number(
    tmp_path: Path, story: str
) -> None:
    files, expected = STORIES[story]
    chance = random.Random(story)  # noqa: S311 - repeatable
    for attempt in range(4):
        folder = tmp_path / str(attempt)
        rail = rail_at(folder)
        rail.pay(FIRST)
        shuffled = files * 2
        chance.shuffle(shuffled)

        put(folder, *shuffled[::2])
        rail.query(FIRST.payout_id)
        put(folder, *shuffled[1::2])

        found = rail.query(FIRST.payout_id)
        assert (found.status, found.reference) == expected
        assert rail_at(folder).query(FIRST.payout_id) == found
        assert not list((folder / "incoming").iterdir())


CONTRADICTIONS: dict[str, list[bytes]] = {
    "rejected and paid": [
        status_report(FIRST.payout_id, "RJCT", reason="AC04"),
        notification(entry(FIRST.payout_id, "0.25", "R1")),
    ],
    "rejected and returned": [
        status_report(FIRST.payout_id, "RJCT", reason="AC04"),
        payment_return(FIRST.payout_id, "0.25"),
    ],
    "more came back than was paid": [
        payment_return(FIRST.payout_id, "0.25", "RTR-1"),
        payment_return(FIRST.payout_id, "0.25", "RTR-2"),
    ],
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_files_that_contradict_each_other_raise(
    rail: IsoFileRail, tmp_path: Path, case: str
) -> None:
    rail.pay(FIRST)
    put(tmp_path, *CONTRADICTIONS[case])

    with pytest.raises(RailContradictionError):
        rail.query(FIRST.payout_id)
    assert rail.pay(SECOND).status is RailStatus.ACCEPTED  # others go on


def test_another_amount_than_was_ordered_is_no_answer(rail: IsoFileRail, tmp_path: Path) -> None:
    rail.pay(FIRST)
    put(tmp_path, notification(entry(FIRST.payout_id, "0.26", "R1")))

    with pytest.raises(RailAmountDiffersError):
        rail.query(FIRST.payout_id)


def test_a_rejected_message_rejects_all_that_is_in_it(rail: IsoFileRail, tmp_path: Path) -> None:
    rail.pay(FIRST)
    rail.pay(SECOND)
    (name,) = rail.flush()
    rail.pay(THIRD)

    put(tmp_path, message_rejection(name))

    found = [rail.query(order.payout_id) for order in (FIRST, SECOND, THIRD)]
    assert [(answer.status, answer.reason) for answer in found] == [
        (RailStatus.REJECTED, "DUPL"),
        (RailStatus.REJECTED, "DUPL"),
        (RailStatus.ACCEPTED, ""),
    ]


def refused(folder: Path) -> int:
    return len(list((folder / "refused").iterdir()))


@pytest.mark.parametrize(
    "data",
    [
        b"<Document/>",
        status_report(SECOND.payout_id, "ACSC", reference="R1"),
        payment_return(SECOND.payout_id, "0.50"),
        message_rejection("FC" + 28 * "0"),
        notification(entry(FIRST.payout_id, "0.26", "R1"), account="STRANGER"),
        statement("1.00", "0.75", account="STRANGER"),
    ],
    ids=[
        "no file of ours",
        "a payout never written",
        "a return of none",
        "a message of none",
        "an entry on an account of nobody",
        "a statement of an account of nobody",
    ],
)
def test_a_file_that_is_not_taken_is_put_aside_and_holds_nothing_up(
    rail: IsoFileRail, tmp_path: Path, data: bytes
) -> None:
    rail.pay(FIRST)
    put(tmp_path, data, status_report(FIRST.payout_id, "ACSC", reference="R1"))

    assert rail.query(FIRST.payout_id).status is RailStatus.SETTLED
    assert refused(tmp_path) == 1


def test_a_file_that_breaks_the_reader_holds_nothing_up(
    rail: IsoFileRail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = b"<Document>of death</Document>"

    def read(data: bytes) -> BankFile:
        if data == bad:
            raise ZeroDivisionError
        return read_bank_file(data)

    monkeypatch.setattr(file_rail, "read_bank_file", read)
    rail.pay(FIRST)
    put(tmp_path, bad, status_report(FIRST.payout_id, "ACSC", reference="R1"))

    assert rail.query(FIRST.payout_id).status is RailStatus.SETTLED
    assert refused(tmp_path) == 1


def test_a_folder_or_a_long_name_among_the_files_holds_nothing_up(
    rail: IsoFileRail, tmp_path: Path
) -> None:
    rail.pay(FIRST)
    (tmp_path / "incoming" / "a.xml").mkdir()
    (tmp_path / "processed" / "a.xml").mkdir()
    for name, data in {
        "n": status_report(FIRST.payout_id, "ACSC", reference="R1"),
        "r": b"<Document/>",
    }.items():
        (tmp_path / "incoming" / f"{251 * name}.xml").write_bytes(data)

    assert rail.query(FIRST.payout_id).status is RailStatus.SETTLED
    assert refused(tmp_path) == 1
    assert [path.name for path in (tmp_path / "incoming").iterdir()] == ["a.xml"]


class StuckDisk(Disk):
    """Does not move one file."""

    @override
    def move(self, source: Path, target: Path) -> None:
        if source.name == "0.xml":
            raise PermissionError
        super().move(source, target)


def test_a_file_that_cannot_be_moved_waits_alone(tmp_path: Path) -> None:
    rail = rail_at(tmp_path, StuckDisk())
    rail.pay(FIRST)
    put(
        tmp_path,
        status_report(FIRST.payout_id, "RJCT", reason="AC04"),
        status_report(FIRST.payout_id, "ACSC", reference="R1"),
    )

    assert rail.query(FIRST.payout_id).status is RailStatus.SETTLED


def test_an_entry_on_another_programmes_account_settles_nothing_here(
    rail: IsoFileRail, tmp_path: Path
) -> None:
    rail.pay(FIRST)
    put(
        tmp_path,
        notification(entry(FIRST.payout_id, "0.25", "R1"), account=OTHER_ACCOUNT),
        statement("1.00", "0.75", account=OTHER_ACCOUNT),
    )

    assert rail.query(FIRST.payout_id).status is RailStatus.ACCEPTED
    found = rail.of_day(OTHER, DAY)
    assert found is not None
    assert [line.reference for line in found.lines] == ["R1"]


def test_a_file_that_is_still_being_written_is_not_read(rail: IsoFileRail, tmp_path: Path) -> None:
    rail.pay(FIRST)
    whole = status_report(FIRST.payout_id, "ACSC", reference="R1")
    part = tmp_path / "incoming" / "status.xml.part"
    part.write_bytes(whole[:100])

    assert rail.query(FIRST.payout_id).status is RailStatus.ACCEPTED
    part.write_bytes(whole)
    part.rename(tmp_path / "incoming" / "status.xml")
    assert rail.query(FIRST.payout_id).status is RailStatus.SETTLED


# --- the day ----------------------------------------------------------------------------------


def booked(folder: Path) -> IsoFileRail:
    """Return a rail with one paid, one rejected, one returned payout and a stranger's entry."""
    rail = rail_at(folder)
    for order in (FIRST, SECOND, THIRD):
        rail.pay(order)
    put(
        folder,
        status_report(FIRST.payout_id, "ACSC", reference="R1"),
        notification(
            entry(FIRST.payout_id, "0.25", "R1"),
            entry(THIRD.payout_id, "0.75", "R3"),
            entry(payout(99).payout_id, "9.00", "R9"),
        ),
        status_report(SECOND.payout_id, "RJCT", reason="AC04"),
        payment_return(THIRD.payout_id, "0.75"),
        notification(entry(THIRD.payout_id, "0.75", "R4", side="CRDT", text="closed")),
        notification(entry(payout(98).payout_id, "1.00", "R8"), account=OTHER_ACCOUNT),
    )
    return rail


def test_a_day_has_no_files_before_its_statement_has_come(tmp_path: Path) -> None:
    assert booked(tmp_path).of_day(SHANGHAI, DAY) is None


def test_the_lines_of_a_day_are_what_files_say_of_it_once_each(tmp_path: Path) -> None:
    rail = booked(tmp_path)
    put(
        tmp_path,
        statement("100.00", "90.75", [entry(FIRST.payout_id, "0.25", "R1")]),
        statement("100.00", "90.75", [entry(FIRST.payout_id, "0.25", "R1")]),
        statement("5.00", "4.00", account=OTHER_ACCOUNT),
    )

    found = rail.of_day(SHANGHAI, DAY)

    assert found is not None
    assert {
        (line.payout_id, line.outcome, line.reference, int(line.amount_fen)) for line in found.lines
    } == {
        (FIRST.payout_id, PayoutOutcome.SETTLED, "R1", 25),
        (SECOND.payout_id, PayoutOutcome.REJECTED, "", 50),
        (THIRD.payout_id, PayoutOutcome.SETTLED, "R3", 75),
        (THIRD.payout_id, PayoutOutcome.REVERSED, "R4", 75),
        (payout(99).payout_id, PayoutOutcome.SETTLED, "R9", 900),
    }
    assert len(found.lines) == 5
    assert found.statement is not None
    assert (found.statement.opening_fen, found.statement.closing_fen) == (10_000, 9_075)
    assert rail.of_day(ProgrammeId("ecny-nowhere"), DAY) is None


def test_two_statements_of_a_day_that_differ_raise(rail: IsoFileRail, tmp_path: Path) -> None:
    put(tmp_path, statement("100.00", "99.00"), statement("100.00", "98.00"))

    with pytest.raises(RailContradictionError):
        rail.of_day(SHANGHAI, DAY)


def test_a_wrong_amount_stands_in_the_lines_as_it_came(tmp_path: Path) -> None:
    rail = rail_at(tmp_path)
    rail.pay(FIRST)
    put(tmp_path, notification(entry(FIRST.payout_id, "0.26", "R1")), statement("1.00", "0.74"))

    found = rail.of_day(SHANGHAI, DAY)

    assert found is not None
    assert [int(line.amount_fen) for line in found.lines] == [26]
