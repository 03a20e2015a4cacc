"""A wallet operator's statement: every page once, and the columns that the hub uses."""

from __future__ import annotations

import pytest

from fedcarbon.cli.public_record import RecordUnreadableError
from fedcarbon.cli.wallet_operator import WalletOperator
from fedcarbon.cli.wallet_statement import line_of_message
from fedcarbon.clock import SteppedClock
from fedcarbon.redemption.operator_statement import COLUMNS, period_from_text
from fedcarbon.transparency.envelope import SigningKey
from fedcarbon.units import Seconds
from fedcarbon.v1 import redemption_pb2
from tests.chance import seeded
from tests.keys.ceremonies import dealt
from tests.trustee.founded import OPERATOR, programme_of

PERIOD = period_from_text("2026-03")
LINE = redemption_pb2.StatementLine(
    redemption=redemption_pb2.Redemption(
        redemption_id=bytes(16),
        state=redemption_pb2.REDEMPTION_STATE_REJECTED,
        units=2,
        mass_ug=2_500_000_000,
        payout_fen=2,
        reason="closed",
    ),
    programme_id="ecny-shanghai",
    wallet_id="9900000000000001",
    payout_id=bytes([1]) * 16,
    created_s=1_775_000_000,
    rail_reference="sandbox-1",
)


class StatementHub:
    """Serves pages by their names."""

    def __init__(self, following: dict[bytes, bytes]) -> None:
        self.following = following
        self.asked: list[bytes] = []

    def get_operator_statement(
        self, request: redemption_pb2.GetOperatorStatementRequest
    ) -> redemption_pb2.GetOperatorStatementResponse:
        assert (request.first_value_day, request.last_value_day) == (PERIOD.first, PERIOD.last)
        self.asked.append(request.after)
        return redemption_pb2.GetOperatorStatementResponse(
            lines=[LINE], next_after=self.following[request.after]
        )


def operator(hub: StatementHub) -> WalletOperator:
    return WalletOperator(
        operator_id=OPERATOR,
        signing_key=SigningKey(bytes(range(32))),
        hub=hub,  # type: ignore[arg-type]  # what these tests need of it
        store=None,  # type: ignore[arg-type]  # a statement needs none
        parameters=dealt().parameters,
        programme=programme_of(dealt()),
        clock=SteppedClock(Seconds(0)),
        random_below=seeded(1).randrange,
        random_bytes=seeded(1).randbytes,
    )


def test_every_page_is_asked_for_once() -> None:
    hub = StatementHub({b"": b"1", b"1": b"2", b"2": b""})

    pages = list(operator(hub).statement(PERIOD))

    assert len(pages) == 3
    assert hub.asked == [b"", b"1", b"2"]


def test_a_hub_whose_pages_go_in_a_circle_is_left() -> None:
    hub = StatementHub({b"": b"1", b"1": b"2", b"2": b"1"})

    with pytest.raises(RecordUnreadableError):
        list(operator(hub).statement(PERIOD))

    assert len(hub.asked) == 3


def test_a_line_has_the_hubs_columns_in_their_order() -> None:
    line = line_of_message(LINE)

    assert tuple(line) == COLUMNS
    assert (line["state"], line["payout_fen"], line["reason"]) == ("rejected", 2, "closed")
