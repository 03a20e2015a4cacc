"""StatisticsService over TLS: who may call what, and what a regulator gets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from fedcarbon.clock import SystemClock
from fedcarbon.disclosure.statements import TableRelease
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, Role
from fedcarbon.v1 import statistics_pb2
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import Authority, write_party
from fedcarbon.wire.hub_client import GrpcHubClient, HubClient
from fedcarbon.wire.party import PartyFiles, load_party
from fedcarbon.wire.server import start_server
from fedcarbon.wire.tls import dial
from hub.commands.tables import tables
from hub.statistics_component import statistics_component
from tests.hub.federation import HUB, METRO, PROGRAMME, admission, opened, root_signed
from tests.hub.openings.world import run
from tests.hub.statistics.tables_world import TableWorld, shell
from tests.loop_thread import LoopThread

BUREAU = PartyId("bureau")


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(FedcarbonError) as caught:
        act()
    return caught.value.code


class Office:
    """A served hub, and parties with certificates that dial it."""

    def __init__(self, world: TableWorld, folder: Path, address: str, authority: Authority) -> None:
        self.world = world
        self.address = address
        self._folder = folder
        self._authority = authority

    def party(self, name: PartyId, role: Role) -> PartyFiles:
        return load_party(
            write_party(
                self._folder / f"{name}-{role}",
                self._authority,
                PartyName(party_id=name, role=role),
                now_s=SystemClock().now_s(),
                seed=hashlib.sha256(name.encode()).digest(),
            )
        )

    @contextmanager
    def dialled(self, name: PartyId, role: Role) -> Iterator[HubClient]:
        with dial(
            self.address, self.party(name, role), PartyName(party_id=HUB, role=Role.HUB)
        ) as channel:
            yield GrpcHubClient(channel)


@pytest.fixture
def office(contributed: TableWorld, tmp_path: Path) -> Iterator[Office]:
    loop, authority = LoopThread(), Authority.create(SystemClock().now_s())
    office = Office(contributed, tmp_path, "", authority)
    component = statistics_component(contributed.hub, contributed.desk, contributed.folded, 1.0)
    server = loop.run(
        start_server(
            component.services,
            address="127.0.0.1:0",
            party=office.party(HUB, Role.HUB),
            on_call=lambda _: None,
        )
    )
    office.address = f"127.0.0.1:{server.port}"
    with closing(loop):
        yield office
        loop.run(server.stop(grace_s=0))


def test_a_regulator_reads_tables_and_brings_none(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    world = office.world
    wanted = statistics_pb2.GetTableRequest(shell_leaf=world.shell_leaf, period=1)
    everything = statistics_pb2.ListTablesRequest()
    with office.dialled(BUREAU, Role.REGULATOR) as bureau:
        # A certificate is not an admission.
        assert refused(lambda: bureau.list_tables(everything)) == "NOT_ADMITTED"
        assert refused(lambda: bureau.get_table(wanted)) == "NOT_ADMITTED"
        world.admit(root_signed(admission(BUREAU, Role.REGULATOR)))
        assert refused(lambda: bureau.get_table(wanted)) == "TABLE_NOT_RELEASED"
        run(world.releases.advance())

        (table,) = bureau.list_tables(everything).tables
        assert [period.state for period in table.periods] == [
            statistics_pb2.PERIOD_STATE_RELEASED,
            statistics_pb2.PERIOD_STATE_NOT_OVER,
            statistics_pb2.PERIOD_STATE_NOT_OVER,
        ]
        assert table.periods[0].contributions == 3
        found = bureau.get_table(wanted)
        release = opened(TableRelease, found.signed_release)
        assert release.table_sha256 == hashlib.sha256(found.table).digest()
        assert bureau.get_table(wanted) == found
        contribution = statistics_pb2.SubmitContributionRequest()
        assert refused(lambda: bureau.submit_contribution(contribution)) == "ROLE_NOT_ALLOWED"
        other = statistics_pb2.ListTablesRequest(programme_id="other")
        assert not bureau.list_tables(other).tables
        unknown = statistics_pb2.GetTableRequest(shell_leaf=0, period=1)
        assert refused(lambda: bureau.get_table(unknown)) == "TABLE_UNKNOWN"
    _operator_sees_the_same(office, capsys)


def _operator_sees_the_same(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    config = office.world.folder.parent / "hub.toml"
    config.write_text(
        f'party = "{HUB}-hub/party.toml"\nlisten = "{office.address}"\n'
        'data = "data"\npublic = "ceremony"\n'
    )

    tables(config=config, programme=PROGRAMME)

    text = capsys.readouterr().out
    assert "released" in text
    assert "its table can be fetched" in text


def test_parties_bring_shells_and_contributions(office: Office) -> None:
    world = office.world
    again = statistics_pb2.CreateTableShellRequest(signed_shell=root_signed(shell()))
    late = statistics_pb2.CreateTableShellRequest(
        signed_shell=root_signed(shell(shell_id="around-somebody"))
    )
    file = world.contribution(METRO)
    other = statistics_pb2.SubmitContributionRequest(
        signed_contribution=world.signed_for(METRO, file), file=file
    )
    with office.dialled(METRO, Role.PARTNER) as metro:
        assert metro.create_table_shell(again).receipt
        assert refused(lambda: metro.create_table_shell(late)) == "SHELL_CONFLICT"
        assert refused(lambda: metro.submit_contribution(other)) == "CONTRIBUTION_DIFFERS"
