"""What a ranking is: its periods, who takes part, its bands and its pseudonyms."""

from __future__ import annotations

from typing import Any

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.errors import MalformedError
from fedcarbon.ids import Role
from fedcarbon.transparency.leaf import LeafType, may_read
from fedcarbon.units import SECONDS_PER_DAY
from fedcarbon.uses.ranking import RankedLine, Ranking, opted_in, pseudonym, ranked
from tests.hub.uses.published import FIRST_DAY, choice, ranking

SALT = b"s" * 32
PEOPLE = [bytes([number]) * 32 for number in range(1, 31)]


def bands(amounts: dict[int, int], people: int = 20, **changes: Any) -> dict[int, int]:
    """Return the band of each of the first people by number; who has no amount has nothing."""
    credited = {PEOPLE[number]: amount for number, amount in amounts.items()}
    lines = ranked(ranking(**changes), SALT, PEOPLE[:people], credited)
    of = {line.pseudonym: line.band for line in lines}
    return {
        number: of[pseudonym(SALT, token)]
        for number, token in enumerate(PEOPLE[:people])
        if pseudonym(SALT, token) in of
    }


def test_twenty_people_with_different_amounts_are_two_to_a_decile() -> None:
    assert bands({number: 1 + number for number in range(20)}) == {
        number: 1 + number // 2 for number in range(20)
    }


def test_equals_share_the_lowest_band_that_any_of_them_could_have() -> None:
    found = bands({number: 7 if number < 15 else 8 + number for number in range(20)})

    assert {found[number] for number in range(15)} == {1}
    assert [found[number] for number in range(15, 20)] == [8, 9, 9, 10, 10]


def test_who_had_nothing_credited_stands_with_the_others_who_had_nothing() -> None:
    assert set(bands({}).values()) == {1}


def test_with_one_person_less_than_k_there_is_no_line() -> None:
    assert bands({0: 5}, people=19) == {}
    assert bands({0: 5}, people=24, people_min=25) == {}
    assert len(bands({0: 5}, people=25, people_min=25)) == 25


def test_amounts_that_keep_their_order_give_the_same_list() -> None:
    assert bands({number: number for number in range(20)}) == bands(
        {number: 10**9 * number**3 for number in range(20)}
    )


def test_inside_a_band_the_order_is_that_of_the_pseudonyms() -> None:
    lines = ranked(ranking(), SALT, PEOPLE[:20], {PEOPLE[0]: 5})

    names = [line.pseudonym for line in lines if line.band == 1]
    assert names == sorted(names)
    assert len(names) == 19


def test_a_pseudonym_is_of_one_list_only() -> None:
    others = {pseudonym(bytes([number]) * 32, PEOPLE[0]) for number in range(50)}

    assert len(others) == 50


def test_the_last_word_counts_from_its_period_on() -> None:
    choices = [
        choice(1, 1),
        choice(2, 2),
        choice(3, 1, takes_part=False, from_period=2),
        choice(4, 3, from_period=1),
        choice(5, 2, takes_part=False),
    ]

    taking_part = [opted_in(choices, period) for period in range(3)]

    one, three = PEOPLE[0], PEOPLE[2]
    assert taking_part == [{one}, {one, three}, {three}]


@pytest.mark.parametrize(
    "changes",
    [
        {"people_min": 19},
        {"bands": 1},
        {"bands": 11},
        {"period_days": 0},
        {"period_days": 367},
        {"periods": 0},
        {"ranking_id": "No Name"},
    ],
)
def test_rules_that_would_tell_too_much_are_none(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        ranking(**changes)


def test_periods_follow_one_another_without_a_gap() -> None:
    rules = ranking(period_days=7, periods=4)

    assert [rules.days_of(period).start - FIRST_DAY for period in range(4)] == [1, 8, 15, 22]
    assert rules.ends_s(0) == rules.starts_s(1) == (FIRST_DAY + 8) * SECONDS_PER_DAY
    assert rules.last_day == FIRST_DAY + 28


def _list(*lines: RankedLine) -> Ranking:
    return Ranking(
        parameter_id=bytes(32),
        programme_id=ranking().programme_id,
        ranking_id="forest",
        period=0,
        rules_leaf=1,
        salt_leaf=2,
        lines=lines,
    )


def _line(band: int, name: int) -> RankedLine:
    return RankedLine(band=band, pseudonym=bytes([name]) * 16)


@pytest.mark.parametrize(
    "lines",
    [
        (_line(2, 1), _line(1, 2)),
        (_line(1, 2), _line(1, 1)),
        (_line(1, 1), _line(2, 1)),
    ],
)
def test_an_order_that_says_more_than_bands_is_refused(lines: tuple[RankedLine, ...]) -> None:
    with pytest.raises(MalformedError):
        _list(*lines)


def test_a_list_is_read_back_as_it_was_written() -> None:
    item = _list(_line(1, 1), _line(1, 2), _line(9, 1 + 2))

    assert statements.decode(Ranking, statements.encode(item)) == item


def test_only_auditors_and_the_hub_read_choices_and_salts() -> None:
    for secret in (LeafType.RANKING_CHOICE, LeafType.RANKING_SALT):
        assert {role for role in Role if may_read(role, secret)} == {Role.HUB, Role.AUDITOR}
    for public in (LeafType.RANKING_RULES, LeafType.RANKING):
        assert all(may_read(role, public) for role in Role)
