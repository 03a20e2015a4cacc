"""The good record: a whole federation's, made once, and the keys of everyone who signed it.

Three days: after the first and the second every account is opened, the first day is redeemed; the
third day is sealed and no opening follows, so that the end of the record can be rewritten without
touching what an opening rests on. Some grams are given, exchanged and pledged; the rest expires.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from fedcarbon.ceremony.dealer import Dealt
from fedcarbon.ids import PartyId
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.transparency.envelope import SigningKey
from hub.clearing.closing import close_due_day, request_close
from tests.chance import seeded
from tests.keys.ceremonies import dealt
from tests.simulation.operations import Run, rides_of_a_day
from tests.simulation.uses import announce_the_end, end_what_is_over, use_grams
from tests.simulation.world import World, roots_of

DAYS = 3
SECRETS = "secrets.json"


@dataclass(frozen=True, slots=True)
class GoodRecord:
    """A record that nobody has tampered with, and what its parties keep secret."""

    folder: Path
    """The record as auditors get it."""
    roots: TrustRoots
    dealt: Dealt
    keys: Mapping[PartyId, SigningKey]
    """Signing keys of all parties."""

    @classmethod
    def of(cls, world: World) -> GoodRecord:
        """Return the record of a world whose programs have ended."""
        folder = world.folder
        tree = {"seed": world.seed, "keys": {name: key.hex() for name, key in world.seeds.items()}}
        (folder / SECRETS).write_text(json.dumps(tree), encoding="utf-8")
        return cls.read(folder)

    @classmethod
    def read(cls, folder: Path) -> GoodRecord:
        """Return the record of a world that ended in `folder`, perhaps in another process."""
        tree = json.loads((folder / SECRETS).read_text(encoding="utf-8"))
        keys = {
            PartyId(name): SigningKey(bytes.fromhex(seed)) for name, seed in tree["keys"].items()
        }
        secrets = dealt(seed=tree["seed"])
        return cls(folder / "hub" / "record", roots_of(secrets), secrets, keys)


def make_good_record(folder: Path) -> GoodRecord:
    """Run a federation in `folder` and return its record."""
    world = World(folder, days=DAYS)
    try:
        _run(Run(world))
    finally:
        world.close()
    return GoodRecord.of(world)


def _close_the_books(world: World) -> None:
    """Log everything that was booked so far as ledger days."""

    def close(session: Session) -> bool:
        request_close(session, world.clock.now_s())
        return close_due_day(session, world.hub) is not None

    while world.loop.run(world.hub.write(close)):
        pass


def _run(run: Run) -> None:
    world = run.world
    world.loop.run(world.desk.witness())
    run.link_everyone()
    run.enrol()
    world.set_clock(days_before=4)
    world.advance()
    run.bind()
    run.fill_the_float()
    for day in range(DAYS):
        for ride in rides_of_a_day(run, seeded(8 + day), day):
            run.ride(ride)
        run.seal(day)
        if day < DAYS - 1:
            assert run.open_all() == run.expected()
        if day == 0:
            assert run.redeem_all("first")
        if day == 1:
            use_grams(run)
        if day < DAYS - 1:
            _close_the_books(world)
    announce_the_end(run)
    end_what_is_over(world)
    _close_the_books(world)
    world.loop.run(world.desk.witness())
