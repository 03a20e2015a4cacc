"""Parts of an epoch's work on their way through the engine, which may hold several at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Protocol, TypeVar

import pyarrow as pa


class Part(Protocol):
    """What is stored at once."""

    @property
    def table(self) -> pa.Table:
        """The rows that the engine was given."""


P = TypeVar("P", bound=Part)


def parts_of(
    made: Iterable[pa.RecordBatch], waiting: deque[P], schema: pa.Schema
) -> Iterator[tuple[P, pa.Table]]:
    """Yield every part with what was made of it, as soon as all of it is there.

    Args:
        made: a row for every row of the parts, in their order.
        waiting: the parts in their order; each is there before its first row is asked for.
        schema: of what is made.
    """
    held = schema.empty_table()
    for batch in chain(made, (None,)):
        if batch is not None:
            held = pa.concat_tables([held, pa.Table.from_batches([batch], schema)])
        while waiting and len(held) >= len(waiting[0].table):
            part = waiting.popleft()
            yield part, held.slice(0, len(part.table))
            held = held.slice(len(part.table))
