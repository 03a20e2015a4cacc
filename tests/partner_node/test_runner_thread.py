"""The runner's thread: it steps, waits, tells of problems once, and says when a bug ended it."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator

import pytest
import structlog

from fedcarbon.errors import FedcarbonError
from fedcarbon.wire.logs import configure
from fedcarbon.wire.status import UnreachableError
from partner_node.epochs.runner import Event, Problem, Progress
from partner_node.serving import RunnerThread

IDLE = Progress(events=(), problems=())


class ScriptedNode:
    """Answers steps from a list, and says when it has no more."""

    def __init__(self, *steps: Progress | BaseException) -> None:
        self._steps = list(steps)
        self.done = threading.Event()

    def step(self) -> Progress:
        if not self._steps:
            self.done.set()
            return IDLE
        following = self._steps.pop(0)
        if isinstance(following, BaseException):
            raise following
        return following


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure("partner-node", stream=stream)
    yield stream
    structlog.reset_defaults()


def lines(log: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def problem(error: FedcarbonError) -> Progress:
    return Progress(events=(), problems=(Problem(part="epoch 3", error=error),))


def test_events_are_logged_and_the_same_problem_only_once(log: io.StringIO) -> None:
    away = problem(UnreachableError("rider-1 lives here"))
    node = ScriptedNode(
        Progress(events=(Event(name="claims_committed", epoch=3),), problems=()), away, away, IDLE
    )
    ended = threading.Event()
    runner = RunnerThread(node, 0.001, ended.set)  # type: ignore[arg-type]

    runner.start()
    assert node.done.wait(10)
    runner.stop()

    assert [(line["event"], line.get("epoch"), line.get("code")) for line in lines(log)] == [
        ("claims_committed", 3, None),
        ("step_failed", None, "REMOTE_UNREACHABLE"),
    ]
    assert "rider-1" not in log.getvalue()
    assert ended.is_set()
    assert not runner.broke


def test_a_bug_ends_the_runner_and_its_message_stays_out_of_the_log(log: io.StringIO) -> None:
    ended = threading.Event()
    node = ScriptedNode(ZeroDivisionError("990000180001010017"))
    runner = RunnerThread(node, 0.001, ended.set)  # type: ignore[arg-type]

    runner.start()
    assert ended.wait(10)
    runner.stop()

    (line,) = lines(log)
    assert runner.broke
    assert (line["event"], line["error"]) == ("runner_broke", "ZeroDivisionError")
    assert "990000180001010017" not in log.getvalue()
