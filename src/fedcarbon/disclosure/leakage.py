"""What a released table tells about people, in plain words."""

from __future__ import annotations

from dataclasses import dataclass

from fedcarbon.disclosure.accounting import BudgetEntry
from fedcarbon.disclosure.shell import TableShell


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """The same in two languages."""

    zh: str
    en: str


def leakage_statement(
    shell: TableShell, budget: BudgetEntry, *, partners: int, trustees: int
) -> tuple[Paragraph, ...]:
    """Return what a release tells, paragraph by paragraph; the same input gives the same words.

    Args:
        shell: what is released, with its bounds and minima.
        budget: what the release spends, and its year.
        partners: how many contributed.
        trustees: how many added noise.
    """
    del budget
    return (
        Paragraph(
            zh=f"{partners} 家合作方参与, {trustees} 家受托方加入噪声.",
            en=(
                f"{partners} partners contributed, {trustees} trustees added noise; a person counts"
                f" in at most {shell.cells_max} cells."
            ),
        ),
    )
