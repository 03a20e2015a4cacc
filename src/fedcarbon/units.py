"""The units of every quantity: integers, one type per dimension.

Mass is micrograms of CO2e (97 g/km is 97 000 ug/m, exact), money is fen, distance metres, time
seconds. No float touches a number that is credited, encrypted, signed or paid.
"""

from __future__ import annotations

from typing import Final, NewType

MicrogramsCO2e = NewType("MicrogramsCO2e", int)
"""Mass of CO2e in micrograms, never negative."""

Fen = NewType("Fen", int)
"""Money in hundredths of a yuan."""

Metres = NewType("Metres", int)
"""Distance in metres."""

Seconds = NewType("Seconds", int)
"""A span in seconds, or an instant in seconds since 1970-01-01T00:00:00Z."""

Natural = NewType("Natural", int)
"""A non-negative big integer (modulus, ciphertext, group element); hexadecimal when encoded."""

Amount = NewType("Amount", int)
"""A count of whatever unit stands beside it, of either sign; a decimal string when encoded."""

UG_PER_GRAM: Final = 1_000_000
UG_PER_KILOGRAM: Final = 1_000_000_000
UG_PER_TONNE: Final = 1_000_000_000_000
SECONDS_PER_DAY: Final = 86_400

# PROTOCOL "Numbers": an opened sum stays below 2^56 ug, far under a signed 64-bit column.
VALUE_BITS: Final = 56
MASS_UG_MAX: Final = (1 << VALUE_BITS) - 1


def millionths_text(millionths: int) -> str:
    """Return so many millionths of a unit for people, exact, no trailing zero: `1,212.5`."""
    whole, rest = divmod(millionths, UG_PER_GRAM)
    fraction = f"{rest:06d}".rstrip("0")
    return f"{whole:,}.{fraction}" if fraction else f"{whole:,}"


def grams_text(mass_ug: MicrogramsCO2e) -> str:
    """Return `mass_ug` in grams for people, exact, without a trailing zero: `1,212.5 g`."""
    return f"{millionths_text(mass_ug)} g"


def yuan_text(amount_fen: Fen) -> str:
    """Return `amount_fen` in yuan for people: `0.01 yuan`."""
    whole, rest = divmod(amount_fen, 100)
    return f"{whole:,}.{rest:02d} yuan"
