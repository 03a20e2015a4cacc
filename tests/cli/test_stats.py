"""What regulators' commands show and write, and what they refuse, from a hub over real TLS."""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from fedcarbon.cli.main import app
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import Role
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import Seconds
from fedcarbon.v1 import record_pb2, record_pb2_grpc, statistics_pb2, statistics_pb2_grpc
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import Authority, write_party
from fedcarbon.wire.party import load_party
from fedcarbon.wire.server import RunningServer, served, start_server
from tests.loop_thread import LoopThread
from tests.report.city import PERIODS, REGULATOR, SHELL_ID, City
from tests.trustee.founded import HUB, PROGRAMME

RELEASED = statistics_pb2.PERIOD_STATE_RELEASED


@dataclass
class Served:
    """What the hub answers; tests change it."""

    city: City
    calendars: list[statistics_pb2.TableCalendar]
    tables: dict[int, statistics_pb2.GetTableResponse] = field(default_factory=dict)


def served_city() -> Served:
    """Return an honest hub's answers: five periods released, the sixth withheld."""
    city = City()
    calendar = statistics_pb2.TableCalendar(
        signed_shell=city.record.leaves[city.shell_leaf].body, shell_leaf=city.shell_leaf
    )
    for period in range(1, PERIODS + 1):
        calendar.periods.add(
            period=period, state=RELEASED, detail="its table can be fetched", contributions=4
        )
    last = calendar.periods[-1]
    last.state = statistics_pb2.PERIOD_STATE_WITHHELD
    last.detail = "2 of 3 partners have enough accounts [TOO_FEW_PARTNERS]"
    answer = Served(city, [calendar])
    for period, leaf in city.release_leaves.items():
        answer.tables[period] = statistics_pb2.GetTableResponse(
            signed_shell=calendar.signed_shell,
            signed_release=city.record.leaves[leaf].body,
            release_leaf=leaf,
            table=city.tables[period],
        )
    return answer


class Records(record_pb2_grpc.RecordServiceServicer):
    """The city's record, with the bodies that a regulator may read."""

    def __init__(self, answers: Served) -> None:
        self._city = answers.city

    @override
    async def ListLeaves(self, request: Any, context: Any) -> Any:
        return self._city.record.list_leaves(request)

    @override
    async def GetCheckpoint(self, request: Any, context: Any) -> Any:
        answer = record_pb2.GetCheckpointResponse()
        answer.checkpoint.note = self._city.record.heads[-1][1]
        return answer


class Statistics(statistics_pb2_grpc.StatisticsServiceServicer):
    """Calendars and tables as tests want them."""

    def __init__(self, answers: Served) -> None:
        self._answers = answers

    @override
    async def ListTables(self, request: Any, context: Any) -> Any:
        return statistics_pb2.ListTablesResponse(tables=self._answers.calendars)

    @override
    async def GetTable(self, request: Any, context: Any) -> Any:
        return self._answers.tables[request.period]


@pytest.fixture(scope="module")
def answers() -> Served:
    return served_city()


@pytest.fixture(scope="module")
def config(answers: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Serve on loopback and return the regulator's configuration."""
    folder, now_s = tmp_path_factory.mktemp("regulator"), Seconds(int(time.time()))
    authority = Authority.create(now_s)
    for name, role in ((HUB, Role.HUB), (REGULATOR, Role.REGULATOR)):
        party = PartyName(party_id=name, role=role)
        write_party(folder / name, authority, party, now_s=now_s, seed=answers.city.seed(name))
    services = [
        served(
            record_pb2.DESCRIPTOR,
            "RecordService",
            record_pb2_grpc.add_RecordServiceServicer_to_server,
            Records(answers),
        ),
        served(
            statistics_pb2.DESCRIPTOR,
            "StatisticsService",
            statistics_pb2_grpc.add_StatisticsServiceServicer_to_server,
            Statistics(answers),
        ),
    ]

    async def go() -> RunningServer:
        return await start_server(
            services,
            address="127.0.0.1:0",
            party=load_party(folder / HUB / "party.toml"),
            on_call=lambda _: None,
        )

    loop = LoopThread()
    server = loop.run(go())
    (folder / "roots.toml").write_text(answers.city.roots.to_toml(), encoding="utf-8")
    path = folder / "regulator.toml"
    path.write_text(
        f'identity = "{REGULATOR}/party.toml"\nroots = "roots.toml"\n'
        f'hub_address = "127.0.0.1:{server.port}"\nhub_id = "{HUB}"\n',
        encoding="utf-8",
    )
    yield path
    loop.run(server.stop(0))
    loop.close()


def stats(*words: object) -> None:
    """Run a command as the command line does."""
    app(["stats", *map(str, words)], result_action="return_value")


def code_of(*words: object) -> str:
    with pytest.raises(FedcarbonError) as refused:
        stats(*words)
    return refused.value.code


def test_list_shows_every_period_and_the_budget_of_the_year(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    stats("list", "--config", config)

    shown = capsys.readouterr().out
    assert shown.count(f"{PROGRAMME}/{SHELL_ID}") == PERIODS
    assert "2026-05-25 to 2026-06-21" in shown
    assert "TOO_FEW_PARTNERS" in shown
    # five of six periods have spent 0.08 each, of 0.6
    assert [word for word in shown.split("\n")[-3].split() if word[0] in "0123456789"] == [
        "2026",
        "0.4",
        "0.48",
        "0.6",
    ]


def test_get_prints_the_newest_released_table(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    stats("get", SHELL_ID, "--config", config, "--language", "zh")

    shown = capsys.readouterr().out
    assert "period 5, 2026-04-27 to 2026-05-24" in shown
    assert "西湖区" in shown
    assert "未显示" in shown
    assert "epsilon" in shown


def test_get_writes_every_format_and_report_makes_the_same_page_again_offline(
    config: Path, tmp_path: Path
) -> None:
    archive, again = tmp_path / "archive", tmp_path / "again"

    stats("get", SHELL_ID, "--config", config, "--series", 3, "--format", "all", "--out", archive)
    stats("report", archive, "--roots", config.parent / "roots.toml", "--out", again)

    names = sorted(path.name for path in archive.iterdir())
    stem = f"{PROGRAMME}-{SHELL_ID}"
    assert names == [
        f"{stem}-003.csv",
        f"{stem}-003.json",
        f"{stem}-004.csv",
        f"{stem}-004.json",
        f"{stem}-005.csv",
        f"{stem}-005.html",
        f"{stem}-005.json",
    ]
    page = f"{stem}-005.html"
    assert (again / page).read_bytes() == (archive / page).read_bytes()


def test_the_csv_has_a_line_per_row_and_exact_numbers(config: Path, tmp_path: Path) -> None:
    stats("get", SHELL_ID, "--config", config, "--period", 2, "--format", "csv", "--out", tmp_path)

    (path,) = tmp_path.iterdir()
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 60
    total = lines[0]
    assert (total["district"], total["district_en"], total["cells"]) == ("", "Total", "45")
    metro = next(line for line in lines if line["mode"] == "metro" and not line["district"])
    assert int(metro["people_people"]) <= int(total["people_people"])
    hidden = next(line for line in lines if line["shown"] == "hidden")
    assert hidden["mass_ug"] == hidden["mass_ug_noisy"] == ""


def test_explain_says_bounds_noise_budget_and_who_must_act(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stats("explain", SHELL_ID, "--config", config)

    shown = capsys.readouterr().out
    assert "at most 4 cells per period at each of at most 4 partners" in shown
    assert "Trips: at most 40 activities per person and cell, rho 0.025" in shown
    assert "What a number is off by" in shown
    assert "epsilon" in shown
    assert "withheld, TOO_FEW_PARTNERS: partners with enough accounts must join" in shown
    assert "period 6 is withheld" in shown


def test_a_table_that_is_not_there_is_named_beside_those_that_are(config: Path) -> None:
    assert code_of("get", "nothing", "--config", config) == "NO_SUCH_TABLE"


def test_a_withheld_period_is_not_fetched(config: Path) -> None:
    assert code_of("get", SHELL_ID, "--config", config, "--period", 6) == "NOTHING_RELEASED"


Cheat = Callable[[Served], None]


def another_table(answers: Served) -> None:
    """Give the table of period 4 for that of 5."""
    answers.tables[5].table = answers.city.tables[4]


def another_release(answers: Served) -> None:
    """Give all of period 4 for 5."""
    answers.tables[5].CopyFrom(answers.tables[4])


def another_leaf(answers: Served) -> None:
    """Name another leaf for the release."""
    answers.tables[5].release_leaf -= 1


def unlogged_release(answers: Served) -> None:
    """Release a second time, beside the record."""
    city = answers.city
    signed = city.resigned(city.parts(5), start_leaf=0).release.body
    answers.tables[5].signed_release = signed


def unwitnessed_release(answers: Served) -> None:
    """Log another release that no trustee has seen."""
    city = answers.city
    body = city.resigned(city.parts(5), start_leaf=0).release.body
    leaf = city.log(LeafType.TABLE_RELEASE, body)
    answers.tables[5].signed_release, answers.tables[5].release_leaf = body, leaf


def shell_of_one(answers: Served) -> None:
    """Give a shell that only the hub signed."""
    city = answers.city
    answers.calendars[0].signed_shell = city.signed(city.shell, HUB).to_bytes()


CHEATS: dict[str, tuple[Cheat, str]] = {
    "another table": (another_table, "RELEASE_PARTS_DIFFER"),
    "another period": (another_release, "RECORD_UNREADABLE"),
    "a leaf that is no release": (another_leaf, "RECORD_UNREADABLE"),
    "a second release beside the record": (unlogged_release, "RECORD_UNREADABLE"),
    "a release that nobody has witnessed": (unwitnessed_release, "RECORD_NOT_READY"),
    "a shell that root keys did not sign": (shell_of_one, "RECORD_UNREADABLE"),
}


@pytest.mark.parametrize(("cheat", "code"), CHEATS.values(), ids=CHEATS)
def test_a_hub_that_cheats_is_not_believed(
    answers: Served, config: Path, cheat: Cheat, code: str
) -> None:
    honest = Served(answers.city, list(answers.calendars), dict(answers.tables))
    answers.calendars = [_copied(item) for item in honest.calendars]
    answers.tables = {period: _copied(item) for period, item in honest.tables.items()}
    leaves = len(answers.city.record.leaves)
    try:
        cheat(answers)

        assert code_of("get", SHELL_ID, "--config", config) == code
    finally:
        answers.calendars, answers.tables = honest.calendars, honest.tables
        del answers.city.record.leaves[leaves:]


def test_a_release_that_changed_since_it_was_archived_is_shown(
    config: Path, tmp_path: Path
) -> None:
    stats("get", SHELL_ID, "--config", config, "--format", "json", "--out", tmp_path)
    (path,) = tmp_path.iterdir()
    tree = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(tree), encoding="utf-8")

    words = ("get", SHELL_ID, "--config", config, "--format", "csv", "--out", tmp_path)
    assert code_of(*words) == "RELEASE_CHANGED"


def test_a_changed_archive_makes_no_report(config: Path, tmp_path: Path) -> None:
    stats("get", SHELL_ID, "--config", config, "--format", "json", "--out", tmp_path)
    (path,) = tmp_path.iterdir()
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"partners": 4', '"partners": 5'), encoding="utf-8")

    roots = config.parent / "roots.toml"
    assert code_of("report", path, "--roots", roots, "--out", tmp_path) == "RELEASE_FILE_MALFORMED"


@pytest.mark.parametrize(
    "words",
    {
        "no configuration": ("list", "--config", "nowhere.toml"),
        "no roots": ("report", "nothing.json", "--roots", "nowhere.toml"),
        "too many periods": ("get", SHELL_ID, "--config", "nowhere.toml", "--series", "61"),
    }.values(),
)
def test_what_the_regulator_must_mend_is_said(words: tuple[str, ...]) -> None:
    assert code_of(*words) == "STATS_CONFIG"


def test_a_folder_without_releases_makes_no_report(config: Path, tmp_path: Path) -> None:
    roots = config.parent / "roots.toml"

    assert code_of("report", tmp_path, "--roots", roots) == "STATS_CONFIG"


def test_the_commands_of_the_regulators_page_work_as_they_stand_there(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs/REGULATORS.md").read_text(encoding="utf-8")
    commands = re.findall(r"^fedcarbon stats (.+)$", page, flags=re.MULTILINE)
    for name in ("regulator.toml", "roots.toml", REGULATOR):
        (tmp_path / name).symlink_to(config.parent / name)
    monkeypatch.chdir(tmp_path)

    for command in commands:
        stats(*command.split())

    assert len(commands) == 5
    assert len(list((tmp_path / "archive").iterdir())) == 5 * 2 + 1
    assert len(list((tmp_path / "pages").glob("*.html"))) == 1


def _copied(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
