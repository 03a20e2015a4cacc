"""What a programme counts: grams, points or money, and never two of them.

Every amount of a programme, from a claim's piece to the ledger, counts millionths of its measure:
ug of CO2e, micropoints, or millionths of the smallest unit of its money. Fields that end in `_ug`
keep their name in all three.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from fedcarbon.errors import CallerError


class Measure(StrEnum):
    """What the amounts of a programme are millionths of."""

    GRAMS = "grams"
    POINTS = "points"
    MONEY = "money"


class NotGramsError(CallerError):
    """Only grams are bundled into tonnes; in this programme something else must be ordered."""

    code: ClassVar[str] = "NOT_GRAMS"


def require_grams(measure: Measure, what: str) -> None:
    """Check that what needs grams happens in a programme of grams.

    Args:
        measure: of the programme.
        what: what is asked for, in the plural, for the message.

    Raises:
        NotGramsError: the programme counts something else.
    """
    if measure is not Measure.GRAMS:
        raise NotGramsError(f"{what} are of grams, and this programme counts {measure}")
