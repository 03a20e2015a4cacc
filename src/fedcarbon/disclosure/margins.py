"""How far the noise moves a number."""

from __future__ import annotations

from math import isqrt

from fedcarbon.units import Amount


def margin_95(sigma: int, cells: int, trustees: int) -> Amount:
    """Return 1.96 standard deviations of a sum of noisy cells, rounded up.

    Args:
        sigma: scale of one trustee's noise in one cell, at least 1.
        cells: how many are added up, at least 1.
        trustees: how many have added noise, at least 1.
    """
    hundredths = isqrt(196**2 * cells * trustees * sigma**2 - 1) + 1
    return Amount(-(-hundredths // 100))
