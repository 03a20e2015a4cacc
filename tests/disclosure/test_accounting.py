"""What a budget promises, against an independent library and in known values."""

from __future__ import annotations

import opendp.prelude as dp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.disclosure.accounting import (
    DELTA_EXPONENT,
    EPSILON_MAX,
    BudgetEntry,
    epsilon_thousandths,
)
from fedcarbon.errors import MalformedError


def opendp_epsilon(rho: float) -> float:
    """Return what OpenDP makes of a Gaussian mechanism with this rho: a tighter conversion."""
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l2_distance(T=float)
    mechanism = dp.m.make_gaussian(*space, scale=1 / (2 * rho) ** 0.5)
    approximate = dp.c.make_fix_delta(
        dp.c.make_zCDP_to_approxDP(mechanism), delta=10**-DELTA_EXPONENT
    )
    epsilon, _ = approximate.map(1.0)  # type: ignore[no-untyped-call]
    return float(epsilon)


@pytest.mark.parametrize("rho_millionths", [100, 10_000, 75_000, 500_000, 2_000_000])
def test_epsilon_is_never_less_than_opendp_says_and_not_much_more(rho_millionths: int) -> None:
    dp.enable_features("contrib")

    ours = epsilon_thousandths(rho_millionths)

    assert ours is not None
    theirs = 1_000 * opendp_epsilon(rho_millionths / 1_000_000)
    assert theirs <= ours <= 1.25 * theirs + 1


def test_known_values() -> None:
    """0.02 + 2 sqrt(0.02 ln 10^9) = 1.30757..., and what redrawing takes is below a thousandth."""
    assert epsilon_thousandths(0) == 0
    assert epsilon_thousandths(20_000) == 1_308
    assert epsilon_thousandths(1_000_000) == 10_105


@given(st.integers(0, 20_000_000), st.integers(1, 1_000_000))
def test_more_budget_promises_less(rho_millionths: int, more: int) -> None:
    less, greater = (epsilon_thousandths(rho) for rho in (rho_millionths, rho_millionths + more))

    assert less is not None
    assert greater is not None
    assert less <= greater


def test_a_budget_beyond_all_bounds_promises_nothing() -> None:
    largest = epsilon_thousandths(29_900_000)

    assert largest is not None
    assert largest <= EPSILON_MAX * 1_000
    assert epsilon_thousandths(30_100_000) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"rho_millionths": 0},
        {"spent_millionths": -1},
        {"spent_millionths": 11},
        {"limit_millionths": 9},
    ],
)
def test_an_entry_beyond_its_year_is_malformed(changes: dict[str, int]) -> None:
    entry = {"year": 2026, "rho_millionths": 10, "spent_millionths": 10, "limit_millionths": 20}

    assert BudgetEntry(**entry).year == 2026
    with pytest.raises(MalformedError):
        BudgetEntry(**entry | changes)
