"""What went through suspense, as an auditor sees it: sums, since the record has no decisions.

Money that the rail has answered as paid may leave PAID_OUT for suspense and come back, or go to
the float instead. Which is right only the rail's files and two signed releases can say, and those
are not in the record. So no equation of the books counts suspense as anything else than what it
is, and a report names the sums: whoever reads it asks the hub for the releases behind them. One
thing needs no release to be wrong: money leaves the books for FUNDING only where it had come from,
so more cannot go back there through suspense than came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from fedcarbon.audit.ledger_replay import ReplayedLedger
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind
from fedcarbon.units import Fen, yuan_text


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspenseFlows:
    """A programme's suspense."""

    programme: ProgrammeId
    suspense_fen: int
    """In suspense now."""
    written_off_fen: int
    taken_back_fen: int
    """From PAID_OUT into suspense less what went back: answered as paid, and not paid out any more.
    Below zero for money that suspense has counted as paid without an answer."""

    gross_fen: Mapping[tuple[AccountKind, AccountKind], int]
    """What went into suspense and out of it, by where from and where to."""

    @property
    def over_returned_fen(self) -> int:
        """What left the books through suspense, beyond what had come into it from outside."""
        came_fen = self.gross_fen.get((AccountKind.FUNDING, AccountKind.SUSPENSE), 0)
        return self.gross_fen.get((AccountKind.SUSPENSE, AccountKind.FUNDING), 0) - came_fen

    @property
    def text(self) -> str:
        """The line of the report."""
        text = (
            f"programme {self.programme}: {_yuan(self.suspense_fen)} in suspense, "
            f"{_yuan(self.written_off_fen)} written off"
        )
        if self.taken_back_fen > 0:
            text += (
                f"; {_yuan(self.taken_back_fen)} that the rail answered as paid were taken out of "
                "paid_out and not reversed: ask the hub for the rail's files and signed releases"
            )
        elif self.taken_back_fen < 0:
            text += f"; {_yuan(-self.taken_back_fen)} count as paid that no answer has"
        gross = sorted(self.gross_fen.items())
        return f"{text}; moved: " + ", ".join(f"{_yuan(n)} {by} to {to}" for (by, to), n in gross)


def suspense_flows(ledger: ReplayedLedger) -> dict[ProgrammeId, SuspenseFlows]:
    """Return the suspense of every programme that ever had something in it."""
    moved: Counter[tuple[str, AccountKind, AccountKind]] = Counter()
    for booked in ledger.booked.values():
        transfer = booked.transfer
        if AccountKind.SUSPENSE in {transfer.debit.kind, transfer.credit.kind}:
            key = (transfer.debit.owner, transfer.debit.kind, transfer.credit.kind)
            moved[key] += transfer.amount
    suspense = AccountKind.SUSPENSE
    flows: dict[ProgrammeId, SuspenseFlows] = {}
    for owner in sorted({owner for owner, _, _ in moved}):
        into = sum(fen for (of, _, to), fen in moved.items() if of == owner and to is suspense)
        out = sum(fen for (of, by, _), fen in moved.items() if of == owner and by is suspense)
        paid = (owner, AccountKind.PAID_OUT, suspense)
        back = (owner, suspense, AccountKind.PAID_OUT)
        flows[ProgrammeId(owner)] = SuspenseFlows(
            programme=ProgrammeId(owner),
            suspense_fen=into - out,
            written_off_fen=moved[owner, suspense, AccountKind.WRITTEN_OFF],
            taken_back_fen=moved[paid] - moved[back],
            gross_fen={(by, to): fen for (of, by, to), fen in moved.items() if of == owner},
        )
    return flows


def _yuan(amount_fen: int) -> str:
    sign = "-" if amount_fen < 0 else ""
    return sign + yuan_text(Fen(abs(amount_fen)))
