"""A table from trips at three real nodes, through the real hub and trustees, to its release."""

from __future__ import annotations

from pathlib import Path

from fedcarbon.canonical.statement import decode
from fedcarbon.disclosure.table import ReleasedTable
from fedcarbon.transparency.envelope import sign
from fedcarbon.v1 import statistics_pb2
from hub.servicers.statistics import StatisticsServicer
from hub.statistics.driver import ReleaseDriver
from hub.statistics.intake import ContributionIntake
from tests.partner_node.statistics.shells import quantity, shell
from tests.simulation.operations import Ride, Run
from tests.simulation.world import PARTNERS, PROGRAMME, World

METRO, BIKE, MAAS = PARTNERS
REACH = 16
"""Three trustees' noise of scale 1 each is beyond this once in 10^19 tables."""


def test_what_three_nodes_contribute_is_released_and_lost_duplicates_are_not_in_it(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.servicers.append(
        StatisticsServicer(world.hub, world.folded, ContributionIntake(world.hub, world.folded))
    )
    driver = ReleaseDriver(world.hub, world.desk, world.folded)
    run = Run(world, people=10)
    try:
        world.loop.run(world.desk.witness())
        client = world.client(METRO)
        statement = shell(
            parameter_id=world.roots.parameter_id,
            programme_id=PROGRAMME,
            cells_max=1,
            partners_max=3,
            quantities=tuple(
                quantity(unit, unit, 1, rho_millionths=10**9) for unit in ("people", "activities")
            ),
            rho_year_millionths=2 * 10**9,
        )
        signed = sign(statement, world.root_signers).to_bytes()
        client.create_table_shell(statistics_pb2.CreateTableShellRequest(signed_shell=signed))
        run.link_everyone()
        run.enrol()
        for person in range(run.people):
            run.ride(Ride(METRO, person, day=0, hour=8, slots=2, power=3))
            run.ride(Ride(MAAS, person, day=0, hour=10, slots=2, power=3))
        for person in range(run.people // 2):
            run.ride(Ride(BIKE, person, day=0, hour=8, slots=2, power=3, evidence=1))

        run.seal(0)
        run.until(
            lambda: all(
                [item.state for item in node.status().tables] == ["contributed"]
                for node in world.nodes.values()
            ),
            "statistics",
        )
        for _ in range(5):
            if world.loop.run(driver.advance()).released:
                break
            world.advance()
        (listed,) = client.list_tables(statistics_pb2.ListTablesRequest()).tables
        answer = client.get_table(
            statistics_pb2.GetTableRequest(shell_leaf=listed.shell_leaf, period=1)
        )
    finally:
        world.close()

    assert listed.periods[0].contributions == len(PARTNERS)
    table = decode(ReleasedTable, answer.table)
    (rest,) = [row for row in table.rows if row.codes == ("other", "elsewhere")]
    # Two platforms count everybody; the third lost all that it copied.
    assert rest.shown
    assert all(abs(value.noisy - 2 * run.people) <= REACH for value in rest.values)
    assert table.partners == len(PARTNERS)
