"""The hub dies at every step of an opening and starts again: opened once, credited once.

What a crash leaves is what lies on the disk; trustees live on and remember what they did. Every
world has four people, so each goes through four deaths, one per person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import pytest
from sqlmodel import Session

from fedcarbon.transparency.leaf import LeafType
from hub.clearing.positions import checked_trial_balance, grams_in_books
from hub.context import Hub
from hub.openings.states import OpeningState
from tests.hub.openings.world import GRAM, GRAMS, PEOPLE, Crash, World

Point = tuple[str, object]
ORDERS: Final = ("mask", "sign_start", "reveal_mask", "share")
WRITES: Final = {
    "attempt numbers": 1,
    "starts": 2,
    "the head over the starts": 3,
    "the result": 4,
}
"""What the hub writes in an opening whose request is already under a witnessed head, in order."""
POINTS: Final[dict[str, Sequence[Point]]] = {
    "before an order goes out": [("before", kind) for kind in ORDERS],
    "after an answer has come in": [("after", kind) for kind in ORDERS],
    "before a transaction begins": [("unbegun", number) for number in WRITES.values()],
    "before a transaction commits": [("uncommitted", number) for number in WRITES.values()],
    "after a transaction has committed": [("committed", number) for number in WRITES.values()],
}


@contextmanager
def death_at(world: World, point: Point, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """End the hub's process at a point, once."""
    when, what = point

    def die_at(kind: str) -> None:
        if kind == what:
            raise Crash

    with monkeypatch.context() as patched:
        if when in {"before", "after"}:
            setattr(world.port, when, die_at)
        else:
            patched.setattr(Hub, "write_now", dying_write(Hub.write_now, when, what))
        with pytest.raises(Crash):
            yield
    world.restart()


def dying_write(write_now: Callable[..., Any], when: str, last: object) -> Callable[..., Any]:
    """Return a `Hub.write_now` that ends the process at its `last` call."""
    calls = 0

    def write(hub: Hub, use_case: Callable[[Session], Any], **how: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls != last:
            return write_now(hub, use_case, **how)
        if when == "uncommitted":

            def die_inside(session: Session) -> None:
                use_case(session)
                raise Crash

            return write_now(hub, die_inside, **how)
        if when == "committed":
            write_now(hub, use_case, **how)
        raise Crash

    return write


@pytest.mark.parametrize("when", POINTS)
def test_an_opening_survives_the_death_of_the_hub(
    world: World, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for person, point in zip(PEOPLE, POINTS[when], strict=True):
        request_id = world.request(world.bound(person))
        world.witness()

        with death_at(world, point, monkeypatch):
            world.advance_openings()
        world.advance_openings()

        opening = world.opening(request_id)
        assert opening.state is OpeningState.OPENED, point
        assert opening.opened_ug == 3 * GRAMS[person] * GRAM, point
        assert world.credited_ug(person) == 3 * GRAMS[person] * GRAM, point
        assert len(world.statement(person).lines) == 1, point
    results = world.hub.read_now(
        lambda session: world.hub.record.bodies_of_type(session, LeafType.OPENING_RESULT)
    )
    assert len(results) == len(PEOPLE)
    world.hub.read_now(checked_trial_balance)
    (books,) = world.hub.read_now(grams_in_books)
    assert books.issued_ug == 3 * sum(GRAMS.values()) * GRAM


def test_a_start_that_a_crash_cut_off_is_followed_by_another_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = world.request(world.bound(1))
    world.witness()
    with death_at(world, ("before", "share"), monkeypatch):
        world.advance_openings()

    cut_off = world.opening(request_id)
    assert (cut_off.state, cut_off.attempts) == (OpeningState.STARTED, 1)

    world.advance_openings()

    assert (world.opening(request_id).state, world.opening(request_id).attempts) == (
        OpeningState.OPENED,
        2,
    )


def test_a_dead_attempt_number_is_never_given_out_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = world.request(world.bound(1))
    world.witness()
    with death_at(world, ("after", "sign_start"), monkeypatch):
        world.advance_openings()
    # Three trustees hold masks and signatures of an attempt that no leaf names.
    world.port.down = {next(iter(sorted(world.port.trustees)))}

    world.advance_openings()

    assert world.opening(request_id).state is OpeningState.OPENED
