"""What can happen to the hub's books, as data: a list of operations is a whole simulation.

Every operation is a value whose `repr` is a Python expression, so that a shrunk list can be pasted
into `test_regressions`. None of them depends on another: a list stays good when any are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from random import Random  # noqa: TID251 - only the type; seeds come from tests.chance
from typing import Final

from typing_extensions import override

from tests.chance import seeded

DAY_S: Final = 86_400
YEAR_S: Final = 365 * DAY_S
PRICE_GRAMS: Final = 500
"""Of what grams are donated for."""


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
    NOTIFIED = "notified"
    """The rail does it and tells the hub by itself, before its answer arrives."""
    RETURNED = "returned"
    """The rail pays, has it back and tells the hub so, before its answer "paid" arrives."""
    DIE_BEFORE = "die_before"
    """The hub's process ends before the call leaves it."""
    DIE_AFTER = "die_after"
    """The hub's process ends when the rail has done it."""

    @override
    def __repr__(self) -> str:
        """Return the member as Python names it."""
        return f"Fault.{self.name}"


class FileFault(Enum):
    """What is wrong with a file of the rail; the money itself moved as it should."""

    NONE = "none"
    AMOUNT = "amount"
    """A line has another amount."""
    MISSING = "missing"
    """A line is missing."""
    TWICE = "twice"
    """A line stands there twice, under two references."""
    ENTRY_MISSING = "entry_missing"
    """The statement lacks an entry, and adds up."""
    BROKEN = "broken"
    """The statement does not add up."""
    NO_STATEMENT = "no_statement"
    """There is no statement."""

    @override
    def __repr__(self) -> str:
        """Return the member as Python names it."""
        return f"FileFault.{self.name}"


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
class Cancel:
    """The operator takes back a redemption that was never sent."""

    number: int


@dataclass(frozen=True, slots=True)
class Notify:
    """The rail tells by itself what it has said of a payout before, `said` steps ago or now."""

    number: int
    said: int = 0
    told: int = 1
    """How many times."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """The operator freezes an account, or lets it again."""

    holder: int
    frozen: bool


@dataclass(frozen=True, slots=True)
class Limit:
    """The operator sets other limits; None is no limit."""

    exchange_fen: int | None
    day_fen: int | None
    year_fen: int | None
    account_fen: int | None


@dataclass(frozen=True, slots=True)
class Donate:
    """A holder gives grams away; the same number is the same id."""

    number: int
    holder: int
    pieces: int


@dataclass(frozen=True, slots=True)
class Reconcile:
    """The day so many days ago is reconciled with the rail's files, the n-th line being wrong."""

    days_ago: int
    fault: FileFault = FileFault.NONE
    line: int = 0


@dataclass(frozen=True, slots=True)
class Settle:
    """Every day is reconciled, with the right files: whatever was wrong is repaired."""


@dataclass(frozen=True, slots=True)
class RunOutbox:
    """A worker takes what is due; the n-th call to the rail meets the n-th fault."""

    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Return:
    """The rail gives a payout back that it had settled; it is entered by hand so many times."""

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


Act = (
    Credit
    | TopUp
    | Redeem
    | Cancel
    | Notify
    | Freeze
    | Limit
    | Donate
    | Reconcile
    | RunOutbox
    | Return
    | Close
    | Read
)


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

    acts: tuple[Redeem | Cancel | RunOutbox, ...]


Operation = Act | Settle | Jump | Restart | Dies | Fails | Together

HOLDERS: Final = (1, 2)
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
    Fault.NOTIFIED,
    Fault.RETURNED,
)
_JUMPS: Final = (1, 61, 601, 3_601, DAY_S, YEAR_S, -30, -3_600, -DAY_S)


def drawn(seed: int, length: int, *, threads: bool = True) -> list[Operation]:
    """Return the operations of a seed: money, grams and an order first, then anything.

    Args:
        seed: the same one gives the same list.
        length: how many.
        threads: with `Together`, whose order the machine chooses; all else is the same each time.
    """
    chance = seeded(seed)
    begin: list[Operation] = [TopUp(0, chance.choice((2, 10, 100)))]
    begin += [Credit(holder, chance.choice((1_250, 2_500, 12_500)), 2025) for holder in HOLDERS]
    begin.append(_credit(chance))
    orders: list[Redeem] = []
    begin += [_redeem(chance, orders), _run(chance, orders)]
    while len(begin) < length:
        operation = _operation(chance, orders)
        if threads or not isinstance(operation, Together):
            begin.append(operation)
    return begin


def _operation(chance: Random, orders: list[Redeem]) -> Operation:
    kind = chance.choices(
        ("act", "dies", "fails", "jump", "settle", "restart", "together"),
        (58, 11, 6, 11, 2, 2, 10),
    )[0]
    if kind == "jump":
        return Jump(chance.choice(_JUMPS))
    if kind in {"restart", "settle"}:
        return Restart() if kind == "restart" else Settle()
    if kind == "together":
        return _together(chance, orders)
    act = _act(chance, orders)
    if kind == "act" or isinstance(act, Read | Limit):
        return act
    wrapper = Dies if kind == "dies" else Fails
    return wrapper(act, chance.choice((0, 0, 0, 1, 2)), chance.random() < 0.5)


def _act(chance: Random, orders: list[Redeem]) -> Act:
    draw = chance.choices(tuple(_DRAWS), tuple(weight for weight, _ in _DRAWS.values()))[0]
    return _DRAWS[draw][1](chance, orders)


def _top_up(chance: Random, _orders: list[Redeem]) -> TopUp:
    return TopUp(chance.randrange(4), chance.choice((1, 5, 50)))


def _run(chance: Random, _orders: list[Redeem]) -> RunOutbox:
    faults = [fault for fault in Fault if fault is not Fault.NONE]
    return RunOutbox(
        tuple(
            chance.choice(faults) if chance.random() < 0.6 else Fault.NONE
            for _ in range(chance.randrange(5))
        )
    )


def _reconcile(chance: Random, _orders: list[Redeem]) -> Reconcile:
    fault = chance.choice(tuple(FileFault)) if chance.random() < 0.7 else FileFault.NONE
    return Reconcile(chance.choice((0, 0, 0, 1, 2)), fault, chance.randrange(3))


def _limit(chance: Random, _orders: list[Redeem]) -> Limit:
    figures = (None, None, 1, 2, 5)
    return Limit(*(chance.choice(figures) for _ in range(4)))


def _some(chance: Random, orders: list[Redeem]) -> int:
    """Return the number of an order, or of none."""
    return chance.randrange(len(orders) + 1)


def _credit(chance: Random, _orders: list[Redeem] | None = None) -> Credit:
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
    acts: list[Redeem | Cancel | RunOutbox] = [_redeem(chance, orders) for _ in range(2)]
    if chance.random() < 0.5:
        acts.append(chance.choice((acts[0], _redeem(chance, orders))))
    if chance.random() < 0.4:
        acts.append(Cancel(_some(chance, orders)))
    acts += [
        RunOutbox((chance.choice(_HARMLESS), chance.choice(_HARMLESS)))
        for _ in range(chance.choice((0, 0, 1, 2)))
    ]
    return Together(tuple(acts))


_DRAWS: Final[dict[str, tuple[int, Callable[[Random, list[Redeem]], Act]]]] = {
    "credit": (7, _credit),
    "top_up": (5, _top_up),
    "redeem": (28, _redeem),
    "run": (24, _run),
    "return": (7, lambda chance, orders: Return(_some(chance, orders), chance.choice((0, 1, 2)))),
    "notify": (
        9,
        lambda chance, orders: Notify(
            _some(chance, orders), chance.choice((0, 0, 1, 2)), chance.choice((1, 1, 2))
        ),
    ),
    "cancel": (5, lambda chance, orders: Cancel(_some(chance, orders))),
    "reconcile": (9, _reconcile),
    "freeze": (3, lambda chance, _: Freeze(chance.choice(HOLDERS), chance.random() < 0.5)),
    "limit": (2, _limit),
    "donate": (
        4,
        lambda chance, _: Donate(
            chance.randrange(4), chance.choice(HOLDERS), chance.choice((1, 1, 3))
        ),
    ),
    "close": (5, lambda _chance, _orders: Close()),
    "read": (4, lambda chance, _: Read(chance.choice(HOLDERS))),
}
"""What an act may be, and how often."""
