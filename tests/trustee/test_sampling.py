"""The noise is what the promise says: distribution, exactness, reach.

OpenDP cannot be seeded. Every threshold is such that an honest sampler misses it less than once in
10^9 runs: a chi-squared variable of k degrees of freedom exceeds k + 2 sqrt(k x) + 2 x with
probability below e^-x (Laurent and Massart 2000), and a mean of independent draws strays by more
than 6.2 of its standard deviations with probability below 10^-9.
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal, localcontext

import pytest

from fedcarbon.disclosure.shell import NOISE_REACH, SIGMA_MAX
from trustee.sampling import OpenDpNoise, _float_at_least, noise_within_reach

DRAWS = 40_000
X = 21.0
"""e^-21 < 10^-9."""
DEVIATIONS = 6.2


def probabilities(scale: int) -> dict[int, float]:
    """Return the exact probabilities within the reach, computed with 40 decimals."""
    with localcontext() as context:
        context.prec = 40
        reach = NOISE_REACH * scale
        weights = {
            x: (Decimal(-x * x) / Decimal(2 * scale * scale)).exp()
            for x in range(-reach, reach + 1)
        }
        total = sum(weights.values())
        return {x: float(weight / total) for x, weight in weights.items()}


def chi_squared(found: Mapping[int, int], expected: Mapping[int, float]) -> tuple[float, int]:
    """Return the statistic and its degrees of freedom; rare values count together."""
    draws = sum(found.values())
    common = {x: p * draws for x, p in expected.items() if p * draws >= 20}
    rare = draws - sum(common.values())
    seen_rare = draws - sum(found.get(x, 0) for x in common)
    statistic = sum((found.get(x, 0) - n) ** 2 / n for x, n in common.items())
    return statistic + (seen_rare - rare) ** 2 / max(rare, 20), len(common)


def limit(freedom: int) -> float:
    return freedom + 2 * math.sqrt(freedom * X) + 2 * X


@pytest.mark.parametrize("scale", [1, 3, 29])
def test_draws_have_the_probabilities_of_the_discrete_gaussian(scale: int) -> None:
    found = Counter(OpenDpNoise().draw(scale, DRAWS))

    statistic, freedom = chi_squared(found, probabilities(scale))

    assert statistic < limit(freedom)


def test_the_test_sees_a_sampler_of_another_scale() -> None:
    found = Counter(OpenDpNoise().draw(31, DRAWS))

    statistic, freedom = chi_squared(found, probabilities(29))

    assert statistic > limit(freedom)


def test_the_test_sees_a_rounded_continuous_gaussian() -> None:
    """At scale 1 rounding gives 0.3829 at zero, where the discrete Gaussian has 0.3989."""
    rounded = {
        x: 0.5 * (math.erf((x + 0.5) / math.sqrt(2)) - math.erf((x - 0.5) / math.sqrt(2)))
        for x in range(-16, 17)
    }
    found = {x: round(DRAWS * p) for x, p in rounded.items()}

    statistic, freedom = chi_squared(found, probabilities(1))

    assert statistic > limit(freedom)


def test_every_small_value_comes_as_often_as_it_should_at_scale_one() -> None:
    found, expected = Counter(OpenDpNoise().draw(1, DRAWS)), probabilities(1)

    for x in range(-3, 4):
        deviation = math.sqrt(DRAWS * expected[x] * (1 - expected[x]))
        assert abs(found[x] - DRAWS * expected[x]) < DEVIATIONS * deviation


@pytest.mark.parametrize("scale", [29, 1 << 40, SIGMA_MAX])
def test_mean_and_variance_are_those_of_the_scale(scale: int) -> None:
    drawn = OpenDpNoise().draw(scale, DRAWS)

    mean = sum(drawn) / DRAWS / scale
    variance = sum(noise * noise for noise in drawn) / DRAWS / scale**2

    assert abs(mean) < DEVIATIONS / math.sqrt(DRAWS)
    # (x / scale)^2 has variance 2; the sum has a slightly heavier tail than a Gaussian.
    assert abs(variance - 1) < 8 * math.sqrt(2 / DRAWS)


def test_noise_is_as_often_above_zero_as_below() -> None:
    drawn = OpenDpNoise().draw(1000, DRAWS)

    above, below = sum(noise > 0 for noise in drawn), sum(noise < 0 for noise in drawn)

    assert abs(above - below) < DEVIATIONS * math.sqrt(DRAWS)


@pytest.mark.parametrize("scale", [1 << 40, (1 << 53) + 1, SIGMA_MAX])
def test_the_low_bits_of_large_noise_are_random(scale: int) -> None:
    """Floats would leave them at zero from 2^53 on, and the sum of a cell could show through."""
    found = Counter(noise % 16 for noise in OpenDpNoise().draw(scale, DRAWS))

    statistic, freedom = chi_squared(found, dict.fromkeys(range(16), 1 / 16))

    assert statistic < limit(freedom)


def test_a_scale_that_no_float_has_is_rounded_up() -> None:
    assert _float_at_least((1 << 53) + 1) == (1 << 53) + 2
    assert _float_at_least((1 << 53) + 3) == (1 << 53) + 4
    assert _float_at_least(SIGMA_MAX - 1) == SIGMA_MAX
    assert _float_at_least(12345) == 12345


class Script:
    """Gives what a test wrote down, in order."""

    def __init__(self, *noise: int) -> None:
        self.left = list(noise)

    def draw(self, scale: int, count: int) -> list[int]:
        assert scale == 10
        drawn, self.left = self.left[:count], self.left[count:]
        return drawn


def test_noise_beyond_the_reach_is_drawn_again() -> None:
    script = Script(5, 161, -160, -161, 160, 200, 7)

    assert noise_within_reach(script, 10, 4) == [5, -160, 160, 7]
    assert script.left == []


def test_a_trustee_that_draws_no_noise_does_not_wait_for_opendp() -> None:
    program = "import sys, trustee.trustee; sys.exit('opendp' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603
