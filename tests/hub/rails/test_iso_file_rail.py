"""The folder rail: what it writes once, and what it makes of whatever comes, in whatever order."""

from __future__ import annotations

import random  # noqa: TID251 - a seeded shuffle
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from lxml import etree
from pyiso20022.pain.pain_001_001_09 import pain_001_001_09 as pain
from typing_extensions import override

from fedcarbon.clock import SteppedClock
from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import RailAnswer, RailContradictionError, RailStatus
from fedcarbon.redemption.wallet import TEST_INSTITUTION_CODE, WalletId
from fedcarbon.units import Fen
from hub.rails.iso20022.answers import RailAmountDiffersError
from hub.rails.iso20022.disk import Disk
from hub.rails.iso20022.file_rail import IsoAccountUnknownError, IsoFileRail
from hub.rails.iso20022.journal import IsoJournalDamagedError, IsoPayoutReusedError
from hub.rails.iso20022.payment_order import message_id, payment_order
from hub.rails.iso20022.schema import IsoSchemaViolatedError
from hub.rails.iso20022.xml import document_from_bytes
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
PAIN = {pain.Document.Meta.namespace: pain.Document}


def rail_at(folder: Path, disk: Disk | None = None) -> IsoFileRail:
    return IsoFileRail(folder, DEBTOR, SteppedClock(NOON_S), disk=disk)


@pytest.fixture
def rail(tmp_path: Path) -> IsoFileRail:
    return rail_at(tmp_path)


def put(folder: Path, *files: bytes) -> None:
    for data in files:
        number = len(list((folder / "incoming").iterdir()))
        (folder / "incoming" / f"{number}.xml").write_bytes(data)


def ordered(folder: Path) -> dict[str, tuple[str, int, str]]:
    """Return end-to-end id to account, fen and wallet of everything in `outgoing`."""
    found: dict[str, tuple[str, int, str]] = {}
    for path in (folder / "outgoing").glob("*.xml"):
        message = document_from_bytes(path.read_bytes(), PAIN).cstmr_cdt_trf_initn
        assert message.grp_hdr.msg_id == path.stem
        for part in message.pmt_inf:
            for item in part.cdt_trf_tx_inf:
                name = item.pmt_id.end_to_end_id
                assert name not in found
                found[name] = (
                    part.dbtr_acct.id.othr.id,
                    int(item.amt.instd_amt.value * 100),
                    item.cdtr_acct.prxy.id,
                )
    return found


# --- out --------------------------------------------------------------------------------------


def test_payouts_wait_and_go_out_in_one_file(rail: IsoFileRail, tmp_path: Path) -> None:
    far = replace(payout(4), programme=OTHER, wallet_id=WalletId("w" * 68))
    for order in (FIRST, SECOND, far):
        assert rail.pay(order) == RailAnswer(status=RailStatus.ACCEPTED)
    assert ordered(tmp_path) == {}

    assert rail.flush() == [message_id([FIRST, SECOND, far])]

    assert ordered(tmp_path) == {
        FIRST.payout_id.hex(): ("FLOAT-1", 25, FIRST.wallet_id),
        SECOND.payout_id.hex(): ("FLOAT-1", 50, SECOND.wallet_id),
        far.payout_id.hex(): (OTHER_ACCOUNT, 25, far.wallet_id),
    }
    assert rail.flush() == []


def test_the_file_says_who_pays_whom() -> None:
    data = payment_order([SECOND, FIRST], DEBTOR, NOON_S)
    message = document_from_bytes(data, PAIN).cstmr_cdt_trf_initn
    (part,) = message.pmt_inf

    assert data == payment_order([FIRST, SECOND], DEBTOR, NOON_S)
    assert (message.grp_hdr.nb_of_txs, str(message.grp_hdr.ctrl_sum)) == ("2", "0.75")
    assert str(message.grp_hdr.cre_dt_tm).startswith("2026-05-27T12:00:00")
    assert part.dbtr_agt.fin_instn_id.clr_sys_mmb_id.mmb_id == DEBTOR.agent
    assert str(part.reqd_exctn_dt.dt) == "2026-05-27"
    (agent,) = {item.cdtr_agt.fin_instn_id.clr_sys_mmb_id.mmb_id for item in part.cdt_trf_tx_inf}
    assert agent == TEST_INSTITUTION_CODE
    assert {item.cdtr_acct.tp.prtry for item in part.cdt_trf_tx_inf} == {"WT01"}
    assert etree.fromstring(data).tag == f"{{{pain.Document.Meta.namespace}}}Document"


def test_a_message_is_named_by_what_it_holds() -> None:
    names = [
        message_id(orders)
        for orders in (
            [FIRST],
            [FIRST, SECOND],
            [replace(FIRST, amount_fen=Fen(26))],
            [replace(FIRST, wallet_id=SECOND.wallet_id)],
            [replace(FIRST, programme=OTHER)],
        )
    ]

    assert len(set(names)) == len(names)
    assert message_id([SECOND, FIRST]) == names[1]
    assert max(map(len, names)) <= 30


def test_what_does_not_fit_is_not_written() -> None:
    with pytest.raises(IsoSchemaViolatedError, match="too long"):
        payment_order([FIRST], replace(DEBTOR, name="n" * 141), NOON_S)


def test_the_same_id_with_another_content_is_refused(rail: IsoFileRail) -> None:
    rail.pay(FIRST)

    for changed in (replace(FIRST, amount_fen=Fen(1)), replace(FIRST, wallet_id=SECOND.wallet_id)):
        with pytest.raises(IsoPayoutReusedError):
            rail.pay(changed)


def test_a_programme_without_an_account_is_refused(rail: IsoFileRail, tmp_path: Path) -> None:
    with pytest.raises(IsoAccountUnknownError):
        rail.pay(replace(FIRST, programme=ProgrammeId("ecny-nowhere")))

    rail.flush()
    assert ordered(tmp_path) == {}


def test_a_payout_that_went_out_never_goes_out_again(rail: IsoFileRail, tmp_path: Path) -> None:
    rail.pay(FIRST)
    (name,) = rail.flush()
    (tmp_path / "outgoing" / f"{name}.xml").unlink()  # the bank took it

    again = rail_at(tmp_path)
    again.pay(FIRST)
    again.pay(SECOND)
    again.flush()

    assert list(ordered(tmp_path)) == [SECOND.payout_id.hex()]


def test_a_damaged_journal_is_noticed_at_the_start(rail: IsoFileRail, tmp_path: Path) -> None:
    rail.pay(FIRST)
    (path,) = (tmp_path / "waiting").glob("*.json")
    path.write_bytes(path.read_bytes()[:-9])

    with pytest.raises(IsoJournalDamagedError):
        rail_at(tmp_path)


# --- crashes ----------------------------------------------------------------------------------


class PowerCutError(OSError):
    """The machine stops at an act on the disk."""


class FailingDisk(Disk):
    """Fails at one act: without any effect, or after its effect."""

    instants: ClassVar[int] = 24

    def __init__(self, at: int, *, persisted: bool) -> None:
        self._left = at
        self._persisted = persisted

    def _act(self) -> bool:
        """Return whether this is the act that fails."""
        self._left -= 1
        if self._left == 0 and not self._persisted:
            raise PowerCutError
        return self._left == 0

    @override
    def make(self, folder: Path) -> None:
        fails = self._act()
        super().make(folder)
        if fails:
            raise PowerCutError

    @override
    def write(self, path: Path, data: bytes) -> None:
        fails = self._act()
        super().write(path, data)
        if fails:
            raise PowerCutError

    @override
    def move(self, source: Path, target: Path) -> None:
        fails = self._act()
        super().move(source, target)
        if fails:
            raise PowerCutError


@pytest.mark.parametrize("persisted", [False, True], ids=["failed", "failed but persisted"])
@pytest.mark.parametrize("at", range(1, FailingDisk.instants + 1))
def test_a_crash_at_any_instant_writes_no_payout_twice_and_loses_none(
    tmp_path: Path, at: int, *, persisted: bool
) -> None:
    taken: set[str] = set()  # what the bank took away, as soon as it lay there
    crashed = False

    def collect() -> None:
        found = ordered(tmp_path)
        assert not taken & found.keys()
        taken.update(found)
        for path in (tmp_path / "outgoing").glob("*.xml"):
            path.unlink()

    def work(disk: Disk) -> None:
        rail = rail_at(tmp_path, disk)
        for order in (FIRST, SECOND):
            rail.pay(order)
        rail.flush()
        rail.pay(THIRD)
        rail.flush()

    try:
        work(FailingDisk(at, persisted=persisted))
    except PowerCutError:
        crashed = True
    for _ in range(2):
        collect()
        work(Disk())
    collect()

    assert crashed == (at <= 20)
    assert taken == {order.payout_id.hex() for order in (FIRST, SECOND, THIRD)}


def test_an_accepted_payout_is_on_the_disk(rail: IsoFileRail, tmp_path: Path) -> None:
    rail.pay(FIRST)

    assert rail_at(tmp_path).query(FIRST.payout_id).status is RailStatus.ACCEPTED
    assert rail_at(tmp_path).query(SECOND.payout_id).status is RailStatus.NOT_FOUND


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
    ],
    ids=["no file of ours", "a payout never written", "a return of none", "a message of none"],
)
def test_a_file_that_is_not_taken_is_put_aside_and_holds_nothing_up(
    rail: IsoFileRail, tmp_path: Path, data: bytes
) -> None:
    rail.pay(FIRST)
    put(tmp_path, data, status_report(FIRST.payout_id, "ACSC", reference="R1"))

    assert rail.query(FIRST.payout_id).status is RailStatus.SETTLED
    assert refused(tmp_path) == 1


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
