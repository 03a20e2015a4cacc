"""Units of measure: products of powers of base symbols, without any conversion.

Quantities of different units do not add and do not compare; a product has the product of the
units. A methodology that needs a conversion names it as a parameter with a source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from fedcarbon.errors import CallerError

BASE_SYMBOLS: Final = frozenset(
    {
        "ug",
        "m",
        "s",
        "Wh",
        "ml",
        "point",
        "fen",
        "eur_cent",
        "usd_cent",
        "krw",
        "year",
        "step",
        "event",
        "person",
        "vehicle",
    }
)
"""Every symbol that a unit may hold; the mass is always that of CO2e."""
POWER_MAX: Final = 9

_PART: Final = re.compile(r"(?P<symbol>[A-Za-z_]+)(\^(?P<power>[1-9]))?")


class UnknownUnitError(CallerError):
    """A text that names no unit."""

    code = "UNKNOWN_UNIT"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit such as ug/m: base symbols with powers that are not 0, sorted by symbol."""

    powers: tuple[tuple[str, int], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Unit:
        """Return the unit that `text` names: `1`, `ug/m`, `ug/(Wh*year)`, `m/s^2`.

        Raises:
            UnknownUnitError: another shape, or a symbol that is not in `BASE_SYMBOLS`.
        """
        above, slash, below = text.partition("/")
        if slash and below.startswith("(") and below.endswith(")"):
            below = below[1:-1]
        unit = cls._product(above, text)
        return unit / cls._product(below, text) if slash else unit

    @classmethod
    def _product(cls, text: str, whole: str) -> Unit:
        unit = cls()
        if text == "1":
            return unit
        for part in text.split("*"):
            found = _PART.fullmatch(part)
            if found is None or found["symbol"] not in BASE_SYMBOLS:
                raise UnknownUnitError(
                    f"{whole[:40]!r} is no unit: use {', '.join(sorted(BASE_SYMBOLS))}, 1, "
                    "and *, ^ and one /"
                )
            unit = unit * cls(((found["symbol"], 1),)) ** int(found["power"] or 1)
        return unit

    def __mul__(self, other: Unit) -> Unit:
        """Return the unit of a product."""
        powers = dict(self.powers)
        for symbol, power in other.powers:
            powers[symbol] = powers.get(symbol, 0) + power
        return Unit(tuple(sorted((name, power) for name, power in powers.items() if power)))

    def __truediv__(self, other: Unit) -> Unit:
        """Return the unit of a quotient."""
        return self * other**-1

    def __pow__(self, exponent: int) -> Unit:
        """Return the unit of an integer power."""
        powers = ((name, power * exponent) for name, power in self.powers)
        return Unit(tuple((name, power) for name, power in powers if power))

    @override
    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        above = "*".join(_symbol(name, power) for name, power in self.powers if power > 0)
        below = [_symbol(name, -power) for name, power in self.powers if power < 0]
        if not below:
            return above or "1"
        divisor = below[0] if len(below) == 1 else f"({'*'.join(below)})"
        return f"{above or '1'}/{divisor}"


def _symbol(name: str, power: int) -> str:
    return name if power == 1 else f"{name}^{power}"


PLAIN: Final = Unit()
"""The unit of a plain number."""
