"""Lists in the hub's books: when they are due, what they hold, and who is told its own line."""

from __future__ import annotations

import pytest

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId
from fedcarbon.ledger.batch import LedgerDay
from fedcarbon.units import SECONDS_PER_DAY
from fedcarbon.uses.ranking import Ranking
from hub.clearing.batches import daily_batch
from hub.storage.engine import reading, writing
from hub.uses.ranking import SeenRanking, ranking_of
from tests.hub.clearing.conftest import SHANGHAI
from tests.hub.uses.conftest import UseBooks
from tests.hub.uses.published import FIRST_DAY, choice, ranking

GRAM = 1_000_000
PEOPLE = range(1, 21)
OUTSIDER = 21
OPERATOR, OTHER = PartyId("wallet-operator"), PartyId("other-operator")


@pytest.fixture
def joined(books: UseBooks) -> UseBooks:
    """Return books on the first day of a ranking that twenty people have joined."""
    books.publish(1, ranking())
    for holder in PEOPLE:
        books.choose(10 + holder, choice(holder, holder))
    books.wait(SECONDS_PER_DAY)
    return books


def close(books: UseBooks, day: int) -> None:
    """Close a ledger day, as the hub does when it logs the batch."""
    with writing(books.engine) as session:
        daily_batch(session, bytes(32), LedgerDay(day))


def earn(books: UseBooks) -> None:
    """Credit every person as many grams as its number, and the outsider much more."""
    for holder in PEOPLE:
        books.credit(holder, holder * GRAM)
    books.credit(OUTSIDER, 10**6 * GRAM)


def seen(books: UseBooks, holder: int, caller: PartyId = OPERATOR) -> SeenRanking:
    with reading(books.engine) as session:
        return ranking_of(
            session,
            caller,
            programme=SHANGHAI,
            ranking_id="forest",
            period=0,
            account_token=books.token(holder),
        )


def listed(books: UseBooks) -> Ranking:
    """Let everybody earn, close the day and make the list."""
    earn(books)
    books.wait(SECONDS_PER_DAY)
    close(books, FIRST_DAY + 1)
    return books.rank(100)[1]


def test_a_list_waits_until_its_day_is_over_and_closed(joined: UseBooks) -> None:
    earn(joined)
    assert joined.due() == []
    joined.wait(SECONDS_PER_DAY)
    assert joined.due() == []  # the day is over, and its batch is not logged yet

    close(joined, FIRST_DAY + 1)

    assert joined.due() == [0]
    joined.rank(100)
    assert joined.due() == []


def test_days_on_which_nothing_happens_need_no_batch(joined: UseBooks) -> None:
    joined.wait(2 * SECONDS_PER_DAY)
    assert joined.due() == [0, 1]


def test_after_the_last_period_nothing_is_due_and_the_next_ranking_goes_on(
    joined: UseBooks,
) -> None:
    joined.publish(2, ranking(ranking_id="meadow", first_day=FIRST_DAY + 4, periods=1))
    for leaf in (100, 110, 120):
        joined.wait(SECONDS_PER_DAY)
        joined.rank(leaf)
    assert joined.due() == []

    joined.wait(SECONDS_PER_DAY)

    assert joined.rank(130)[1].ranking_id == "meadow"
    joined.wait(9 * SECONDS_PER_DAY)
    assert joined.due() == []


def test_each_finds_its_own_decile_of_what_the_period_has_brought(books: UseBooks) -> None:
    books.publish(1, ranking())
    for holder in PEOPLE:
        books.choose(10 + holder, choice(holder, holder))
        books.credit(holder, (100 - holder) * GRAM)  # before the period: it does not count
    books.wait(SECONDS_PER_DAY)
    close(books, FIRST_DAY)

    bands = {line.pseudonym: line.band for line in listed(books).lines}

    own = [seen(books, holder).own_pseudonym or b"" for holder in PEOPLE]
    assert [bands[name] for name in own] == [1 + number // 2 for number in range(20)]


def test_nobody_else_is_told_whose_a_line_is(joined: UseBooks) -> None:
    listed(joined)

    assert seen(joined, 1).own_pseudonym
    assert seen(joined, 1, OTHER).own_pseudonym is None
    assert seen(joined, OUTSIDER).own_pseudonym is None


def test_who_has_left_is_told_about_the_lists_that_it_was_in(joined: UseBooks) -> None:
    joined.choose(90, choice(90, 1, takes_part=False, from_period=1))
    listed(joined)

    assert seen(joined, 1).own_pseudonym


def test_a_list_stands_once(joined: UseBooks) -> None:
    listed(joined)

    with pytest.raises(ValueError, match="not enough values"):
        joined.rank(200)


def test_a_list_that_is_not_made_is_not_told(joined: UseBooks) -> None:
    with pytest.raises(FedcarbonError) as caught:
        seen(joined, 1)
    assert caught.value.code == "RANKING_NOT_PUBLISHED"
