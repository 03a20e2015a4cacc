"""Exclusivity domains: the programmes in which a gram is credited once.

All programmes of a domain share one claim round per epoch, so they must have the same epochs and
the same slots: a gram that is claimed in two of them is then one token in one join.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from fedcarbon.errors import CallerError
from fedcarbon.registry.programme import Programme

SHARED: Final = ("time_zone", "slot_s", "first_day", "last_day", "epoch_days", "token_epoch")
"""What is the same in all programmes of a domain."""
SHARED_POLICY: Final = ("commit_window_s", "reveal_window_s")
"""And of their policies: the length of the claim round."""


class ProgrammeConflictError(CallerError):
    """The programme exists, or does not fit into its exclusivity domain: sign another one."""

    code: ClassVar[str] = "PROGRAMME_CONFLICT"


def check_domain(programme: Programme, others: Iterable[Programme], *, is_planned: bool) -> None:
    """Check that a programme may join the others of its exclusivity domain.

    Args:
        programme: the new one.
        others: the programmes of the domain so far.
        is_planned: whether an epoch of one of them has a plan already.

    Raises:
        ProgrammeConflictError: saying what differs, or that it comes too late.
    """
    for other in others:
        differing = [name for name in SHARED if getattr(programme, name) != getattr(other, name)]
        differing += [
            name
            for name in SHARED_POLICY
            if getattr(programme.policy, name) != getattr(other.policy, name)
        ]
        if differing:
            raise ProgrammeConflictError(
                f"{programme.programme_id} and {other.programme_id} share one claim round and "
                f"differ in {', '.join(differing)}"
            )
        if is_planned:
            raise ProgrammeConflictError(
                f"the first epoch of domain {programme.exclusivity_domain} is planned: "
                f"{programme.programme_id} comes too late"
            )
