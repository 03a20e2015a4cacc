"""One sandbox process for a module's tests; faults are used up by the test that orders them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest

from fedcarbon.redemption.rail import Payout
from hub.rails.signed_http import SignedHttpRail
from hub.sandbox.books import SandboxBooks
from tests.hub.sandbox.operator_process import OperatorProcess, Town, payout

_NUMBERS = count(1)


@dataclass(slots=True)
class Street:
    """A town with a running operator, its books, and the hub's adapter."""

    town: Town
    operator: OperatorProcess
    rail: SignedHttpRail
    books: SandboxBooks

    def payout(self, fen: int = 25) -> Payout:
        """Return a payout that is of no other test."""
        return payout(next(_NUMBERS), fen)


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    town = Town(tmp_path_factory.mktemp("town"))
    operator = OperatorProcess.start(town.write_config())
    rail = town.rail(operator.port)
    books = town.books()
    yield Street(town, operator, rail, books)
    rail.close()
    books.close()
    operator.stop()
