"""Books with a ranking of three days, by the real code."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from fedcarbon.units import SECONDS_PER_DAY
from tests.audit.books.drafts import FIRST_OF_2026
from tests.audit.books.use_drafts import UseDraft, Uses
from tests.hub.uses.published import choice, ranking

HOLDERS: Final = range(1, 26)
INSIDERS: Final = range(1, 23)
"""Those who opt in; the others never do."""
OUTSIDER: Final = 24


class Ranks(Uses):
    """Writes a draft with choices and lists."""

    def choose(self, number: int, holder: int, **changes: Any) -> None:
        item = choice(number, holder, **changes)
        self.books.choose(self.log(item), item)

    def rank(self) -> None:
        salt, item = self.books.rank(self.honest.next_leaf())
        self.draft.leaves.append((item.salt_leaf, salt))
        self.log(item)


def honest_rankings(folder: Path, outsiders: int = 100) -> UseDraft:
    """Return honest books of five days: one before the ranking, its three, and one behind.

    On the first two there are 22 and 21 people; on the third 19 are too few. Holders earn 100 g for
    every one before them, but every fourth as much as the one before.

    Args:
        folder: for the hub's database.
        outsiders: grams for each of the three who do not opt in, every day.
    """
    ranks = Ranks(folder)
    honest, books = ranks.honest, ranks.books
    for holder in HOLDERS:
        honest.bind(holder)
    rules = ranking()
    books.publish(ranks.log(rules), rules)
    for holder in INSIDERS:
        ranks.choose(holder, holder)
    _earn(ranks, outsiders)
    honest.close_day()

    _earn(ranks, outsiders)
    ranks.choose(31, 1, takes_part=False, from_period=1)
    honest.close_day()
    ranks.rank()

    _earn(ranks, outsiders)
    ranks.choose(41, 2, takes_part=False, from_period=2)
    ranks.choose(42, 3, takes_part=False, from_period=2)
    honest.close_day()
    ranks.rank()

    _earn(ranks, outsiders)
    honest.close_day()
    ranks.rank()
    books.wait(SECONDS_PER_DAY)
    _earn(ranks, outsiders)
    honest.close_day()
    books.close()
    return ranks.draft


def _earn(ranks: Ranks, outsiders: int) -> None:
    grams = {holder: 100 * (holder - (holder % 4 == 0)) for holder in INSIDERS}
    grams |= dict.fromkeys(set(HOLDERS) - set(INSIDERS), outsiders)
    ranks.honest.open(FIRST_OF_2026, grams)
