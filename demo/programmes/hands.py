"""What a step of a programme may do: everybody's hands, whichever way the federation runs.

The demo lends the hands of real processes; a test lends those of a federation in one process. The
steps themselves are the same: orders of a wallet operator, statements of root keys, and calls that
only the hub's own operator may make.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from fedcarbon.canonical.statement import Statement
from fedcarbon.cli.wallet_operator import WalletOperator
from fedcarbon.cli.wallet_store import Customer
from fedcarbon.identity.person_id import (
    make_test_id,
    make_test_meter,
    make_test_organisation,
)
from fedcarbon.ids import ProgrammeId
from fedcarbon.units import Fen, Seconds
from fedcarbon.v1 import opening_pb2
from fedcarbon.wire.hub_client import HubClient

Range = tuple[int, int]


class Seen(NamedTuple):
    """What one platform's node knows of a person."""

    recorded: int
    """Before contests and caps, in millionths of the measure."""
    submitted: int
    """What of it counts."""


class Hands(ABC):
    """One federation, as the demo plays all of its parties."""

    parameter_id: bytes

    @abstractmethod
    def now_s(self) -> Seconds:
        """Return protocol time."""

    @abstractmethod
    def wait(self, seconds: int) -> None:
        """Let protocol time pass, and let the hub do what has become due."""

    @abstractmethod
    def until(self, what: str, ready: Callable[[], bool]) -> None:
        """Let the hub work until something that it does by itself is done."""

    @abstractmethod
    def publish(self, statement: Statement) -> None:
        """Have t root keys sign a statement, and the hub log it."""

    @abstractmethod
    def hub(self) -> HubClient:
        """Return the hub as its own operator dials it."""

    @abstractmethod
    def operators(self, programme: ProgrammeId) -> Sequence[WalletOperator]:
        """Return the wallet operators of a programme."""

    @abstractmethod
    def summaries(self, programme: ProgrammeId, person: int) -> Mapping[str, Seen]:
        """Return what each platform of a person says in its app, by the platform's name."""

    @abstractmethod
    def pay_in(self, programme: ProgrammeId, fen: Fen, label: str) -> None:
        """Pay a buyer's money into the programme's account at the rail; `label` names it."""


class Holder(NamedTuple):
    """A bound holder, and the operator that orders for it."""

    serial: int
    operator: WalletOperator
    customer: Customer
    binding: opening_pb2.Binding

    def account(self) -> opening_pb2.GetAccountResponse:
        """Return the account as the operator is told of it."""
        assert self.customer.account_token is not None  # noqa: S101 - it is bound
        return self.operator.account(self.customer.account_token)


_MAKERS: Final = (make_test_id, make_test_organisation, make_test_meter)


def holders(hands: Hands, programme: ProgrammeId, who: Range) -> Iterator[Holder]:
    """Yield the bound holders of `who`, in the order of their serial numbers."""
    serials = {make(serial): serial for serial in range(*who) for make in _MAKERS}
    for operator in hands.operators(programme):
        bindings = operator.bindings()
        found = {
            serials[item.id_number]: item
            for item in operator.store.customers()
            if item.id_number in serials
        }
        for serial in sorted(found):
            binding = bindings.get(found[serial].binding_id)
            if binding is not None and binding.state == opening_pb2.BINDING_STATE_SIGNED:
                yield Holder(serial, operator, found[serial], binding)


@dataclass(slots=True)
class Figures:
    """What has come out so far, by programme and name."""

    of: dict[ProgrammeId, Counter[str]] = field(default_factory=dict)

    def add(self, programme: ProgrammeId, name: str, value: int) -> None:
        """Count `value` more under `name`."""
        self.of.setdefault(programme, Counter())[name] += value

    def value(self, programme: ProgrammeId, name: str) -> int:
        """Return the figure, 0 if nothing was counted."""
        return self.of.get(programme, Counter())[name]
