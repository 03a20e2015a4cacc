"""Check 3 of an opening: which epoch of an account may be opened now (DESIGN section 11).

What counts as opened is read from the start leaves of the record below a given leaf; a trustee adds
the starts that it has signed itself and that may not be in the record yet.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fedcarbon.ids import EpochIndex
from fedcarbon.opening import refusals
from fedcarbon.opening.accounts import AccountRef
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.statements import OpeningRequest
from fedcarbon.opening.view import RecordView
from fedcarbon.registry.programme import Programme


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What an account has been opened for, as far as it counts for one check."""

    started: Collection[EpochIndex]
    """The epoch of every start of the record, with repetitions."""
    own_started: Collection[EpochIndex]
    """Epochs of starts that the reader signed and that may not be in the record."""
    finished: EpochIndex
    """e0: the epoch of the last finished opening, 0 for none."""


def history_of(
    view: RecordView,
    account: AccountRef,
    before_leaf: int,
    own_started: Collection[EpochIndex] = (),
) -> History:
    """Return an account's history.

    Args:
        view: the record.
        account: the account.
        before_leaf: starts and results in leaves below this one count: a start that is already
            logged is judged by what came before it, a new one by everything.
        own_started: epochs of starts that the reader signed itself.
    """
    return History(
        started=[event.epoch for event in view.starts.started(account, before_leaf)],
        own_started=own_started,
        finished=view.starts.last_finished(account, before_leaf),
    )


def check_epoch(view: RecordView, request: OpeningRequest, history: History) -> None:
    """Check that the account may be opened for the epoch of `request`.

    Raises:
        PastEpochAfterLaterError, EpochNotIncreasingError, PreviousEpochDiffersError,
            StartsExhaustedError, OpeningTooSoonError, VintagesMixedError,
            MissingPartnerWaitsError: see there.
        NotWitnessedError: a seal is not under a witnessed head yet.
    """
    programme = view.parties.programme(request.programme_id)
    epoch = request.epoch
    begun = {*history.started, *history.own_started}
    latest = max(begun, default=EpochIndex(0))
    if epoch < latest:
        raise refusals.PastEpochAfterLaterError(
            f"epoch {epoch} is below epoch {latest}, for which the account has been started"
        )
    if epoch <= history.finished:
        raise refusals.EpochNotIncreasingError(
            f"epoch {epoch} is not above epoch {history.finished}, which is opened"
        )
    if request.previous_epoch != history.finished:
        raise refusals.PreviousEpochDiffersError(
            f"the last finished opening is of epoch {history.finished}, the request names "
            f"{request.previous_epoch}"
        )
    starts = sum(1 for started in history.started if started == epoch)
    if starts >= programme.policy.starts_max:
        raise refusals.StartsExhaustedError(f"epoch {epoch} was started {starts} times")
    earlier = max((item for item in begun if item < epoch), default=EpochIndex(0))
    # An unfinished start may have shown its sum too, so the interval counts from it as well.
    _require_interval(programme, max(history.finished, earlier), epoch)
    _require_one_vintage(programme, history.finished, epoch)
    _require_nobody_missing(view, request)


def vintage(programme: Programme, epoch: EpochIndex) -> int:
    """Return the calendar year that an epoch's grams belong to: that of its last local day."""
    return programme.days_of(epoch)[-1].year


def ends_a_year(programme: Programme, epoch: EpochIndex) -> bool:
    """Tell whether the next epoch would be of another vintage."""
    following = EpochIndex(epoch + 1)
    return following <= programme.epochs and vintage(programme, following) != vintage(
        programme, epoch
    )


def _require_interval(programme: Programme, last: EpochIndex, epoch: EpochIndex) -> None:
    if ends_a_year(programme, epoch) or (last and ends_a_year(programme, last)):
        return
    if epoch == programme.epochs:
        # No later epoch could open the last days, so without this they would never be opened.
        return
    days = (epoch - last) * programme.epoch_days
    if days < programme.policy.opening_interval_days:
        raise refusals.OpeningTooSoonError(
            f"{days} days since epoch {last}, the interval is "
            f"{programme.policy.opening_interval_days}"
        )


def _require_one_vintage(programme: Programme, last: EpochIndex, epoch: EpochIndex) -> None:
    first, final = vintage(programme, EpochIndex(last + 1)), vintage(programme, epoch)
    if first != final:
        raise refusals.VintagesMixedError(
            f"epochs {last + 1} to {epoch} hold activities of {first} and {final}"
        )


def _require_nobody_missing(view: RecordView, request: OpeningRequest) -> None:
    account = AccountRef(request.programme_id, request.account_token)
    wait_s = view.parties.programme(request.programme_id).policy.missing_wait_s
    for number in range(request.previous_epoch + 1, request.epoch + 1):
        ref = EpochRef(request.programme_id, EpochIndex(number))
        plan, seal = view.epochs.plans.get(ref), view.epochs.seals.get(ref)
        if plan is None or seal is None:
            continue  # the seals are check 4
        missing = {part.partner_id for part in seal.statement.parts if part.missing}
        absent = missing & view.accounts.partners_of(account, plan.statement)
        over_s = view.heads.wait_from_s(seal.index) + wait_s
        if absent and view.heads.clock_s < over_s:
            raise refusals.MissingPartnerWaitsError(
                f"{sorted(absent)} are sealed missing in epoch {number}; wait until {over_s}"
            )
