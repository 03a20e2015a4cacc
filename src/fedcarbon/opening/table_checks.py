"""The checks of a trustee before it has any part in a release, in order.

They are pure functions over the view of the record; protocol time is the view's.

 (1) the shell is a leaf that root keys signed, and has the period
 (2) all epochs of the period are sealed; all partners contributed, or their time is over
 (3) the period was not started before
 (4) the start names every contribution of the record, of enough partners, and of no more than the
     noise is made for; once it is a leaf none can come any more
 (5) every contribution was bounded by the record's number of members, its file is what its leaf
     says, and all proofs hold
 (6) the budget of the year covers it
 (7) t trustees or more add noise, each in its own file within the bounds; what is opened is the
     product of all contributions and all noise

(1) to (3) before noise is drawn, (1) to (6) before a start is signed, (4), (5) and (7) before a
share is given. One honest trustee's noise alone keeps the promise, and among t is an honest one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from fedcarbon.canonical.hashing import digest
from fedcarbon.disclosure.block_file import (
    TableEntry,
    TableRef,
    entries_of,
    invalid_blocks,
    noised_sha256,
    product_of,
)
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.statements import ReleaseStart
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.opening import table_refusals as refusals
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.refusals import SubsetRefusedError
from fedcarbon.opening.tables import Budget, PeriodRef
from fedcarbon.opening.view import RecordView
from fedcarbon.opening.violations import LeafInvalidError
from fedcarbon.proofs.commitments import RandomBelow
from fedcarbon.proofs.range_proof import RangePurpose

Fetch = Callable[[bytes], bytes]
"""Returns the file that has the given SHA-256; its bytes are checked here."""


class Files(NamedTuple):
    """How a reader gets and judges files."""

    fetch: Fetch
    randbelow: RandomBelow
    """Its own source of chance, for batches of proofs."""


def period_ref(start: ReleaseStart) -> PeriodRef:
    """Return the period that a start opens."""
    return PeriodRef(start.shell_leaf, start.period)


def require_shell(
    view: RecordView, programme_id: ProgrammeId, ref: PeriodRef
) -> Logged[TableShell]:
    """Return the shell of a period: check (1).

    Raises:
        ShellNotInRecordError: see there.
    """
    try:
        return view.tables.shell(programme_id, ref)
    except FedcarbonError as error:
        raise refusals.ShellNotInRecordError(str(error)) from error


def require_open_period(
    view: RecordView, programme_id: ProgrammeId, ref: PeriodRef
) -> Logged[TableShell]:
    """Return the shell of a period that may be released now: checks (1) to (3).

    Raises:
        ShellNotInRecordError, PeriodNotOverError, ReleaseRepeatedError: see there.
    """
    shell = require_shell(view, programme_id, ref)
    try:
        expected = members_of(view, programme_id, ref).keys()
    except LeafInvalidError as error:
        raise refusals.PeriodNotOverError(str(error)) from error
    if ref in view.tables.starts:
        raise refusals.ReleaseRepeatedError(
            f"period {ref.period} of {shell.statement.shell_id!r} was started before"
        )
    if expected <= view.tables.contributions.get(ref, {}).keys():
        return shell
    last = EpochRef(programme_id, EpochIndex(shell.statement.epochs_of(ref.period)[-1]))
    sealed_s = view.heads.leaf_time_s(view.epochs.seals[last].index)
    if view.heads.clock_s < sealed_s + shell.statement.contribute_window_s:
        raise refusals.PeriodNotOverError(
            f"partners may contribute to period {ref.period} until "
            f"{sealed_s + shell.statement.contribute_window_s}"
        )
    return shell


def members_of(
    view: RecordView, programme_id: ProgrammeId, ref: PeriodRef
) -> Mapping[PartyId, int]:
    """Return how many accounts were enrolled at each partner in any epoch of a period.

    Raises:
        LeafInvalidError: an epoch of the period is not sealed.
        RecordViolationError: an account that counts has no place.
    """
    return view.accounts.members(view.tables.plans(programme_id, ref))


def check_release_draft(
    view: RecordView, start: ReleaseStart, files: Files
) -> tuple[list[TableEntry], ...]:
    """Run checks (1) to (6) on a start that is not in the record yet.

    Returns:
        The contributions' blocks, in the order of the contributors.

    Raises:
        MalformedError: the start names another parameter set.
        FedcarbonError: any error of `fedcarbon.opening.table_refusals`, a proof that does not hold
            (`RangeProofInvalidError`), or too few trustees (`SubsetRefusedError`).
    """
    view.parties.require_parameters(start)
    ref = period_ref(start)
    require_open_period(view, start.programme_id, ref)
    entries = check_contributions(view, start, files)
    budget = require_budget(view, ref)
    rho_millionths = view.tables.shells[ref.shell_leaf].statement.rho_millionths
    if (start.year, start.spent_millionths, start.rho_millionths) != (
        budget.year,
        budget.spent,
        rho_millionths,
    ):
        raise refusals.BudgetExceededError(
            f"{budget.spent} millionths are spent in {budget.year}, the start says "
            f"{start.spent_millionths} in {start.year}; it would spend {start.rho_millionths} and "
            f"the shell says {rho_millionths}"
        )
    parameters = view.parties.parameters
    trustees = [part.trustee_id for part in start.noise]
    if len(trustees) < parameters.threshold or not set(trustees) <= set(parameters.trustee_ids):
        raise SubsetRefusedError(
            f"{parameters.threshold} trustees or more must add noise, not {trustees}"
        )
    return entries


def check_contributions(
    view: RecordView, start: ReleaseStart, files: Files
) -> tuple[list[TableEntry], ...]:
    """Run checks (4) and (5); see `check_release_draft`."""
    ref = period_ref(start)
    logged = view.tables.shell(start.programme_id, ref)
    shell = logged.statement
    if start.contributors != view.tables.contributors(ref):
        raise refusals.ContributorsDifferError(
            f"the start of period {ref.period} names other contributions than the record has"
        )
    members = members_of(view, start.programme_id, ref)
    names = [item.partner_id for item in start.contributors]
    require_partners(shell, [members.get(name, 0) for name in names])
    found = tuple(
        _contribution(view, logged, ref, name, members.get(name, 0), files) for name in names
    )
    invalid = invalid_blocks(
        view.parties.parameters.proof_key,
        [
            (
                table_ref(logged, ref.period, name, RangePurpose.TABLE),
                entries,
                shell.value_bounds(members.get(name, 0)),
            )
            for name, entries in zip(names, found, strict=True)
        ],
        files.randbelow,
    )
    if invalid:
        raise invalid[0]
    return found


def require_budget(view: RecordView, ref: PeriodRef) -> Budget:
    """Return what the year of a period has spent if it can pay for the period's release too.

    Raises:
        BudgetExceededError: it cannot.
    """
    budget = view.tables.budget(ref)
    rho_millionths = view.tables.shells[ref.shell_leaf].statement.rho_millionths
    if budget.spent + rho_millionths > budget.limit:
        raise refusals.BudgetExceededError(
            f"{budget.spent} of {budget.limit} millionths are spent in {budget.year}; the release "
            f"would spend {rho_millionths}"
        )
    return budget


def require_partners(shell: TableShell, members: Sequence[int]) -> None:
    """Check that enough partners contribute, and no more than the noise is made for.

    Args:
        shell: of the table.
        members: how many accounts each contributor has.

    Raises:
        TooFewPartnersError, TooManyPartnersError: see there.
    """
    counted = sum(own >= shell.members_min for own in members)
    if counted < shell.partners_min:
        raise refusals.TooFewPartnersError(
            f"{counted} partners have {shell.members_min} members or more, "
            f"{shell.partners_min} are needed"
        )
    if len(members) > shell.partners_max:
        raise refusals.TooManyPartnersError(
            f"{len(members)} partners contribute, the noise is made for {shell.partners_max}"
        )


def noised_ciphertexts(view: RecordView, start: ReleaseStart, files: Files) -> tuple[bytes, ...]:
    """Return what a start opens, block by block, after checks (4), (5) and (7).

    Args:
        view: the record.
        start: a start of the record.
        files: how files are got and judged.

    Raises:
        FedcarbonError: see `check_release_draft`.
        NoiseDiffersError, NoisedDiffersError: see there.
        RangeProofInvalidError: naming the trustee whose noise leaves its bounds.
    """
    contributions = check_contributions(view, start, files)
    logged = view.tables.shells[start.shell_leaf]
    parameters = view.parties.parameters
    noise = [_noise(view, logged, part.trustee_id, part.file_sha256, files) for part in start.noise]
    check_noise(view, logged, start.period, dict(zip(_trustees(start), noise, strict=True)), files)
    ciphertexts = product_of(parameters.public_key, [*contributions, *noise])
    if noised_sha256(ciphertexts) != start.noised_sha256:
        raise refusals.NoisedDiffersError(
            f"the start of period {start.period} opens something else than contributions and noise"
        )
    return ciphertexts


def check_noise(
    view: RecordView,
    logged: Logged[TableShell],
    period: int,
    noise: dict[PartyId, list[TableEntry]],
    files: Files,
) -> None:
    """Check that every trustee's noise lies within its bounds, block by block.

    Raises:
        RangeProofInvalidError: naming the first trustee whose noise does not.
    """
    bounds = logged.statement.noise_bounds()
    invalid = invalid_blocks(
        view.parties.parameters.proof_key,
        [
            (table_ref(logged, period, name, RangePurpose.NOISE), entries, bounds)
            for name, entries in noise.items()
        ],
        files.randbelow,
    )
    if invalid:
        raise invalid[0]


def table_ref(
    shell: Logged[TableShell], period: int, party_id: PartyId, purpose: RangePurpose
) -> TableRef:
    """Return what the blocks of a party for a period are bound to."""
    return TableRef(
        purpose=purpose,
        programme_id=shell.statement.programme_id,
        shell_leaf=shell.leaf,
        period=period,
        party_id=party_id,
    )


def _contribution(
    view: RecordView,
    logged: Logged[TableShell],
    ref: PeriodRef,
    name: PartyId,
    members: int,
    files: Files,
) -> list[TableEntry]:
    item = view.tables.contributions[ref][name].statement
    if item.members != members:
        raise refusals.MembersDifferError(
            f"{name!r} counts {item.members} members in period {ref.period}, the record {members}"
        )
    data = files.fetch(item.file_sha256)
    if hashlib.sha256(data).digest() != item.file_sha256:
        raise refusals.ContributionFileDiffersError(f"the file of {name!r} has another hash")
    try:
        return entries_of(view.parties.parameters.proof_key, data, logged.statement.values)
    except FedcarbonError as error:
        raise refusals.ContributionFileDiffersError(f"the file of {name!r}: {error}") from error


def _noise(
    view: RecordView,
    logged: Logged[TableShell],
    name: PartyId,
    file_sha256: bytes,
    files: Files,
) -> list[TableEntry]:
    data = files.fetch(file_sha256)
    if hashlib.sha256(data).digest() != file_sha256:
        raise refusals.NoiseDiffersError(f"the noise of {name!r} has another hash")
    try:
        return entries_of(view.parties.parameters.proof_key, data, logged.statement.values)
    except FedcarbonError as error:
        raise refusals.NoiseDiffersError(f"the noise of {name!r}: {error}") from error


def _trustees(start: ReleaseStart) -> Sequence[PartyId]:
    return [part.trustee_id for part in start.noise]


def release_share_context(start_leaf: bytes, ciphertexts: Sequence[bytes]) -> bytes:
    """Return what a trustee's shares of a release are bound to."""
    return digest(b"fedcarbon/v1/release-shares", start_leaf, *ciphertexts)
