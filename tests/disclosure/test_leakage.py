"""What a table tells of people is said in words that follow from its numbers."""

from __future__ import annotations

import pytest

from fedcarbon.disclosure.accounting import BudgetEntry
from fedcarbon.disclosure.leakage import TEXT_LENGTH_MAX, Paragraph, leakage_statement
from fedcarbon.disclosure.shell import QUANTITIES_MAX, Label
from fedcarbon.errors import MalformedError
from tests.disclosure.shells import PEOPLE_COUNTED, quantity, shell

BUDGET = BudgetEntry(
    year=2026, rho_millionths=75_000, spent_millionths=150_000, limit_millionths=300_000
)


def test_the_same_facts_give_the_same_words() -> None:
    first, second = (leakage_statement(shell(), BUDGET, partners=3, trustees=2) for _ in range(2))

    assert first == second


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_reader_finds_the_numbers_in_both_languages(language: str) -> None:
    text = "\n".join(
        getattr(item, language)
        for item in leakage_statement(shell(), BUDGET, partners=3, trustees=2)
    )

    for fact in (
        "40,000",  # metres per person and cell
        "26",  # scale of the noise on people
        "±73",  # 1.96 sqrt(2) 26
        "±416",  # 16 * 26
        "rho = 0.075 (epsilon = 2.569)",
        "rho = 0.225 (epsilon = 4.544)",
        "rho = 0.3 (epsilon = 5.287)",
        "10^-9",
        "2026",
        "20",  # people below which nothing is shown
    ):
        assert fact in text


def test_a_budget_without_a_promise_says_so() -> None:
    wide = shell(rho_year_millionths=40_000_000)
    budget = BudgetEntry(
        year=2026, rho_millionths=75_000, spent_millionths=0, limit_millionths=40_000_000
    )

    text = leakage_statement(wide, budget, partners=3, trustees=2)[3].en

    assert "rho = 40 (epsilon = none)" in text


def test_the_longest_labels_fit() -> None:
    longest = Label(zh="很" * 80, en="l" * 80)
    counted = [PEOPLE_COUNTED] + [
        quantity(
            f"quantity-{at}", label=longest, unit="u" * 40, rho_millionths=1, per_cell_max=10**9
        )
        for at in range(1, QUANTITIES_MAX)
    ]

    paragraphs = leakage_statement(
        shell(quantities=tuple(counted)), BUDGET, partners=256, trustees=15
    )

    assert max(len(item.en) for item in paragraphs) < TEXT_LENGTH_MAX


@pytest.mark.parametrize("text", ["", "x" * (TEXT_LENGTH_MAX + 1), "two\nlines"])
def test_a_paragraph_that_no_page_could_show_is_malformed(text: str) -> None:
    with pytest.raises(MalformedError):
        Paragraph(zh="好", en=text)
    with pytest.raises(MalformedError):
        Paragraph(zh=text, en="good")
