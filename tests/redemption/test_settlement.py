"""1250 g for one fen: boundaries, one floor, pooled before it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.canonical.statement import INTEGER_MAX
from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.errors import InsufficientBalanceError
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.settlement import (
    ECNY_RULE,
    Draw,
    RedemptionTooSmallError,
    RedemptionUnitsError,
    SettlementRule,
    payout_fen,
    quote,
)
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.programme import Policy, Programme
from fedcarbon.units import MASS_UG_MAX, UG_PER_GRAM, Fen, MicrogramsCO2e

THIS_YEAR = Vintage(2026)
LAST_YEAR = Vintage(2025)


def _ug(grams: str) -> MicrogramsCO2e:
    exact = Fraction(grams) * UG_PER_GRAM
    assert exact.denominator == 1
    return MicrogramsCO2e(exact.numerator)


@pytest.mark.parametrize(
    ("grams", "fen", "rest_grams"),
    [
        ("1250", 1, "0"),
        ("2194.7", 1, "944.7"),
        ("2499.999", 1, "1249.999"),
        ("2499.999999", 1, "1249.999999"),
        ("2500", 2, "0"),
        ("1000000", 800, "0"),
    ],
)
def test_the_published_boundaries_pay_what_they_say(grams: str, fen: int, rest_grams: str) -> None:
    assert payout_fen(_ug(grams), ECNY_RULE) == (fen, _ug(rest_grams))


@pytest.mark.parametrize("grams", ["0", "0.000001", "1249.999", "1249.999999"])
def test_less_than_a_unit_pays_nothing_and_says_so(grams: str) -> None:
    with pytest.raises(RedemptionTooSmallError, match="1,250 g"):
        payout_fen(_ug(grams), ECNY_RULE)


def test_three_partners_grams_are_pooled_before_the_one_floor() -> None:
    # METHODOLOGIES worked example 1: metro 12.5 km, bike 2.3 km, electric ride 8.6 km
    parts = [12_500 * 97_000, 2_300 * 98_000, 8_600 * 88_000]

    fen, remainder_ug = payout_fen(MicrogramsCO2e(sum(parts)), ECNY_RULE)

    assert [part // ECNY_RULE.unit_ug for part in parts] == [0, 0, 0]
    assert (fen, remainder_ug) == (1, _ug("944.7"))


@given(st.integers(min_value=1_250_000_000, max_value=MASS_UG_MAX))
def test_nothing_is_lost_between_payout_and_remainder(mass_ug: int) -> None:
    fen, remainder_ug = payout_fen(MicrogramsCO2e(mass_ug), ECNY_RULE)

    assert fen * ECNY_RULE.unit_ug + remainder_ug == mass_ug
    assert 0 <= remainder_ug < ECNY_RULE.unit_ug


def test_all_takes_whole_units_and_leaves_the_remainder() -> None:
    quoted = quote({THIS_YEAR: _ug("3000")}, None, ECNY_RULE)

    assert (quoted.units, quoted.mass_ug, quoted.amount_fen) == (2, _ug("2500"), 2)


def test_a_number_of_units_takes_just_these() -> None:
    quoted = quote({THIS_YEAR: _ug("3000")}, 1, ECNY_RULE)

    assert (quoted.units, quoted.mass_ug, quoted.amount_fen) == (1, _ug("1250"), 1)


def test_a_unit_may_pay_more_than_one_fen() -> None:
    rule = SettlementRule(unit_ug=MicrogramsCO2e(1_000), pays_fen=Fen(3))

    quoted = quote({THIS_YEAR: MicrogramsCO2e(2_999)}, None, rule)

    assert (quoted.units, quoted.mass_ug, quoted.amount_fen) == (2, 2_000, 6)


def test_vintages_are_pooled_and_the_oldest_is_drawn_first() -> None:
    quoted = quote({THIS_YEAR: _ug("305.3"), LAST_YEAR: _ug("944.7")}, None, ECNY_RULE)

    assert quoted.draws == (
        Draw(vintage=LAST_YEAR, mass_ug=_ug("944.7")),
        Draw(vintage=THIS_YEAR, mass_ug=_ug("305.3")),
    )


def test_a_vintage_that_is_not_needed_is_not_drawn() -> None:
    quoted = quote({THIS_YEAR: _ug("1"), LAST_YEAR: _ug("1250")}, 1, ECNY_RULE)

    assert quoted.draws == (Draw(vintage=LAST_YEAR, mass_ug=_ug("1250")),)


def test_more_units_than_the_account_holds_are_refused() -> None:
    with pytest.raises(InsufficientBalanceError):
        quote({THIS_YEAR: _ug("2499.999999")}, 2, ECNY_RULE)


def test_an_empty_account_is_worth_nothing() -> None:
    with pytest.raises(RedemptionTooSmallError):
        quote({}, None, ECNY_RULE)


@pytest.mark.parametrize("units", [0, -1, -(1 << 62), INTEGER_MAX + 1])
def test_a_number_of_units_that_cannot_be_meant_is_refused(units: int) -> None:
    with pytest.raises(RedemptionUnitsError):
        quote({THIS_YEAR: _ug("2500")}, units, ECNY_RULE)


@given(
    st.dictionaries(
        st.integers(min_value=2020, max_value=2030).map(Vintage),
        st.integers(min_value=0, max_value=10**12).map(MicrogramsCO2e),
        max_size=5,
    ).filter(lambda held: sum(held.values()) >= ECNY_RULE.unit_ug)
)
def test_draws_never_exceed_a_vintage_and_add_up(held: dict[Vintage, MicrogramsCO2e]) -> None:
    quoted = quote(held, None, ECNY_RULE)

    assert sum(draw.mass_ug for draw in quoted.draws) == quoted.mass_ug
    assert all(0 < draw.mass_ug <= held[draw.vintage] for draw in quoted.draws)
    assert [draw.vintage for draw in quoted.draws] == sorted(draw.vintage for draw in quoted.draws)


def test_the_rule_of_a_programme_is_the_unit_that_it_published() -> None:
    programme = Programme(
        parameter_id=bytes(32),
        programme_id=ProgrammeId("ecny-shanghai"),
        exclusivity_domain="cn-east",
        exclusivity_group="movement",
        measure=Measure.GRAMS,
        token_epoch=1,
        time_zone="Asia/Shanghai",
        first_day="2026-03-02",
        last_day="2026-03-02",
        epoch_days=1,
        slot_s=300,
        cap_ug=MicrogramsCO2e(50_000_000_000),
        partners_max=8,
        days_max=366,
        unit_ug=MicrogramsCO2e(7),
        unit_fen=Fen(5),
        test_identities=True,
        policy=Policy(),
    )

    assert SettlementRule.of(programme) == SettlementRule(
        unit_ug=MicrogramsCO2e(7), pays_fen=Fen(5)
    )


@pytest.mark.parametrize(
    ("unit_ug", "pays_fen"), [(0, 1), (-1, 1), (1, 0), (1, -1), (MASS_UG_MAX + 1, 1)]
)
def test_a_rule_that_pays_for_nothing_cannot_be_made(unit_ug: int, pays_fen: int) -> None:
    with pytest.raises(MalformedError):
        SettlementRule(unit_ug=MicrogramsCO2e(unit_ug), pays_fen=Fen(pays_fen))
