"""The book of heads: roots, witnessed times, protocol time."""

from __future__ import annotations

import pytest

from fedcarbon.opening.heads import HeadBook
from fedcarbon.opening.violations import HeadAheadError, NotWitnessedError
from fedcarbon.transparency.checkpoint import (
    ForkedRecordError,
    PartnerWitnessMissingError,
    WitnessedCheckpoint,
)
from fedcarbon.transparency.merkle import root_of
from fedcarbon.units import Seconds

LEAVES = [bytes([number]) * 34 for number in range(9)]


def book_of(leaves: list[bytes] = LEAVES) -> HeadBook:
    book = HeadBook()
    for leaf in leaves:
        book.append(leaf)
    return book


def head(
    size: int, at_s: int, root: bytes | None = None, *, partner: bool = False
) -> WitnessedCheckpoint:
    return WitnessedCheckpoint(
        size=size,
        root=root_of(LEAVES[:size]) if root is None else root,
        timestamp_s=Seconds(at_s),
        partner_witnessed=partner,
    )


def test_every_earlier_root_is_kept() -> None:
    book = book_of()

    assert [book.root_at(size) for size in range(10)] == [
        root_of(LEAVES[:size]) for size in range(10)
    ]


def test_a_leaf_is_as_old_as_the_first_head_that_covers_it() -> None:
    book = book_of()
    for size, at_s in ((3, 100), (7, 200), (9, 300)):
        book.witness(head(size, at_s))

    assert [book.leaf_time_s(index) for index in range(9)] == [100] * 3 + [200] * 4 + [300] * 2


def test_a_leaf_is_no_older_than_a_head_signed_before_the_last_one_without_it_was_begun() -> None:
    book = book_of()
    for size, at_s in ((3, 100), (7, 200), (9, 300)):
        book.witness(head(size, at_s))

    assert [book.time_before_s(index) for index in range(9)] == [None] * 7 + [100] * 2


def test_a_head_that_is_learned_later_makes_leaves_older_and_never_younger() -> None:
    book = book_of()
    book.witness(head(9, 300))

    book.witness(head(4, 100))
    book.witness(head(4, 150))

    assert (book.leaf_time_s(3), book.leaf_time_s(4)) == (100, 300)


def test_protocol_time_is_the_latest_and_does_not_go_back() -> None:
    book = book_of()

    times = []
    for size, at_s in ((9, 300), (4, 100), (9, 400)):
        book.witness(head(size, at_s))
        times.append(book.clock_s)

    assert times == [300, 300, 400]


def test_a_leaf_above_all_heads_has_no_time() -> None:
    book = book_of()
    book.witness(head(4, 100))

    assert not book.is_witnessed(4)
    with pytest.raises(NotWitnessedError):
        book.leaf_time_s(4)


def test_what_a_partner_has_witnessed_is_known_beside_what_a_quorum_has() -> None:
    book = book_of()
    for size, partner in ((3, True), (9, False), (5, True), (2, True)):
        book.witness(head(size, 100, partner=partner))

    assert (book.witnessed_size, book.partner_witnessed_size) == (9, 5)
    book.require_partner_witness(4)
    with pytest.raises(PartnerWitnessMissingError):
        book.require_partner_witness(5)


def test_a_head_with_another_root_is_a_fork() -> None:
    with pytest.raises(ForkedRecordError):
        book_of().witness(head(4, 100, root=bytes(32)))


def test_a_head_beyond_the_leaves_cannot_be_judged_yet() -> None:
    with pytest.raises(HeadAheadError):
        book_of().witness(head(10, 100, root=bytes(32)))
