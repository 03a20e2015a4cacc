"""Use cases of freezing: an account that gives nothing out until its hub lets it.

A frozen account is still credited and its holder still sees it; it cannot redeem. What was reserved
before stays reserved, and a payout that was sent before goes on to its end: the rail may have paid
it already. A payout that was not sent can be cancelled (`hub.clearing.redemptions`).
"""

from __future__ import annotations

from typing import ClassVar

from sqlmodel import Session

from fedcarbon.errors import CallerError, StateError
from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.rail import REASON_LENGTH_MAX
from fedcarbon.units import Seconds
from hub.clearing.storage.freeze_rows import FreezeAction
from hub.clearing.storage.freeze_store import FreezeAct, FreezeStore


class AccountFrozenError(StateError):
    """The account is frozen: ask the operator of the hub, who knows why."""

    code: ClassVar[str] = "ACCOUNT_FROZEN"

    def __init__(self) -> None:
        """Say no more than every caller may know."""
        super().__init__("the account is frozen and gives nothing out; ask the operator of the hub")


class ReasonInvalidError(CallerError):
    """An operator's act needs a name and a reason, each one line of at most 200 characters."""

    code: ClassVar[str] = "REASON_INVALID"


def freeze(
    session: Session,
    programme: ProgrammeId,
    account_token: bytes,
    *,
    reason: str,
    operator: str,
    now_s: Seconds,
) -> bool:
    """Stop an account from giving anything out.

    Args:
        session: a writing session; the caller commits.
        programme: the account's.
        account_token: 32 bytes; it need not hold anything yet.
        reason: for the hub's own people; no caller is told.
        operator: the person who does it.
        now_s: protocol time.

    Returns:
        Whether this call froze it; False, and nothing is written, if it was frozen before.

    Raises:
        ReasonInvalidError: no reason or no name, or a long one.
    """
    return _act(session, programme, account_token, FreezeAction.FREEZE, reason, operator, now_s)


def unfreeze(
    session: Session,
    programme: ProgrammeId,
    account_token: bytes,
    *,
    reason: str,
    operator: str,
    now_s: Seconds,
) -> bool:
    """Let an account give out again; arguments and refusals are those of `freeze`.

    Returns:
        Whether this call let it; False, and nothing is written, if it was not frozen.
    """
    return _act(session, programme, account_token, FreezeAction.UNFREEZE, reason, operator, now_s)


def check_not_frozen(session: Session, programme: ProgrammeId, account_token: bytes) -> None:
    """Refuse a frozen account.

    Raises:
        AccountFrozenError: it is frozen.
    """
    if (programme, account_token) in frozen_among(session, [(programme, account_token)]):
        raise AccountFrozenError


def frozen_among(
    session: Session, accounts: list[tuple[ProgrammeId, bytes]]
) -> frozenset[tuple[ProgrammeId, bytes]]:
    """Return which of `accounts` (programme and token) are frozen, by one query."""
    last = FreezeStore(session).last({token for _, token in accounts})
    return frozenset(
        account
        for account in accounts
        if account in last and last[account].action is FreezeAction.FREEZE
    )


def frozen_accounts(session: Session) -> list[FreezeAct]:
    """Return the freezes that are in force, oldest first."""
    acts = FreezeStore(session).all_last()
    return [act for act in acts if act.action is FreezeAction.FREEZE]


def check_reason(*texts: str) -> None:
    """Refuse a reason or a name that says nothing, or too much.

    Raises:
        ReasonInvalidError: one is empty, longer than 200 characters or has several lines.
    """
    for text in texts:
        if not text.strip() or len(text) > REASON_LENGTH_MAX or not text.isprintable():
            raise ReasonInvalidError(
                f"say who and why, each in one line of at most {REASON_LENGTH_MAX} characters"
            )


def _act(
    session: Session,
    programme: ProgrammeId,
    account_token: bytes,
    action: FreezeAction,
    reason: str,
    operator: str,
    now_s: Seconds,
) -> bool:
    check_reason(reason, operator)
    store = FreezeStore(session)
    last = store.last([account_token]).get((programme, account_token))
    is_frozen = last is not None and last.action is FreezeAction.FREEZE
    if is_frozen is (action is FreezeAction.FREEZE):
        return False
    store.add(
        FreezeAct(
            programme=programme,
            account_token=account_token,
            ordinal=1 if last is None else last.ordinal + 1,
            action=action,
            reason=reason,
            operator=operator,
            recorded_s=now_s,
        )
    )
    return True
