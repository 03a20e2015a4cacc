"""Noisy sums made to add up: no cell below zero, and every margin the sum of its cells.

From the top down: the total is kept (0 if the noise made it negative), and what a row's parts say
is moved, as little as least squares allow, so that they are not negative and add up to the row.
The first dimension is split first, through its groups to its categories, then the next. This is
done with what was released, so it costs no privacy; it is biased where noise was cut off at zero,
which is why the noisy sums are released beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

from fedcarbon.disclosure.hierarchy import Hierarchy


def adjusted_rows(hierarchy: Hierarchy, noisy: Sequence[int]) -> list[int]:
    """Return what each row is adjusted to.

    Args:
        hierarchy: the rows.
        noisy: the noisy sum of each row; may be negative.
    """
    cells = [0] * len(hierarchy.cells[0])
    pending = [(0, max(0, noisy[0]))]
    while pending:
        row, value = pending.pop()
        if not hierarchy.descents[row]:
            cells[hierarchy.cells[row][0]] = value
            continue
        parts = hierarchy.descents[row][0].parts
        pending.extend(
            zip(parts, nearest_parts([noisy[part] for part in parts], value), strict=True)
        )
    return hierarchy.sums(cells)


def nearest_parts(wanted: Sequence[int], total: int) -> list[int]:
    """Return the integers, none negative and `total` together, that lie nearest to those wanted.

    The Euclidean projection onto the simplex: everything is lowered by one rational threshold, and
    what falls below zero is zero. The threshold leaves the same fraction on all that stay, so what
    rounding down leaves over goes to the first of them, 1 each.

    Args:
        wanted: one or more integers.
        total: at least 0.
    """
    excess, count = 0, 0
    for value in sorted(wanted, reverse=True):
        # `value` stays above zero if it lies above the threshold of those that are larger and it.
        if (excess + value - total) >= value * (count + 1):
            break
        excess, count = excess + value, count + 1
    if count == 0:
        return [0] * len(wanted)
    surplus = excess - total
    ceiling = -(-surplus // count)
    left = ceiling * count - surplus
    parts = []
    for value in wanted:
        stays = value * count > surplus
        extra = 1 if stays and left > 0 else 0
        left -= extra
        parts.append(value - ceiling + extra if stays else 0)
    return parts
