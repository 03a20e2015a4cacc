"""Rankings: what a hub does to them is found by both auditors alike, and what they never tell."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fedcarbon.audit.ledger_checks import check_books
from fedcarbon.canonical import statement as statements
from fedcarbon.transparency.leaf import PUBLIC_TYPES, LeafType
from fedcarbon.units import SECONDS_PER_DAY, Seconds
from fedcarbon.uses.ranking import Ranking, RankingChoice, RankingRules, RankingSalt
from tests.audit.books.minimal import minimal_codes
from tests.audit.books.ranking_drafts import OUTSIDER, honest_rankings
from tests.audit.books.tampering import codes
from tests.audit.books.use_drafts import UseDraft
from tests.hub.clearing.conftest import START_S
from tests.hub.uses.published import choice

Attack = Callable[[UseDraft], None]


@pytest.fixture(scope="session")
def honest_ranking_draft(tmp_path_factory: pytest.TempPathFactory) -> UseDraft:
    return honest_rankings(tmp_path_factory.mktemp("ranking"))


@pytest.fixture
def draft(honest_ranking_draft: UseDraft) -> UseDraft:
    return copy.deepcopy(honest_ranking_draft)


def lists(draft: UseDraft) -> list[Ranking]:
    return [item for _, item in draft.leaves if isinstance(item, Ranking)]


def public(draft: UseDraft) -> list[tuple[int, bytes]]:
    """Return everything about uses that everybody may read, with its leaves."""
    return [
        (leaf, statements.encode(item))
        for leaf, item in draft.leaves
        if LeafType[item.KIND.upper()] in PUBLIC_TYPES
    ]


def test_neither_auditor_finds_anything_in_honest_rankings(draft: UseDraft) -> None:
    assert check_books(draft.sealed()) == []
    assert minimal_codes(draft.sealed()) == set()


def test_who_opts_out_is_gone_from_the_next_period_on_and_too_few_are_no_list(
    draft: UseDraft,
) -> None:
    assert [len(item.lines) for item in lists(draft)] == [22, 21, 0]


def test_no_pseudonym_stands_in_two_lists(draft: UseDraft) -> None:
    first, second, _ = ({line.pseudonym for line in item.lines} for item in lists(draft))

    assert not first & second


def test_what_others_have_changes_no_byte_that_is_published(
    draft: UseDraft, tmp_path: Path
) -> None:
    other = honest_rankings(tmp_path, outsiders=9_999)

    assert public(other) == public(draft)


def saying(
    cls: type[Any], wanted: Callable[[Any], bool] = lambda _: True, **changes: Any
) -> Attack:
    return lambda draft: draft.change(cls, wanted, **changes)


def of_period(number: int) -> Callable[[Ranking | RankingSalt], bool]:
    return lambda item: item.period == number


def swap_bands(draft: UseDraft) -> None:
    """Give the first of the lowest band the place of one of the highest."""
    _, item = draft.first(Ranking)
    low, high = item.lines[0], item.lines[-1]
    lines = (replace(low, band=high.band), replace(high, band=low.band), *item.lines[1:-1])
    draft.change(Ranking, lines=tuple(sorted(lines)))


def drop_a_line(draft: UseDraft) -> None:
    _, item = draft.first(Ranking)
    draft.change(Ranking, lines=item.lines[1:])


def rank_too_few(draft: UseDraft) -> None:
    """Publish nineteen people all the same."""
    _, item = draft.first(Ranking)
    draft.change(Ranking, of_period(2), lines=item.lines[:19])


def list_an_outsider(draft: UseDraft) -> None:
    """Put a person on the list who has never opted in."""
    _, item = draft.first(Ranking)
    extra = replace(item.lines[-1], pseudonym=bytes(16))
    draft.change(Ranking, lines=tuple(sorted((*item.lines, extra))))


def one_salt_for_two(draft: UseDraft) -> None:
    """Use a salt again, with the list that follows from it."""
    _, first = draft.first(RankingSalt)
    draft.change(RankingSalt, of_period(1), salt=first.salt)


def before_its_days_are_closed(draft: UseDraft) -> None:
    """Publish the first list, and its salt, before the batch of its day."""
    closing = draft.draft.batches[1][0]
    at, item = draft.first(Ranking)
    draft.leaves[at] = (closing - 1, replace(item, salt_leaf=closing - 2))
    at, salt = draft.first(RankingSalt)
    draft.leaves[at] = (closing - 2, salt)


def two_of_the_same_days(draft: UseDraft) -> None:
    draft.repeat(RankingRules, ranking_id="meadow", first_day=30_000)
    draft.repeat(RankingRules, ranking_id="heath", first_day=30_002)


def opted_in_late(draft: UseDraft) -> None:
    """Take a choice when its period is half over, as heads show."""
    at, _ = draft.first(RankingChoice)
    draft.after_s[draft.leaves[at][0]] = Seconds(START_S + SECONDS_PER_DAY)


def opted_in_without_binding(draft: UseDraft) -> None:
    draft.change(RankingChoice, lambda item: item.choice_id[-1] == 5, binding_leaf=bytes(34))


def chosen_for_another(draft: UseDraft) -> None:
    """Let one operator's word move another person's account in."""
    draft.change(
        RankingChoice,
        lambda item: item.choice_id[-1] == 5,
        account_token=bytes([OUTSIDER]) * 32,
    )


def choice_made_up_behind(draft: UseDraft) -> None:
    draft.leaves.append((10_000, choice(5, 6)))


ATTACKS: dict[str, tuple[Attack, set[str]]] = {
    "two people change places": (swap_bands, {"V26 RANKING_DIFFERS"}),
    "somebody is left out": (drop_a_line, {"V26 RANKING_DIFFERS"}),
    "nineteen people are ranked": (rank_too_few, {"V26 RANKING_DIFFERS"}),
    "somebody is listed who never opted in": (list_an_outsider, {"V26 RANKING_DIFFERS"}),
    "who opted out is listed, because the word is gone": (
        lambda draft: draft.remove(RankingChoice, lambda item: item.choice_id[-1] == 31),
        {"V26 RANKING_DIFFERS"},
    ),
    "a list is made twice": (
        lambda draft: draft.repeat(Ranking),
        {"V26 RANKING_REPEATED"},
    ),
    "a list is held back": (
        lambda draft: draft.remove(Ranking, of_period(1)),
        {"V26 RANKING_MISSING"},
    ),
    "a list comes before its days are closed": (
        before_its_days_are_closed,
        {"V26 RANKING_EARLY"},
    ),
    "a salt that is not this list's": (
        saying(Ranking, of_period(1), salt_leaf=1),
        {"V26 RANKING_SALT_MISSING"},
    ),
    "one salt for two lists": (
        one_salt_for_two,
        {"V26 RANKING_DIFFERS", "V26 RANKING_SALT_REUSED"},
    ),
    "another salt than the pseudonyms": (
        saying(RankingSalt, of_period(1), salt=bytes(32)),
        {"V26 RANKING_DIFFERS"},
    ),
    "a list by no rules": (
        saying(Ranking, of_period(1), rules_leaf=1),
        {"V26 UNKNOWN_RANKING"},
    ),
    "rules are changed afterwards": (
        saying(RankingRules, bands=5),
        {"V26 RANKING_DIFFERS"},
    ),
    "a second ranking of the same days": (
        two_of_the_same_days,
        {"V26 RANKING_OVERLAPS"},
    ),
    "a name for two rankings": (
        lambda draft: draft.repeat(RankingRules, bands=5),
        {"V26 PUBLICATION_CONFLICT"},
    ),
    "a choice about no ranking": (
        lambda draft: draft.repeat(RankingChoice, choice_id=bytes(16), ranking_id="heath"),
        {"V26 UNKNOWN_RANKING"},
    ),
    "a choice without a binding": (
        opted_in_without_binding,
        {"V26 BINDING_UNKNOWN", "V26 RANKING_DIFFERS"},
    ),
    "a choice for somebody else": (
        chosen_for_another,
        {"V26 RANKING_DIFFERS", "V26 WALLET_SWAPPED"},
    ),
    "one choice id for two words": (
        choice_made_up_behind,
        {"V26 RANKING_CHOICE_REUSED"},
    ),
}


@pytest.mark.parametrize("what", ATTACKS)
def test_what_is_done_to_rankings_is_found_by_both(draft: UseDraft, what: str) -> None:
    attack, expected = ATTACKS[what]
    attack(draft)

    books = draft.sealed()

    assert codes(check_books(books)) == expected
    assert minimal_codes(books) == expected


def test_a_choice_after_its_period_began_is_found_by_the_heads(draft: UseDraft) -> None:
    opted_in_late(draft)

    assert codes(check_books(draft.sealed())) == {
        "V26 RANKING_CHOICE_LATE",
        "V26 RANKING_DIFFERS",
    }


def test_a_list_that_a_head_covers_before_its_period_is_over_is_found(draft: UseDraft) -> None:
    at, _ = draft.first(Ranking)
    draft.waits_s[draft.leaves[at][0]] = Seconds(START_S)

    assert codes(check_books(draft.sealed())) == {"V26 RANKING_EARLY"}
