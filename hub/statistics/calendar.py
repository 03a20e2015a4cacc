"""When a period takes contributions: from its last seal on, until all are in or time is up."""

from __future__ import annotations

from fedcarbon.disclosure.shell import TableShell
from fedcarbon.ids import EpochIndex
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.tables import PeriodRef
from fedcarbon.opening.view import RecordView
from fedcarbon.opening.violations import LeafInvalidError, NotWitnessedError
from fedcarbon.units import Seconds


def is_sealed(view: RecordView, shell: TableShell, ref: PeriodRef) -> bool:
    """Tell whether all epochs of a period of a shell of the record are sealed."""
    try:
        view.tables.require_sealed(shell.programme_id, ref)
    except LeafInvalidError:
        return False
    return True


def closes_at_s(view: RecordView, shell: TableShell, ref: PeriodRef) -> Seconds | None:
    """Return until when contributions to a sealed period must be in.

    None means that no quorum has witnessed its last seal yet: its time has not begun.
    """
    last = EpochRef(shell.programme_id, EpochIndex(shell.epochs_of(ref.period)[-1]))
    try:
        sealed_s = view.heads.leaf_time_s(view.epochs.seals[last].index)
    except NotWitnessedError:
        return None
    return Seconds(sealed_s + shell.contribute_window_s)


def is_over(view: RecordView, shell: TableShell, ref: PeriodRef, now_s: Seconds) -> bool:
    """Tell whether the time for contributions to a sealed period is up."""
    closes_s = closes_at_s(view, shell, ref)
    return closes_s is not None and now_s >= closes_s
