"""Use case of looking up an account for the wallet operator that its holder has bound it with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from sqlmodel import Session

from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.epoch.snapshot import Place
from fedcarbon.errors import CallerError, FedcarbonError
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, Role
from fedcarbon.opening.binding_checks import signing_partners
from fedcarbon.units import Fen, MicrogramsCO2e
from hub.clearing.positions import account_statement
from hub.context import Hub
from hub.openings.storage.request_store import RequestStore
from hub.record.folded_record import FoldedRecord
from hub.registry.parties import require_party
from hub.storage.enrolment_store import EnrolmentStore
from hub.storage.epoch_store import EpochStore
from hub.wallets.listing import BindingState, state_of
from hub.wallets.storage.binding_store import BindingStore, StoredBinding


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
    """This and the three below are 0 as long as no binding of the operator's is good."""
    spendable_ug: MicrogramsCO2e
    reserved_ug: MicrogramsCO2e
    proceeds_fen: Fen
    """Its share of sold credit lots, free to pay out."""


def account_of(
    session: Session,
    hub: Hub,
    folded: FoldedRecord,
    caller: PartyId,
    programme_id: ProgrammeId,
    account_token: bytes,
) -> BoundAccount:
    """Return an account to an operator with a confirmed binding of it.

    An operator that only proposed a binding learns nothing, not even whether the account exists.
    One whose binding still waits learns what a request needs, and no balance: until the wait is
    over, another partner may object.

    Args:
        session: a reading session.
        hub: whose clock counts.
        folded: the record as trustees see it.
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
    spendable_ug = reserved_ug = proceeds_fen = 0
    if _is_any_good(session, hub, folded, bindings):
        statement = account_statement(session, programme_id, account_token)
        spendable_ug = sum(statement.spendable_ug.values())
        reserved_ug = sum(statement.reserved_ug.values())
        proceeds_fen = statement.proceeds_fen
    else:
        opened_ug = MicrogramsCO2e(0)
    return BoundAccount(
        place=place,
        sealed_epoch=_sealed_epoch(session, programme_id),
        opened_epoch=opened_epoch,
        opened_ug=opened_ug,
        spendable_ug=MicrogramsCO2e(spendable_ug),
        reserved_ug=MicrogramsCO2e(reserved_ug),
        proceeds_fen=Fen(proceeds_fen),
    )


def _is_any_good(
    session: Session, hub: Hub, folded: FoldedRecord, bindings: Iterable[StoredBinding]
) -> bool:
    """Tell whether a redemption could rest on one of `bindings` now."""
    now_s = hub.clock.now_s()
    with folded.at(session) as view:
        for stored in bindings:
            binding = view.bindings.of_leaf(stored.leaf)
            if binding is None:
                continue
            try:
                signing_partners(view, binding, now_s)
            except FedcarbonError:
                continue
            return True
    return False


def _sealed_epoch(session: Session, programme_id: ProgrammeId) -> EpochIndex:
    sealed = 0
    for stored in EpochStore(session).begun(programme_id):
        if stored.epoch != sealed + 1 or stored.state is not EpochState.SEALED:
            break
        sealed = stored.epoch
    return EpochIndex(sealed)
