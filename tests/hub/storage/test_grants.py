"""A hub with no more rights than it needs does its work, and cannot undo what it has written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

import hub.storage.schema
from hub.storage.engine import writing
from tests.conftest import TEMPLATE
from tests.hub.clearing.conftest import Books
from tests.postgresql import SUPERUSER, Cluster

GRAM = 1_000_000
GRANTS = Path(hub.storage.schema.__file__).parent / "grants.sql"


@pytest.fixture
def weak(postgresql: Cluster, tmp_path: Path) -> Iterator[Books]:
    """Books whose hub is not the owner of its tables."""
    url = postgresql.create("owned", template=TEMPLATE)
    with postgresql.connect("owned") as owner:
        owner.execute("CREATE ROLE fedcarbon_hub LOGIN")
        owner.execute(GRANTS.read_bytes())
    books = Books(tmp_path, lambda _folder: url.replace(SUPERUSER, "fedcarbon_hub"))
    yield books
    books.close()
    postgresql.drop(url)
    with postgresql.connect() as owner:
        owner.execute("DROP ROLE fedcarbon_hub")


ATTACKS = (
    "UPDATE transfers SET amount = 1",
    "DELETE FROM transfers_y2026m03",
    "TRUNCATE leaves CASCADE",
    "ALTER TABLE transfers DISABLE TRIGGER ALL",
    "DROP TABLE ledger_batches CASCADE",
    "SET session_replication_role = replica",
    "CREATE TABLE mine (nothing integer)",
    "UPDATE alembic_version SET version_num = '0001'",
)


def test_a_hub_that_may_only_insert_clears_and_cannot_change_the_past(weak: Books) -> None:
    weak.top_up(100)
    weak.credit(1, 3_000 * GRAM)
    weak.redeem(weak.order(1, units=1))
    weak.run_to_the_end(weak.rail())

    for attack in ATTACKS:
        with (
            pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
            writing(weak.engine) as session,
        ):
            session.connection().execute(text(attack))

    assert weak.totals()["paid_out"] == 1
