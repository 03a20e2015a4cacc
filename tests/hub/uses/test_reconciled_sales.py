"""What buyers pay for lots is found in the rail's statement, sale by sale."""

from __future__ import annotations

import pytest

from fedcarbon.redemption.differences import Reason
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.uses.lot import TONNE_UG
from fedcarbon.uses.order import UseKind
from tests.hub.clearing.desk import Desk, reasons
from tests.hub.uses.conftest import UseBooks

PRICES = ((9_001, 0), (5_000, 5_000), (7_003, 1_001))
"""Of three lots, and of each what the programme keeps."""


@pytest.fixture
def desk(books: UseBooks) -> Desk:
    """Return a desk whose programme has sold three lots in one second of one day."""
    desk = Desk(books)
    for number, tenths in ((1, 17), (2, 13)):
        mass = MicrogramsCO2e(tenths * TONNE_UG // 10)
        books.credit(number, mass)
        books.use(books.use_order(number, UseKind.PLEDGE, number, mass_ug=mass))
    for number, (price_fen, retained_fen) in enumerate(PRICES, start=1):
        books.form(number)
        books.judge(number, accepted=True)
        books.sell(number, price_fen, retained_fen)
    return desk


def test_every_buyers_payment_is_one_entry_of_the_statement(desk: Desk) -> None:
    for price_fen, _ in PRICES:
        desk.rail.move(price_fen, f"a buyer pays {price_fen}")

    assert desk.settle().is_closed


def test_a_sale_that_nobody_has_paid_is_named_alone(desk: Desk) -> None:
    for price_fen, _ in PRICES[1:]:
        desk.rail.move(price_fen, f"a buyer pays {price_fen}")

    (found,) = desk.settle().report.lines
    assert (found.difference.reason, found.difference.amount_fen) == (Reason.TOP_UP_MISSING, 9_001)
    assert found.difference.reference == (1).to_bytes(16, "big").hex()


def test_one_payment_for_two_sales_is_not_taken_for_both(desk: Desk) -> None:
    """Whoever booked them knows of two buyers; the sum of them explains neither."""
    desk.rail.move(9_001 + 5_000, "somebody pays")
    desk.rail.move(7_003, "a buyer pays")

    assert sorted(reasons(desk.settle())) == [
        Reason.MOVEMENT_UNKNOWN,
        Reason.TOP_UP_MISSING,
        Reason.TOP_UP_MISSING,
    ]
