"""A hub in the same process, behind the same `HubClient` as over the wire, with faults on demand.

Every call goes through the real servicers with a real certificate in its context, and every message
through its bytes. A call that creates something can be made to fail in the two ways that matter:
"request lost" (nothing happened) and "answer lost" (it happened, the caller does not know).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fedcarbon.wire.hub_client import HubClient
from fedcarbon.wire.status import UnreachableError
from tests.loop_thread import LoopThread


class Fault(StrEnum):
    """How a call fails."""

    REQUEST_LOST = "request lost"
    ANSWER_LOST = "answer lost"


@dataclass(slots=True)
class FaultPlan:
    """Which creates fail: each (caller, method) first loses a request, then an answer, in turn."""

    enabled: bool = False
    pending: dict[tuple[str, str], list[Fault]] = field(default_factory=dict)
    done: set[tuple[str, Fault]] = field(default_factory=set)
    """Every (method, fault) that has been injected."""

    def next_fault(self, caller: str, method: str) -> Fault | None:
        """Return how this call fails, or None."""
        if not self.enabled or not (method.startswith("create_") or method == "evaluate"):
            return None
        plan = self.pending.setdefault((caller, method), [Fault.REQUEST_LOST, Fault.ANSWER_LOST])
        if not plan:
            return None
        fault = plan.pop(0)
        self.done.add((method, fault))
        return fault


@dataclass(frozen=True, slots=True)
class LocalContext:
    """What servicers look at: who TLS says the caller is."""

    certificate_pem: bytes

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"x509_pem_cert": [self.certificate_pem]}

    def time_remaining(self) -> float:
        return 60.0


METHODS = {
    name: "".join(word.capitalize() for word in name.split("_"))
    for name in dir(HubClient)
    if not name.startswith("_")
}
STREAMED = frozenset({"create_claim_list", "create_chunk"})


def local_client(
    servicers: Iterable[object],
    certificate_pem: bytes,
    caller: str,
    loop: LoopThread,
    faults: FaultPlan,
) -> HubClient:
    """Return a `HubClient` that calls `servicers` as the party of the certificate."""
    context = LocalContext(certificate_pem)

    class Client:
        """One method per RPC, made below; servicers are looked up per call: a hub may restart."""

    client = Client()
    for name, rpc in METHODS.items():
        setattr(client, name, _method(name, rpc, servicers, context, caller, loop, faults))
    return client  # type: ignore[return-value]  # the attributes are the protocol's methods


def _method(
    name: str,
    rpc: str,
    servicers: Iterable[object],
    context: LocalContext,
    caller: str,
    loop: LoopThread,
    faults: FaultPlan,
) -> Callable[[Any], Any]:
    def call(request: Any) -> Any:
        fault = faults.next_fault(caller, name)
        if fault is Fault.REQUEST_LOST:
            raise UnreachableError(f"{name}: the request was lost")
        servicer = next((item for item in servicers if hasattr(item, rpc)), None)
        if servicer is None:
            raise UnreachableError(f"{name}: this hub does not serve it")
        sent = _stream(request) if name in STREAMED else _copied(request)
        answer = _copied(loop.run(getattr(servicer, rpc)(sent, context)))
        if fault is Fault.ANSWER_LOST:
            raise UnreachableError(f"{name}: the answer was lost")
        return answer

    return call


async def _stream(requests: Iterable[Any]) -> AsyncIterator[Any]:
    for request in requests:
        yield _copied(request)


def _copied(message: Any) -> Any:
    """Return the message as it comes out of its bytes."""
    return type(message).FromString(message.SerializeToString())
