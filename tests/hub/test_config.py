"""The hub's configuration and what it refuses to start with."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from fedcarbon.clock import SystemClock
from fedcarbon.errors import ConfigurationError
from fedcarbon.ids import PartyId, Role
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import Authority, write_party
from fedcarbon.wire.party import load_party
from hub.clearing.storage.batch_store import BatchStore
from hub.config import HubConfigError, load_config
from hub.database import database_of
from hub.serving import hub_of
from hub.storage.engine import reading, sqlite_engine
from hub.storage.folder_lock import FolderInUseError
from hub.storage.schema import BEFORE_MIGRATIONS, SchemaOutdatedError, migrate
from tests.hub.running import write_hub
from tests.postgresql import Cluster

GOOD = 'party = "party.toml"\ndata = "data"\npublic = "ceremony"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "hub.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD + 'clock = "file:clock"\n'))

    assert config.party == tmp_path / "party.toml"
    assert config.data == tmp_path / "data"
    assert config.public == tmp_path / "ceremony"
    assert config.clock == f"file:{tmp_path / 'clock'}"
    assert config.listen == "127.0.0.1:7443"
    assert config.tick_ms == 500


def test_the_environment_replaces_a_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDCARBON_HUB_LISTEN", "0.0.0.0:1")

    assert load_config(write(tmp_path, GOOD + 'listen = "127.0.0.1:2"\n')).listen == "0.0.0.0:1"


REFUSED = {
    "a value is missing": ('party = "party.toml"\n', "data"),
    "a word that nobody knows": (GOOD + "colour = 3\n", "colour"),
    "a pool without blocks": (GOOD + "place_pool_blocks = 0\n", "place_pool_blocks"),
    "an operator without a key": (GOOD + '[operators]\ndesk-1 = "12"\n', "operators"),
    "an operator without a name": (GOOD + f'[operators]\nLi = "{"00" * 32}"\n', "operators"),
    "no TOML": ("party = \n", "hub.toml"),
}


@pytest.mark.parametrize(("text", "named"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_file_is_refused_and_the_value_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(HubConfigError, match=named):
        load_config(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HubConfigError, match=r"hub\.toml"):
        load_config(tmp_path / "hub.toml")


def test_a_test_parameter_set_is_not_used_in_earnest(tmp_path: Path) -> None:
    config = load_config(write_hub(tmp_path, allow_insecure=False))

    with pytest.raises(ConfigurationError) as caught:
        hub_of(config, load_party(config.party))

    assert caught.value.code == "OTHER_FEDERATION"


def test_missing_ceremony_files_are_named(tmp_path: Path) -> None:
    config = load_config(write_hub(tmp_path))
    (config.public / "self-test.dsse.json").unlink()

    with pytest.raises(ConfigurationError, match=r"self-test\.dsse\.json"):
        hub_of(config, load_party(config.party))


def test_only_a_hub_can_be_a_hub(tmp_path: Path) -> None:
    config = load_config(write_hub(tmp_path))
    now_s = SystemClock().now_s()
    partner = PartyName(party_id=PartyId("metro"), role=Role.PARTNER)
    party = write_party(
        tmp_path / "metro", Authority.create(now_s), partner, now_s=now_s, seed=bytes(32)
    )

    with pytest.raises(HubConfigError, match="metro is a partner"):
        hub_of(config, load_party(party))


def test_a_configured_hub_begins_its_record(tmp_path: Path) -> None:
    config = load_config(write_hub(tmp_path))
    hub = hub_of(config, load_party(config.party))

    assert hub.read_now(hub.record.head).size == 2
    hub.close()
    assert (config.data / "hub.db").is_file()
    assert (config.data / "record" / "leaves.txt").is_file()


def test_a_folder_has_one_hub_at_a_time(tmp_path: Path) -> None:
    config = load_config(write_hub(tmp_path))
    hub = hub_of(config, load_party(config.party))
    arriving = config.data / "record" / "files" / "1-0.part"
    arriving.write_bytes(b"half a chunk")

    with pytest.raises(FolderInUseError):
        hub_of(config, load_party(config.party))

    assert arriving.exists()
    hub.close()
    hub_of(config, load_party(config.party)).close()


def test_the_command_line_teaches(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["fedcarbon-hub", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("hub", run_name="__main__")

    text = capsys.readouterr().out
    assert ended.value.code in {0, None}
    for word in ("serve", "check", "party.toml", "fedcarbon ceremony"):
        assert word in text


def test_a_refusal_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "hub", "check", "--config", str(tmp_path / "hub.toml")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "fedcarbon-hub: there is no configuration file hub.toml [HUB_CONFIG]"
    ]


def test_a_hub_is_checked_without_serving(tmp_path: Path) -> None:
    config = write_hub(tmp_path)

    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "hub", "check", "--config", str(config)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.startswith("record of 2 leaves, root ")


@pytest.fixture
def hub_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Run `fedcarbon-hub` with arguments in this process: exit code, output, and what went wrong.

    That it runs as a process is asserted by the tests beside this, which start one.
    """

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["fedcarbon-hub", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_module("hub", run_name="__main__")
        output = capsys.readouterr()
        return int(ended.value.code or 0), output.out, output.err

    yield run
    structlog.reset_defaults()


Command = Callable[..., tuple[int, str, str]]


def test_a_ledger_day_that_no_hub_closes_is_said_and_stays_asked_for(
    tmp_path: Path, hub_command: Command
) -> None:
    config = ("--config", write_hub(tmp_path))
    assert hub_command("check", *config)[0] == 0
    empty = hub_command("close-day", *config, "--wait-s", 0)
    paid_in = ("--programme", "p", "--fen", 5, "--label", "bank")
    assert hub_command("top-up", *config, *paid_in)[0] == 0

    code, _, said = hub_command("close-day", *config, "--wait-s", 0)

    assert empty[0] == 0
    assert empty[1].startswith("nothing was booked since the last closed day; nothing changed")
    assert code == 1
    assert "[DAY_NOT_CLOSED]" in said
    with reading(sqlite_engine(tmp_path / "hub" / "hub.db")) as session:
        assert BatchStore(session).requested_sequence() == 1


SECRET = "correct-horse"  # noqa: S105 - of nothing
URL = f"postgresql+psycopg://hub:{SECRET}@db.example/hub"


def test_a_password_of_the_database_comes_from_the_environment_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEDCARBON_HUB_DATABASE", URL)
    config = load_config(write(tmp_path, GOOD))

    assert config.database_url == URL
    for shown in (repr(config), str(config), config.model_dump_json()):
        assert SECRET not in shown


REFUSED_DATABASES = {
    "a password in the file": URL,
    "another database": "mysql://db.example/hub",
    "another driver": "postgresql://db.example/hub",
    "no URL": "postgresql+psycopg://db.example:port/hub",
}


@pytest.mark.parametrize("url", REFUSED_DATABASES.values(), ids=REFUSED_DATABASES)
def test_a_wrong_database_is_refused_and_no_password_repeated(tmp_path: Path, url: str) -> None:
    with pytest.raises(HubConfigError, match="database") as refused:
        load_config(write(tmp_path, f'{GOOD}database = "{url}"\n'))

    assert SECRET not in str(refused.value)


def test_a_hub_runs_on_postgresql(
    tmp_path: Path,
    postgresql: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    hub_command: Command,
) -> None:
    url = postgresql.create()
    monkeypatch.setenv("FEDCARBON_HUB_DATABASE", url)
    path = write_hub(tmp_path)
    config = load_config(path)
    hub_of(config, load_party(config.party)).close()
    paid_in = ("--programme", "p", "--fen", 5, "--label", "bank")

    done = [hub_command("top-up", "--config", path, *paid_in) for _ in range(2)]
    migrated = hub_command("migrate", "--config", path)

    assert [(code, output) for code, output, _ in done] == [
        (0, "0.05 yuan for p entered\n"),
        (0, "0.05 yuan for p was entered before\n"),
    ]
    assert migrated[:2] == (0, "schema 0007 before, 0007 now\n")
    assert not (config.data / "hub.db").exists()
    hub_of(config, load_party(config.party)).close()
    postgresql.drop(url)


def test_an_old_database_is_refused_until_the_operator_migrates_it(tmp_path: Path) -> None:
    path = write_hub(tmp_path)
    config = load_config(path)
    config.data.mkdir()
    engine = sqlite_engine(config.data / "hub.db")
    migrate(engine, BEFORE_MIGRATIONS)
    engine.dispose()

    with pytest.raises(SchemaOutdatedError):
        hub_of(config, load_party(config.party))
    migrated = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "hub", "migrate", "--config", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert migrated.stdout == "schema 0001 before, 0007 now\n"
    hub_of(config, load_party(config.party)).close()


def test_a_command_beside_a_hub_that_never_started_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaOutdatedError, match="is empty"):
        database_of(load_config(write_hub(tmp_path)))
