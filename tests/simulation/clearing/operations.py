"""What can happen to the hub's books, as data: a list of operations is a whole simulation.

Every operation is a value whose `repr` is a Python expression, so that a shrunk list can be pasted
into `test_regressions`. None of them depends on another: a list stays good when any are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from random import Random  # noqa: TID251 - only the type; seeds come from tests.chance
from typing import Final

from typing_extensions import override

from tests.chance import seeded

DAY_S: Final = 86_400
YEAR_S: Final = 365 * DAY_S


class Fault(Enum):
    """What goes wrong with one call to the rail."""

    NONE = "none"
    LOST_REQUEST = "lost_request"
    """The rail never sees the call; the caller is told that nothing is known."""
    LOST_ANSWER = "lost_answer"
    """The rail does it; the caller is told that nothing is known."""
    BROKEN = "broken"
    """The rail does it; the connection breaks under the caller."""
    SLOW = "slow"
    """The rail does it; the answer comes long after the lease of the task has ended."""
    OVERTAKEN = "overtaken"
    """Like SLOW, and before the answer arrives another worker twice takes what is due."""
    HELD = "held"
    """The request lies on the way, is done when the next run begins; the caller learns nothing."""
    DUPLICATED = "duplicated"
    """The network delivers the request twice."""
    REJECT = "reject"
    """The rail refuses the payout, for ever."""
    ACCEPT = "accept"
    """The rail takes the payout in and settles it when it is asked."""
    LATE_FAILURE = "late_failure"
    """The rail takes the payout in and refuses it when it is asked."""
    DIE_BEFORE = "die_before"
    """The hub's process ends before the call leaves it."""
    DIE_AFTER = "die_after"
    """The hub's process ends when the rail has done it."""

    @override
    def __repr__(self) -> str:
        """Return the member as Python names it."""
        return f"Fault.{self.name}"


@dataclass(frozen=True, slots=True)
class Credit:
    """Grams are opened for a holder."""

    holder: int
    grams: int
    vintage: int


@dataclass(frozen=True, slots=True)
class TopUp:
    """The programme's operator pays in; the same number is the same payment."""

    number: int
    fen: int


@dataclass(frozen=True, slots=True)
class Redeem:
    """A wallet operator orders a payout; the same number is the same id."""

    number: int
    holder: int
    units: int | None
    wallet_class: int = 2


@dataclass(frozen=True, slots=True)
class RunOutbox:
    """A worker takes what is due; the n-th call to the rail meets the n-th fault."""

    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Return:
    """The rail gives a payout back that it had settled, and the hub is told so many times."""

    number: int
    told: int = 1


@dataclass(frozen=True, slots=True)
class Close:
    """The operator closes everything that was booked so far."""


@dataclass(frozen=True, slots=True)
class Read:
    """A holder's statement is read."""

    holder: int


@dataclass(frozen=True, slots=True)
class Jump:
    """The clock moves, forwards or backwards."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Restart:
    """The process is stopped and started again."""


Act = Credit | TopUp | Redeem | RunOutbox | Return | Close | Read


@dataclass(frozen=True, slots=True)
class Dies:
    """The process ends at a commit of `act`, counted from 0; memory and open work are lost."""

    act: Act
    commit: int
    persisted: bool


@dataclass(frozen=True, slots=True)
class Fails:
    """A commit of `act`, counted from 0, gives an error; the process lives on."""

    act: Act
    commit: int
    persisted: bool


@dataclass(frozen=True, slots=True)
class Together:
    """Several clients and workers act at once, each in a thread of its own."""

    acts: tuple[Redeem | RunOutbox, ...]


Operation = Act | Jump | Restart | Dies | Fails | Together

HOLDERS: Final = (1, 2, 3)
VINTAGES: Final = (2024, 2025, 2026)
_HARMLESS: Final = (
    Fault.NONE,
    Fault.LOST_REQUEST,
    Fault.LOST_ANSWER,
    Fault.BROKEN,
    Fault.HELD,
    Fault.DUPLICATED,
    Fault.REJECT,
    Fault.ACCEPT,
)
_JUMPS: Final = (1, 61, 601, 3_601, DAY_S, YEAR_S, -30, -3_600, -DAY_S)


def drawn(seed: int, length: int, *, threads: bool = True) -> list[Operation]:
    """Return the operations of a seed: some money and grams first, then anything.

    Args:
        seed: the same one gives the same list.
        length: how many.
        threads: with `Together`, whose order the machine chooses; all else is the same each time.
    """
    chance = seeded(seed)
    begin: list[Operation] = [TopUp(0, chance.choice((2, 10, 100)))]
    begin += [_credit(chance) for _ in range(3)]
    orders: list[Redeem] = []
    while len(begin) < length:
        operation = _operation(chance, orders)
        if threads or not isinstance(operation, Together):
            begin.append(operation)
    return begin


def _operation(chance: Random, orders: list[Redeem]) -> Operation:
    kind = chance.choices(
        ("act", "dies", "fails", "jump", "restart", "together"), (56, 12, 6, 12, 2, 12)
    )[0]
    if kind == "jump":
        return Jump(chance.choice(_JUMPS))
    if kind == "restart":
        return Restart()
    if kind == "together":
        return _together(chance, orders)
    act = _act(chance, orders)
    if kind == "act" or isinstance(act, Read):
        return act
    wrapper = Dies if kind == "dies" else Fails
    return wrapper(act, chance.choice((0, 0, 1, 2, 3)), chance.random() < 0.5)


def _act(chance: Random, orders: list[Redeem]) -> Act:
    kind = chance.choices(
        ("credit", "top_up", "redeem", "run", "return", "close", "read"),
        (10, 6, 32, 30, 8, 8, 6),
    )[0]
    if kind == "credit":
        return _credit(chance)
    if kind == "top_up":
        return TopUp(chance.randrange(4), chance.choice((1, 5, 50)))
    if kind == "redeem":
        return _redeem(chance, orders)
    if kind == "run":
        faults = [fault for fault in Fault if fault is not Fault.NONE]
        return RunOutbox(
            tuple(
                chance.choice(faults) if chance.random() < 0.6 else Fault.NONE
                for _ in range(chance.randrange(5))
            )
        )
    if kind == "return":
        return Return(chance.randrange(len(orders) + 1), chance.choice((1, 1, 2)))
    return Close() if kind == "close" else Read(chance.choice(HOLDERS))


def _credit(chance: Random) -> Credit:
    grams = chance.choice((1, 700, 1_250, 2_500, 3_333, 12_500))
    return Credit(chance.choice(HOLDERS), grams, chance.choice(VINTAGES))


def _redeem(chance: Random, orders: list[Redeem]) -> Redeem:
    """Return a new order, one that came before, or another one under an id that came before."""
    order = Redeem(
        len(orders),
        chance.choice(HOLDERS),
        chance.choice((None, 1, 1, 2, 5)),
        chance.choices((2, 4), (30, 1))[0],
    )
    kind = chance.choices(("new", "same", "other"), (70, 24, 6))[0]
    if orders and kind == "same":
        return chance.choice(orders)
    if orders and kind == "other":
        return replace(order, number=chance.choice(orders).number)
    orders.append(order)
    return order


def _together(chance: Random, orders: list[Redeem]) -> Together:
    acts: list[Redeem | RunOutbox] = [_redeem(chance, orders) for _ in range(2)]
    if chance.random() < 0.5:
        acts.append(chance.choice((acts[0], _redeem(chance, orders))))
    acts += [
        RunOutbox((chance.choice(_HARMLESS), chance.choice(_HARMLESS)))
        for _ in range(chance.choice((0, 0, 1, 2)))
    ]
    return Together(tuple(acts))
