"""What a budget promises: zCDP as (epsilon, delta), for one release and for a year.

A release that is rho-zCDP is (epsilon, delta)-DP for every delta with

    epsilon = rho + 2 sqrt(rho ln(1 / delta))

(Bun-Steinke 2016, proposition 1.3), and the rhos of releases add up. Noise beyond `NOISE_REACH`
scales is redrawn, which is no zCDP: it happens with a probability of at most 2 e^-128 per value,
and what that can add to delta has its own part of it here.
"""

from __future__ import annotations

import decimal
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from fedcarbon.disclosure.shell import CELLS_MAX, MILLIONTHS, NOISE_REACH, QUANTITIES_MAX
from fedcarbon.errors import MalformedError

DELTA_EXPONENT: Final = 9
"""Guarantees are stated for delta = 10^-9: much less than one in all people of a country."""
REDRAWN_EXPONENT: Final = 12
"""10^-12 of delta is for noise that was redrawn."""
EPSILON_MAX: Final = 80
"""Above it the redrawn noise could matter, and nobody would call it a promise."""
THOUSANDTHS: Final = 1_000
RELEASES_MAX: Final = 366
"""In a year: periods of a programme do not overlap, and last a day or more."""
_DIGITS: Final = decimal.Context(prec=40, rounding=decimal.ROUND_CEILING)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetEntry:
    """What a release spends of its year, in millionths of rho (zCDP)."""

    year: int
    rho_millionths: int
    """What this release spends."""
    spent_millionths: int
    """What earlier releases of the programme have spent in that year."""
    limit_millionths: int
    """What the shell allows for all releases of that year."""

    def __post_init__(self) -> None:
        """Check that it is within its limit."""
        if self.rho_millionths < 1 or self.spent_millionths < 0:
            raise MalformedError("a release spends some budget, and none was given back")
        if self.spent_millionths + self.rho_millionths > self.limit_millionths:
            raise MalformedError("a release spends more than its year allows")


def epsilon_thousandths(rho_millionths: int) -> int | None:
    """Return the epsilon that a budget keeps with delta = 10^-9, rounded up.

    Args:
        rho_millionths: zCDP, at least 0.

    Returns:
        Thousandths; None if the budget is so large that no promise is left (`EPSILON_MAX`).
    """
    with decimal.localcontext(_DIGITS):
        rho = Decimal(rho_millionths) / MILLIONTHS
        delta = Decimal(10) ** -DELTA_EXPONENT - Decimal(10) ** -REDRAWN_EXPONENT
        # Each step rounds up but ln, which rounds to the nearest of 40 digits.
        epsilon = rho + 2 * (rho * -delta.ln()).sqrt()
        thousandths = int((epsilon * THOUSANDTHS).to_integral_value(decimal.ROUND_CEILING))
    return thousandths if thousandths <= EPSILON_MAX * THOUSANDTHS else None


def _redrawn_delta() -> Decimal:
    """Return what redrawing can add to delta in a year, for the largest epsilon."""
    with decimal.localcontext(_DIGITS):
        tail = 2 * (-(Decimal(NOISE_REACH) ** 2) / 2).exp()
        draws = CELLS_MAX * QUANTITIES_MAX * RELEASES_MAX
        # With and without the person, one of the two weighted by e^epsilon.
        return draws * tail * (1 + Decimal(EPSILON_MAX).exp())


if _redrawn_delta() > Decimal(10) ** -REDRAWN_EXPONENT:
    raise AssertionError("noise that is redrawn needs a larger part of delta")
