"""The history checker finds each kind of bad history, and lets good ones pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.soak import history
from tests.soak.history import Booked, Books, Call, HistoryError, Kind, Rule, check


def call(kind: Kind, at: int, until: int | None, **fields: object) -> Call:
    return Call(kind=kind, account=1, invoked_ns=at, returned_ns=until, **fields)  # type: ignore[arg-type]


def redeem(
    at: int, until: int | None, units: int = 2, state: str = "settled", **fields: object
) -> Call:
    fields = {
        "redemption_id": "a",
        "promise": "p",
        "state": "" if until is None else state,
    } | fields
    return call(Kind.REDEEM, at, until, units=units, **fields)


def get(at: int, until: int, state: str, **fields: object) -> Call:
    return call(Kind.GET, at, until, **({"redemption_id": "a", "state": state} | fields))


def read(at: int, until: int, units: int) -> Call:
    return call(Kind.READ, at, until, units=units)


CREDIT = call(Kind.CREDIT, 0, 1, units=10)
SETTLED = Books(
    redemptions={"a": Booked(account=1, units=2, state="settled")},
    paid={"a": 1},
    spendable={1: 8},
    funded_fen=100,
    float_fen=98,
    paid_out_fen=2,
)
REJECTED = Books(
    redemptions={"a": Booked(account=1, units=2, state="rejected")},
    paid={},
    spendable={1: 10},
    funded_fen=100,
    float_fen=100,
    paid_out_fen=0,
)
NOTHING = replace(REJECTED, redemptions={})

GOOD = {
    "one that is paid": ([CREDIT, redeem(2, 5)], SETTLED),
    "one without an answer that is paid": ([CREDIT, redeem(2, None)], SETTLED),
    "one without an answer that left no trace": ([CREDIT, redeem(2, None)], NOTHING),
    "the same again": ([CREDIT, redeem(2, None), redeem(6, 8), redeem(7, 9)], SETTLED),
    "a read beside it sees it or not": (
        [CREDIT, read(2, 4, 10), redeem(3, 9), read(4, 8, 8), read(4, 8, 10)], SETTLED,
    ),
    "an answer that never came takes effect late": (
        [CREDIT, redeem(2, None), read(3, 4, 10), read(8, 9, 8)], SETTLED,
    ),
    "grams come back": (
        [CREDIT, redeem(2, 3, state="sent"), read(4, 5, 8), read(6, 7, 10), get(8, 9, "rejected")],
        REJECTED,
    ),
    "too much is refused": (
        [CREDIT, redeem(2, 3, 11, "", redemption_id="b", refusal="INSUFFICIENT_BALANCE")],
        NOTHING,
    ),
    "unknown and sent follow each other": (
        [CREDIT, redeem(2, 3, state="unknown"), get(4, 5, "sent"), get(6, 7, "unknown")], SETTLED,
    ),
}  # fmt: skip

BAD = {
    "an acknowledged one is gone": (Rule.LOST, [CREDIT, redeem(2, 3)], NOTHING),
    "an acknowledged one is of other units": (Rule.LOST, [CREDIT, redeem(2, 3, 3)], SETTLED),
    "one that was refused is there": (
        Rule.MADE, [CREDIT, redeem(2, 3, refusal="INSUFFICIENT_BALANCE")], SETTLED,
    ),
    "one that nobody ordered is there": (Rule.MADE, [CREDIT], SETTLED),
    "money moved twice": (Rule.PAID_TWICE, [CREDIT, redeem(2, 3)], replace(SETTLED, paid={"a": 2})),
    "money moved for one that is not there": (
        Rule.PAID_FOR_NOTHING, [CREDIT, redeem(2, None)], replace(NOTHING, paid={"a": 1}),
    ),
    "money moved for one that was rejected": (
        Rule.PAID_FOR_NOTHING, [CREDIT, redeem(2, None)], replace(REJECTED, paid={"a": 1}),
    ),
    "settled without money": (Rule.NOT_PAID, [CREDIT, redeem(2, 3)], replace(SETTLED, paid={})),
    "two receipts": (
        Rule.TWO_ANSWERS, [CREDIT, redeem(2, 3), redeem(4, 5, promise="other")], SETTLED,
    ),
    "settled, then sent": (
        Rule.WENT_BACK, [CREDIT, redeem(2, 3), get(4, 5, "sent")], SETTLED,
    ),
    "rejected, then settled": (
        Rule.WENT_BACK, [CREDIT, redeem(2, 3, state="rejected"), get(4, 5, "settled")], SETTLED,
    ),
    "seen settled, rejected in the books": (
        Rule.WENT_BACK, [CREDIT, redeem(2, 3)], REJECTED,
    ),
    "grams are gone": (
        Rule.NOT_CONSERVED, [CREDIT, redeem(2, 3)], replace(SETTLED, spendable={1: 7}),
    ),
    "money is gone": (Rule.NOT_CONSERVED, [CREDIT, redeem(2, 3)], replace(SETTLED, float_fen=97)),
    "money is paid out that nobody got": (
        Rule.NOT_CONSERVED, [CREDIT, redeem(2, 3)], replace(SETTLED, float_fen=97, paid_out_fen=3),
    ),
    "a read after it does not see it": (
        Rule.NO_ORDER, [CREDIT, redeem(2, 3), read(4, 5, 10)], SETTLED,
    ),
    "a read sees it and a later one does not": (
        Rule.NO_ORDER, [CREDIT, redeem(2, None), read(4, 5, 8), read(6, 7, 10)], SETTLED,
    ),
    "a read sees half of it": (Rule.NO_ORDER, [CREDIT, redeem(2, 9), read(4, 5, 9)], SETTLED),
    "grams are said to be back before they are": (
        Rule.NO_ORDER,
        [CREDIT, redeem(2, 3, state="sent"), get(4, 5, "rejected"), read(6, 7, 8)],
        REJECTED,
    ),
    "enough is there and it is refused": (
        Rule.NO_ORDER,
        [CREDIT, redeem(2, 3, 9, "", redemption_id="b", refusal="INSUFFICIENT_BALANCE")],
        NOTHING,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("calls", "books"), GOOD.values(), ids=GOOD)
def test_a_good_history_passes(calls: list[Call], books: Books) -> None:
    check(calls, books)


@pytest.mark.parametrize(("rule", "calls", "books"), BAD.values(), ids=BAD)
def test_a_bad_history_is_found(rule: Rule, calls: list[Call], books: Books) -> None:
    with pytest.raises(HistoryError) as found:
        check(calls, books)
    assert found.value.rule is rule


def test_every_rule_has_a_bad_history() -> None:
    assert {rule for rule, _, _ in BAD.values()} | {Rule.TOO_WIDE} == set(Rule)


def test_a_long_history_of_one_client_is_judged_at_once() -> None:
    calls, units, booked = [replace(CREDIT, units=5_000)], 5_000, {}
    for number in range(2_000):
        at = 10 * number + 10
        units -= 1
        calls += [redeem(at, at + 1, 1, redemption_id=str(number)), read(at + 2, at + 3, units)]
        booked[str(number)] = Booked(account=1, units=1, state="settled")
    paid = dict.fromkeys(booked, 1)
    books = Books(
        redemptions=booked,
        paid=paid,
        spendable={1: units},
        funded_fen=2_000,
        float_fen=0,
        paid_out_fen=2_000,
    )
    check(calls, books)


def test_a_history_that_is_too_wide_is_not_called_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "STEPS_MAX", 20)
    wide = [redeem(2, None, 2 * n, redemption_id=str(n)) for n in range(1, 8)]
    books = Books(
        redemptions={str(n): Booked(account=1, units=2 * n, state="rejected") for n in range(1, 8)},
        paid={},
        spendable={1: 60},
        funded_fen=0,
        float_fen=0,
        paid_out_fen=0,
    )
    with pytest.raises(HistoryError) as found:
        check([replace(CREDIT, units=60), *wide, read(3, 99, 31)], books)
    assert found.value.rule is Rule.TOO_WIDE


def test_many_orders_without_an_answer_are_no_wide_history() -> None:
    calls = [replace(CREDIT, units=90)]
    calls += [redeem(2 + n, None, 2 + n % 2 * 2, redemption_id=str(n)) for n in range(30)]
    booked = {
        str(n): Booked(account=1, units=2 + n % 2 * 2, state="rejected" if n % 3 else "settled")
        for n in range(30)
    }
    settled = sum(item.units for item in booked.values() if item.state == "settled")
    books = Books(
        redemptions=booked,
        paid={name: 1 for name, item in booked.items() if item.state == "settled"},
        spendable={1: 90 - settled},
        funded_fen=settled,
        float_fen=0,
        paid_out_fen=settled,
    )
    check([*calls, read(90, 91, 90), read(92, 93, 90 - settled)], books)
    with pytest.raises(HistoryError) as found:
        check([*calls, read(90, 91, 61)], books)
    assert found.value.rule is Rule.NO_ORDER
