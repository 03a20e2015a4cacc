"""Asking several trustees at once, and what came of it.

An answer counts only after its check has accepted it. Who refuses, answers wrongly or does not
answer at all is named with the reason; the others are not held up by it.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, Generic, TypeVar

from fedcarbon.errors import FedcarbonError, PeerError, StateError
from fedcarbon.ids import PartyId
from fedcarbon.v1 import trustee_pb2
from fedcarbon.wire.logs import logger
from hub.trustees.port import TrusteePort

T = TypeVar("T")

_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_DETAIL_LENGTH_MAX: Final = 500


class TrusteeRefusedError(StateError):
    """A trustee refuses an order; `code` is the one that it gave, not a code of this class."""

    code: ClassVar[str] = "TRUSTEE_REFUSED"

    def __init__(self, trustee_id: PartyId, refused: trustee_pb2.RefusedAnswer) -> None:
        """Take the refusal as it came."""
        super().__init__(f"trustee {trustee_id} refuses: {refused.detail[:_DETAIL_LENGTH_MAX]}")
        if _CODE.fullmatch(refused.code):
            self.code = refused.code  # type: ignore[misc]  # shadows the class's own on purpose
        self.positions: Final = tuple(refused.positions)
        """Which items of the order's batch caused it; empty if it concerns all of it."""
        self.signed_refusal: Final = refused.signed_refusal


class TrusteeAnswerWrongError(PeerError):
    """A trustee answered something that cannot be an answer to its order."""

    code: ClassVar[str] = "TRUSTEE_ANSWER_WRONG"


@dataclass(slots=True)
class Answers(Generic[T]):
    """What a group of trustees answered to one order."""

    good: dict[PartyId, T] = field(default_factory=dict)
    """Accepted answers."""
    failed: dict[PartyId, FedcarbonError] = field(default_factory=dict)
    """Why the others have none."""


Check = Callable[[PartyId, trustee_pb2.WorkRequest], T]
"""Returns what an answer says, or raises; it runs in a thread."""


async def ask_each(
    port: TrusteePort,
    trustees: Sequence[PartyId],
    order: trustee_pb2.WorkResponse,
    check: Check[T],
    *,
    enough: int | None = None,
) -> Answers[T]:
    """Send one order to several trustees at once and return what they answered.

    Args:
        port: the way to the trustees.
        trustees: whom to ask.
        order: the order, without an id.
        check: what accepts an answer.
        enough: how many accepted answers to wait for; by default all are waited for.
    """
    return await _collected(port, iter(trustees), order, check, len(trustees), enough)


async def ask_until(
    port: TrusteePort,
    trustees: Sequence[PartyId],
    order: trustee_pb2.WorkResponse,
    check: Check[T],
    *,
    enough: int,
) -> Answers[T]:
    """Ask the first `enough` trustees, and for each that fails the next, as long as there is one.

    Args:
        port: the way to the trustees.
        trustees: whom to ask, the preferred ones first.
        order: the order, without an id.
        check: what accepts an answer.
        enough: how many accepted answers are wanted.
    """
    return await _collected(port, iter(trustees), order, check, enough, enough)


async def _collected(
    port: TrusteePort,
    trustees: Iterator[PartyId],
    order: trustee_pb2.WorkResponse,
    check: Check[T],
    at_once: int,
    enough: int | None,
) -> Answers[T]:
    answers = Answers[T]()
    running: dict[asyncio.Task[T], PartyId] = {}

    def start(count: int) -> None:
        for trustee_id in itertools.islice(trustees, count):
            running[asyncio.create_task(_ask(port, trustee_id, order, check))] = trustee_id

    start(at_once)
    try:
        while running and (enough is None or len(answers.good) < enough):
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                trustee_id = running.pop(task)
                try:
                    answers.good[trustee_id] = task.result()
                except FedcarbonError as error:
                    answers.failed[trustee_id] = error
                    _log(order, trustee_id, error)
                    start(1)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return answers


async def _ask(
    port: TrusteePort, trustee_id: PartyId, order: trustee_pb2.WorkResponse, check: Check[T]
) -> T:
    answer = await port.ask(trustee_id, order)
    kind = answer.WhichOneof("answer")
    if kind == "refused":
        raise TrusteeRefusedError(trustee_id, answer.refused)
    if kind != order.WhichOneof("order"):
        raise TrusteeAnswerWrongError(f"trustee {trustee_id} answered another order")
    return await asyncio.to_thread(check, trustee_id, answer)


def _log(order: trustee_pb2.WorkResponse, trustee_id: PartyId, error: FedcarbonError) -> None:
    logger().warning(
        "trustee_failed",
        trustee_id=trustee_id,
        order=order.WhichOneof("order") or "",
        code=error.code,
    )
