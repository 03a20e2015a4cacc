"""Tables of statistics as the record tells them: shells, contributions, starts and releases.

What a release may spend is decided from here and never from memory alone: its budget counts as
spent from its start on, whether or not a table ever appeared, and a period has one start, ever.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.statements import (
    Contributor,
    ReleaseStart,
    TableContribution,
    TableRelease,
)
from fedcarbon.epoch.statements import EpochPlan
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, Role
from fedcarbon.opening import table_refusals as refusals
from fedcarbon.opening.epochs import EpochBook, EpochRef
from fedcarbon.opening.logged import Logged, LoggedBody
from fedcarbon.opening.parties import PartyBook
from fedcarbon.opening.violations import (
    ContributionTooLateError,
    LoggedTwiceError,
    NoiseSignersDifferError,
    PeriodNotSealedError,
    ReleaseWithoutStartError,
    ShellBeyondProgrammeError,
    ShellsOverlapError,
    ShellTooLateError,
    ShellUnknownError,
)
from fedcarbon.transparency.envelope import Envelope, open_signed


class PeriodRef(NamedTuple):
    """One period of one shell."""

    shell_leaf: int
    period: int


class Budget(NamedTuple):
    """zCDP in millionths."""

    year: int
    """The calendar year of the period's last day, in the programme's time zone."""
    spent: int
    """By starts of the programme's other periods in that year."""
    limit: int
    """The least that any shell says which spends in that year: a later shell cannot raise it."""


class TableBook:
    """What was logged about statistics."""

    __slots__ = ("_epochs", "_parties", "contributions", "releases", "shells", "starts")

    def __init__(self, parties: PartyBook, epochs: EpochBook) -> None:
        """Start empty; `parties` says who may sign, `epochs` which epochs are sealed."""
        self._parties: Final = parties
        self._epochs: Final = epochs
        self.shells: Final[dict[int, Logged[TableShell]]] = {}
        """By leaf index."""
        self.contributions: Final[dict[PeriodRef, dict[PartyId, Logged[TableContribution]]]] = (
            defaultdict(dict)
        )
        self.starts: Final[dict[PeriodRef, Logged[ReleaseStart]]] = {}
        self.releases: Final[dict[PeriodRef, Logged[TableRelease]]] = {}

    def fold_shell(self, logged: LoggedBody) -> None:
        """Take a shell that t root keys signed, see `require_new`."""
        shell = self._parties.open_rooted(TableShell, logged)
        self.require_new(shell)
        self.shells[logged.index] = Logged(index=logged.index, leaf=logged.leaf, statement=shell)

    def require_new(self, shell: TableShell) -> None:
        """Check that a shell comes before its epochs, and counts no others' epochs.

        Raises:
            LeafInvalidError: it does not fit its programme or another shell.
            LoggedTwiceError: its id was used.
        """
        programme = self._parties.programme(shell.programme_id)
        if shell.last_epoch > programme.epochs:
            raise ShellBeyondProgrammeError(
                f"shell {shell.shell_id!r} counts epoch {shell.last_epoch}, the programme has "
                f"{programme.epochs}"
            )
        if any(
            ref.programme_id == shell.programme_id and ref.epoch >= shell.first_epoch
            for ref in self._epochs.plans
        ):
            # A shell made when trips are known could be cut around somebody.
            raise ShellTooLateError(f"shell {shell.shell_id!r} came after its first epoch was over")
        for other in self._shells_of(shell.programme_id):
            if other.shell_id == shell.shell_id:
                raise LoggedTwiceError(f"shell {shell.shell_id!r} stands twice")
            if other.first_epoch <= shell.last_epoch and shell.first_epoch <= other.last_epoch:
                raise ShellsOverlapError(
                    f"shells {other.shell_id!r} and {shell.shell_id!r} count the same epochs"
                )

    def fold_contribution(self, logged: LoggedBody) -> None:
        """Take a partner's contribution: one per period, after its seals and before its start."""
        contribution, signer = self._parties.open_own(
            TableContribution, logged, "partner_id", Role.PARTNER
        )
        item = contribution.statement
        ref = PeriodRef(item.shell_leaf, item.period)
        self.require_sealed(item.programme_id, ref)
        if ref in self.starts:
            raise ContributionTooLateError(
                f"{signer!r} contributed after the start of period {ref.period}"
            )
        if signer in self.contributions[ref]:
            raise LoggedTwiceError(f"{signer!r} contributed twice to period {ref.period}")
        self.contributions[ref][signer] = contribution

    def fold_start(self, logged: LoggedBody) -> None:
        """Take a start that exactly the trustees signed whose noise it names, t or more."""
        keys = self._parties.trustee_keys()
        start = open_signed(
            ReleaseStart,
            logged.body,
            keys,
            signers=keys.keys(),
            at_least=self._parties.parameters.threshold,
        )
        signers = [signature.keyid for signature in Envelope.from_bytes(logged.body).signatures]
        if sorted(signers) != [part.trustee_id for part in start.noise]:
            raise NoiseSignersDifferError(
                f"the start of a release is signed by {sorted(signers)}, it names the noise of "
                f"{[part.trustee_id for part in start.noise]}"
            )
        self.require_first(start)
        ref = PeriodRef(start.shell_leaf, start.period)
        self.starts[ref] = Logged(index=logged.index, leaf=logged.leaf, statement=start)

    def require_first(self, start: ReleaseStart) -> None:
        """Check that a start may be the next leaf: the first one, of all, within the budget.

        Raises:
            ContributorsDifferError, BudgetExceededError: it says something else than the record,
                or exceeds the budget.
            PeriodNotSealedError: an epoch of the period is not sealed; see also `shell`.
            LoggedTwiceError: its period was started before.
        """
        self._parties.require_parameters(start)
        ref = PeriodRef(start.shell_leaf, start.period)
        shell = self.require_sealed(start.programme_id, ref)
        if ref in self.starts:
            raise LoggedTwiceError(f"period {ref.period} of {shell.shell_id!r} was started before")
        if start.contributors != self.contributors(ref):
            raise refusals.ContributorsDifferError(
                f"the start of period {ref.period} names other contributions than the record has"
            )
        budget = self.budget(ref)
        if (start.year, start.spent_millionths) != (budget.year, budget.spent):
            raise refusals.BudgetExceededError(
                f"a start says that {start.spent_millionths} were spent in {start.year}, "
                f"it was {budget.spent} in {budget.year}"
            )
        if (
            start.rho_millionths != shell.rho_millionths
            or budget.spent + start.rho_millionths > budget.limit
        ):
            raise refusals.BudgetExceededError(
                f"the start of period {ref.period} spends {start.rho_millionths} millionths, its "
                f"shell says {shell.rho_millionths}; of {budget.limit} in {budget.year} "
                f"{budget.spent} were spent"
            )

    def fold_release(self, logged: LoggedBody) -> None:
        """Take a release of the hub: one per start."""
        release, _ = self._parties.open_by(TableRelease, logged, Role.HUB)
        item = release.statement
        ref = PeriodRef(item.shell_leaf, item.period)
        start = self.starts.get(ref)
        if start is None or (item.start_leaf, item.programme_id) != (
            start.index,
            start.statement.programme_id,
        ):
            raise ReleaseWithoutStartError(f"a release of period {ref.period} answers no start")
        if ref in self.releases:
            raise LoggedTwiceError(f"period {ref.period} was released before")
        self.releases[ref] = release

    def shell(self, programme_id: ProgrammeId, ref: PeriodRef) -> Logged[TableShell]:
        """Return the shell of a period.

        Raises:
            ShellUnknownError: the leaf is no shell of the programme.
            MalformedError: its calendar has no such period.
        """
        logged = self.shells.get(ref.shell_leaf)
        if logged is None or logged.statement.programme_id != programme_id:
            raise ShellUnknownError(f"leaf {ref.shell_leaf} is no table shell of {programme_id!r}")
        logged.statement.epochs_of(ref.period)
        return logged

    def require_sealed(self, programme_id: ProgrammeId, ref: PeriodRef) -> TableShell:
        """Return the shell of a period if all epochs of the period are sealed.

        Raises:
            PeriodNotSealedError: one is not; see also `shell`.
        """
        shell = self.shell(programme_id, ref).statement
        for epoch in shell.epochs_of(ref.period):
            if EpochRef(programme_id, EpochIndex(epoch)) not in self._epochs.seals:
                raise PeriodNotSealedError(f"epoch {epoch} of period {ref.period} is not sealed")
        return shell

    def plans(self, programme_id: ProgrammeId, ref: PeriodRef) -> list[EpochPlan]:
        """Return the plans of a period's epochs; all of them are sealed, see `require_sealed`."""
        shell = self.require_sealed(programme_id, ref)
        return [
            self._epochs.plans[EpochRef(programme_id, EpochIndex(epoch))].statement
            for epoch in shell.epochs_of(ref.period)
        ]

    def contributors(self, ref: PeriodRef) -> tuple[Contributor, ...]:
        """Return who has contributed to a period, sorted by partner; its start ends that."""
        logged: Mapping[PartyId, Logged[TableContribution]] = self.contributions.get(ref, {})
        return tuple(
            Contributor(partner_id=name, contribution_leaf=item.index)
            for name, item in sorted(logged.items())
        )

    def budget(self, ref: PeriodRef) -> Budget:
        """Return what the year of a period has spent and may spend."""
        shell = self.shells[ref.shell_leaf].statement
        year = self._year_of(ref)
        spending = [
            start.statement
            for other, start in self.starts.items()
            if other != ref
            and start.statement.programme_id == shell.programme_id
            and start.statement.year == year
        ]
        limits = [self.shells[start.shell_leaf].statement.rho_year_millionths for start in spending]
        return Budget(
            year=year,
            spent=sum(start.rho_millionths for start in spending),
            limit=min([shell.rho_year_millionths, *limits]),
        )

    def _year_of(self, ref: PeriodRef) -> int:
        shell = self.shells[ref.shell_leaf].statement
        programme = self._parties.programme(shell.programme_id)
        return programme.days_of(EpochIndex(shell.epochs_of(ref.period)[-1]))[-1].year

    def _shells_of(self, programme_id: ProgrammeId) -> Iterable[TableShell]:
        return [
            logged.statement
            for logged in self.shells.values()
            if logged.statement.programme_id == programme_id
        ]
