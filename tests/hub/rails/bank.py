"""Files as a bank writes them: plain text, so that a test can bend any byte of them."""

from __future__ import annotations

from collections.abc import Sequence

from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.value_day import ValueDay, day_text
from hub.rails.iso20022.payment_order import Debtor
from tests.hub.sandbox.operator_process import DAY, SHANGHAI

ACCOUNT = "FLOAT-1"
OTHER = ProgrammeId("ecny-shenzhen")
OTHER_ACCOUNT = "FLOAT-2"
DEBTOR = Debtor(
    name="Carbon programme",
    agent="C1010411000013",
    accounts={SHANGHAI: ACCOUNT, OTHER: OTHER_ACCOUNT},
)
NS = "urn:iso:std:iso:20022:tech:xsd:"


def document(kind: str, body: str) -> bytes:
    text = f'<Document xmlns="{NS}{kind}">{body}</Document>'
    return f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()


def header(name: str = "BANK-1", day: ValueDay = DAY) -> str:
    return f"<GrpHdr><MsgId>{name}</MsgId><CreDtTm>{day_text(day)}T18:00:00</CreDtTm>"


def money(tag: str, yuan: str, currency: str = "CNY") -> str:
    return f'<{tag} Ccy="{currency}">{yuan}</{tag}>'


def status_report(
    payout_id: bytes | str,
    status: str,
    *,
    reference: str = "",
    reason: str = "",
    day: ValueDay = DAY,
) -> bytes:
    """Return a pain.002 about one payout."""
    name = payout_id if isinstance(payout_id, str) else payout_id.hex()
    why = f"<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></StsRsnInf>" if reason else ""
    named = f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""
    return document(
        "pain.002.001.10",
        f"<CstmrPmtStsRpt>{header(day=day)}</GrpHdr>"
        "<OrgnlGrpInfAndSts><OrgnlMsgId>FC1</OrgnlMsgId>"
        "<OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId></OrgnlGrpInfAndSts>"
        "<OrgnlPmtInfAndSts><OrgnlPmtInfId>FC1-001</OrgnlPmtInfId>"
        f"<TxInfAndSts><OrgnlEndToEndId>{name}</OrgnlEndToEndId><TxSts>{status}</TxSts>"
        f"{why}{named}</TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt>",
    )


def message_rejection(message_id: str) -> bytes:
    """Return a pain.002 that rejects a whole pain.001."""
    return document(
        "pain.002.001.10",
        f"<CstmrPmtStsRpt>{header()}</GrpHdr>"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{message_id}</OrgnlMsgId>"
        "<OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId><GrpSts>RJCT</GrpSts>"
        "<StsRsnInf><Rsn><Cd>DUPL</Cd></Rsn></StsRsnInf></OrgnlGrpInfAndSts></CstmrPmtStsRpt>",
    )


def entry(
    payout_id: bytes | str | None,
    yuan: str,
    reference: str,
    *,
    side: str = "DBIT",
    day: ValueDay = DAY,
    currency: str = "CNY",
    status: str = "BOOK",
    text: str = "",
) -> str:
    """Return an entry of an account."""
    name = payout_id.hex() if isinstance(payout_id, bytes) else payout_id
    details = (
        f"<NtryDtls><TxDtls><Refs><AcctSvcrRef>{reference}</AcctSvcrRef>"
        f"<EndToEndId>{name}</EndToEndId></Refs></TxDtls></NtryDtls>"
        if name
        else ""
    )
    words = f"<AddtlNtryInf>{text}</AddtlNtryInf>" if text else ""
    return (
        f"<Ntry>{money('Amt', yuan, currency)}<CdtDbtInd>{side}</CdtDbtInd>"
        f"<Sts><Cd>{status}</Cd></Sts><ValDt><Dt>{day_text(day)}</Dt></ValDt>"
        f"<AcctSvcrRef>{reference}</AcctSvcrRef><BkTxCd/>{details}{words}</Ntry>"
    )


def notification(*entries: str, account: str = ACCOUNT) -> bytes:
    """Return a camt.054."""
    return document(
        "camt.054.001.08",
        f"<BkToCstmrDbtCdtNtfctn>{header()}</GrpHdr><Ntfctn><Id>N1</Id>"
        f"<Acct><Id><Othr><Id>{account}</Id></Othr></Id></Acct>{''.join(entries)}"
        "</Ntfctn></BkToCstmrDbtCdtNtfctn>",
    )


def balance(code: str, yuan: str, day: ValueDay, side: str = "CRDT") -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{money('Amt', yuan)}"
        f"<CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>{day_text(day)}</Dt></Dt></Bal>"
    )


def statement(
    opening: str,
    closing: str,
    entries: Sequence[str] = (),
    *,
    account: str = ACCOUNT,
    day: ValueDay = DAY,
) -> bytes:
    """Return a camt.053."""
    return document(
        "camt.053.001.08",
        f"<BkToCstmrStmt>{header()}</GrpHdr><Stmt><Id>S1</Id>"
        f"<Acct><Id><Othr><Id>{account}</Id></Othr></Id></Acct>"
        f"{balance('OPBD', opening, day)}{balance('CLBD', closing, day)}{''.join(entries)}"
        "</Stmt></BkToCstmrStmt>",
    )


def payment_return(
    payout_id: bytes | str, yuan: str, return_id: str = "RTR-1", *, day: ValueDay = DAY
) -> bytes:
    """Return a pacs.004 of one payout."""
    name = payout_id if isinstance(payout_id, str) else payout_id.hex()
    return document(
        "pacs.004.001.09",
        f"<PmtRtr>{header(day=day)}<NbOfTxs>1</NbOfTxs>"
        "<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>"
        f"<TxInf><RtrId>{return_id}</RtrId><OrgnlEndToEndId>{name}</OrgnlEndToEndId>"
        f"{money('RtrdIntrBkSttlmAmt', yuan)}"
        "<RtrRsnInf><Rsn><Cd>AC04</Cd></Rsn></RtrRsnInf></TxInf></PmtRtr>",
    )
