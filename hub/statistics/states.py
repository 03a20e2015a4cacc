"""States of a period of a table, once its contributions are closed.

    closed -> started -> released
    closed -> withheld

Before, a period has no state of its own: whether it is over and who has contributed is what the
record says. `closed` fixes which contributions count. From `started` on the budget is spent, and
the release is brought to its end with the noise that its start names. `withheld` is for good.
"""

from __future__ import annotations

from enum import StrEnum


class PeriodState(StrEnum):
    """How far the release of a period has come."""

    CLOSED = "closed"
    STARTED = "started"
    RELEASED = "released"
    WITHHELD = "withheld"
