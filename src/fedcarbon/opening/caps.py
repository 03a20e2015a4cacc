"""How large an opened value can be: the sum of the caps of everyone who could contribute."""

from __future__ import annotations

from fedcarbon.ids import EpochIndex
from fedcarbon.opening.accounts import AccountRef
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.refusals import EpochNotSealedError
from fedcarbon.opening.view import RecordView
from fedcarbon.units import MicrogramsCO2e


def caps_so_far(view: RecordView, account: AccountRef, epoch: EpochIndex) -> MicrogramsCO2e:
    """Return the sum of the caps of an account up to an epoch: what `masks.read_opened` needs.

    For every epoch and every partner that had the account enrolled and was not sealed missing it
    is the cap of a person and day times the days of the epoch.

    Raises:
        EpochNotSealedError: an epoch up to this one is not sealed.
    """
    programme = view.parties.programme(account.programme_id)
    contributions = 0
    for number in range(1, epoch + 1):
        ref = EpochRef(account.programme_id, EpochIndex(number))
        plan, seal = view.epochs.plans.get(ref), view.epochs.seals.get(ref)
        if plan is None or seal is None:
            raise EpochNotSealedError(f"epoch {number} is not sealed")
        sent = {part.partner_id for part in seal.statement.parts if not part.missing}
        contributions += len(sent & view.accounts.partners_of(account, plan.statement))
    return MicrogramsCO2e(contributions * programme.epoch_cap_ug)
