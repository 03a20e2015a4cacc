"""What can happen in a simulated federation, and a second, simple model of what must come out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - only the type; seeds come from tests.chance
from typing import Any

from fedcarbon.errors import FedcarbonError
from fedcarbon.identity.person_id import make_test_id
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.redemption.wallet import sandbox_wallet_id
from fedcarbon.units import Fen, Seconds
from fedcarbon.v1 import epoch_pb2, opening_pb2, redemption_pb2
from hub.clearing.credits import top_up_float
from partner_node.persons.linking import PersonRecord
from tests.simulation.world import PROGRAMME, World

TURNS_MAX = 80
"""Turns until something that should happen has happened; more means that it hangs."""
SLOT_MINUTES = 5
RAIL_UG_PER_M = 97_000
POWERS = 15
"""Rides are 200 m and a power of two, up to 2^14 m."""


@dataclass(frozen=True, slots=True)
class Ride:
    """One validated rail ride of whole slots; `power` makes its mass unmistakable in a sum."""

    partner: PartyId
    person: int
    day: int
    hour: int
    slots: int
    power: int
    evidence: int = 0

    @property
    def distance_m(self) -> int:
        return 200 + (1 << self.power)


@dataclass(slots=True)
class Run:
    """One federation, the rides that were put in, and what the model expects of them."""

    world: World
    rides: list[Ride] = field(default_factory=list)
    people: int = 4
    sealed: int = 0

    def link_everyone(self) -> None:
        """Every person uses every platform; consent was always there."""
        for name, node in self.world.nodes.items():
            records = [
                PersonRecord(
                    person_ref=f"{name}-{person}",
                    id_type="TEST",
                    id_number=make_test_id(person),
                    consent_data="true",
                    consent_claim="true",
                )
                for person in range(self.people)
            ]
            node.step()
            assert not node.link_persons(records).rejected

    def enrol(self) -> None:
        """Turn the handle until everyone has a place at every partner."""
        self.until(
            lambda: all(
                node.status().enrolled == self.people for node in self.world.nodes.values()
            ),
            "enrolment",
        )

    def until(self, done: Any, what: str) -> None:
        """Turn the handle until `done`, through lost messages."""
        for _ in range(TURNS_MAX):
            if done():
                return
            self.world.advance()
        raise AssertionError(f"{what} hangs: {[n.last_error for n in self.world.nodes.values()]}")

    def repeat(self, action: Any) -> Any:
        """Do something until no message of it is lost, as a person would repeat a command."""
        for _ in range(TURNS_MAX):
            try:
                return action()
            except FedcarbonError as error:
                if error.code != "REMOTE_UNREACHABLE":
                    raise
        raise AssertionError("every attempt was lost")

    def ride(self, ride: Ride) -> None:
        """Record a ride at its partner; the same ride twice is the same ride."""
        node = self.world.nodes[ride.partner]
        activity = self.world.activity(
            f"{ride.partner}-{ride.person}-{ride.day}-{ride.hour}",
            f"{ride.partner}-{ride.person}",
            day=ride.day,
            hour=ride.hour,
            minutes=SLOT_MINUTES * ride.slots,
            distance_m=ride.distance_m,
            evidence=ride.evidence,
        )
        assert not node.record_activities([activity]).rejected
        self.rides.append(ride)

    def bind(self) -> None:
        """Bind a wallet for everyone; the first partner confirms for its users."""
        operator = self.world.wallet()
        for person in range(self.people):
            operator.store.add_customer(
                id_type="TEST",
                id_number=make_test_id(person),
                wallet_id=sandbox_wallet_id(person),
                wallet_class=1,
            )
        self.repeat(lambda: list(operator.find_accounts()))
        self.repeat(lambda: list(operator.bind()))
        node = next(iter(self.world.nodes.values()))
        self.until(lambda: len(node.pending_bindings()) == self.people, "binding")
        for item in node.pending_bindings():
            self.repeat(lambda item=item: node.answer_binding(item.binding_id, confirm=True))
        self.world.advance()

    def seal(self, day: int) -> None:
        """Let a day end and its epoch run to the seal."""
        epoch = EpochIndex(day + 1)
        self.world.clock.at_s = Seconds(self.world.programme.epoch_end_s(epoch) + 60)
        self.until(lambda: self.state_of(epoch) == epoch_pb2.EPOCH_STATE_SEALED, f"epoch {epoch}")
        self.sealed = epoch

    def state_of(self, epoch: int) -> int:
        """Return the state of an epoch as a partner sees it."""
        client = self.world.client(next(iter(self.world.nodes)))
        answer = client.list_epochs(epoch_pb2.ListEpochsRequest(programme_id=PROGRAMME))
        return next((item.state for item in answer.epochs if item.epoch == epoch), 0)

    def open_all(self) -> dict[int, int]:
        """Open every account and return person to the cumulative sum."""
        operator, world = self.world.wallet(), self.world
        head = world.loop.run(world.desk.witness())
        requests = self.repeat(lambda: list(operator.request_openings(head)))
        for _ in range(3):
            world.loop.run(world.openings.advance())
        for request_id in requests:
            state = operator.hub.get_opening(opening_pb2.GetOpeningRequest(request_id=request_id))
            assert state.state == opening_pb2.OPENING_STATE_OPENED, (state.code, state.detail)
        return self.opened()

    def opened(self) -> dict[int, int]:
        """Return person to the opened sum, as the wallet operator is told."""
        operator = self.world.wallet()
        tokens = {item.id_number: item.account_token for item in operator.store.customers()}
        return {
            person: operator.account(tokens[make_test_id(person)] or b"").opened_ug
            for person in range(self.people)
        }

    def redeem_all(
        self, label: str, people: Collection[int] | None = None
    ) -> dict[int, redemption_pb2.Redemption]:
        """Redeem everything of `people`, by default of everyone who has a unit."""
        operator = self.world.wallet()
        bindings = operator.bindings()
        paid = {}
        for person, item in enumerate(operator.store.customers()):
            assert item.account_token is not None
            spendable_ug = operator.account(item.account_token).spendable_ug
            has_unit = spendable_ug >= self.world.programme.unit_ug
            if not (has_unit if people is None else person in people):
                continue
            binding = bindings[item.binding_id]
            paid[person] = self.repeat(
                lambda item=item, binding=binding: (
                    operator.redeem(item, binding, units=None, run_label=label).redemption
                )
            )
        return paid

    def fill_the_float(self) -> None:
        """Put money into the programme's float, as its operator does."""
        world = self.world
        world.loop.run(
            world.hub.write(
                lambda session: top_up_float(
                    session, PROGRAMME, Fen(10_000), bytes(16), world.clock.now_s()
                )
            )
        )

    def expected(self) -> dict[int, int]:
        """Return person to the sum that must come out, up to the last sealed day."""
        return expected_sums([ride for ride in self.rides if ride.day < self.sealed], self.people)


def expected_sums(rides: Sequence[Ride], people: int) -> dict[int, int]:
    """The second model: rides never overlap in part, so whole rides win or lose by evidence.

    Rides of one person that start in the same hour are the same movement, seen by several
    partners; the best evidence wins the slots that it covers, and what is left of a loser counts
    only if more than half of its slots are left.
    """
    sums = dict.fromkeys(range(people), 0)
    movements: dict[tuple[int, int, int], list[Ride]] = defaultdict(list)
    for ride in rides:
        movements[ride.person, ride.day, ride.hour].append(ride)
    for (person, _, _), seen in movements.items():
        for ride in seen:
            lost = max((other.slots for other in seen if other.evidence < ride.evidence), default=0)
            lost = min(lost, ride.slots)
            if 2 * lost >= ride.slots > 0 and lost:
                continue
            mass = RAIL_UG_PER_M * ride.distance_m
            sums[person] += mass - mass * lost // ride.slots
    return sums


def rides_of_a_day(run: Run, chance: Random, day: int) -> list[Ride]:
    """Return rides of one day: every mass a different power, no two ranks of a movement equal."""
    rides = []
    powers = list(range(POWERS)) * 2
    chance.shuffle(powers)
    for person in range(run.people):
        for hour in sorted(chance.sample(range(6, 22), 2)):
            partners = chance.sample(list(run.world.nodes), chance.choice((1, 1, 2, 3)))
            for evidence, partner in enumerate(partners):
                power = powers.pop()
                # At most 60 km/h, so that every ride is plausible.
                slots_min = 1 + (1 << power) // (1_000 * SLOT_MINUTES)
                rides.append(
                    Ride(
                        partner=partner,
                        person=person,
                        day=day,
                        hour=hour,
                        slots=max(slots_min, chance.randrange(1, 7)),
                        power=power,
                        evidence=evidence,
                    )
                )
    return rides
