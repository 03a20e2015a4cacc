"""Use case of looking up an account for the wallet operator that its holder has bound it with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sqlmodel import Session

from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.epoch.snapshot import Place
from fedcarbon.errors import CallerError
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, Role
from fedcarbon.units import MicrogramsCO2e
from hub.clearing.positions import account_statement
from hub.openings.storage.request_store import RequestStore
from hub.registry.parties import require_party
from hub.storage.enrolment_store import EnrolmentStore
from hub.storage.epoch_store import EpochStore
from hub.wallets.listing import BindingState, state_of
from hub.wallets.storage.binding_store import BindingStore


class AccountNotBoundError(CallerError):
    """The caller has no binding of this account that its holder has confirmed."""

    code: ClassVar[str] = "ACCOUNT_NOT_BOUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundAccount:
    """What a wallet operator needs to know of an account."""

    place: Place
    sealed_epoch: EpochIndex
    """The newest epoch up to which everything is sealed, 0 for none."""
    opened_epoch: EpochIndex
    """The epoch of the last finished opening, 0 for none."""
    opened_ug: MicrogramsCO2e
    spendable_ug: MicrogramsCO2e
    reserved_ug: MicrogramsCO2e


def account_of(
    session: Session, caller: PartyId, programme_id: ProgrammeId, account_token: bytes
) -> BoundAccount:
    """Return an account to an operator with a confirmed binding of it.

    An operator that only proposed a binding learns nothing, not even whether the account exists.

    Args:
        session: a reading session.
        caller: a wallet operator, by its certificate.
        programme_id: the programme.
        account_token: 32 bytes.

    Raises:
        NotAdmittedError: the caller is no admitted wallet operator.
        AccountNotBoundError: see there.
    """
    require_party(session, caller, Role.WALLET_OPERATOR)
    bindings = BindingStore(session).of_account(caller, programme_id, account_token)
    place = EnrolmentStore(session).places_of(programme_id, [account_token]).get(account_token)
    if place is None or all(state_of(item) is not BindingState.SIGNED for item in bindings):
        raise AccountNotBoundError("no confirmed binding of yours is for this account")
    opened_epoch, opened_ug = RequestStore(session).last_opened(programme_id, account_token)
    statement = account_statement(session, programme_id, account_token)
    return BoundAccount(
        place=place,
        sealed_epoch=_sealed_epoch(session, programme_id),
        opened_epoch=opened_epoch,
        opened_ug=opened_ug,
        spendable_ug=MicrogramsCO2e(sum(statement.spendable_ug.values())),
        reserved_ug=MicrogramsCO2e(sum(statement.reserved_ug.values())),
    )


def _sealed_epoch(session: Session, programme_id: ProgrammeId) -> EpochIndex:
    sealed = 0
    for stored in EpochStore(session).begun(programme_id):
        if stored.epoch != sealed + 1 or stored.state is not EpochState.SEALED:
            break
        sealed = stored.epoch
    return EpochIndex(sealed)
