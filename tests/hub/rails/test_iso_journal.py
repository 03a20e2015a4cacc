"""What the folder rail writes out: each payout once, whatever crashes in between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from lxml import etree
from pyiso20022.pain.pain_001_001_09 import pain_001_001_09 as pain
from typing_extensions import override

from fedcarbon.clock import SteppedClock
from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.rail import RailAnswer, RailStatus
from fedcarbon.redemption.wallet import TEST_INSTITUTION_CODE, WalletId
from fedcarbon.units import Fen
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
)
from tests.hub.sandbox.operator_process import NOON_S, payout

FIRST, SECOND, THIRD = (payout(number, 25 * number) for number in (1, 2, 3))
PAIN = {pain.Document.Meta.namespace: pain.Document}


def rail_at(folder: Path, disk: Disk | None = None) -> IsoFileRail:
    return IsoFileRail(folder, DEBTOR, SteppedClock(NOON_S), disk=disk)


@pytest.fixture
def rail(tmp_path: Path) -> IsoFileRail:
    return rail_at(tmp_path)


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
