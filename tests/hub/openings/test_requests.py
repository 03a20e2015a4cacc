"""Opening requests at the hub's door: what is refused there, and what waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from fedcarbon.errors import FedcarbonError, MalformedError, SignatureInvalidError
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.opening.refusals import (
    BindingByOperatorAloneError,
    BindingFrozenError,
    BindingPartnerTooNewError,
    BindingUnknownError,
    EpochNotSealedError,
    PlaceNotOfTokenError,
    PreviousEpochDiffersError,
    RequestExpiredError,
    WalletSwappedError,
)
from fedcarbon.redemption.wallet import sandbox_wallet_id
from fedcarbon.submission.intake import WrongEpochError
from fedcarbon.submission.signed_message import (
    NotAdmittedError,
    ParametersDifferError,
    SenderDiffersError,
)
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.transparency.receipt import Receipt
from hub.openings.accounts import AccountNotBoundError, account_of
from hub.openings.requests import (
    CheckpointUnknownError,
    OpeningRequestDiffersError,
    OpeningUnknownError,
)
from hub.openings.states import OpeningEvent, OpeningState, OpeningStateError, next_state
from hub.registry.programmes import UnknownProgrammeError
from tests.hub.federation import (
    BIKES,
    FIRST,
    METRO,
    PROGRAMME,
    SECOND,
    TAXIS,
    opened,
    signed,
    token,
)
from tests.hub.openings.world import GRAM, GRAMS, OTHER_PURSE, POLICY, PURSE, World


def test_a_request_is_logged_and_answered_with_its_receipt(world: World) -> None:
    request = world.opening_request(world.bound(1))

    receipt = opened(Receipt, world.send_request(PURSE, signed(request, PURSE)))

    leaf = world.hub.read_now(lambda session: world.hub.record.leaf(session, receipt.leaf_index))
    assert leaf.type is LeafType.OPENING_REQUEST
    stored = world.opening(request.request_id)
    assert (stored.state, stored.code, stored.attempts) == (OpeningState.REQUESTED, "", 0)


def test_a_replayed_request_gets_the_same_receipt_and_no_second_leaf(world: World) -> None:
    message = signed(world.opening_request(world.bound(1)), PURSE)
    receipt = world.send_request(PURSE, message)
    size = world.hub.read_now(world.hub.record.head).size

    assert world.send_request(PURSE, message) == receipt
    assert world.hub.read_now(world.hub.record.head).size == size


def test_a_request_id_cannot_be_used_for_something_else(world: World) -> None:
    request = world.opening_request(world.bound(1))
    world.send_request(PURSE, signed(request, PURSE))
    other = world.opening_request(world.bound(2), request_id=request.request_id)

    with pytest.raises(OpeningRequestDiffersError):
        world.send_request(PURSE, signed(other, PURSE))


@dataclass(frozen=True)
class Wrong:
    """A request with something wrong about it."""

    error: type[FedcarbonError]
    changes: Callable[[World], dict[str, Any]]
    sender: PartyId = PURSE
    signer: PartyId = PURSE


def _first_head(world: World) -> dict[str, Any]:
    """Return the fields of the oldest witnessed head."""
    folder = world.folder / "record" / "checkpoints"
    size = min(int(path.stem) for path in folder.iterdir())
    root = world.hub.read_now(lambda session: world.hub.record.head(session, size)).root
    return {"checkpoint_size": size, "checkpoint_root": root}


WRONG = {
    "signed by another operator": Wrong(SignatureInvalidError, lambda _: {}, signer=OTHER_PURSE),
    "sent by a partner": Wrong(NotAdmittedError, lambda _: {}, sender=METRO, signer=METRO),
    "in another operator's name": Wrong(SenderDiffersError, lambda _: {"operator_id": OTHER_PURSE}),
    "of another parameter set": Wrong(ParametersDifferError, lambda _: {"parameter_id": bytes(32)}),
    "of an unknown programme": Wrong(UnknownProgrammeError, lambda _: {"programme_id": "beijing"}),
    "of an epoch that the programme has not": Wrong(
        WrongEpochError, lambda _: {"epoch": EpochIndex(9)}
    ),
    "of an epoch that is not sealed": Wrong(EpochNotSealedError, lambda _: {"epoch": SECOND}),
    "out of time": Wrong(
        RequestExpiredError, lambda world: {"not_after_s": world.clock.now_s() - 1}
    ),
    "over a head that nobody signed": Wrong(
        CheckpointUnknownError, lambda _: {"checkpoint_size": 3}
    ),
    "over a forked head": Wrong(CheckpointUnknownError, lambda _: {"checkpoint_root": bytes(32)}),
    "over a head before the seal": Wrong(EpochNotSealedError, _first_head),
    "for another slot": Wrong(
        PlaceNotOfTokenError, lambda world: {"slot": (world.place(1).slot + 1) % 4}
    ),
    "for another account's slot": Wrong(
        PlaceNotOfTokenError,
        lambda world: {"block": world.place(2).block, "slot": world.place(2).slot},
    ),
    "for another account than the binding's": Wrong(
        WalletSwappedError,
        lambda world: {
            "account_token": token(2),
            "block": world.place(2).block,
            "slot": world.place(2).slot,
        },
    ),
    "into another wallet than the binding's": Wrong(
        WalletSwappedError, lambda _: {"wallet_id": sandbox_wallet_id(666)}
    ),
    "with a leaf that is no binding": Wrong(
        BindingUnknownError, lambda _: {"binding_leaf": bytes(34)}
    ),
    "with an opening before it that was none": Wrong(
        PreviousEpochDiffersError,
        lambda _: {"previous_epoch": EpochIndex(1), "epoch": SECOND},
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_request_is_refused_and_not_logged(world: World, what: str) -> None:
    wrong = WRONG[what]
    if wrong.error is PreviousEpochDiffersError:
        world.seal({1: 1}, SECOND)
    request = world.opening_request(world.bound(1), **wrong.changes(world))
    size = world.hub.read_now(world.hub.record.head).size

    with pytest.raises(wrong.error):
        world.send_request(wrong.sender, signed(request, wrong.signer))

    assert world.hub.read_now(world.hub.record.head).size == size


def test_bytes_that_are_no_request_are_refused(world: World) -> None:
    with pytest.raises(MalformedError):
        world.send_request(PURSE, b"{}")


def test_a_binding_by_the_operator_alone_opens_nothing(world: World) -> None:
    binding_id = world.propose(1)

    with pytest.raises(BindingByOperatorAloneError):
        world.request(binding_id)


def test_a_partner_that_enrolled_the_victim_yesterday_cannot_help_to_open_it(
    world: World,
) -> None:
    victim = 5
    world.enrol_people(METRO, [victim])
    world.witness_again()
    binding_id = world.propose(victim)
    world.wait(POLICY.enrolment_age_s - 1)
    world.confirm(binding_id, METRO)
    world.witness()
    world.wait(POLICY.binding_wait_s)

    with pytest.raises(BindingPartnerTooNewError) as caught:
        world.request(binding_id)

    assert METRO not in str(caught.value)


def test_a_frozen_binding_opens_nothing_and_does_not_tell_who_objected(world: World) -> None:
    binding_id = world.bound(1)
    world.object(binding_id, TAXIS)

    with pytest.raises(BindingFrozenError) as caught:
        world.request(binding_id)

    assert TAXIS not in str(caught.value)


def test_a_request_within_the_wait_is_taken_and_says_that_it_waits(world: World) -> None:
    binding_id = world.propose(1)
    world.confirm(binding_id, BIKES)
    world.witness()

    waiting = world.opening(world.request(binding_id))

    assert (waiting.state, waiting.code) == (OpeningState.REQUESTED, "BINDING_WAITS")
    assert BIKES not in waiting.detail


def test_a_request_is_nobody_elses_business(world: World) -> None:
    request_id = world.request(world.bound(1))

    with pytest.raises(OpeningUnknownError):
        world.opening(request_id, OTHER_PURSE)
    with pytest.raises(NotAdmittedError):
        world.opening(request_id, METRO)


def test_states_move_by_the_table_only() -> None:
    with pytest.raises(OpeningStateError):
        next_state(OpeningState.OPENED, OpeningEvent.START_LOGGED)
    with pytest.raises(OpeningStateError):
        next_state(OpeningState.REQUESTED, OpeningEvent.RESULT_LOGGED)


def test_an_account_is_shown_to_the_operator_whose_binding_is_confirmed(world: World) -> None:
    world.request(world.bound(1))
    world.advance_openings()

    account = world.hub.read_now(
        lambda session: account_of(session, world.hub, world.folded, PURSE, PROGRAMME, token(1))
    )

    assert (account.place, account.sealed_epoch, account.opened_epoch) == (
        world.place(1),
        FIRST,
        FIRST,
    )
    assert account.opened_ug == account.spendable_ug == 3 * GRAMS[1] * GRAM
    assert account.reserved_ug == 0


def test_an_account_is_not_shown_for_a_proposal_alone_nor_after_the_end(world: World) -> None:
    world.propose(1, OTHER_PURSE)
    world.unbind(world.bound(2))

    for caller, account in ((OTHER_PURSE, token(1)), (PURSE, token(2)), (PURSE, bytes(32))):
        with pytest.raises(AccountNotBoundError):
            world.hub.read_now(
                lambda session, caller=caller, account=account: account_of(
                    session, world.hub, world.folded, caller, PROGRAMME, account
                )
            )
