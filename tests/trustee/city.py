"""A federation with sealed epochs and two bound accounts: where most tests begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.trustee.federation import Federation
from tests.trustee.founded import ALICE, BIKE, BORA, METRO

# Telling amounts in ug: one decimal place per epoch, another digit per partner and account.
VALUES = {
    epoch: {METRO: {ALICE: 10**epoch, BORA: 2 * 10**epoch}, BIKE: {ALICE: 5 * 10**epoch}}
    for epoch in range(1, 8)
}


@dataclass(slots=True)
class City:
    """A federation and where its bindings are."""

    federation: Federation
    alice: int
    """Leaf of the operator's half of Alice's binding; metro and bike have her enrolled."""
    bora: int
    """The same for Bora, whom metro alone has enrolled."""

    def copy(self) -> City:
        return City(self.federation.copy(), self.alice, self.bora)


def built(epochs: int = 4, **settings: Any) -> City:
    """Return a city with so many sealed epochs."""
    federation = Federation(**settings)
    federation.begin()
    federation.enrol(METRO, [ALICE, BORA])
    federation.enrol(BIKE, [ALICE])
    federation.witness()
    federation.wait(days=8)
    city = City(federation, federation.bind(ALICE, "w-alice"), federation.bind(BORA, "w-bora"))
    federation.witness()
    for epoch in range(1, epochs + 1):
        federation.run_epoch(epoch, VALUES[epoch])
    return city
