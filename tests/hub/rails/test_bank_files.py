"""A bank's file is taken whole or refused by name."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from decimal import Decimal

import pytest
from pyiso20022.pain.pain_001_001_09 import pain_001_001_09 as pain

from fedcarbon.errors import PeerError
from fedcarbon.redemption.rail import RailStatus
from fedcarbon.redemption.rail_day import FloatMovement
from hub.rails.iso20022 import xml
from hub.rails.iso20022.bank_file import DOCUMENTS, STATUSES, PayoutReport, read_bank_file
from hub.rails.iso20022.schema import IsoSchemaViolatedError, check
from hub.rails.iso20022.values import IsoAmountInvalidError, fen_of, xml_instant, yuan
from tests.hub.rails.bank import (
    ACCOUNT,
    NS,
    balance,
    entry,
    message_rejection,
    notification,
    payment_return,
    statement,
    status_report,
)
from tests.hub.sandbox.operator_process import DAY, NOON_S, payout

PAYOUT = payout().payout_id
GOOD = {
    "pain.002": status_report(PAYOUT, "RJCT", reason="AC04"),
    "pain.002 of a message": message_rejection("FC1"),
    "camt.054": notification(entry(PAYOUT, "0.25", "REF-1")),
    "camt.053": statement("10.00", "9.75", [entry(PAYOUT, "0.25", "REF-1")]),
    "pacs.004": payment_return(PAYOUT, "0.25"),
}


# --- what good files say ----------------------------------------------------------------------


@pytest.mark.parametrize("code", STATUSES)
def test_a_status_report_says_what_became_of_a_payout(code: str) -> None:
    found = read_bank_file(status_report(PAYOUT, code, reference="REF-1", reason="AC04"))

    (report,) = found.reports
    assert (report.payout_id, report.status, report.day) == (PAYOUT, STATUSES[code], DAY)
    assert report.reason == ("AC04" if report.status is RailStatus.REJECTED else "")


def test_a_settlement_that_nobody_could_match_is_not_one_yet() -> None:
    (report,) = read_bank_file(status_report(PAYOUT, "ACSC")).reports

    assert report.status is RailStatus.ACCEPTED


def test_a_rejected_message_is_named() -> None:
    (rejection,) = read_bank_file(GOOD["pain.002 of a message"]).rejections

    assert (rejection.message_id, rejection.reason) == ("FC1", "DUPL")


def test_a_debit_is_a_payment_and_a_credit_a_return() -> None:
    data = notification(
        entry(PAYOUT, "0.25", "REF-1"),
        entry(PAYOUT, "0.25", "REF-2", side="CRDT", text="account closed"),
        entry(None, "3.00", "FEE-1"),
        entry("NOTPROVIDED", "100.00", "IN-1", side="CRDT"),
    )

    found = read_bank_file(data).reports

    common = {"payout_id": PAYOUT, "day": DAY, "amount_fen": 25, "account": ACCOUNT}
    assert found == (
        PayoutReport(status=RailStatus.SETTLED, reference="REF-1", **common),
        PayoutReport(
            status=RailStatus.RETURNED, reference="REF-2", reason="account closed", **common
        ),
    )


def test_a_statement_says_balances_and_movements() -> None:
    entries = [
        entry(PAYOUT, "0.25", "REF-1", text="payout"),
        entry(None, "3.00", "IN-1", side="CRDT"),
    ]
    (found,) = read_bank_file(statement("10.00", "12.75", entries)).statements

    assert (found.account, found.day) == (ACCOUNT, DAY)
    assert (found.statement.opening_fen, found.statement.closing_fen) == (1_000, 1_275)
    assert found.statement.movements == (
        FloatMovement(reference="REF-1", amount_fen=-25, payout_id=PAYOUT, text="payout"),
        FloatMovement(reference="IN-1", amount_fen=300, payout_id=None, text=""),
    )


def test_a_balance_below_zero_is_below_zero() -> None:
    data = statement("10.00", "9.75").replace(
        balance("OPBD", "10.00", DAY).encode(), balance("OPBD", "10.00", DAY, "DBIT").encode()
    )

    assert read_bank_file(data).statements[0].statement.opening_fen == -1_000


def test_a_return_says_how_much_came_back() -> None:
    (report,) = read_bank_file(GOOD["pacs.004"]).reports

    assert report.status is RailStatus.RETURNED
    assert (report.amount_fen, report.reference, report.reason) == (25, "RTR-1", "AC04")


# --- what is refused --------------------------------------------------------------------------

Bend = Callable[[bytes], bytes]


def swap(old: str, new: str) -> Bend:
    def bent(data: bytes) -> bytes:
        assert old.encode() in data
        return data.replace(old.encode(), new.encode(), 1)

    return bent


BOMB = (
    '<!DOCTYPE Document [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {to} "{f"&{of};" * 10}">' for of, to in zip("abcdef", "bcdefg", strict=True)
    )
    + "]><Document"
)
DTD = '<!DOCTYPE Document SYSTEM "file:///etc/hostname"><Document'
EXTERNAL = '<!DOCTYPE Document [<!ENTITY x SYSTEM "file:///etc/hostname">]><Document'
MALFORMED: dict[str, tuple[str, Bend, str]] = {
    "an entity bomb": ("pain.002", swap("<Document", BOMB), "ISO_XML_UNSAFE"),
    "a document type": ("pain.002", swap("<Document", DTD), "ISO_XML_UNSAFE"),
    "an external entity": ("pain.002", swap("<Document", EXTERNAL), "ISO_XML_UNSAFE"),
    "another encoding": ("pain.002", swap("UTF-8", "UTF-7"), "ISO_XML_UNSAFE"),
    "UTF-16": (
        "pain.002",
        lambda data: data.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        "ISO_XML_UNSAFE",
    ),
    "an entity that nobody declares": (
        "pain.002",
        swap("RJCT", "&RJCT;"),
        "ISO_XML_MALFORMED",
    ),
    "half a file": ("pain.002", lambda data: data[: len(data) // 2], "ISO_XML_MALFORMED"),
    "an empty file": ("pain.002", lambda _: b"", "ISO_XML_MALFORMED"),
    "another version": (
        "pain.002",
        swap("pain.002.001.10", "pain.002.001.03"),
        "ISO_MESSAGE_UNKNOWN",
    ),
    "another namespace": ("camt.053", swap(NS, "urn:example:"), "ISO_MESSAGE_UNKNOWN"),
    "our own message": (
        "pain.002",
        swap("pain.002.001.10", "pain.001.001.09"),
        "ISO_MESSAGE_UNKNOWN",
    ),
    "another root": (
        "pain.002",
        lambda data: data.replace(b"Document", b"Envelope"),
        "ISO_MESSAGE_UNKNOWN",
    ),
    "an unknown element": (
        "camt.054",
        swap("<BkTxCd/>", "<BkTxCd/><Gift/>"),
        "ISO_SCHEMA_VIOLATED",
    ),
    "an unknown attribute": ("camt.054", swap("<Sts>", '<Sts x="1">'), "ISO_SCHEMA_VIOLATED"),
    "an element of another namespace": (
        "camt.054",
        swap("<BkTxCd/>", '<BkTxCd xmlns="urn:example:x"/>'),
        "ISO_SCHEMA_VIOLATED",
    ),
    "a missing element": ("pacs.004", swap("<NbOfTxs>1</NbOfTxs>", ""), "ISO_SCHEMA_VIOLATED"),
    "an element twice": (
        "pain.002",
        swap("<TxSts>RJCT</TxSts>", "<TxSts>RJCT</TxSts><TxSts>ACSC</TxSts>"),
        "ISO_SCHEMA_VIOLATED",
    ),
    "another order": (
        "camt.054",
        swap(
            "<CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>",
            "<Sts><Cd>BOOK</Cd></Sts><CdtDbtInd>DBIT</CdtDbtInd>",
        ),
        "ISO_SCHEMA_VIOLATED",
    ),
    "no alternative": ("camt.054", swap("<Cd>BOOK</Cd>", ""), "ISO_SCHEMA_VIOLATED"),
    "both alternatives": (
        "camt.054",
        swap("<Cd>BOOK</Cd>", "<Cd>BOOK</Cd><Prtry>X</Prtry>"),
        "ISO_SCHEMA_VIOLATED",
    ),
    "a pattern": ("pacs.004", swap("<NbOfTxs>1<", "<NbOfTxs>one<"), "ISO_SCHEMA_VIOLATED"),
    "a currency that is none": ("camt.054", swap('"CNY"', '"yuan"'), "ISO_SCHEMA_VIOLATED"),
    "a code that is none": ("camt.054", swap("DBIT", "BOTH"), "ISO_SCHEMA_VIOLATED"),
    "too long": ("camt.054", swap("BANK-1", "B" * 36), "ISO_SCHEMA_VIOLATED"),
    "too short": ("camt.054", swap("BANK-1", ""), "ISO_SCHEMA_VIOLATED"),
    "too many digits": ("camt.054", swap("0.25", "1" * 17 + ".25"), "ISO_SCHEMA_VIOLATED"),
    "too many decimals": ("camt.054", swap("0.25", "0.250000"), "ISO_SCHEMA_VIOLATED"),
    "no number": ("camt.054", swap("0.25", "a lot"), "ISO_SCHEMA_VIOLATED"),
    "below zero": ("camt.054", swap("0.25", "-0.25"), "ISO_SCHEMA_VIOLATED"),
    "a date that is none": ("camt.054", swap("<Dt>2026", "<Dt>2026-"), "ISO_SCHEMA_VIOLATED"),
    "supplementary data": (
        "pain.002",
        swap(
            "</CstmrPmtStsRpt>",
            "<SplmtryData><Envlp><x xmlns='urn:example:x'/></Envlp></SplmtryData></CstmrPmtStsRpt>",
        ),
        "ISO_SCHEMA_VIOLATED",
    ),
    "another currency": ("camt.054", swap('"CNY"', '"USD"'), "ISO_CURRENCY_REFUSED"),
    "another currency of a balance": ("camt.053", swap('"CNY"', '"USD"'), "ISO_CURRENCY_REFUSED"),
    "three decimals": ("camt.054", swap("0.25", "0.255"), "ISO_AMOUNT_INVALID"),
    "one decimal": ("camt.054", swap("0.25", "0.2"), "ISO_AMOUNT_INVALID"),
    "nothing moves": ("camt.054", swap("0.25", "0.00"), "ISO_AMOUNT_INVALID"),
    "an id that is no payout's": (
        "pain.002",
        swap(PAYOUT.hex(), "invoice-7"),
        "ISO_PAYOUT_UNKNOWN",
    ),
    "an id in capitals": (
        "pacs.004",
        swap(PAYOUT.hex(), PAYOUT.hex().upper()),
        "ISO_PAYOUT_UNKNOWN",
    ),
    "a status that nobody agreed on": ("pain.002", swap("RJCT", "WAIT"), "ISO_CONTENT_INVALID"),
    "an entry that is not booked": ("camt.053", swap("BOOK", "PDNG"), "ISO_CONTENT_INVALID"),
    "an entry without a day": (
        "camt.054",
        lambda data: re.sub(rb"<ValDt>.*?</ValDt>", b"", data),
        "ISO_CONTENT_INVALID",
    ),
    "an entry without a reference": (
        "camt.054",
        lambda data: re.sub(rb"<AcctSvcrRef>.*?</AcctSvcrRef>", b"", data),
        "ISO_CONTENT_INVALID",
    ),
    "no closing balance": ("camt.053", swap("CLBD", "ITBD"), "ISO_CONTENT_INVALID"),
    "two opening balances": ("camt.053", swap("CLBD", "OPBD"), "ISO_CONTENT_INVALID"),
    "a return that counts wrongly": (
        "pacs.004",
        swap("<NbOfTxs>1<", "<NbOfTxs>2<"),
        "ISO_CONTENT_INVALID",
    ),
    "a return without an id": (
        "pacs.004",
        swap("<RtrId>RTR-1</RtrId>", ""),
        "ISO_CONTENT_INVALID",
    ),
    "an account by IBAN": (
        "camt.053",
        swap(f"<Othr><Id>{ACCOUNT}</Id></Othr>", "<IBAN>DE00123</IBAN>"),
        "ISO_CONTENT_INVALID",
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_the_examples_are_good(name: str) -> None:
    read_bank_file(GOOD[name])


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_file_is_refused_by_name(case: str) -> None:
    name, bend, code = MALFORMED[case]

    with pytest.raises(PeerError) as caught:
        read_bank_file(bend(GOOD[name]))

    assert caught.value.code == code


def test_a_file_that_is_too_long_is_refused_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(xml, "FILE_BYTES_MAX", 100)

    with pytest.raises(xml.IsoFileTooLargeError):
        read_bank_file(GOOD["pain.002"])


def test_details_of_an_entry_must_be_its_sum() -> None:
    def detailed(*amounts: str) -> bytes:
        details = "".join(
            f"<TxDtls><Refs><AcctSvcrRef>R{place}</AcctSvcrRef>"
            f"<EndToEndId>{payout(place).payout_id.hex()}</EndToEndId></Refs>"
            f'<Amt Ccy="CNY">{amount}</Amt></TxDtls>'
            for place, amount in enumerate(amounts)
        )
        batch = entry(None, "0.75", "B1").replace(
            "<BkTxCd/>", f"<BkTxCd/><NtryDtls>{details}</NtryDtls>"
        )
        return notification(batch)

    found = read_bank_file(detailed("0.25", "0.50")).reports

    assert [report.amount_fen for report in found] == [25, 50]
    with pytest.raises(PeerError, match="not its sum"):
        read_bank_file(detailed("0.25", "0.25"))


# --- money and facets -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fen", "text"), [(1, "0.01"), (25, "0.25"), (100, "1.00"), (10**15 + 1, "10000000000000.01")]
)
def test_fen_are_yuan_with_two_decimals_and_back(fen: int, text: str) -> None:
    amount = pain.ActiveOrHistoricCurrencyAndAmount(value=yuan(fen), ccy="CNY")

    assert f"{amount.value:f}" == text
    assert fen_of(amount) == fen


def test_an_amount_in_powers_of_ten_is_refused() -> None:
    amount = pain.ActiveOrHistoricCurrencyAndAmount(value=Decimal("1E+2"), ccy="CNY")

    with pytest.raises(IsoAmountInvalidError):
        fen_of(amount)


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_what_is_no_number_breaks_the_schema(value: str) -> None:
    with pytest.raises(IsoSchemaViolatedError):
        check(pain.ActiveOrHistoricCurrencyAndAmount(value=Decimal(value), ccy="CNY"))


def test_too_many_of_a_list_break_the_schema() -> None:
    authorised = [pain.Authorisation1Choice(prtry="x")] * 3
    header = pain.GroupHeader85(
        msg_id="1",
        cre_dt_tm=xml_instant(NOON_S),
        authstn=authorised,
        nb_of_txs="1",
        initg_pty=pain.PartyIdentification135(),
    )

    with pytest.raises(IsoSchemaViolatedError, match="too many"):
        check(header)


def test_every_pattern_of_the_messages_is_one_that_we_understand() -> None:
    for cls in [*DOCUMENTS.values(), pain.Document]:
        for part in vars(sys.modules[cls.__module__]).values():
            for field in getattr(part, "__dataclass_fields__", {}).values():
                if "pattern" in field.metadata:
                    re.compile(field.metadata["pattern"])


EMPTY = re.compile(rb"<(\w+)([^>]*)>[^<>]+</\1>")


@pytest.mark.parametrize("kind", GOOD)
def test_an_empty_element_is_refused_wherever_it_is(kind: str) -> None:
    found = list(EMPTY.finditer(GOOD[kind]))
    assert found
    for one in found:
        empty = b"<%b%b></%b>" % (one[1], one[2], one[1])

        with pytest.raises(PeerError):
            read_bank_file(GOOD[kind][: one.start()] + empty + GOOD[kind][one.end() :])
