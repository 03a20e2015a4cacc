"""Which rows are shown: enough people by the noisy count, and nothing hidden that can be computed.

A row with fewer noisy people than the shell's minimum is hidden. As margins are the sums of what
lies below them, a hidden row could be computed from shown ones; so more are hidden until none can:

* along one dimension, of a row and its parts never exactly one is hidden: with it the part with
  the least noisy people is hidden too, or, if no part is left, the row;
* over several dimensions, equations may still determine a row together. Exact elimination finds
  such a row and what it is computed from; of that, the row with the least noisy people is hidden.

All of this looks at noisy counts only. It is post-processing: it spends no budget, and privacy does
not rest on it, but on the noise. Auditors and trustees, who have the shares, see the noisy cells
anyway; what is hidden are numbers that say more about the noise than about anything else, and that
nobody should quote.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import gcd

from fedcarbon.disclosure.hierarchy import Equation, Hierarchy

Combination = dict[int, int]
"""A linear combination of rows that is zero: coefficients by row."""


def shown_rows(hierarchy: Hierarchy, people: Sequence[int], people_min: int) -> list[bool]:
    """Return of each row whether it is shown.

    Args:
        hierarchy: the rows.
        people: the noisy number of people of each row; may be negative.
        people_min: of the shell.
    """
    hidden = {row for row in range(hierarchy.size) if people[row] < people_min}
    while True:
        _hide_along(hierarchy.equations, people, hidden)
        computed = computable(hierarchy.equations, hidden)
        if not computed:
            return [row not in hidden for row in range(hierarchy.size)]
        hidden.add(_least(people, (row for row in computed[0] if row not in hidden)))


def computable(equations: Iterable[Equation], hidden: set[int]) -> list[Combination]:
    """Return a combination for each hidden row that shown rows determine.

    In each, one row is hidden and the others are shown. Exact, in integers: equations are reduced
    until no hidden row that leads one stands in another.
    """
    leading: dict[int, Combination] = {}
    for equation in equations:
        row = {equation.total: 1} | dict.fromkeys(equation.parts, -1)
        for lead in sorted(row.keys() & leading.keys()):
            row = _without(row, leading[lead], lead)
        unknown = hidden.intersection(row)
        if not unknown:
            continue
        # The coarsest row leads: rows number from the total downwards.
        lead = min(unknown)
        for other, combination in leading.items():
            if lead in combination:
                leading[other] = _without(combination, row, lead)
        leading[lead] = row
    return [row for row in leading.values() if len(hidden.intersection(row)) == 1]


def _hide_along(equations: Sequence[Equation], people: Sequence[int], hidden: set[int]) -> None:
    """Hide until no equation has exactly one hidden row."""
    changed = True
    while changed:
        changed = False
        for equation in equations:
            if sum(row in hidden for row in (equation.total, *equation.parts)) == 1:
                parts = [row for row in equation.parts if row not in hidden]
                hidden.add(_least(people, parts) if parts else equation.total)
                changed = True


def _least(people: Sequence[int], rows: Iterable[int]) -> int:
    return min(rows, key=lambda row: (people[row], row))


def _without(row: Combination, other: Combination, lead: int) -> Combination:
    """Return a multiple of `row` from which a multiple of `other` has taken `lead` away."""
    by, times = row[lead], other[lead]
    result = {at: value * times for at, value in row.items()}
    for at, value in other.items():
        result[at] = result.get(at, 0) - value * by
    result = {at: value for at, value in result.items() if value}
    divisor = gcd(*result.values())
    return {at: value // divisor for at, value in result.items()} if divisor > 1 else result
