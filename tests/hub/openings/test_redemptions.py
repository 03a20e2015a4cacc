"""Redemption through the servicer: what the binding allows, and that nothing is paid twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from fedcarbon.clock import SystemClock
from fedcarbon.errors import FedcarbonError, MalformedError, SignatureInvalidError
from fedcarbon.ids import PartyId, Role
from fedcarbon.ledger.account import AccountKind, holder_account, programme_account
from fedcarbon.ledger.transfer import Phase, Transfer
from fedcarbon.ledger.unit import FEN
from fedcarbon.opening.refusals import (
    BindingByOperatorAloneError,
    BindingEndedError,
    BindingFrozenError,
    BindingUnknownError,
    BindingWaitsError,
    WalletSwappedError,
)
from fedcarbon.redemption.limits import LimitNotSetError, LimitPerDayError, Limits
from fedcarbon.redemption.order import RedemptionOrder, Source
from fedcarbon.redemption.settlement import RedemptionTooSmallError
from fedcarbon.redemption.value_day import value_day
from fedcarbon.redemption.wallet import WalletClass, WalletId, sandbox_wallet_id
from fedcarbon.units import Fen, Seconds
from fedcarbon.v1 import opening_pb2, redemption_pb2
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import Authority
from fedcarbon.wire.hub_client import HubClient
from fedcarbon.wire.status import UnreachableError
from fedcarbon.wire.tls import RoleNotAllowedError
from hub.clearing.freezing import AccountFrozenError, freeze
from hub.clearing.positions import checked_trial_balance
from hub.clearing.redemptions import RedemptionIdReusedError, RedemptionUnknownError
from hub.clearing.storage.ledger_store import LedgerStore
from hub.sandbox.faults import RailFault
from hub.sandbox.rail import SandboxRail
from hub.servicers import redemption as servicer
from hub.servicers.opening import OpeningServicer
from hub.servicers.redemption import RedemptionServicer
from hub.wallets.payouts import Payouts
from tests.hub.federation import METRO, PROGRAMME, TAXIS, signed, token
from tests.hub.openings.world import GRAM, GRAMS, OTHER_PURSE, POLICY, PURSE, World
from tests.loop_thread import LoopThread
from tests.simulation.local_hub import FaultPlan, local_client
from tests.unlimited import unlimited

UNIT_G = 1_250
SETTLED = redemption_pb2.REDEMPTION_STATE_SETTLED


@dataclass
class Till:
    """A world whose first account is opened, its servicers, and the sandbox that pays."""

    world: World
    rail: SandboxRail
    loop: LoopThread
    authority: Authority
    faults: FaultPlan
    limits: Limits = field(default_factory=lambda: unlimited(PROGRAMME))

    def client(self, name: PartyId, role: Role = Role.WALLET_OPERATOR) -> HubClient:
        """Return a party's connection."""
        hub, folded = self.world.hub, self.world.folded
        servicers = [
            RedemptionServicer(hub, folded, Payouts(hub, self.rail), self.limits),
            OpeningServicer(hub, folded),
        ]
        party = PartyName(party_id=name, role=role)
        certificate = self.authority.issue(party, SystemClock().now_s()).certificate_pem
        return local_client(servicers, certificate, name, self.loop, self.faults)

    def redeem(
        self, order: RedemptionOrder, *, sender: PartyId = PURSE, signer: PartyId = PURSE
    ) -> redemption_pb2.Redemption:
        """Send an order."""
        request = redemption_pb2.CreateRedemptionRequest(signed_order=signed(order, signer))
        return self.client(sender).create_redemption(request).redemption


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority.create(SystemClock().now_s())


@pytest.fixture
def till(opened_world: World, authority: Authority) -> Iterator[Till]:
    world = opened_world
    world.top_up(1_000)
    loop = LoopThread()
    till = Till(world, new_rail(world), loop, authority, FaultPlan())
    yield till
    till.rail.close()
    loop.close()


def new_rail(world: World, *faults: RailFault) -> SandboxRail:
    return SandboxRail(world.folder / "rail.db", wait=lambda: None, faults=faults)


def test_all_whole_units_are_paid_and_the_rest_stays(till: Till) -> None:
    order = till.world.order(till.world.bound(1))

    redemption = till.redeem(order)

    units = 3 * GRAMS[1] // UNIT_G
    assert (redemption.state, redemption.units, redemption.payout_fen) == (SETTLED, units, units)
    assert redemption.mass_ug == units * UNIT_G * GRAM
    statement = till.world.statement(1)
    assert sum(statement.spendable_ug.values()) == (3 * GRAMS[1] - units * UNIT_G) * GRAM
    assert list(till.rail.payouts_fen().values()) == [units]
    till.world.hub.read_now(checked_trial_balance)


def test_proceeds_are_shown_to_the_operator_and_paid_once_under_its_signature(till: Till) -> None:
    share = Transfer(
        transfer_id=bytes(16),
        debit=programme_account(AccountKind.SALES, PROGRAMME),
        credit=holder_account(AccountKind.PROCEEDS, token(1)),
        unit=FEN,
        amount=70,
        phase=Phase.SINGLE,
        resolves=None,
    )
    till.world.hub.write_now(lambda session: LedgerStore(session).post(share, Seconds(5)))
    binding_id, client = till.world.bound(1), till.client(PURSE)
    asked = opening_pb2.GetAccountRequest(programme_id=PROGRAMME, account_token=token(1))
    assert client.get_account(asked).proceeds_fen == 70
    order = till.world.order(binding_id, source=Source.PROCEEDS)

    for _ in range(2):
        paid = till.redeem(order)
        assert (paid.state, paid.payout_fen, paid.mass_ug) == (SETTLED, 70, 0)

    assert till.rail.payouts_fen() == {order.payout_id: 70}
    assert client.get_account(asked).proceeds_fen == 0
    with pytest.raises(RedemptionTooSmallError):
        till.redeem(till.world.order(binding_id, source=Source.PROCEEDS))
    with pytest.raises(SignatureInvalidError):
        till.redeem(till.world.order(binding_id, source=Source.PROCEEDS), signer=OTHER_PURSE)


def test_a_redemption_whose_messages_get_lost_is_paid_once(till: Till) -> None:
    till.faults.enabled = True
    order = till.world.order(till.world.bound(1), 1)
    client = till.client(PURSE)
    request = redemption_pb2.CreateRedemptionRequest(signed_order=signed(order, PURSE))

    with pytest.raises(UnreachableError):  # the request was lost
        client.create_redemption(request)
    assert till.rail.payouts_fen() == {}
    with pytest.raises(UnreachableError):  # the answer was lost
        client.create_redemption(request)
    answer = client.create_redemption(request).redemption

    assert (answer.state, answer.units) == (SETTLED, 1)
    assert till.rail.payouts_fen() == {order.payout_id: 1}
    shown = client.get_redemption(
        redemption_pb2.GetRedemptionRequest(redemption_id=order.redemption_id)
    )
    assert shown.redemption == answer


def test_an_order_that_was_taken_is_answered_even_after_the_binding_ended(till: Till) -> None:
    binding_id = till.world.bound(1)
    order = till.world.order(binding_id, 1)
    first = till.redeem(order)
    till.world.unbind(binding_id)

    assert till.redeem(order) == first
    assert till.rail.payouts_fen() == {order.payout_id: 1}


def test_a_rail_that_says_nothing_leaves_the_payout_unknown_and_is_asked_again(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.rail.close()
    till.rail = new_rail(till.world, RailFault.LOST_ANSWER, RailFault.LOST_REQUEST)
    order = till.world.order(till.world.bound(1), 1)

    with monkeypatch.context() as hasty:
        hasty.setattr(servicer, "PAYOUT_WAIT_S", 2)
        assert till.redeem(order).state == redemption_pb2.REDEMPTION_STATE_UNKNOWN

    till.world.wait(3_600)
    assert till.redeem(order).state == SETTLED
    assert till.rail.payouts_fen() == {order.payout_id: 1}


def test_a_rejected_payout_says_why_and_gives_the_grams_back(till: Till) -> None:
    till.rail.close()
    till.rail = new_rail(till.world, RailFault.REJECT)
    before = till.world.statement(1).spendable_ug

    redemption = till.redeem(till.world.order(till.world.bound(1), 1))

    assert redemption.state == redemption_pb2.REDEMPTION_STATE_REJECTED
    assert redemption.reason
    assert till.world.statement(1).spendable_ug == before


SWAPS: dict[str, tuple[type[FedcarbonError], dict[str, Any]]] = {
    "another wallet": (WalletSwappedError, {"wallet_id": sandbox_wallet_id(666)}),
    "another class": (WalletSwappedError, {"wallet_class": WalletClass.CLASS_1}),
    "another account": (WalletSwappedError, {"account_token": token(2)}),
    "no binding": (BindingUnknownError, {"binding_leaf": bytes(34)}),
}


@pytest.mark.parametrize("what", SWAPS)
def test_an_order_that_names_something_else_than_its_binding_is_refused(
    till: Till, what: str
) -> None:
    error, changes = SWAPS[what]

    with pytest.raises(error):
        till.redeem(till.world.order(till.world.bound(1), 1, **changes))

    assert till.rail.payouts_fen() == {}


def test_a_binding_pays_its_own_operator_only(till: Till) -> None:
    order = till.world.order(till.world.bound(1), 1, operator_id=OTHER_PURSE)

    with pytest.raises(BindingUnknownError):
        till.redeem(order, sender=OTHER_PURSE, signer=OTHER_PURSE)
    with pytest.raises(SignatureInvalidError):
        till.redeem(till.world.order(till.world.bound(1), 1), signer=OTHER_PURSE)


def test_a_frozen_binding_pays_nothing_and_does_not_tell_who_objected(till: Till) -> None:
    binding_id = till.world.bound(1)
    till.world.object(binding_id, TAXIS)

    with pytest.raises(BindingFrozenError) as caught:
        till.redeem(till.world.order(binding_id, 1))

    assert TAXIS not in str(caught.value)
    assert till.rail.payouts_fen() == {}


def test_an_ended_binding_pays_nothing(till: Till) -> None:
    binding_id = till.world.bound(1)
    till.world.unbind(binding_id)

    with pytest.raises(BindingEndedError):
        till.redeem(till.world.order(binding_id, 1))


def test_a_second_wallet_pays_after_its_own_wait_only(till: Till) -> None:
    binding_id = till.world.propose(1, wallet_id=WalletId("second-wallet"))
    with pytest.raises(BindingByOperatorAloneError):
        till.redeem(till.world.order(binding_id, 1))
    till.world.confirm(binding_id, METRO)
    till.world.witness()
    with pytest.raises(BindingWaitsError):
        till.redeem(till.world.order(binding_id, 1))

    # Nothing is added to the record meanwhile: the hub's own clock counts.
    till.world.wait(POLICY.binding_wait_s)

    assert till.redeem(till.world.order(binding_id, 1)).state == SETTLED


def test_a_redemption_id_means_one_order_for_ever(till: Till) -> None:
    order = till.world.order(till.world.bound(1), 1)
    till.redeem(order)

    with pytest.raises(RedemptionIdReusedError):
        till.redeem(till.world.order(till.world.bound(1), 2, redemption_id=order.redemption_id))


def test_a_redemption_is_nobody_elses_business(till: Till) -> None:
    order = till.world.order(till.world.bound(1), 1)
    till.redeem(order)
    asked = redemption_pb2.GetRedemptionRequest(redemption_id=order.redemption_id)

    with pytest.raises(RedemptionUnknownError):
        till.client(OTHER_PURSE).get_redemption(asked)
    with pytest.raises(RoleNotAllowedError):
        till.client(METRO, Role.PARTNER).get_redemption(asked)


def test_a_limit_is_told_over_the_wire_with_its_own_code(till: Till) -> None:
    rows = till.limits.wallet_classes
    till.limits = replace(
        till.limits, wallet_classes=tuple(replace(row, per_day_fen=Fen(1)) for row in rows)
    )
    till.redeem(till.world.order(till.world.bound(1), 1))

    with pytest.raises(LimitPerDayError):
        till.redeem(till.world.order(till.world.bound(1), 1))
    till.limits = Limits()
    with pytest.raises(LimitNotSetError):
        till.redeem(till.world.order(till.world.bound(1), 1))


def test_a_frozen_account_is_told_to_ask_the_hub(till: Till) -> None:
    till.world.hub.write_now(
        lambda session: freeze(
            session, PROGRAMME, token(1), reason="court order 7", operator="li.na", now_s=Seconds(5)
        )
    )

    with pytest.raises(AccountFrozenError, match="ask the operator of the hub") as caught:
        till.redeem(till.world.order(till.world.bound(1), 1))

    assert "court" not in str(caught.value)


def test_an_operator_reads_its_own_statement_page_by_page_and_nobody_elses(till: Till) -> None:
    orders = [till.world.order(till.world.bound(1), 1) for _ in range(2)]
    for order in orders:
        till.redeem(order)
    today = value_day(till.world.clock.now_s())

    def page(name: PartyId, after: bytes = b"", **changes: int) -> Any:
        request = redemption_pb2.GetOperatorStatementRequest(
            **{"first_value_day": today, "last_value_day": today, "limit": 1, **changes},
            after=after,
        )
        return till.client(name).get_operator_statement(request)

    first = page(PURSE)
    second = page(PURSE, first.next_after)

    lines = [*first.lines, *second.lines]
    assert second.next_after == b""
    assert {line.payout_id for line in lines} == {order.payout_id for order in orders}
    assert {line.wallet_id for line in lines} == {orders[0].wallet_id}
    for total in (*first.totals, *second.totals):
        assert (total.state, total.count, total.payout_fen) == (SETTLED, 2, 2)
    assert list(page(OTHER_PURSE).lines) == []
    with pytest.raises(RoleNotAllowedError):
        till.client(METRO, Role.PARTNER).get_operator_statement(
            redemption_pb2.GetOperatorStatementRequest()
        )
    for wrong in ({"last_value_day": today - 1}, {"last_value_day": today + 366}):
        with pytest.raises(MalformedError):
            page(PURSE, **wrong)
    with pytest.raises(MalformedError):
        page(PURSE, b"short")


def test_the_opening_service_speaks_the_same_rules(till: Till) -> None:
    world = till.world
    client = till.client(PURSE)
    listed = client.list_bindings(
        opening_pb2.ListBindingsRequest(programme_id=PROGRAMME, limit=10)
    ).bindings
    account = client.get_account(
        opening_pb2.GetAccountRequest(programme_id=PROGRAMME, account_token=token(1))
    )
    request = world.opening_request(world.bound(2))
    client.create_opening_request(
        opening_pb2.CreateOpeningRequestRequest(signed_request=signed(request, PURSE))
    )
    opening = client.get_opening(opening_pb2.GetOpeningRequest(request_id=request.request_id))

    assert {item.state for item in listed} == {opening_pb2.BINDING_STATE_SIGNED}
    assert (account.place.block, account.place.slot) == world.place(1)
    assert account.opened_ug == 3 * GRAMS[1] * GRAM
    assert opening.state == opening_pb2.OPENING_STATE_REQUESTED
    with pytest.raises(RoleNotAllowedError):
        till.client(METRO, Role.PARTNER).get_account(
            opening_pb2.GetAccountRequest(programme_id=PROGRAMME, account_token=token(1))
        )
