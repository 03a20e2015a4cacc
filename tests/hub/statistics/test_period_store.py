"""What databases of either kind guarantee about contributions and periods."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from fedcarbon.ids import PartyId
from fedcarbon.opening.tables import PeriodRef
from hub.statistics.states import PeriodState
from hub.statistics.storage.period_store import PeriodMovedError, PeriodStore
from hub.storage.engine import open_engine, reading, writing
from hub.storage.record_rows import LeafRow

REF = PeriodRef(0, 1)
METRO = PartyId("metro")


@pytest.fixture
def store(store_url: str) -> Engine:
    """A database of either kind with six leaves."""
    engine = open_engine(store_url)
    with writing(engine) as session:
        for index in range(6):
            session.add(
                LeafRow(
                    leaf_index=index,
                    leaf_type=128,
                    leaf=bytes(34),
                    salt=index.to_bytes(32, "big"),
                    body_sha256=index.to_bytes(32, "big"),
                    subtree_root=bytes(32),
                    appended_at_s=1,
                )
            )
    return engine


def write(engine: Engine, step: Callable[[PeriodStore], object]) -> None:
    with writing(engine) as session:
        step(PeriodStore(session))


def state_of(engine: Engine) -> PeriodState | None:
    with reading(engine) as session:
        found = PeriodStore(session).find(REF)
    return None if found is None else found.state


def test_a_period_goes_through_its_states_once(store: Engine) -> None:
    write(store, lambda periods: periods.add_contribution(REF, METRO, 1))
    with pytest.raises(DBAPIError):
        write(store, lambda periods: periods.add_contribution(REF, METRO, 2))
    for early in (
        lambda periods: periods.start(REF, 2),
        lambda periods: periods.release(REF, 3),
        lambda periods: periods.withhold(REF, code="X", detail="x"),
    ):
        with pytest.raises(PeriodMovedError):
            write(store, early)

    write(store, lambda periods: periods.close(REF))
    write(store, lambda periods: periods.explain(REF, code="QUORUM_MISSING", detail="wait"))
    write(store, lambda periods: periods.start(REF, 2))
    with pytest.raises(PeriodMovedError):
        write(store, lambda periods: periods.start(REF, 3))
    with pytest.raises(PeriodMovedError):
        write(store, lambda periods: periods.withhold(REF, code="X", detail="x"))
    write(store, lambda periods: periods.release(REF, 3))
    write(store, lambda periods: periods.explain(REF, code="X", detail="too late to say"))

    with reading(store) as session:
        found = PeriodStore(session).all()[REF]
        assert PeriodStore(session).contributions(REF) == {METRO: 1}
    assert (found.state, found.start_leaf, found.release_leaf, found.code) == (
        PeriodState.RELEASED,
        2,
        3,
        "",
    )
    store.dispose()


FORBIDDEN = {
    "a start without its state": "UPDATE table_periods SET start_leaf = 2",
    "a state without its start": "UPDATE table_periods SET state = 'started'",
    "a release without its state": "UPDATE table_periods SET release_leaf = 2",
    "a state that nobody knows": "UPDATE table_periods SET state = 'cancelled'",
    "a second closing": (
        "INSERT INTO table_periods (shell_leaf, period, state, code, detail) "
        "VALUES (0, 1, 'closed', '', '')"
    ),
    "a contribution that is taken back": "DELETE FROM table_contributions",
}


def test_the_database_itself_refuses_what_no_step_does(store: Engine) -> None:
    write(store, lambda periods: periods.add_contribution(REF, METRO, 1))
    write(store, lambda periods: periods.close(REF))

    def run(session: Session, statement: str) -> None:
        session.connection().execute(text(statement))

    for name, statement in FORBIDDEN.items():
        with pytest.raises(DBAPIError), writing(store) as session:
            run(session, statement)
        assert state_of(store) is PeriodState.CLOSED, name
    store.dispose()
