"""Numbers of a report as people read them: whole units, grouped digits, no false precision.

Values are shifted by powers of ten and rounded to the two leading digits of their margins of error;
margins are rounded up. The exact numbers are in the CSV and JSON files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from fedcarbon.disclosure.shell import Label
from fedcarbon.registry.measure import Measure

SHOWN_AT_LEAST: Final = 10
"""A larger unit is taken as soon as the largest value is so many of it."""
MARGIN_DIGITS: Final = 2
MINUS: Final = "\N{MINUS SIGN}"
MILLIONTHS: Final = "ug"
"""What shells write for millionths of the programme's measure, whichever that is."""

_UNITS: Final[Mapping[str, tuple[tuple[int, Label], ...]]] = {
    "people": ((0, Label(zh="人", en="people")),),
    "activities": ((0, Label(zh="次", en="activities")),),
    "m": ((0, Label(zh="米", en="m")), (3, Label(zh="公里", en="km"))),
    Measure.GRAMS: (
        (6, Label(zh="克", en="g")),
        (9, Label(zh="千克", en="kg")),
        (12, Label(zh="吨", en="t")),
    ),
    Measure.POINTS: ((6, Label(zh="积分", en="points")),),
    Measure.MONEY: ((6, Label(zh="分", en="fen")), (8, Label(zh="元", en="yuan"))),
}
"""Units by what a shell counts in, as powers of ten of it, smallest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How the values of one chart or column are written."""

    unit: Label
    exponent: int
    """One unit is 10^exponent of what the shell counts."""
    step: int
    """A power of ten, of what the shell counts, to which values are rounded."""

    def number(self, value: int) -> str:
        """Return a value in this unit, rounded to the nearest step, halves away from zero."""
        steps = (2 * abs(value) + self.step) // (2 * self.step)
        text = self._text(steps * self.step)
        return MINUS + text if value < 0 < steps else text

    def margin(self, margin: int) -> str:
        """Return a margin of error in this unit, rounded up."""
        return self._text(-(-margin // self.step) * self.step)

    def _text(self, amount: int) -> str:
        whole, rest = divmod(amount, 10**self.exponent)
        decimals = self.exponent + 1 - len(str(self.step))
        fraction = f"{rest:0{self.exponent}d}"[: max(0, decimals)]
        return f"{whole:,}.{fraction}" if fraction else f"{whole:,}"


def scale_of(
    unit: str, measure: Measure, values: Iterable[int], margins: Iterable[int] = ()
) -> Scale:
    """Return how values of a quantity are written that are shown together.

    Args:
        unit: of the shell's quantity.
        measure: what the programme counts.
        values: all that are shown.
        margins: theirs; the smallest decides how many digits there are.
    """
    key = str(measure) if unit == MILLIONTHS else unit
    units = _UNITS.get(key, ((0, Label(zh=unit, en=unit)),))
    most = max(map(abs, values), default=0)
    fitting = [item for item in units if most >= SHOWN_AT_LEAST * 10 ** item[0]]
    exponent, label = fitting[-1] if fitting else units[0]
    least = min((margin for margin in margins if margin), default=1)
    step: int = 10 ** max(0, len(str(least)) - MARGIN_DIGITS)
    return Scale(unit=label, exponent=exponent, step=step)
