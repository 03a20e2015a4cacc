"""Parts by month of a table that grows for ever: PostgreSQL only.

A part holds the days of one UTC month, named `transfers_y2026m03`; old ones can be moved to other
disks or detached whole. The database makes it in the transaction that first needs it.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import func, select
from sqlalchemy.pool import Pool
from sqlmodel import Session

_EPOCH: Final = date(1970, 1, 1)
_MADE_HERE: Final = "fedcarbon-parts-made"
_known: WeakKeyDictionary[Pool, set[str]] = WeakKeyDictionary()
"""Parts that are known to be there, by the pool of the database's engine."""


def part_of(table: str, day: int) -> str:
    """Return the name of the part of `table` that holds a day, counted in UTC since 1970-01-01."""
    return f"{table}_y{_EPOCH + timedelta(days=day):%Ym%m}"


def ensure_month(session: Session, table: str, day: int) -> None:
    """Have the part of `table` for the month of `day` made if it is missing; cheap if it is not.

    Args:
        session: in a writing transaction.
        table: one that is declared `by_month`.
        day: UTC days since 1970-01-01.
    """
    engine = session.connection().engine
    if engine.dialect.name != "postgresql":
        return
    part, known = part_of(table, day), _known.setdefault(engine.pool, set())
    if part in known:
        return
    is_new = session.connection().execute(select(getattr(func, f"ensure_{table}_month")(day)))
    # Not yet where this session has made it: what made it may still be rolled back.
    made_here: set[str] = session.info.setdefault(_MADE_HERE, set())
    if is_new.scalar_one():
        made_here.add(part)
    elif part not in made_here:
        known.add(part)
