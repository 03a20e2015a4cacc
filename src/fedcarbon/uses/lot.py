"""Credit lots: whole tonnes of one programme and vintage, bundled from pledges.

Nothing here knows a store: what a lot takes and what its contributors get are pure functions, so
that an auditor computes the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId, checked_name
from fedcarbon.ledger.account import LOT_ID_BYTES
from fedcarbon.ledger.unit import MassUnit, Vintage
from fedcarbon.registry.enrolment import TOKEN_BYTES
from fedcarbon.units import Fen, MicrogramsCO2e
from fedcarbon.uses.errors import (
    LotShortError,
    LotTooWideError,
    ObligationDiffersError,
    OffsetLimitError,
)
from fedcarbon.uses.offer import LotRules, check_head, check_regimes, check_text

TONNE_UG: Final = MicrogramsCO2e(10**12)
TONNES_MAX: Final = 10_000
"""Of one lot."""
CONTRIBUTIONS_MAX: Final = 10_000
"""Of one lot: it is one statement and one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What one account has in a lot."""

    account_token: bytes
    mass_ug: MicrogramsCO2e

    def __post_init__(self) -> None:
        """Check the size and that it is something."""
        if len(self.account_token) != TOKEN_BYTES or self.mass_ug < 1:
            raise MalformedError(f"a contribution is some grams of a token of {TOKEN_BYTES} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditLot(Statement):
    """Pledged grams become a lot; signed by the hub."""

    KIND: ClassVar[str] = "credit_lot"

    parameter_id: bytes
    programme_id: ProgrammeId
    lot_id: bytes
    """16 bytes, made by the hub's operator."""
    vintage: Vintage
    tonnes: int
    rules_leaf: int
    """Leaf of the `LotRules` in force."""
    excluded_regimes: tuple[str, ...]
    """Of those rules: nothing in the lot was claimed in any of them."""
    contributions: tuple[Contribution, ...]
    """By token, each once; together exactly the tonnes."""

    def __post_init__(self) -> None:
        """Check sizes, order and ranges; whether it is whole is the auditor's to find."""
        check_lot(self.parameter_id, self.programme_id, self.lot_id)
        MassUnit(programme=self.programme_id, vintage=self.vintage)
        check_regimes(self.excluded_regimes)
        tokens = [item.account_token for item in self.contributions]
        if tokens != sorted(set(tokens)):
            raise MalformedError("the contributions of a lot are in order, each account once")
        if not 1 <= self.tonnes <= TONNES_MAX or not 1 <= len(tokens) <= CONTRIBUTIONS_MAX:
            raise MalformedError("a lot has some tonnes of some contributors")

    @property
    def unit(self) -> MassUnit:
        """What lies in the lot."""
        return MassUnit(programme=self.programme_id, vintage=self.vintage)

    @property
    def mass_ug(self) -> MicrogramsCO2e:
        """What its tonnes are."""
        return MicrogramsCO2e(self.tonnes * TONNE_UG)


@dataclass(frozen=True, slots=True, kw_only=True)
class LotVerification(Statement):
    """A verifier's word on a lot; signed by t root keys, once per lot."""

    KIND: ClassVar[str] = "lot_verification"

    parameter_id: bytes
    programme_id: ProgrammeId
    lot_id: bytes
    verifier: str
    report_sha256: bytes
    accepted: bool

    def __post_init__(self) -> None:
        """Check sizes."""
        check_lot(self.parameter_id, self.programme_id, self.lot_id)
        check_text(self.verifier)
        if len(self.report_sha256) != DIGEST_BYTES:
            raise MalformedError(f"the hash of a report has {DIGEST_BYTES} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class LotSale(Statement):
    """A lot was paid for; signed by the hub, once per lot."""

    KIND: ClassVar[str] = "lot_sale"

    parameter_id: bytes
    programme_id: ProgrammeId
    lot_id: bytes
    buyer: str
    price_fen: Fen
    """For the whole lot."""
    retained_fen: Fen
    """Of it, what the programme keeps; the rest is the contributors'."""

    def __post_init__(self) -> None:
        """Check sizes and that no more is kept than was paid."""
        check_lot(self.parameter_id, self.programme_id, self.lot_id)
        check_text(self.buyer)
        if self.price_fen < 1 or not 0 <= self.retained_fen <= self.price_fen:
            raise MalformedError("a programme keeps at most what a buyer pays")

    @property
    def proceeds_fen(self) -> Fen:
        """What the contributors share."""
        return Fen(self.price_fen - self.retained_fen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """What a beneficiary must surrender allowances for, as it has stated it."""

    obligation_id: str
    """A name, for example of scheme and year; with the beneficiary it is one obligation."""
    amount_kg: int

    def __post_init__(self) -> None:
        """Check the name and that it is something."""
        checked_name(self.obligation_id)
        if self.amount_kg < 1:
            raise MalformedError("an obligation is of some kilograms")


@dataclass(frozen=True, slots=True, kw_only=True)
class LotRetirement(Statement):
    """A sold lot is claimed by its beneficiary; signed by the hub, once per lot."""

    KIND: ClassVar[str] = "lot_retirement"

    parameter_id: bytes
    programme_id: ProgrammeId
    lot_id: bytes
    beneficiary: str
    serial_first: int
    """Tonnes of a programme are numbered from 1 as they are retired, without a gap."""
    serial_last: int
    obligation: Obligation | None = None
    """What it offsets, if that is the purpose: only so much of it, by the rules in force."""

    def __post_init__(self) -> None:
        """Check sizes and that there are serials."""
        check_lot(self.parameter_id, self.programme_id, self.lot_id)
        check_text(self.beneficiary)
        if not 1 <= self.serial_first <= self.serial_last:
            raise MalformedError("the serials of a lot count from 1")


@dataclass(slots=True)
class Offsets:
    """What was surrendered for obligations so far."""

    _done: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """Beneficiary and obligation to its kilograms and the tonnes surrendered."""

    def take(self, retirement: LotRetirement, rules: LotRules) -> None:
        """Count a retirement, whatever may be said against it.

        Args:
            retirement: of whole tonnes, for an obligation or for none.
            rules: those in force.

        Raises:
            ObligationDiffersError: the obligation was stated otherwise before.
            OffsetLimitError: all that was surrendered for it is more than the rules allow.
        """
        if retirement.obligation is None:
            return
        key = (retirement.beneficiary, retirement.obligation.obligation_id)
        stated_kg = retirement.obligation.amount_kg
        amount_kg, tonnes = self._done.get(key, (stated_kg, 0))
        tonnes += retirement.serial_last - retirement.serial_first + 1
        self._done[key] = (amount_kg, tonnes)
        if amount_kg != stated_kg:
            raise ObligationDiffersError(f"{key[1]} was stated with {amount_kg} kg before")
        if not rules.allows_offset(tonnes, amount_kg):
            raise OffsetLimitError(
                f"{tonnes} t for {key[1]} are above {rules.offset_parts}/{rules.offset_of} of it"
            )


def check_lot(parameter_id: bytes, programme: ProgrammeId, lot_id: bytes) -> None:
    """Check what every statement about a lot begins with, or raise `MalformedError`."""
    check_head(parameter_id, programme)
    if len(lot_id) != LOT_ID_BYTES:
        raise MalformedError(f"a lot id has {LOT_ID_BYTES} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pledge:
    """What is left of one pledge."""

    use_id: bytes
    account_token: bytes
    left_ug: MicrogramsCO2e


def bundled(pledges: Iterable[Pledge], wanted_ug: MicrogramsCO2e) -> tuple[Pledge, ...]:
    """Return what a lot takes of each pledge: first come, first taken, the last one in part.

    Args:
        pledges: of one programme and vintage, oldest first.
        wanted_ug: the mass of the lot.

    Raises:
        LotShortError: less is pledged.
        LotTooWideError: more pledges than a lot may have.
    """
    taken: list[Pledge] = []
    missing_ug: int = wanted_ug
    for pledge in pledges:
        if missing_ug == 0:
            break
        part_ug = min(pledge.left_ug, missing_ug)
        if part_ug > 0:
            taken.append(
                Pledge(
                    use_id=pledge.use_id,
                    account_token=pledge.account_token,
                    left_ug=MicrogramsCO2e(part_ug),
                )
            )
            missing_ug -= part_ug
    if missing_ug:
        raise LotShortError("fewer grams are pledged than the lot needs; bundle fewer tonnes")
    if len(taken) > CONTRIBUTIONS_MAX:
        raise LotTooWideError(f"a lot has at most {CONTRIBUTIONS_MAX} pledges; bundle fewer tonnes")
    return tuple(taken)


def contributions_of(taken: Iterable[Pledge]) -> tuple[Contribution, ...]:
    """Return what every account has in a lot, by token."""
    sums: dict[bytes, int] = {}
    for pledge in taken:
        sums[pledge.account_token] = sums.get(pledge.account_token, 0) + pledge.left_ug
    return tuple(
        Contribution(account_token=token, mass_ug=MicrogramsCO2e(sums[token]))
        for token in sorted(sums)
    )


def shares_fen(proceeds_fen: Fen, mass_ug: Mapping[bytes, int]) -> dict[bytes, Fen]:
    """Return who gets what of the proceeds: pro rata, the rest by largest remainder.

    Everybody gets the pro-rata share rounded down; the fen that are left go one each to those
    with the largest remainders, and where remainders are equal to the lower tokens.

    Args:
        proceeds_fen: what is shared, at least 0.
        mass_ug: account token to what it has in the lot; some mass in all.
    """
    total_ug = sum(mass_ug.values())
    parts = {token: divmod(proceeds_fen * mass, total_ug) for token, mass in mass_ug.items()}
    left = proceeds_fen - sum(whole for whole, _ in parts.values())
    order = sorted(parts, key=lambda token: (-parts[token][1], token))
    extra = set(order[:left])
    return {token: Fen(parts[token][0] + (token in extra)) for token in sorted(parts)}
