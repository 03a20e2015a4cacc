"""How a programme is told: its steps one after the other, then its figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from demo.programmes.document import ProgrammeFile
from demo.programmes.hands import Figures, Hands, holders
from fedcarbon.errors import PeerError


class FigureDiffersError(PeerError):
    """What came out is not what the programme file says."""

    code: ClassVar[str] = "FIGURE_DIFFERS"


def take_steps(
    file: ProgrammeFile, hands: Hands, figures: Figures, say: Callable[[str], None], *, early: bool
) -> None:
    """Take the early steps of a programme file or the others, count and say what came out."""
    for step in file.steps:
        if step.early == early:
            say(step.run(hands, figures))


def count_accounts(file: ProgrammeFile, hands: Hands, figures: Figures) -> None:
    """Count what the accounts of every programme of a file hold."""
    for rules in file.programmes:
        for holder in holders(hands, rules.id, (0, file.people)):
            account = holder.account()
            figures.add(rules.id, "accounts", 1)
            figures.add(rules.id, "opened", account.opened_ug)
            figures.add(rules.id, "spendable", account.spendable_ug)


def check_figures(file: ProgrammeFile, figures: Figures) -> None:
    """Hold what came out against what the file expects.

    Raises:
        FigureDiffersError: naming every figure that differs.
    """
    wrong = [
        f"{item.programme}: {item.figure} is {found}, the file says {item.value}"
        for item in file.expected
        if (found := figures.value(item.programme, item.figure)) != item.value
    ]
    if wrong:
        raise FigureDiffersError("; ".join(wrong))
