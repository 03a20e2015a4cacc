"""Clients of the soak: each redeems, asks again after errors with the same id, and reads."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - only the type; seeds come from tests.chance
from threading import Event
from typing import Any, Final, TypeVar

import grpc

from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.v1 import opening_pb2, opening_pb2_grpc, redemption_pb2, redemption_pb2_grpc
from fedcarbon.wire.party import PartyFiles
from fedcarbon.wire.status import RemoteTimeoutError, UnreachableError, error_of
from fedcarbon.wire.tls import dial
from tests.hub.federation import signed
from tests.hub.running import HUB_NAME
from tests.soak.history import Call, Kind

M = TypeVar("M")

TIMEOUT_S: Final = 20
UNITS_MAX: Final = 3
REMEMBERED: Final = 30
"""Orders that a client comes back to."""
UNKNOWN_OUTCOMES: Final = frozenset(
    {UnreachableError.code, RemoteTimeoutError.code, "STORE_UNAVAILABLE", "GRPC_UNKNOWN"}
    | {"GRPC_INTERNAL", "INTERNAL"}
)
_PREFIX: Final = "REDEMPTION_STATE_"


@dataclass(slots=True)
class SoakClient:
    """One client over all rounds; it is used by one thread at a time."""

    chance: Random
    orders: Mapping[int, Callable[[bytes, int], RedemptionOrder]]
    """Account to what makes an order of an id and a number of units."""
    party: PartyFiles
    unit_ug: int
    calls: list[Call] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)
    """How often each error was answered."""
    _remembered: list[tuple[int, RedemptionOrder]] = field(default_factory=list)
    _unanswered: list[tuple[int, RedemptionOrder]] = field(default_factory=list)

    def work(self, port: int, stop: Event) -> None:
        """Ask until told to stop or until the hub is gone."""
        with dial(f"127.0.0.1:{port}", self.party, HUB_NAME) as channel:
            redemption = redemption_pb2_grpc.RedemptionServiceStub(channel)
            opening = opening_pb2_grpc.OpeningServiceStub(channel)
            while not stop.is_set():
                if not self._step(redemption, opening):
                    return

    def settle(self, port: int) -> None:
        """Ask again for everything that has no answer, and read everything once more."""
        with dial(f"127.0.0.1:{port}", self.party, HUB_NAME) as channel:
            redemption = redemption_pb2_grpc.RedemptionServiceStub(channel)
            while self._unanswered:
                assert self._redeem(redemption, *self._unanswered.pop())
            for account, order in self._remembered:
                assert self._get(redemption, account, order)

    def _step(self, redemption: Any, opening: Any) -> bool:
        kind = self.chance.choices(("new", "retry", "again", "get", "read"), (40, 15, 10, 15, 20))[
            0
        ]
        account = self.chance.choice(sorted(self.orders))
        if kind == "retry" and self._unanswered:
            return self._redeem(redemption, *self._unanswered.pop(0))
        if kind == "again" and self._remembered:
            return self._redeem(redemption, *self.chance.choice(self._remembered))
        if kind == "get" and self._remembered:
            return self._get(redemption, *self.chance.choice(self._remembered))
        if kind == "read":
            return self._read(opening, account)
        units = self.chance.randint(1, UNITS_MAX)
        order = self.orders[account](self.chance.randbytes(16), units)
        return self._redeem(redemption, account, order)

    def _redeem(self, stub: Any, account: int, order: RedemptionOrder) -> bool:
        request = redemption_pb2.CreateRedemptionRequest(
            signed_order=signed(order, order.operator_id)
        )
        began_ns = time.monotonic_ns()
        answer, code = self._asked(stub.CreateRedemption, request)
        unknown = code in UNKNOWN_OUTCOMES
        known: dict[str, Any] = {}
        if answer is not None:
            promise = hashlib.sha256(answer.receipt).hexdigest()
            said = answer.redemption
            numbers = (said.units, said.mass_ug, said.payout_fen)
            known = {"state": _state(said), "promise": f"{numbers} {promise}"}
        known |= {"redemption_id": order.redemption_id.hex(), "units": order.units}
        refusal = "" if unknown else code
        self._note(Kind.REDEEM, account, began_ns, unknown=unknown, refusal=refusal, **known)
        if unknown:
            self._unanswered.append((account, order))
        elif answer is not None:
            self._remembered = [*self._remembered[-REMEMBERED:], (account, order)]
        return code != UnreachableError.code

    def _get(self, stub: Any, account: int, order: RedemptionOrder) -> bool:
        request = redemption_pb2.GetRedemptionRequest(redemption_id=order.redemption_id)
        began_ns = time.monotonic_ns()
        answer, code = self._asked(stub.GetRedemption, request)
        state = "" if answer is None else _state(answer.redemption)
        self._note(
            Kind.GET, account, began_ns, unknown=code in UNKNOWN_OUTCOMES,
            redemption_id=order.redemption_id.hex(), refusal=code, state=state,
        )  # fmt: skip
        return code != UnreachableError.code

    def _read(self, stub: Any, account: int) -> bool:
        order = self.orders[account](bytes(16), 1)
        request = opening_pb2.GetAccountRequest(
            programme_id=order.programme_id, account_token=order.account_token
        )
        began_ns = time.monotonic_ns()
        answer, code = self._asked(stub.GetAccount, request)
        units = 0 if answer is None else answer.spendable_ug // self.unit_ug
        unknown = code in UNKNOWN_OUTCOMES
        self._note(Kind.READ, account, began_ns, unknown=unknown, refusal=code, units=units)
        return code != UnreachableError.code

    def _asked(self, method: Callable[..., M], request: Any) -> tuple[M | None, str]:
        try:
            return method(request, timeout=TIMEOUT_S), ""
        except grpc.RpcError as failure:
            code = error_of(failure).code
            self.codes[code] = self.codes.get(code, 0) + 1
            return None, code

    def _note(
        self, kind: Kind, account: int, began_ns: int, *, unknown: bool, **fields: Any
    ) -> None:
        returned_ns = None if unknown else time.monotonic_ns()
        self.calls.append(
            Call(
                kind=kind,
                account=account,
                invoked_ns=began_ns,
                returned_ns=returned_ns,
                **fields,
            )
        )


def all_calls(clients: Sequence[SoakClient]) -> list[Call]:
    """Return what all clients have seen."""
    return [call for client in clients for call in client.calls]


def _state(redemption: redemption_pb2.Redemption) -> str:
    name = redemption_pb2.RedemptionState.Name(redemption.state)
    return name.removeprefix(_PREFIX).lower()
