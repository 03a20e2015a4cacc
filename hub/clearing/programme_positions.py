"""Where the money and the grams of every programme are, now or at any past moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session

from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import MASS_KINDS, AccountKind
from fedcarbon.ledger.errors import LedgerCorruptedError
from fedcarbon.ledger.unit import FEN, MassUnit, Unit, Vintage
from fedcarbon.units import Seconds
from hub.clearing.storage.position_store import PositionStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammePosition:
    """The books of one programme, summed by kind of account; sources are negative."""

    programme: ProgrammeId
    money_fen: Mapping[AccountKind, int]
    """Every kind of account that counts fen."""
    grams_ug: Mapping[Vintage, Mapping[AccountKind, int]]
    """Per vintage, every kind of account that counts micrograms."""

    def __post_init__(self) -> None:
        """Check that money and each vintage sum to zero: the trial balance of the programme."""
        for name, total in (
            ("fen", sum(self.money_fen.values())),
            *((str(vintage), sum(kinds.values())) for vintage, kinds in self.grams_ug.items()),
        ):
            if total:
                raise LedgerCorruptedError(
                    f"the accounts of programme {self.programme} in {name} do not sum to zero; "
                    "the operator must stop and investigate"
                )


def positions(
    session: Session, *, at_s: Seconds | None = None, through_sequence: int | None = None
) -> tuple[ProgrammePosition, ...]:
    """Return the position of every programme that the books know, by name.

    Without a moment, the stored balances are held against the sum of the transfers too.

    Args:
        session: a reading session: one snapshot of the books.
        at_s: after everything that was recorded by then, inclusive.
        through_sequence: after this transfer.

    Raises:
        LedgerCorruptedError: the books contradict themselves.
    """
    store = PositionStore(session)
    totals = store.totals(at_s=at_s, through_sequence=through_sequence)
    if at_s is None and through_sequence is None:
        _check_stored(totals, store.stored_totals())
    by_programme: dict[ProgrammeId, dict[tuple[AccountKind, Unit], int]] = {}
    for (programme, kind, unit), amount in totals.items():
        by_programme.setdefault(programme, {})[kind, unit] = amount
    return tuple(
        ProgrammePosition(
            programme=programme,
            money_fen=_money(sums),
            grams_ug=_grams(sums),
        )
        for programme, sums in sorted(by_programme.items())
    )


def _money(sums: Mapping[tuple[AccountKind, Unit], int]) -> dict[AccountKind, int]:
    return {kind: sums.get((kind, FEN), 0) for kind in AccountKind if kind not in MASS_KINDS}


def _grams(
    sums: Mapping[tuple[AccountKind, Unit], int],
) -> dict[Vintage, dict[AccountKind, int]]:
    vintages = sorted({unit.vintage for _, unit in sums if isinstance(unit, MassUnit)})
    grams: dict[Vintage, dict[AccountKind, int]] = {
        vintage: {kind: 0 for kind in AccountKind if kind in MASS_KINDS} for vintage in vintages
    }
    for (kind, unit), amount in sums.items():
        if isinstance(unit, MassUnit):
            grams[unit.vintage][kind] = amount
    return grams


def _check_stored(
    totals: Mapping[tuple[ProgrammeId, AccountKind, Unit], int],
    stored: Mapping[tuple[AccountKind, Unit], int],
) -> None:
    summed: dict[tuple[AccountKind, Unit], int] = {}
    for (_, kind, unit), amount in totals.items():
        summed[kind, unit] = summed.get((kind, unit), 0) + amount
    differing = [
        f"{kind} in {unit.text}"
        for kind, unit in summed.keys() | stored.keys()
        if summed.get((kind, unit), 0) != stored.get((kind, unit), 0)
    ]
    if differing:
        raise LedgerCorruptedError(
            f"stored balances differ from the sum of their transfers: {', '.join(differing)}; "
            "the operator must stop and investigate"
        )
