"""Ledger batches: a chain that can be replayed from its bytes, and is refused when it is bent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.errors import MalformedError
from fedcarbon.ledger.batch import (
    CHAIN_START,
    LedgerBatch,
    batch_hash,
    ledger_day,
    line_of,
    replay,
)
from fedcarbon.ledger.errors import LedgerBatchInvalidError
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import Seconds

if TYPE_CHECKING:
    from tests.ledger.conftest import Moves

PARAMETER_ID = bytes([9]) * 32


def _two_days(moves: Moves) -> tuple[LedgerBatch, LedgerBatch]:
    first = LedgerBatch(
        parameter_id=PARAMETER_ID,
        day=20_000,
        previous_batch=CHAIN_START,
        first_sequence=1,
        lines=(
            line_of(moves.issue(1, 1, 100), Seconds(0)),
            line_of(moves.reserve(2, 1, 30), Seconds(1)),
        ),
    )
    second = LedgerBatch(
        parameter_id=PARAMETER_ID,
        day=20_001,
        previous_batch=batch_hash(statements.encode(first)),
        first_sequence=3,
        lines=(line_of(moves.post(3, 1, 30, 2), Seconds(2)),),
    )
    return first, second


def test_batches_replay_to_the_same_balances(moves: Moves) -> None:
    data = [statements.encode(batch) for batch in _two_days(moves)]

    balances = replay(data, PARAMETER_ID)

    assert balances.balance(moves.spendable(1), moves.unit) == 70
    assert balances.balance(moves.reserved(1), moves.unit) == 0
    assert not any(balances.trial_balance().values())


def test_a_line_is_its_transfer(moves: Moves) -> None:
    transfer = moves.post(3, 1, 30, 2)

    assert line_of(transfer, Seconds(5)).transfer() == transfer


def test_the_kind_of_a_batch_is_the_name_of_its_leaf_type() -> None:
    assert LeafType.LEDGER_BATCH.kind == LedgerBatch.KIND


def test_a_ledger_day_is_a_utc_day() -> None:
    assert [ledger_day(Seconds(s)) for s in (0, 86_399, 86_400)] == [0, 0, 1]


def _drop_the_first(first: LedgerBatch, second: LedgerBatch) -> list[LedgerBatch]:
    del first
    return [second]


def _swap(first: LedgerBatch, second: LedgerBatch) -> list[LedgerBatch]:
    return [second, first]


def _change_an_amount(first: LedgerBatch, second: LedgerBatch) -> list[LedgerBatch]:
    bent = replace(first, lines=(replace(first.lines[0], amount="101"), first.lines[1]))
    return [bent, second]


def _drop_a_line(first: LedgerBatch, second: LedgerBatch) -> list[LedgerBatch]:
    return [replace(first, lines=first.lines[:1]), second]


def _repeat_a_line(first: LedgerBatch, second: LedgerBatch) -> list[LedgerBatch]:
    del second
    return [replace(first, lines=(*first.lines, first.lines[0]))]


def _overspend(first: LedgerBatch, second: LedgerBatch) -> list[LedgerBatch]:
    del second
    return [replace(first, lines=(first.lines[0], replace(first.lines[1], amount="101")))]


def _same_day_twice(first: LedgerBatch, second: LedgerBatch) -> list[LedgerBatch]:
    return [first, replace(second, day=first.day)]


def _skip_a_sequence_number(first: LedgerBatch, second: LedgerBatch) -> list[LedgerBatch]:
    return [first, replace(second, first_sequence=4)]


def _other_parameters(first: LedgerBatch, second: LedgerBatch) -> list[LedgerBatch]:
    del second
    return [replace(first, parameter_id=bytes(32))]


def _leading_zero(first: LedgerBatch, second: LedgerBatch) -> list[LedgerBatch]:
    del second
    return [replace(first, lines=(replace(first.lines[0], amount="0100"),))]


def _digits_of_another_script(first: LedgerBatch, second: LedgerBatch) -> list[LedgerBatch]:
    del second
    return [replace(first, lines=(replace(first.lines[0], amount="\u0661"),))]


@pytest.mark.parametrize(
    "attack",
    [
        _drop_the_first,
        _swap,
        _change_an_amount,
        _drop_a_line,
        _repeat_a_line,
        _overspend,
        _same_day_twice,
        _skip_a_sequence_number,
        _other_parameters,
        _leading_zero,
        _digits_of_another_script,
    ],
)
def test_a_bent_chain_is_refused(
    moves: Moves, attack: Callable[[LedgerBatch, LedgerBatch], list[LedgerBatch]]
) -> None:
    data = [statements.encode(batch) for batch in attack(*_two_days(moves))]

    with pytest.raises(LedgerBatchInvalidError):
        replay(data, PARAMETER_ID)


def test_bytes_that_are_not_canonical_are_refused(moves: Moves) -> None:
    first, _ = _two_days(moves)

    with pytest.raises(LedgerBatchInvalidError):
        replay([statements.encode(first) + b" "], PARAMETER_ID)


@pytest.mark.parametrize(
    "change", [{"parameter_id": b""}, {"previous_batch": b""}, {"day": -1}, {"first_sequence": 0}]
)
def test_a_batch_that_cannot_be_meant_cannot_be_made(
    moves: Moves, change: dict[str, object]
) -> None:
    first, _ = _two_days(moves)

    with pytest.raises(MalformedError):
        replace(first, **change)
