"""Use case of listing bindings: what each party may see of them.

A partner sees every binding of the accounts enrolled with it, so that its users can confirm or
object; of the wallet no more than they need to recognise it, and of other partners' answers only
what ends the binding: who has signed would tell where else the account is enrolled. An operator
sees its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlmodel import Session

from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.opening.statements import wallet_hint
from hub.registry.parties import require_party
from hub.wallets.storage.binding_store import BindingStore, StoredBinding

PAGE_BINDINGS_MAX: Final = 1_000


class BindingState(StrEnum):
    """Where a binding stands; the wait after the second half is not counted here."""

    PROPOSED = "proposed"
    SIGNED = "signed"
    FROZEN = "frozen"
    UNBOUND = "unbound"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenBinding:
    """A binding as its parties may see it."""

    binding_id: bytes
    account_token: bytes
    operator_id: PartyId
    wallet_hint: str
    state: BindingState
    operator_leaf: bytes
    operator_leaf_index: int


def state_of(binding: StoredBinding) -> BindingState:
    """Return where a binding stands."""
    if binding.is_ended:
        return BindingState.UNBOUND
    if binding.objected_by:
        return BindingState.FROZEN
    return BindingState.SIGNED if binding.signed_by else BindingState.PROPOSED


def list_bindings(
    session: Session,
    caller: PartyId,
    role: Role,
    programme_id: ProgrammeId,
    *,
    from_leaf: int,
    limit: int,
) -> list[SeenBinding]:
    """Return bindings that the caller may see, in the order of their operator halves.

    Args:
        session: a reading session.
        caller: an admitted partner or wallet operator, by its certificate.
        role: its role.
        programme_id: of which programme.
        from_leaf: index of the first leaf that counts.
        limit: at most so many.

    Raises:
        NotAdmittedError: the caller is not admitted in that role.
    """
    require_party(session, caller, role)
    store = BindingStore(session)
    bindings_of = store.of_partner if role is Role.PARTNER else store.of_operator
    bindings = bindings_of(caller, programme_id, from_leaf, min(limit, PAGE_BINDINGS_MAX))
    return [
        SeenBinding(
            binding_id=binding.binding_id,
            account_token=binding.account_token,
            operator_id=binding.operator_id,
            wallet_hint=wallet_hint(binding.wallet_id),
            state=_seen_state(binding, caller, role),
            operator_leaf=binding.leaf,
            operator_leaf_index=binding.leaf_index,
        )
        for binding in bindings
    ]


def _seen_state(binding: StoredBinding, caller: PartyId, role: Role) -> BindingState:
    """Return where a binding stands for `caller`: a partner is told of its own half only."""
    state = state_of(binding)
    is_others = role is Role.PARTNER and caller not in binding.signed_by
    return BindingState.PROPOSED if state is BindingState.SIGNED and is_others else state
