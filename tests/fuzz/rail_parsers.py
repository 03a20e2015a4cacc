"""Parsers of what rail operators and banks send."""

from __future__ import annotations

from functools import cache
from typing import Final

from pyiso20022.pain.pain_001_001_09 import pain_001_001_09 as pain

from fedcarbon.canonical.statement import Statement
from fedcarbon.clock import SteppedClock
from fedcarbon.errors import PeerError
from fedcarbon.ids import PartyId, Role
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import RailStatus
from fedcarbon.redemption.rail_day import RailLine
from fedcarbon.transparency.envelope import SigningKey
from fedcarbon.units import Fen
from fedcarbon.wire.certificates import PartyName
from hub.rails.iso20022.bank_file import read_bank_file
from hub.rails.iso20022.payment_order import payment_order
from hub.rails.iso20022.xml import document_from_bytes
from hub.rails.letters import Correspondent, Secretary
from hub.rails.messages import (
    Acknowledgement,
    Money,
    PayoutAnswer,
    PayoutNotice,
    PayRequest,
    QueryRequest,
    Refusal,
    SettlementAnswer,
    SettlementRequest,
    StatementAnswer,
    StatementEntry,
    StatementRequest,
)
from hub.sandbox.faults import RailFault
from hub.sandbox.orders import FaultOrder
from tests.fuzz.parser import Parser
from tests.hub.rails.bank import (
    DEBTOR,
    entry,
    message_rejection,
    notification,
    payment_return,
    statement,
    status_report,
)
from tests.hub.sandbox.operator_process import DAY, HUB, NOON_S, OPERATOR, SHANGHAI, payout

KEY: Final = SigningKey(b"k" * 32)
PAYOUT: Final = payout()
KINDS: Final[tuple[type[Statement], ...]] = (
    Acknowledgement,
    FaultOrder,
    PayRequest,
    PayoutAnswer,
    PayoutNotice,
    QueryRequest,
    Refusal,
    SettlementAnswer,
    SettlementRequest,
    StatementAnswer,
    StatementRequest,
)


def secretary(name: PartyId) -> Secretary:
    """Return who writes for a party, always with the same numbers."""
    return Secretary(
        party_id=name, key=KEY, clock=SteppedClock(NOON_S), random_bytes=lambda size: b"r" * size
    )


@cache
def letters() -> list[bytes]:
    """Return a signed letter of every kind."""
    writer = secretary(OPERATOR)
    head = writer.head(HUB)
    file = {"head": head, "programme": SHANGHAI, "day": DAY, "page": 0}
    status = {"status": RailStatus.SETTLED, "reason": "", "reference": "r", "value_day": DAY}
    line = RailLine(
        payout_id=PAYOUT.payout_id,
        amount_fen=Fen(1),
        outcome=PayoutOutcome.SETTLED,
        reference="r",
        reason="",
    )
    movement = StatementEntry(
        reference="r", money=Money.of(-1), payout_id=PAYOUT.payout_id, text=""
    )
    written: list[Statement] = [
        Acknowledgement(head=head),
        FaultOrder(
            head=head,
            fault=RailFault.SLOW,
            calls=1,
            delay_ms=9,
            wallet_id="",
            programme="",
            amount_fen=0,
            comes_in=False,
        ),
        PayRequest(
            head=head,
            payout_id=PAYOUT.payout_id,
            programme=SHANGHAI,
            wallet_id=PAYOUT.wallet_id,
            amount_fen=PAYOUT.amount_fen,
        ),
        PayoutAnswer(head=head, payout_id=PAYOUT.payout_id, amount_fen=Fen(1), **status),
        PayoutNotice(head=head, payout_id=PAYOUT.payout_id, amount_fen=Fen(1), **status),
        QueryRequest(head=head, payout_id=PAYOUT.payout_id),
        Refusal(head=head, code="CODE", sentence="no"),
        SettlementAnswer(**file, pages=1, lines=(line,)),
        SettlementRequest(**file),
        StatementAnswer(
            **file, pages=1, opening=Money.of(0), closing=Money.of(-1), entries=(movement,)
        ),
        StatementRequest(**file),
    ]
    assert {type(letter) for letter in written} == set(KINDS)
    return [writer.sealed(letter) for letter in written]


def opened(data: bytes) -> Statement:
    """Open a letter, whatever kind it is of."""
    operator = PartyName(party_id=OPERATOR, role=Role.WALLET_OPERATOR)
    return secretary(HUB).opened(KINDS, data, Correspondent(name=operator, signing_key=KEY.public))


def bank_files() -> list[bytes]:
    """Return a file of every kind that a bank sends."""
    booked = entry(PAYOUT.payout_id, "0.25", "REF-1")
    return [
        status_report(PAYOUT.payout_id, "RJCT", reason="AC04"),
        message_rejection("FC1"),
        notification(booked),
        statement("10.00", "9.75", [booked]),
        payment_return(PAYOUT.payout_id, "0.25"),
    ]


def of_rails() -> list[Parser]:
    """Return the parsers of letters and of ISO 20022 files."""
    return [
        Parser(
            name="hub.rails.letters:Secretary.opened",
            parse=opened,
            errors=(PeerError,),
            examples=letters,
        ),
        Parser(
            name="hub.rails.iso20022.bank_file:read_bank_file",
            parse=read_bank_file,
            errors=(PeerError,),
            examples=bank_files,
        ),
        Parser(
            name="hub.rails.iso20022.xml:document_from_bytes",
            parse=lambda data: document_from_bytes(
                data, {pain.Document.Meta.namespace: pain.Document}
            ),
            errors=(PeerError,),
            examples=lambda: [payment_order([PAYOUT, payout(2)], DEBTOR, NOON_S)],
        ),
    ]
