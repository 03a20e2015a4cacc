"""What a client does when the server is busy: it waits as told, never for ever, sends the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from typing_extensions import override

from fedcarbon.errors import StateError
from fedcarbon.wire.repeated_calls import (
    BUSY_ATTEMPTS_MAX,
    BUSY_FIRST_MS,
    RepeatedCalls,
)
from fedcarbon.wire.status import (
    RETRY_AFTER_MS_MAX,
    OverloadedError,
    RemoteStateError,
    UnreachableError,
    error_of,
    status_of,
)
from tests.chance import seeded


class Refused(grpc.RpcError):
    """A call that ended with a status, as it comes out of gRPC."""

    def __init__(self, status: grpc.Status) -> None:
        super().__init__()
        self._status = status

    @override
    def code(self) -> Any:
        return self._status.code

    @override
    def details(self) -> Any:
        return self._status.details

    @override
    def trailing_metadata(self) -> Any:
        return self._status.trailing_metadata


def busy(retry_after_ms: int) -> Refused:
    return Refused(status_of(OverloadedError("busy", retry_after_ms=retry_after_ms)))


class Server:
    """Refuses some calls, and keeps what it was sent."""

    def __init__(self, *refusals: grpc.RpcError) -> None:
        self.refusals = list(refusals)
        self.got: list[Any] = []
        self.slept_ms: list[int] = []
        self.calls = RepeatedCalls(self._sleep, seeded(1).randrange)

    def _sleep(self, seconds: float) -> None:
        self.slept_ms.append(round(seconds * 1000))

    def ask(self, request: Any) -> str:
        self.got.append(request)
        if self.refusals:
            raise self.refusals.pop(0)
        return "done"

    def take(self, requests: Iterator[Any]) -> str:
        return self.ask(list(requests))

    def asked(self) -> Any:
        return self.calls.ask(self.ask, "the same bytes")  # type: ignore[arg-type]

    def uploaded(self, requests: Any) -> Any:
        return self.calls.upload(self.take, requests)  # type: ignore[arg-type]


def test_a_busy_server_gets_the_same_bytes_again_not_before_the_time_that_it_named() -> None:
    server = Server(busy(3_000), busy(7_000), busy(400))

    assert server.asked() == "done"

    assert server.got == ["the same bytes"] * 4
    for slept_ms, told_ms in zip(server.slept_ms, (3_000, 7_000, 400), strict=True):
        assert told_ms <= slept_ms <= max(told_ms, 4 * BUSY_FIRST_MS) * 3 / 2


def test_those_who_were_refused_together_do_not_come_back_together() -> None:
    slept = set()
    for seed in range(20):
        server = Server(busy(4_000))
        server.calls = RepeatedCalls(server._sleep, seeded(seed).randrange)
        server.asked()
        slept.add(server.slept_ms[0])

    assert len(slept) > 15
    assert min(slept) >= 4_000


def test_a_server_that_stays_busy_is_asked_less_and_less_often() -> None:
    server = Server(*[busy(1)] * (BUSY_ATTEMPTS_MAX - 1))

    server.asked()

    least = [min(BUSY_FIRST_MS << n, RETRY_AFTER_MS_MAX) for n in range(BUSY_ATTEMPTS_MAX - 1)]
    assert all(slept >= floor for slept, floor in zip(server.slept_ms, least, strict=True))


def test_attempts_end_and_the_last_word_says_who_must_act() -> None:
    server = Server(*[busy(50)] * 100)

    with pytest.raises(RemoteStateError, match="operator must make room") as caught:
        server.asked()

    assert "done nothing of this" in str(caught.value)
    assert isinstance(caught.value, StateError)
    assert (caught.value.code, caught.value.retry_after_ms) == ("OVERLOADED", 50)
    assert len(server.got) == BUSY_ATTEMPTS_MAX
    assert len(server.slept_ms) == BUSY_ATTEMPTS_MAX - 1


def lying(seconds: int, nanos: int = 0) -> Refused:
    """A server that names a time of its own."""
    honest = status_of(OverloadedError("busy", retry_after_ms=1))
    rich = rpc_status.from_call(Refused(honest))
    assert rich is not None
    retry = error_details_pb2.RetryInfo()
    for detail in rich.details:
        if detail.Is(retry.DESCRIPTOR):
            retry.retry_delay.seconds, retry.retry_delay.nanos = seconds, nanos
            detail.Pack(retry)
    return Refused(rpc_status.to_status(rich))


@pytest.mark.parametrize("seconds", [60, 86_400, 315_576_000_000, (1 << 63) - 1])
def test_a_server_that_names_an_absurd_time_does_not_hang_its_clients(seconds: int) -> None:
    server = Server(lying(seconds), lying(seconds))

    assert server.asked() == "done"

    assert max(server.slept_ms) <= RETRY_AFTER_MS_MAX * 3 // 2


@pytest.mark.parametrize("seconds", [-1, -(1 << 63)])
def test_a_time_before_now_is_none(seconds: int) -> None:
    server = Server(lying(seconds))

    assert server.asked() == "done"
    assert server.slept_ms[0] >= BUSY_FIRST_MS


@pytest.mark.parametrize("retry_after_ms", [1, 50, 999, 1_000, 1_234, 10_000])
def test_the_time_arrives_to_the_millisecond(retry_after_ms: int) -> None:
    error = error_of(busy(retry_after_ms))

    assert isinstance(error, RemoteStateError)
    assert (error.code, error.retry_after_ms) == (OverloadedError.code, retry_after_ms)


def test_a_part_of_a_millisecond_counts_as_a_whole_one() -> None:
    error = error_of(lying(2, 1))

    assert isinstance(error, RemoteStateError)
    assert error.retry_after_ms == 2_001


def test_an_upload_is_sent_again_whole_and_one_that_cannot_be_is_not() -> None:
    server = Server(busy(50))
    assert server.uploaded([1, 2, 3]) == "done"
    assert server.got == [[1, 2, 3], [1, 2, 3]]

    server = Server(busy(50))
    with pytest.raises(RemoteStateError):
        server.uploaded(iter([1, 2, 3]))
    assert len(server.got) == 1


def test_other_refusals_that_waiting_may_lift_are_not_repeated() -> None:
    """A limit of money is RESOURCE_EXHAUSTED too; its day ends without the client's calls."""
    server = Server(Refused(status_of(UnreachableError("a trustee is away"))))

    with pytest.raises(RemoteStateError):
        server.asked()
    assert len(server.got) == 1
