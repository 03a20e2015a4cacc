"""Times that the hub gives its transfers, against the heads that trustees signed (V19).

Offers, campaigns, holds and notices begin and end, so a hub that could write any second beside a
transfer could move it into its time or out of it. Heads leave it no room: a transfer is not newer
than the first head over its batch, and not older than the heads before the leaf that it rests on.
Two transfers are not compared: a clock that was put back is no lie.
"""

from __future__ import annotations

from fedcarbon.audit.books import Books
from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.audit.ledger_replay import ReplayedLedger
from fedcarbon.audit.use_findings import JudgedUses
from fedcarbon.transparency.checkpoint import TIME_TOLERANCE_S


def check_times(
    books: Books, ledger: ReplayedLedger, judged: JudgedUses, findings: list[Finding]
) -> None:
    """Find transfers whose time the heads of the record rule out.

    Args:
        books: the record's books.
        ledger: what follows from its ledger batches.
        judged: what the checks of uses and redemptions say of the leaf that a transfer rests on.
        findings: where findings go.
    """
    for transfer_id, booked in ledger.booked.items():
        over_s = books.waits_s.get(booked.batch_leaf)
        basis = judged.rests_on.get(transfer_id)
        after_s = None if basis is None else books.after_s.get(basis)
        if over_s is not None and booked.recorded_s > over_s + TIME_TOLERANCE_S:
            text = f"a head over its batch was signed at {over_s}, before that"
        elif after_s is not None and booked.recorded_s + TIME_TOLERANCE_S < after_s:
            text = f"leaf {basis}, on which it rests, was not logged before {after_s}"
        else:
            continue
        findings.append(
            Finding(
                check=CheckId.LEDGER,
                code="RECORDED_TIME_DIFFERS",
                subject=f"transfer {transfer_id.hex()}",
                text=f"it is said to be of {booked.recorded_s}; {text}; the hub must explain",
                leaf=booked.batch_leaf,
            )
        )
