"""`fedcarbon-hub positions`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fedcarbon.ledger.account import AccountKind
from fedcarbon.units import Fen, MicrogramsCO2e, grams_text, yuan_text
from hub.clearing.programme_positions import ProgrammePosition
from hub.clearing.programme_positions import positions as positions_of
from hub.commands.beside import beside
from hub.commands.printing import moment_from_text, moment_text, print_json, print_table


def positions(*, config: Path, at: str | None = None, json: bool = False) -> None:
    """Show per programme where money and grams are, now or at a past moment.

    The books are checked on the way: every programme's money and every vintage's grams sum to
    zero, and stored balances are what the transfers make (LEDGER_CORRUPTED if not: stop and look).

    Args:
        config: the configuration file (TOML).
        at: a time with its zone (2026-03-31T18:00+08:00) or the end of a day (2026-03-31).
        json: print one JSON document; money in fen, mass in ug.
    """
    at_s = None if at is None else moment_from_text(at)
    with beside(config) as hub:
        found = hub.read(lambda session: positions_of(session, at_s=at_s))
        shown_s = hub.now_s() if at_s is None else at_s
    if json:
        print_json({"at_s": shown_s, "programmes": positions_tree(found)})
    else:
        print_positions(found, f"at {moment_text(shown_s)}")


def print_positions(found: Iterable[ProgrammePosition], when: str) -> None:
    """Print positions for people: money, then grams per vintage."""
    found = tuple(found)
    print_table(
        f"Money {when}; each line sums to zero",
        ("programme", *(f"#{kind.value}" for kind in _money_kinds(found))),
        (
            (item.programme, *(_yuan(item.money_fen[kind]) for kind in _money_kinds(found)))
            for item in found
        ),
    )
    kinds = _gram_kinds(found)
    print_table(
        f"Grams {when}; each line sums to zero",
        ("programme", "vintage", *(f"#{kind.value}" for kind in kinds)),
        (
            (item.programme, str(vintage), *(_grams(grams[kind]) for kind in kinds))
            for item in found
            for vintage, grams in item.grams_ug.items()
        ),
    )


def positions_tree(found: Iterable[ProgrammePosition]) -> list[dict[str, object]]:
    """Return positions for machines."""
    return [
        {
            "programme": item.programme,
            "money_fen": {kind.value: amount for kind, amount in item.money_fen.items()},
            "grams_ug": {
                str(vintage): {kind.value: amount for kind, amount in grams.items()}
                for vintage, grams in item.grams_ug.items()
            },
        }
        for item in found
    ]


def _money_kinds(found: Iterable[ProgrammePosition]) -> list[AccountKind]:
    """Return the kinds that a clearing day always asks about, and others that hold something."""
    always = {AccountKind.FUNDING, AccountKind.FLOAT, AccountKind.PAYOUT_IN_FLIGHT}
    always |= {AccountKind.PAID_OUT, AccountKind.SUSPENSE, AccountKind.PROCEEDS}
    used = {kind for item in found for kind, amount in item.money_fen.items() if amount}
    return [kind for kind in AccountKind if kind in always | used]


def _gram_kinds(found: Iterable[ProgrammePosition]) -> list[AccountKind]:
    always = {AccountKind.ISSUANCE, AccountKind.SPENDABLE, AccountKind.RESERVED}
    always |= {AccountKind.REDEEMED}
    used = {
        kind
        for item in found
        for grams in item.grams_ug.values()
        for kind, amount in grams.items()
        if amount
    }
    return [kind for kind in AccountKind if kind in always | used]


def _yuan(amount_fen: int) -> str:
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{yuan_text(Fen(abs(amount_fen)))}"


def _grams(mass_ug: int) -> str:
    sign = "-" if mass_ug < 0 else ""
    return f"{sign}{grams_text(MicrogramsCO2e(abs(mass_ug)))}"
