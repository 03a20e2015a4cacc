"""What a transfer counts: micrograms of one programme and vintage, or fen.

Grams of two vintages or two programmes are two units and never mix in a transfer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NewType

from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId, programme_id

Vintage = NewType("Vintage", int)
"""The calendar year in which a reduction happened."""

VINTAGE_MIN: Final = 2000
VINTAGE_MAX: Final = 2999
_MASS_PREFIX: Final = "ug"
_MASS_PARTS: Final = 3
_YEAR: Final = re.compile(r"[0-9]{4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MassUnit:
    """Micrograms of CO2e of one programme and vintage year."""

    programme: ProgrammeId
    vintage: Vintage

    def __post_init__(self) -> None:
        """Check the name and the year."""
        programme_id(self.programme)
        if not VINTAGE_MIN <= self.vintage <= VINTAGE_MAX:
            raise MalformedError(f"vintage {self.vintage} is not a year from 2000 to 2999")

    @property
    def text(self) -> str:
        """`ug:<programme>:<year>`."""
        return f"{_MASS_PREFIX}:{self.programme}:{self.vintage}"


@dataclass(frozen=True, slots=True)
class MoneyUnit:
    """Fen, hundredths of a yuan."""

    @property
    def text(self) -> str:
        """`fen`."""
        return "fen"


FEN: Final = MoneyUnit()

Unit = MassUnit | MoneyUnit


def unit_from_text(text: str) -> Unit:
    """Return the unit that `text` names.

    Raises:
        MalformedError: it names none.
    """
    if text == FEN.text:
        return FEN
    parts = text.split(":")
    if len(parts) != _MASS_PARTS or parts[0] != _MASS_PREFIX or _YEAR.fullmatch(parts[2]) is None:
        raise MalformedError(f"{text[:80]!r} is not a unit of the ledger")
    unit = MassUnit(programme=programme_id(parts[1]), vintage=Vintage(int(parts[2])))
    if unit.text != text:
        raise MalformedError(f"{text[:80]!r} is not a unit of the ledger")
    return unit
