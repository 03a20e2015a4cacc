"""A line of calls: bounded, shared out by party, and honest about when to come back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from fedcarbon.errors import StateError
from fedcarbon.ids import PartyId
from fedcarbon.wire.admission import RETRY_AFTER_MS_MIN, Admission, Line, LineLimits
from fedcarbon.wire.status import RETRY_AFTER_MS_MAX, OverloadedError
from tests.virtual_time import run_virtually

METRO, BIKES, TAXIS = PartyId("metro"), PartyId("bikes"), PartyId("taxis")


class Hall:
    """A line, and calls that stay at work until they are told to go."""

    def __init__(self, **limits: int) -> None:
        given = {"at_once": 2, "per_party": 2, "waiting": 4, "wait_ms": 60_000}
        self.line = Line("intake", LineLimits(**(given | limits)), now_us=self.now_us)
        self.begun: list[str] = []
        self.ended: dict[str, str] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.leave: dict[str, asyncio.Event] = {}

    @staticmethod
    def now_us() -> int:
        return int(asyncio.get_running_loop().time() * 1_000_000)

    async def come(self, party: PartyId, *names: str) -> None:
        for name in names:
            self.leave[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._call(party, name))
            await settled()

    async def _call(self, party: PartyId, name: str) -> None:
        try:
            async with self.line.place(party):
                self.begun.append(name)
                await self.leave[name].wait()
            self.ended[name] = "OK"
        except OverloadedError as refusal:
            self.ended[name] = refusal.code

    async def go(self, *names: str) -> None:
        for name in names:
            self.leave[name].set()
            await settled()

    async def hang_up(self, name: str) -> None:
        self.tasks[name].cancel()
        await settled()

    async def empty(self) -> None:
        """Let all go and check that nothing is left behind."""
        for _ in self.tasks:
            await self.go(*self.leave)
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        assert (self.line.at_work, self.line.waiting) == (0, 0)
        async with self.line.place(METRO):
            assert self.line.at_work == 1


async def settled() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


def played(scene: Coroutine[Any, Any, None]) -> None:
    run_virtually(scene)


def test_so_many_are_at_work_so_many_wait_and_the_next_is_told_to_come_back() -> None:
    async def scene() -> None:
        hall = Hall()
        await hall.come(METRO, "a", "b", "c", "d", "e", "f", "g")
        assert hall.begun == ["a", "b"]
        assert hall.ended == {"g": "OVERLOADED"}
        await hall.go("b")
        assert hall.begun == ["a", "b", "c"]
        await hall.go("a", "c", "d", "e", "f")
        assert hall.begun == ["a", "b", "c", "d", "e", "f"]
        counts = hall.line.counts
        assert (counts.admitted, counts.shed, counts.waiting_max) == (6, 1, 4)
        await hall.empty()

    played(scene())


def test_a_refusal_is_one_that_waiting_lifts_and_says_that_nothing_was_done() -> None:
    async def scene() -> None:
        hall = Hall(at_once=1, waiting=0)
        await hall.come(METRO, "a")
        with pytest.raises(OverloadedError, match="nothing of this one was done") as caught:
            async with hall.line.place(BIKES):
                raise AssertionError("there is no place")
        assert isinstance(caught.value, StateError)
        assert caught.value.retry_after_ms == hall.line.retry_after_ms
        await hall.empty()

    played(scene())


def test_parties_take_turns_however_much_one_of_them_has_sent() -> None:
    async def scene() -> None:
        hall = Hall(at_once=1, waiting=8)
        await hall.come(METRO, "m1", "m2", "m3", "m4")
        await hall.come(BIKES, "b1", "b2")
        await hall.come(TAXIS, "t1")
        for _ in range(7):
            await hall.go(hall.begun[-1])
        assert hall.begun == ["m1", "m2", "b1", "t1", "m3", "b2", "m4"]
        await hall.empty()

    played(scene())


def test_a_flood_gives_up_its_newest_call_for_a_party_with_fewer() -> None:
    async def scene() -> None:
        hall = Hall(at_once=1, waiting=4)
        await hall.come(METRO, "m1", "m2", "m3", "m4", "m5")
        await hall.come(BIKES, "b1", "b2")
        assert hall.ended == {"m5": "OVERLOADED", "m4": "OVERLOADED"}
        await hall.come(BIKES, "b3")  # as many as the flood has now: no more is taken from it
        await hall.come(METRO, "m6")
        assert hall.ended == dict.fromkeys(["m5", "m4", "b3", "m6"], "OVERLOADED")
        await hall.go("m1", "m2", "b1", "m3", "b2")
        assert hall.begun == ["m1", "m2", "b1", "m3", "b2"]
        await hall.empty()

    played(scene())


def test_one_party_never_holds_all_places_however_slow_it_is() -> None:
    async def scene() -> None:
        hall = Hall(at_once=3, per_party=2, waiting=4)
        await hall.come(METRO, "m1", "m2", "m3", "m4")
        assert hall.begun == ["m1", "m2"]
        await hall.come(BIKES, "b1")
        assert hall.begun == ["m1", "m2", "b1"]
        await hall.come(BIKES, "b2")
        await hall.go("b1")  # the flood waits before it, and is not let in
        assert hall.begun == ["m1", "m2", "b1", "b2"]
        await hall.go("m1")
        assert hall.begun[-1] == "m3"
        await hall.empty()

    played(scene())


def test_who_has_waited_too_long_is_told_to_come_back() -> None:
    async def scene() -> None:
        hall = Hall(at_once=1, wait_ms=5_000)
        await hall.come(METRO, "a")
        await hall.come(BIKES, "b")
        await asyncio.sleep(4.9)
        assert hall.ended == {}
        await asyncio.sleep(0.2)
        assert hall.ended == {"b": "OVERLOADED"}
        assert hall.line.waiting == 0
        await hall.empty()

    played(scene())


def test_a_caller_that_hangs_up_leaves_no_place_taken() -> None:
    async def scene() -> None:
        hall = Hall(at_once=1)
        await hall.come(METRO, "at work")
        await hall.come(BIKES, "waits", "waits too")
        await hall.hang_up("waits")
        assert hall.line.waiting == 1
        await hall.hang_up("at work")
        assert hall.begun == ["at work", "waits too"]
        await hall.empty()

    played(scene())


def test_a_caller_that_hangs_up_in_the_instant_of_its_turn_leaves_no_place_taken() -> None:
    async def scene() -> None:
        hall = Hall(at_once=1)
        await hall.come(METRO, "at work")
        await hall.come(BIKES, "next", "after it")
        hall.leave["at work"].set()
        await asyncio.sleep(0)  # its place is given away now, and who gets it does not know yet
        hall.tasks["next"].cancel()
        await settled()
        assert hall.begun == ["at work", "after it"]
        await hall.empty()

    played(scene())


def test_a_call_that_fails_gives_up_its_place() -> None:
    async def scene() -> None:
        line = Line("read", LineLimits(at_once=1, per_party=1, waiting=0, wait_ms=1))
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                async with line.place(METRO):
                    raise ZeroDivisionError
        assert line.at_work == 0

    played(scene())


def test_the_hint_follows_from_how_many_wait_and_how_long_calls_take() -> None:
    async def scene() -> None:
        hall = Hall(at_once=2, waiting=8)
        for number in range(60):  # the mean remembers a few
            await hall.come(METRO, str(number))
            await asyncio.sleep(1.0)
            await hall.go(str(number))
        alone_ms = hall.line.retry_after_ms
        assert 480 <= alone_ms <= 500  # one call of a second, two places
        await hall.come(METRO, *"abcdefgh")
        assert hall.line.waiting == 6
        assert 7 * 480 <= hall.line.retry_after_ms <= 7 * 500
        await hall.empty()

    played(scene())


@pytest.mark.parametrize(("took_s", "hint_ms"), [(0, RETRY_AFTER_MS_MIN), (10_000, 10_000)])
def test_the_hint_is_neither_nothing_nor_for_ever(took_s: int, hint_ms: int) -> None:
    async def scene() -> None:
        hall = Hall(at_once=1)
        for number in range(60):
            await hall.come(METRO, str(number))
            await asyncio.sleep(took_s)
            await hall.go(str(number))
        assert hall.line.retry_after_ms == hint_ms <= RETRY_AFTER_MS_MAX

    played(scene())


def test_methods_without_a_line_are_served_and_those_of_one_class_share_theirs() -> None:
    async def scene() -> None:
        line = Line("read", LineLimits(at_once=1, per_party=1, waiting=0, wait_ms=1))
        admission = Admission({"/a/Get": line, "/a/List": line})
        async with admission.place("/a/Get", METRO), admission.place("/other/Get", METRO):
            with pytest.raises(OverloadedError):
                async with admission.place("/a/List", BIKES):
                    raise AssertionError("there is no place")
        assert admission.lines == [line]

    played(scene())


@pytest.mark.parametrize("name", ["at_once", "per_party", "wait_ms", "waiting"])
def test_a_line_in_which_nobody_is_served_is_refused(name: str) -> None:
    fields = {"at_once": 1, "per_party": 1, "waiting": 0, "wait_ms": 1}

    with pytest.raises(ValueError, match="a line needs"):
        LineLimits(**(fields | {name: fields[name] - 1}))
