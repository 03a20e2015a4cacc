"""The loop that dials the hub: orders in, answers out, and dialling again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from fedcarbon.errors import FedcarbonError
from fedcarbon.v1 import trustee_pb2
from fedcarbon.wire.status import RemoteTimeoutError, UnreachableError
from tests.trustee.federation import Federation
from trustee.trustee import Trustee
from trustee.work import BACKOFF_FIRST_S, BACKOFF_MAX_S, ORDERS_WAITING_MAX, WorkLoop

Session = Callable[[Iterator[trustee_pb2.WorkRequest]], Iterator[trustee_pb2.WorkResponse]]


class Line:
    """Plays one session per dial; after the last, nobody answers any more."""

    def __init__(self, *sessions: Session) -> None:
        self.sessions = list(sessions)

    def work(
        self, answers: Iterator[trustee_pb2.WorkRequest]
    ) -> Iterator[trustee_pb2.WorkResponse]:
        if not self.sessions:
            raise UnreachableError("no connection")
        yield from self.sessions.pop(0)(answers)


def run(federation: Federation, line: Line, dials: int) -> list[float]:
    """Run the loop until it has slept `dials` times; return for how long each time."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == dials:
            loop.stop()

    loop = WorkLoop(federation.trustee("trustee-1"), line, sleep)
    loop.run()
    return slept


def test_each_order_is_answered_in_turn(federation: Federation) -> None:
    orders = [
        federation.order(cosign=trustee_pb2.CosignOrder(root=federation.record.root())),
        federation.order(cosign=trustee_pb2.CosignOrder(root=b"f" * 32)),
    ]
    heard: list[trustee_pb2.WorkRequest] = []

    def session(
        answers: Iterator[trustee_pb2.WorkRequest],
    ) -> Iterator[trustee_pb2.WorkResponse]:
        heard.append(next(answers))
        for order in orders:
            yield order
            heard.append(next(answers))

    run(federation, Line(session), 1)

    assert [answer.order_id for answer in heard] == [b"", *(order.order_id for order in orders)]
    assert [answer.WhichOneof("answer") for answer in heard] == [None, "cosign", "refused"]


def test_the_answers_end_with_the_stream(federation: Federation) -> None:
    rest: list[trustee_pb2.WorkRequest] = []
    ended = threading.Event()

    def drain(answers: Iterator[trustee_pb2.WorkRequest]) -> None:
        rest.extend(answers)
        ended.set()

    def session(
        answers: Iterator[trustee_pb2.WorkRequest],
    ) -> Iterator[trustee_pb2.WorkResponse]:
        threading.Thread(target=drain, args=(answers,), daemon=True).start()
        yield from ()

    run(federation, Line(session), 1)

    assert ended.wait(10)
    assert rest == [trustee_pb2.WorkRequest()]


def test_waits_between_dials_grow_to_a_limit(federation: Federation) -> None:
    slept = run(federation, Line(), 9)

    assert slept[:3] == [BACKOFF_FIRST_S, 2 * BACKOFF_FIRST_S, 4 * BACKOFF_FIRST_S]
    assert slept[-1] == BACKOFF_MAX_S


@pytest.mark.parametrize("error", [UnreachableError("gone"), RemoteTimeoutError("too long")])
def test_an_order_makes_the_next_wait_short_again(
    federation: Federation, error: FedcarbonError
) -> None:
    def session(
        answers: Iterator[trustee_pb2.WorkRequest],
    ) -> Iterator[trustee_pb2.WorkResponse]:
        next(answers)
        yield federation.order(cosign=trustee_pb2.CosignOrder(root=federation.record.root()))
        raise error

    def nothing(
        _answers: Iterator[trustee_pb2.WorkRequest],
    ) -> Iterator[trustee_pb2.WorkResponse]:
        raise UnreachableError("no connection")

    slept = run(federation, Line(nothing, nothing, session), 3)

    assert slept == [BACKOFF_FIRST_S, 2 * BACKOFF_FIRST_S, BACKOFF_FIRST_S]


def test_a_closed_channel_ends_a_stopped_loop(federation: Federation) -> None:
    def session(
        _answers: Iterator[trustee_pb2.WorkRequest],
    ) -> Iterator[trustee_pb2.WorkResponse]:
        loop.stop()
        raise ValueError("Cannot invoke RPC on closed channel!")

    loop = WorkLoop(federation.trustee("trustee-1"), Line(session))

    loop.run()


def test_a_bug_is_not_swallowed(federation: Federation) -> None:
    def session(
        _answers: Iterator[trustee_pb2.WorkRequest],
    ) -> Iterator[trustee_pb2.WorkResponse]:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        WorkLoop(federation.trustee("trustee-1"), Line(session)).run()


def test_a_trustee_that_breaks_does_not_wait_for_the_hub_to_hang_up(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[str] = []

    def handle(_trustee: Trustee, _order: trustee_pb2.WorkResponse) -> trustee_pb2.WorkRequest:
        raise ZeroDivisionError

    def session(
        answers: Iterator[trustee_pb2.WorkRequest],
    ) -> Iterator[trustee_pb2.WorkResponse]:
        next(answers)
        yield trustee_pb2.WorkResponse()
        try:  # as gRPC does: an iterator that fails cancels the call, one that ends does not
            next(answers)
        except Exception as error:
            ends.append(type(error).__name__)
            raise UnreachableError("cancelled") from error

    monkeypatch.setattr(Trustee, "handle", handle)

    with pytest.raises(ZeroDivisionError):
        WorkLoop(federation.trustee("trustee-1"), Line(session)).run()

    assert ends == ["_BrokenOffError"]


def test_a_busy_trustee_leaves_orders_with_the_hub(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = federation.order(cosign=trustee_pb2.CosignOrder(root=federation.record.root()))
    ahead: list[int] = []
    taken, handled = 0, 0

    def handle(_trustee: Trustee, _order: trustee_pb2.WorkResponse) -> trustee_pb2.WorkRequest:
        nonlocal handled
        handled += 1
        return trustee_pb2.WorkRequest()

    def session(
        _answers: Iterator[trustee_pb2.WorkRequest],
    ) -> Iterator[trustee_pb2.WorkResponse]:
        nonlocal taken
        for _ in range(10 * ORDERS_WAITING_MAX):
            ahead.append(taken - handled)
            taken += 1
            yield order

    monkeypatch.setattr(Trustee, "handle", handle)
    run(federation, Line(session), 1)

    assert handled == 10 * ORDERS_WAITING_MAX
    assert max(ahead) <= ORDERS_WAITING_MAX + 1
