"""Numbers of a report as people read them: whole units, grouped digits, no false precision.

Values are shifted by powers of ten, exactly, and then rounded to where their margin of error has
two digits; margins are rounded up. The exact numbers are in the CSV and JSON files.
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
MILLIONTHS: Final = "ug"
"""What shells write for millionths of the programme's measure, whichever that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How the values of one chart or column are written."""

    unit: Label
    exponent: int
    """One unit is 10^exponent of what the shell counts."""
    decimals: int
    """Digits after the point, 0 to `exponent`."""

    def number(self, value: int) -> str:
        """Return a value in this unit, rounded to the nearest."""
        step: int = 10 ** (self.exponent - self.decimals)
        return self._text((2 * abs(value) + step) // (2 * step), is_negative=value < 0)

    def margin(self, margin: int) -> str:
        """Return a margin of error in this unit, rounded up."""
        step: int = 10 ** (self.exponent - self.decimals)
        return self._text(-(-margin // step), is_negative=False)

    def _text(self, steps: int, *, is_negative: bool) -> str:
        whole, rest = divmod(steps, 10**self.decimals)
        text = f"{whole:,}.{rest:0{self.decimals}d}" if self.decimals else f"{whole:,}"
        return MINUS + text if is_negative and steps else text


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
    decimals = exponent - len(str(least)) + MARGIN_DIGITS
    return Scale(unit=label, exponent=exponent, decimals=max(0, min(exponent, decimals)))


def rho_text(millionths: int) -> str:
    """Return a zCDP budget: `0.005`."""
    whole, rest = divmod(millionths, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
