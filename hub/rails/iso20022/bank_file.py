"""What a bank's file says, in the words of the port: the same for all four kinds of file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pyiso20022.camt.camt_053_001_08 import camt_053_001_08 as camt053
from pyiso20022.camt.camt_054_001_08 import camt_054_001_08 as camt054
from pyiso20022.pacs.pacs_004_001_09 import pacs_004_001_09 as pacs004
from pyiso20022.pain.pain_002_001_10 import pain_002_001_10 as pain002

from fedcarbon.redemption.rail import RailStatus
from fedcarbon.redemption.rail_day import FloatStatement
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.units import Fen
from hub.rails.iso20022.account_entries import Entry, entries_of
from hub.rails.iso20022.values import (
    IsoContentInvalidError,
    day_of,
    fen_of,
    moved_fen_of,
    payout_id_of,
)
from hub.rails.iso20022.xml import document_from_bytes

REASON_MAX: Final = 200
"""As in `fedcarbon.redemption.rail`."""

STATUSES: Final[Mapping[str, RailStatus]] = {
    "RCVD": RailStatus.ACCEPTED,
    "PDNG": RailStatus.ACCEPTED,
    "ACTC": RailStatus.ACCEPTED,
    "ACCP": RailStatus.ACCEPTED,
    "ACSP": RailStatus.ACCEPTED,
    "ACWC": RailStatus.ACCEPTED,
    "ACSC": RailStatus.SETTLED,
    "ACCC": RailStatus.SETTLED,
    "RJCT": RailStatus.REJECTED,
    "CANC": RailStatus.REJECTED,
}
"""Codes of the ISO list ExternalPaymentTransactionStatus1Code -> what they mean to the port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutReport:
    """What a file says of one payout."""

    payout_id: bytes
    status: RailStatus
    """ACCEPTED, SETTLED, REJECTED or RETURNED, where a return may be of a part."""
    day: ValueDay
    reference: str = ""
    """The bank's own name of the movement."""
    reason: str = ""
    amount_fen: Fen | None = None
    """What moved, where the file says it."""
    account: str = ""
    """On which account it is booked, for an entry of one; else empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRejection:
    """The bank has rejected a whole pain.001."""

    message_id: str
    reason: str
    day: ValueDay


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDay:
    """The statement of one account and day."""

    account: str
    day: ValueDay
    statement: FloatStatement


@dataclass(frozen=True, slots=True, kw_only=True)
class BankFile:
    """Everything that one file says."""

    reports: tuple[PayoutReport, ...] = ()
    rejections: tuple[MessageRejection, ...] = ()
    statements: tuple[AccountDay, ...] = ()


def read_bank_file(data: bytes) -> BankFile:
    """Return what a file of a bank says: pain.002, camt.053, camt.054 or pacs.004.

    Raises:
        PeerError: a class of `hub.rails.iso20022`; nothing of the file is used then.
    """
    document = document_from_bytes(data, DOCUMENTS)
    return _READERS[type(document)](document)


def _status_report(document: Any) -> BankFile:  # noqa: ANN401 - pain.002
    report = document.cstmr_pmt_sts_rpt
    day = day_of(report.grp_hdr.cre_dt_tm)
    group = report.orgnl_grp_inf_and_sts
    found: list[PayoutReport] = []
    for instruction in report.orgnl_pmt_inf_and_sts:
        for item in instruction.tx_inf_and_sts:
            text = item.tx_sts or instruction.pmt_inf_sts or group.grp_sts
            found.append(_payout_status(item, text, day))
    rejected = group.grp_sts == "RJCT" and not found
    instructions = report.orgnl_pmt_inf_and_sts
    if not found and not rejected and any(item.pmt_inf_sts == "RJCT" for item in instructions):
        raise IsoContentInvalidError("a rejected instruction must list its payouts")
    rejections = (
        [MessageRejection(message_id=group.orgnl_msg_id, reason=_reason(group), day=day)]
        if rejected
        else []
    )
    return BankFile(reports=tuple(found), rejections=tuple(rejections))


def _payout_status(item: Any, text: str | None, day: ValueDay) -> PayoutReport:  # noqa: ANN401
    status = STATUSES.get(text or "")
    if status is None:
        raise IsoContentInvalidError("a payout has no status that was agreed on")
    reference = item.acct_svcr_ref or ""
    if status is RailStatus.SETTLED and not reference:
        # Without the bank's reference no file could be matched to it: the camt.054 will settle it.
        status = RailStatus.ACCEPTED
    accepted = item.accptnc_dt_tm
    return PayoutReport(
        payout_id=payout_id_of(item.orgnl_end_to_end_id),
        status=status,
        day=day if accepted is None else day_of(accepted),
        reference=reference,
        reason=_reason(item) if status is RailStatus.REJECTED else "",
    )


def _notification(document: Any) -> BankFile:  # noqa: ANN401 - camt.054
    found: list[PayoutReport] = []
    for notified in document.bk_to_cstmr_dbt_cdt_ntfctn.ntfctn:
        account = _account(notified.acct)
        entries = (entry for item in notified.ntry for entry in entries_of(item))
        found += [_booked(entry, account) for entry in entries if entry.payout_id is not None]
    return BankFile(reports=tuple(found))


def _account(account: Any) -> str:  # noqa: ANN401 - of either message
    if account.id.othr is None:
        raise IsoContentInvalidError("an account is named by its number")
    number: str = account.id.othr.id
    return number


def _booked(entry: Entry, account: str) -> PayoutReport:
    assert entry.payout_id is not None  # noqa: S101 - the caller has looked
    status = RailStatus.SETTLED if entry.signed_fen < 0 else RailStatus.RETURNED
    return PayoutReport(
        payout_id=entry.payout_id,
        status=status,
        day=entry.day,
        reference=entry.reference,
        reason=(entry.text or "returned") if status is RailStatus.RETURNED else "",
        amount_fen=Fen(abs(entry.signed_fen)),
        account=account,
    )


def _statement(document: Any) -> BankFile:  # noqa: ANN401 - camt.053
    return BankFile(statements=tuple(map(_account_day, document.bk_to_cstmr_stmt.stmt)))


def _account_day(statement: Any) -> AccountDay:  # noqa: ANN401 - camt.053
    balances: dict[str, tuple[ValueDay, int]] = {}
    for balance in statement.bal:
        code = balance.tp.cd_or_prtry.cd
        if code in {"OPBD", "CLBD"}:
            if code in balances:
                raise IsoContentInvalidError("a statement has one opening and one closing balance")
            fen = fen_of(balance.amt)
            is_debit = balance.cdt_dbt_ind.value == "DBIT"
            day = day_of(balance.dt.dt or balance.dt.dt_tm)
            balances[code] = (day, -fen if is_debit else fen)
    if len(balances) != 2:  # noqa: PLR2004 - opening and closing
        raise IsoContentInvalidError("a statement has one opening and one closing balance")
    (_, opening), (day, closing) = balances["OPBD"], balances["CLBD"]
    entries = [entry for item in statement.ntry for entry in entries_of(item)]
    return AccountDay(
        account=_account(statement.acct),
        day=day,
        statement=FloatStatement(
            opening_fen=opening,
            closing_fen=closing,
            movements=tuple(entry.movement for entry in entries),
        ),
    )


def _return(document: Any) -> BankFile:  # noqa: ANN401 - pacs.004
    message = document.pmt_rtr
    header = message.grp_hdr
    if int(header.nb_of_txs) != len(message.tx_inf):
        raise IsoContentInvalidError("a return counts its payouts wrongly")
    found = []
    for item in message.tx_inf:
        date = item.intr_bk_sttlm_dt or header.intr_bk_sttlm_dt or header.cre_dt_tm
        found.append(
            PayoutReport(
                payout_id=payout_id_of(item.orgnl_end_to_end_id),
                status=RailStatus.RETURNED,
                day=day_of(date),
                reference=item.rtr_id or "",
                reason=_reason_text(item.rtr_rsn_inf),
                amount_fen=moved_fen_of(item.rtrd_intr_bk_sttlm_amt),
            )
        )
        if not item.rtr_id:
            raise IsoContentInvalidError("a return has an id of its own")
    return BankFile(reports=tuple(found))


def _reason(item: Any) -> str:  # noqa: ANN401 - of several messages
    return _reason_text(item.sts_rsn_inf)


def _reason_text(reasons: list[Any]) -> str:
    words: list[str] = []
    for reason in reasons:
        if reason.rsn is not None:
            words.append(reason.rsn.cd or reason.rsn.prtry)
        words += reason.addtl_inf
    return " ".join(words)[:REASON_MAX] or "no reason given"


DOCUMENTS: Final[Mapping[str, type[Any]]] = {
    module.Document.Meta.namespace: module.Document
    for module in (pain002, camt053, camt054, pacs004)
}
"""Namespace -> message."""
_READERS: Final[Mapping[type[Any], Callable[[Any], BankFile]]] = {
    pain002.Document: _status_report,
    camt053.Document: _statement,
    camt054.Document: _notification,
    pacs004.Document: _return,
}
