"""The history checker: what clients saw, against what the books and the rail say afterwards.

Pure: histories and books in, `HistoryError` out. A history is a list of calls with the instants at
which they were sent and answered; an answer that never came leaves the outcome unknown. For each
account a search in the manner of Wing and Gong looks for one order of everything that happened to
it, each thing between its two instants, that gives every answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

FOREVER: Final = 1 << 62
STEPS_MAX: Final = 5_000_000
"""Of the search per account; more means that the history is too wide to judge."""
RANKS: Final[Mapping[str, int]] = {
    "created": 0, "reserved": 1, "sent": 2, "unknown": 2, "settled": 3, "rejected": 3,
    "reversed": 4,
}  # fmt: skip


class Kind(Enum):
    """What was asked."""

    CREDIT = "credit"
    """`units` are brought in."""
    REDEEM = "redeem"
    """A payout is ordered, or ordered again with the same id."""
    GET = "get"
    """How does a redemption stand?"""
    READ = "read"
    """What can the account spend? `units` of the answer."""


class Rule(Enum):
    """What a history can break."""

    LOST = "an acknowledged redemption is not in the books, or is another one there"
    MADE = "a redemption is in the books that nobody ordered, or that was refused"
    PAID_TWICE = "the rail moved the money of one payout more than once"
    PAID_FOR_NOTHING = "the rail paid what the books do not have as settled"
    NOT_PAID = "the books have as settled what the rail did not pay"
    TWO_ANSWERS = "one id got two different answers"
    WENT_BACK = "a state was seen, and afterwards one that comes before it"
    NOT_CONSERVED = "grams or money do not add up"
    NO_ORDER = "no order of what happened to an account gives the answers"
    TOO_WIDE = "the search for an order was given up"


class HistoryError(AssertionError):
    """A rule is broken."""

    def __init__(self, rule: Rule, what: str) -> None:
        super().__init__(f"{rule.name}: {rule.value}: {what}")
        self.rule = rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of one client; instants in ns of one clock."""

    kind: Kind
    account: int
    invoked_ns: int
    returned_ns: int | None
    """None: no answer came, so the outcome is unknown."""
    redemption_id: str = ""
    units: int = 0
    """Of a redemption or credit what was asked, of a read what was answered."""
    refusal: str = ""
    """The code of the error that was answered."""
    state: str = ""
    promise: str = ""
    """What must be the same in every answer to one id, for example the receipt."""

    @property
    def is_good(self) -> bool:
        """Whether an answer came that is no refusal."""
        return self.returned_ns is not None and not self.refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A redemption as the books have it at the end."""

    account: int
    units: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Hub and rail at the end, when nothing is under way any more; units and fen are the same."""

    redemptions: Mapping[str, Booked]
    paid: Mapping[str, int]
    """Redemption to how often the rail moved its money."""
    spendable: Mapping[int, int]
    """Account to units."""
    funded_fen: int
    float_fen: int
    paid_out_fen: int


def check(calls: Sequence[Call], books: Books) -> None:
    """Check every rule.

    Raises:
        HistoryError: one is broken.
    """
    of_id: dict[str, list[Call]] = defaultdict(list)
    of_account: dict[int, list[Call]] = defaultdict(list)
    for call in calls:
        if call.redemption_id:
            of_id[call.redemption_id].append(call)
        of_account[call.account].append(call)
    for redemption_id, about in of_id.items():
        _check_redemption(redemption_id, about, books.redemptions.get(redemption_id))
    if unasked := set(books.redemptions) - set(of_id):
        raise HistoryError(Rule.MADE, f"{len(unasked)} redemptions")
    _check_rail(books)
    _check_sums(of_account, books)
    for account, about in of_account.items():
        _check_order(account, list(_events(about, books)))


def _check_redemption(redemption_id: str, calls: Iterable[Call], booked: Booked | None) -> None:
    by_time = sorted(calls, key=lambda call: call.invoked_ns)
    good = [call for call in by_time if call.is_good]
    if booked is None:
        if good:
            raise HistoryError(Rule.LOST, redemption_id)
        return
    orders = [call for call in by_time if call.kind is Kind.REDEEM]
    if not any(call.is_good or call.returned_ns is None for call in orders):
        raise HistoryError(Rule.MADE, redemption_id)
    if any((call.account, call.units) != (booked.account, booked.units) for call in orders):
        raise HistoryError(Rule.LOST, f"{redemption_id} is {booked}")
    if len({call.promise for call in good if call.kind is Kind.REDEEM}) > 1:
        raise HistoryError(Rule.TWO_ANSWERS, redemption_id)
    seen = [call for call in good if call.state]
    for after in seen:
        for before in seen:
            if before.returned_ns is not None and before.returned_ns < after.invoked_ns:
                _check_forwards(redemption_id, before.state, after.state)
        _check_forwards(redemption_id, after.state, booked.state)


def _check_forwards(redemption_id: str, before: str, after: str) -> None:
    same_rank = RANKS[before] == RANKS[after]
    if RANKS[before] > RANKS[after] or (same_rank and RANKS[after] > 2 and before != after):
        raise HistoryError(Rule.WENT_BACK, f"{redemption_id}: {before}, then {after}")


def _check_rail(books: Books) -> None:
    for redemption_id, times in books.paid.items():
        booked = books.redemptions.get(redemption_id)
        if times > 1:
            raise HistoryError(Rule.PAID_TWICE, redemption_id)
        if booked is None or booked.state != "settled":
            raise HistoryError(Rule.PAID_FOR_NOTHING, f"{redemption_id} is {booked}")
    for redemption_id, booked in books.redemptions.items():
        if booked.state == "settled" and not books.paid.get(redemption_id):
            raise HistoryError(Rule.NOT_PAID, redemption_id)


def _check_sums(of_account: Mapping[int, Sequence[Call]], books: Books) -> None:
    settled: dict[int, int] = defaultdict(int)
    for booked in books.redemptions.values():
        settled[booked.account] += booked.units if booked.state == "settled" else 0
    for account, calls in of_account.items():
        credited = sum(call.units for call in calls if call.kind is Kind.CREDIT)
        if credited != books.spendable.get(account, 0) + settled[account]:
            raise HistoryError(Rule.NOT_CONSERVED, f"account {account}")
    if books.funded_fen != books.float_fen + books.paid_out_fen:
        raise HistoryError(Rule.NOT_CONSERVED, "the float")
    if books.paid_out_fen != sum(settled.values()):
        raise HistoryError(Rule.NOT_CONSERVED, "what was paid out")


@dataclass(frozen=True, slots=True)
class _Event:
    """Something that happened at one instant from `start` to `end`."""

    start: int
    end: int
    change: int = 0
    at_least: int = 0
    """Of units before it."""
    at_most: int = FOREVER


def _events(calls: Iterable[Call], books: Books) -> Iterable[_Event]:
    """Yield what changed an account or looked at it."""
    of_id: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        end = call.returned_ns
        if call.redemption_id:
            of_id[call.redemption_id].append(call)
        if call.kind is Kind.CREDIT:
            yield _Event(call.invoked_ns, FOREVER if end is None else end, call.units)
        elif call.kind is Kind.READ and end is not None and not call.refusal:
            yield _Event(call.invoked_ns, end, 0, call.units, call.units)
        elif call.refusal == "INSUFFICIENT_BALANCE" and end is not None:
            yield _Event(call.invoked_ns, end, 0, 0, call.units - 1)
    for redemption_id, about in of_id.items():
        booked = books.redemptions.get(redemption_id)
        if booked is None:
            continue
        start = min(call.invoked_ns for call in about if call.kind is Kind.REDEEM)
        seen = [(call.returned_ns or 0, call.state) for call in about if call.is_good]
        taken = min((end for end, _ in seen), default=FOREVER)
        yield _Event(start, taken, -booked.units, booked.units)
        if booked.state == "rejected":
            # That it also comes after the taking is not looked at: the search stays narrow because
            # all events that do the same may change places.
            back = min((end for end, state in seen if state == "rejected"), default=FOREVER)
            yield _Event(start, back, booked.units)


def _check_order(account: int, events: Sequence[_Event]) -> None:
    """Look for one order of `events` that never contradicts itself."""
    ordered = sorted(events, key=lambda event: (event.start, event.end))
    stack: list[tuple[int, int, int]] = [(0, 0, 0)]
    """First event not done, the done ones from there on as bits, units."""
    known, steps = set(stack), 0
    while stack:
        first, done, units = stack.pop()
        if first == len(ordered):
            return
        steps += 1
        if steps > STEPS_MAX:
            raise HistoryError(Rule.TOO_WIDE, f"account {account}, {len(ordered)} events")
        for place in _next(ordered, first, done, units):
            following = _done(first, done, place)
            state = (*following, units + ordered[place].change)
            if state not in known:
                known.add(state)
                stack.append(state)
    raise HistoryError(Rule.NO_ORDER, f"account {account}, {len(ordered)} events")


def _next(ordered: Sequence[_Event], first: int, done: int, units: int) -> list[int]:
    """Return which events may come next; one that only looks and is content comes alone."""
    possible, earliest_end = [], FOREVER
    for place in range(first, len(ordered)):
        event = ordered[place]
        if event.start > earliest_end:
            break
        if not done >> (place - first) & 1:
            possible.append(place)
            earliest_end = min(earliest_end, event.end)
    # Nothing comes before something that had ended when it began.
    fits = [
        place
        for place in possible
        if ordered[place].start <= earliest_end
        and ordered[place].at_least <= units <= ordered[place].at_most
    ]
    looks = [place for place in fits if not ordered[place].change]
    if looks:
        return looks[:1]
    # Of those that do the same, the one that must come soonest may as well come first.
    soonest: dict[int, int] = {}
    for place in sorted(fits, key=lambda place: -ordered[place].end):
        soonest[ordered[place].change] = place
    # Last on the stack is tried first.
    return sorted(soonest.values(), key=lambda place: -ordered[place].end)


def _done(first: int, done: int, place: int) -> tuple[int, int]:
    done |= 1 << (place - first)
    while done & 1:
        first, done = first + 1, done >> 1
    return first, done
