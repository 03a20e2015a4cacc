"""One ledger, three views: what a person, a company and a government see of the same amounts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from demo.programmes.hands import Figures, Hands
from demo.programmes.steps import OfHolders
from fedcarbon.errors import PeerError

MILLION = 1_000_000


class ViewsDifferError(PeerError):
    """Two views of the same amounts differ; one of the parties shows something wrong."""

    code: ClassVar[str] = "VIEWS_DIFFER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Views(OfHolders):
    """Persons ask their platforms' nodes, companies add up their own, the ledger adds up all."""

    KIND: ClassVar[str] = "views"

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Compare the views; the ledger's is public, the others are their owners'.

        Raises:
            ViewsDifferError: a person's platforms together say otherwise than the ledger.
        """
        companies: Counter[str] = Counter()
        recorded, ledger, persons = 0, 0, 0
        for holder in self.holders_of(hands):
            seen = hands.summaries(self.programme, holder.serial)
            own = sum(item.submitted for item in seen.values())
            opened = holder.account().opened_ug
            if own != opened:
                raise ViewsDifferError(f"platforms say {own}, the ledger says {opened}")
            recorded += sum(item.recorded for item in seen.values())
            companies.update({name: item.submitted for name, item in seen.items()})
            ledger, persons = ledger + opened, persons + 1
        figures.add(self.programme, "person_views", persons)
        figures.add(self.programme, "company_views", len(companies))
        figures.add(self.programme, "ledger_view", ledger)
        figures.add(self.programme, "removed_as_double", recorded - ledger)
        shares = ", ".join(f"{name} {value // MILLION:,}" for name, value in companies.items())
        return (
            f"{persons} persons see their own; companies: {shares}; the ledger: "
            f"{ledger // MILLION:,}, {(recorded - ledger) // MILLION:,} recorded more than once"
        )
