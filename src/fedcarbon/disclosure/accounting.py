"""What a budget promises: zCDP as (epsilon, delta), for one release and for a year."""

from __future__ import annotations

from dataclasses import dataclass

from fedcarbon.errors import MalformedError


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetEntry:
    """What a release spends of its year, in millionths of rho (zCDP)."""

    year: int
    rho_millionths: int
    """What this release spends."""
    spent_millionths: int
    """What earlier releases of the programme have spent in that year."""
    limit_millionths: int
    """What the shell allows for all releases of that year."""

    def __post_init__(self) -> None:
        """Check that it is within its limit."""
        if self.rho_millionths < 1 or self.spent_millionths < 0:
            raise MalformedError("a release spends some budget, and none was given back")
        if self.spent_millionths + self.rho_millionths > self.limit_millionths:
            raise MalformedError("a release spends more than its year allows")
