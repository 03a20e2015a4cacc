"""Check 2 of an opening: the request belongs to the holder of the account (DESIGN section 11).

A wallet operator alone, or with one partner that enrolled the victim yesterday, must not be able to
open and cash an account; so a binding needs a half of a partner that has had the account enrolled
for a while, a wait in which the other enrolled partners can object, and, for grams from before the
signing partner's enrolment, the half of another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.opening import refusals
from fedcarbon.opening.accounts import AccountRef
from fedcarbon.opening.bindings import Binding
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.statements import (
    OpeningRequest,
    PartnerBinding,
    wallet_hint,
)
from fedcarbon.opening.view import RecordView
from fedcarbon.transparency.checkpoint import TIME_TOLERANCE_S
from fedcarbon.units import Seconds

# DESIGN section 12: only real-name wallets, classes 1 to 3.
WALLET_CLASS_LAST: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningPartner:
    """An enrolled partner whose half of a binding counts."""

    partner_id: PartyId
    enrolled_leaf: int
    """The leaf that began its present enrolment of the account."""


def check_request(view: RecordView, request: OpeningRequest) -> None:
    """Check that a request is in time, names the account's place, and rests on a valid binding.

    Raises:
        RequestExpiredError, PlaceNotOfTokenError: see there.
        BindingUnknownError, WalletSwappedError, AnonymousWalletError, BindingEndedError,
            BindingFrozenError, BindingByOperatorAloneError, WalletShownDiffersError,
            BindingPartnerTooNewError, BindingWaitsError, EarlierGramsUnconfirmedError: see there.
        NotWitnessedError: a half is not under a witnessed head yet.
    """
    now_s = view.heads.clock_s
    if now_s > request.not_after_s + TIME_TOLERANCE_S:
        raise refusals.RequestExpiredError(
            f"the request was good until {request.not_after_s}, protocol time is {now_s}"
        )
    account = AccountRef(request.programme_id, request.account_token)
    if view.accounts.place_of(account) != (request.block, request.slot):
        raise refusals.PlaceNotOfTokenError(
            f"block {request.block} slot {request.slot} is not the place of the account"
        )
    partners = signing_partners(view, _binding_of(view, request), now_s)
    if len(partners) == 1:
        _require_no_earlier_grams(view, request, account, partners[0])


def _binding_of(view: RecordView, request: OpeningRequest) -> Binding:
    binding = view.bindings.of_leaf(request.binding_leaf)
    if binding is None:
        raise refusals.BindingUnknownError("the request names a leaf that is no operator's half")
    half = binding.operator_half.statement
    bound = (half.programme_id, half.account_token, half.wallet_id, half.operator_id)
    if bound != (
        request.programme_id,
        request.account_token,
        request.wallet_id,
        request.operator_id,
    ):
        raise refusals.WalletSwappedError("the request is for another wallet than the binding")
    return binding


def signing_partners(
    view: RecordView, binding: Binding, now_s: Seconds
) -> tuple[SigningPartner, ...]:
    """Return the partners whose halves make a binding valid at `now_s`; at least one.

    Raises:
        AnonymousWalletError, BindingEndedError, BindingFrozenError,
            BindingByOperatorAloneError, WalletShownDiffersError, BindingPartnerTooNewError,
            BindingWaitsError: see there; of the last four the one for the partner that comes
            closest.
        NotWitnessedError: a half is not under a witnessed head yet.
    """
    half = binding.operator_half.statement
    if not 1 <= half.wallet_class <= WALLET_CLASS_LAST:
        raise refusals.AnonymousWalletError(
            f"a wallet of class {half.wallet_class} cannot be bound"
        )
    if binding.ended_at is not None:
        raise refusals.BindingEndedError(f"the binding was ended by leaf {binding.ended_at}")
    if binding.objections:
        raise refusals.BindingFrozenError(f"{sorted(binding.objections)} objected to the binding")
    policy = view.parties.programme(half.programme_id).policy
    good: list[SigningPartner] = []
    reason: Exception = refusals.BindingByOperatorAloneError(
        "no partner that has the account enrolled has signed the binding"
    )
    for partner_id, signed in binding.partner_halves.items():
        enrolled = view.accounts.enrolled_since(binding.account, partner_id, signed.index)
        if enrolled is None:
            continue
        try:
            require_shown(half.operator_id, half.wallet_id, signed.statement)
        except refusals.WalletShownDiffersError as differs:
            reason = differs
            continue
        age_s = view.heads.leaf_time_s(signed.index) - view.heads.wait_from_s(enrolled)
        if age_s < policy.enrolment_age_s:
            reason = refusals.BindingPartnerTooNewError(
                f"{partner_id!r} had the account enrolled for {age_s} s when it signed, "
                f"{policy.enrolment_age_s} s are needed"
            )
            continue
        halves = (signed.index, binding.operator_half.index)
        bound_s = max(view.heads.wait_from_s(half_leaf) for half_leaf in halves)
        over_s = bound_s + policy.binding_wait_s
        if now_s < over_s:
            reason = refusals.BindingWaitsError(
                f"the binding signed by {partner_id!r} waits until {over_s}"
            )
            continue
        good.append(SigningPartner(partner_id=partner_id, enrolled_leaf=enrolled))
    if not good:
        raise reason
    return tuple(good)


def require_shown(operator_id: PartyId, wallet_id: str, partner_half: PartnerBinding) -> None:
    """Check that the holder was shown the very operator and wallet of the operator's half.

    Raises:
        WalletShownDiffersError: something else was shown.
    """
    shown = (partner_half.operator_id, partner_half.wallet_hint)
    if shown != (operator_id, wallet_hint(wallet_id)):
        raise refusals.WalletShownDiffersError(
            "the holder was shown another operator or wallet than the binding's"
        )


def _require_no_earlier_grams(
    view: RecordView, request: OpeningRequest, account: AccountRef, only: SigningPartner
) -> None:
    """Check that nobody else can have sent grams to be credited from before the enrolment."""
    for number in range(request.previous_epoch + 1, request.epoch + 1):
        ref = EpochRef(request.programme_id, EpochIndex(number))
        plan, seal = view.epochs.plans.get(ref), view.epochs.seals.get(ref)
        if plan is None or seal is None:
            continue  # the seals are check 4
        enrolled = view.accounts.partners_of(account, plan.statement)
        if only.partner_id in enrolled and only.enrolled_leaf < plan.statement.snapshot_size:
            return  # from here on the signing partner was there itself
        sent = {part.partner_id for part in seal.statement.parts if not part.missing}
        others = enrolled & sent - {only.partner_id}
        if others:
            raise refusals.EarlierGramsUnconfirmedError(
                f"epoch {number} holds grams from before {only.partner_id!r} enrolled the "
                "account; another enrolled partner must sign the binding too"
            )
