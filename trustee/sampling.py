"""Noise for tables: discrete Gaussian draws from OpenDP.

The distribution is that of Canonne, Kamath and Steinke (2020): an integer x comes with probability
in proportion to exp(-x^2 / (2 scale^2)). OpenDP samples it with integers and fractions of any size,
so the low bits of a large draw are as random as the high ones; its chance is a cryptographic
source of its own and cannot be seeded.
"""

from __future__ import annotations

import math
from typing import Protocol

from typing_extensions import override

from fedcarbon.disclosure.shell import NOISE_REACH


class NoiseSource(Protocol):
    """Where noise comes from."""

    def draw(self, scale: int, count: int) -> list[int]:
        """Return `count` independent draws from the discrete Gaussian of a scale.

        Args:
            scale: 1 to `fedcarbon.disclosure.shell.SIGMA_MAX`; the standard deviation.
            count: how many.
        """
        ...


class OpenDpNoise(NoiseSource):
    """OpenDP's sampler."""

    __slots__ = ()

    @override
    def draw(self, scale: int, count: int) -> list[int]:
        """Return draws; OpenDP takes scales as floats, so that above 2^53 some are a bit wider."""
        # A third of a second to import: only a trustee that is asked for noise waits for it.
        from opendp import domains, measurements, metrics, mod  # noqa: PLC0415

        mod.enable_features("contrib")  # all of OpenDP's mechanisms want to be asked for by it
        gaussian = measurements.make_gaussian(
            domains.vector_domain(domains.atom_domain(T="i64")),
            metrics.l2_distance(T="f64"),
            scale=_float_at_least(scale),
        )
        return list(gaussian([0] * count))


def noise_within_reach(source: NoiseSource, scale: int, count: int) -> list[int]:
    """Return `count` draws within `NOISE_REACH` scales, drawing again what lies beyond.

    That keeps every noise within the bounds that are proved of it; it changes the distribution by
    less than 2^-180.
    """
    reach, drawn = NOISE_REACH * scale, list[int]()
    while len(drawn) < count:
        fresh = source.draw(scale, count - len(drawn))
        drawn += [noise for noise in fresh if -reach <= noise <= reach]
    return drawn


def _float_at_least(scale: int) -> float:
    """Return the least float that is not below an integer: less noise would break the promise."""
    nearest = float(scale)
    return nearest if nearest >= scale else math.nextafter(nearest, math.inf)
