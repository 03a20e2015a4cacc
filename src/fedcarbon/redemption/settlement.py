"""The settlement rule: what a mass is worth, rounded down once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.canonical.statement import INTEGER_MAX
from fedcarbon.errors import CallerError, MalformedError
from fedcarbon.ledger.errors import InsufficientBalanceError
from fedcarbon.ledger.unit import Vintage
from fedcarbon.registry.programme import Programme
from fedcarbon.units import MASS_UG_MAX, Fen, MicrogramsCO2e, grams_text, yuan_text


class RedemptionTooSmallError(CallerError):
    """The mass is worth less than one unit."""

    code: ClassVar[str] = "REDEMPTION_TOO_SMALL"


class RedemptionUnitsError(CallerError):
    """The number of units is not positive, or beyond what any account can hold."""

    code: ClassVar[str] = "REDEMPTION_UNITS"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementRule:
    """A programme's published unit: `unit_ug` of mass pays `pays_fen`."""

    unit_ug: MicrogramsCO2e
    pays_fen: Fen

    def __post_init__(self) -> None:
        """Check ranges."""
        if not 1 <= self.unit_ug <= MASS_UG_MAX or not 1 <= self.pays_fen <= INTEGER_MAX:
            raise MalformedError("a settlement rule has a positive mass and a positive payment")

    @classmethod
    def of(cls, programme: Programme) -> SettlementRule:
        """Return the rule of a signed programme."""
        return cls(unit_ug=programme.unit_ug, pays_fen=programme.unit_fen)


ECNY_RULE: Final = SettlementRule(unit_ug=MicrogramsCO2e(1_250_000_000), pays_fen=Fen(1))
"""1250 g for 0.01 yuan; sources in docs/programmes/ecny-shanghai.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """The part of a redemption that one vintage gives."""

    vintage: Vintage
    mass_ug: MicrogramsCO2e


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a redemption takes and pays."""

    units: int
    mass_ug: MicrogramsCO2e
    amount_fen: Fen
    draws: tuple[Draw, ...]
    """Oldest vintage first; together `mass_ug`."""


def payout_fen(mass: MicrogramsCO2e, rule: SettlementRule) -> tuple[Fen, MicrogramsCO2e]:
    """Return what `mass` is worth and what is left of it, rounded down once.

    Args:
        mass: pooled mass of one account in ug CO2e.
        rule: the programme's published unit.

    Raises:
        RedemptionTooSmallError: the mass is worth less than one unit.
    """
    units, remainder_ug = divmod(mass, rule.unit_ug)
    if units < 1:
        raise RedemptionTooSmallError(
            f"the account holds less than one unit of {grams_text(rule.unit_ug)} for "
            f"{yuan_text(rule.pays_fen)}; it stays in the account and adds up"
        )
    return Fen(units * rule.pays_fen), MicrogramsCO2e(remainder_ug)


def quote(
    spendable_ug: Mapping[Vintage, MicrogramsCO2e], units: int | None, rule: SettlementRule
) -> Quote:
    """Return what redeeming `units` takes from an account and pays.

    All vintages are pooled before the one floor; the oldest is drawn first.

    Args:
        spendable_ug: the account's free grams per vintage.
        units: how many units, or None for as many as the account is worth.
        rule: the programme's published unit.

    Raises:
        RedemptionTooSmallError: all was asked for and it is worth less than one unit.
        InsufficientBalanceError: the account holds less than `units`.
        RedemptionUnitsError: `units` is not positive.
    """
    pooled_ug = MicrogramsCO2e(sum(spendable_ug.values()))
    if units is None:
        _, remainder_ug = payout_fen(pooled_ug, rule)
        mass_ug = MicrogramsCO2e(pooled_ug - remainder_ug)
    else:
        check_units(units)
        mass_ug = MicrogramsCO2e(units * rule.unit_ug)
        if mass_ug > pooled_ug:
            raise InsufficientBalanceError(
                f"the account holds less than {units} units of {grams_text(rule.unit_ug)}; "
                "redeem fewer, or all"
            )
    amount_fen, nothing_ug = payout_fen(mass_ug, rule)
    assert nothing_ug == 0
    return Quote(
        units=mass_ug // rule.unit_ug,
        mass_ug=mass_ug,
        amount_fen=amount_fen,
        draws=drawn(spendable_ug, mass_ug),
    )


def quote_proceeds(proceeds_fen: Fen, wanted_fen: int | None) -> Quote:
    """Return what paying out proceeds takes and pays: no grams, and every fen as one unit.

    Args:
        proceeds_fen: what the account has of sold lots.
        wanted_fen: how much, or None for all.

    Raises:
        RedemptionTooSmallError: all was asked for and there is nothing.
        InsufficientBalanceError: the account has less than `wanted_fen`.
        RedemptionUnitsError: `wanted_fen` is not positive.
    """
    if wanted_fen is None and proceeds_fen < 1:
        raise RedemptionTooSmallError("the account has no proceeds of sold lots to pay out")
    amount_fen = proceeds_fen if wanted_fen is None else Fen(wanted_fen)
    check_units(amount_fen)
    if amount_fen > proceeds_fen:
        raise InsufficientBalanceError(
            f"the account has less than {yuan_text(amount_fen)} of proceeds; ask for less, or all"
        )
    return Quote(units=amount_fen, mass_ug=MicrogramsCO2e(0), amount_fen=amount_fen, draws=())


def check_units(units: int) -> None:
    """Refuse a number of units that cannot be meant.

    Raises:
        RedemptionUnitsError: not between 1 and the largest integer of a statement.
    """
    if not 1 <= units <= INTEGER_MAX:
        raise RedemptionUnitsError("a redemption is of at least one unit")


def drawn(
    spendable_ug: Mapping[Vintage, MicrogramsCO2e], mass_ug: MicrogramsCO2e
) -> tuple[Draw, ...]:
    """Return what each vintage gives to `mass_ug`, the oldest first; there must be enough."""
    draws: list[Draw] = []
    missing_ug: int = mass_ug
    for vintage in sorted(spendable_ug):
        taken_ug = min(spendable_ug[vintage], missing_ug)
        if taken_ug > 0:
            draws.append(Draw(vintage=vintage, mass_ug=MicrogramsCO2e(taken_ug)))
            missing_ug -= taken_ug
    assert missing_ug == 0
    return tuple(draws)
