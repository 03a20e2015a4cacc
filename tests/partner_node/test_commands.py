"""The command line, against a hub over real gRPC: imports, a running node, kill -9, status."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from fedcarbon.audit.challenge import challenge_findings
from fedcarbon.canonical import statement as statements
from fedcarbon.clock import SteppedClock
from fedcarbon.errors import ConfigurationError, FedcarbonError
from fedcarbon.ids import PartyId, Role
from fedcarbon.submission.challenge import Challenge
from fedcarbon.transparency.checkpoint import ForkedRecordError
from fedcarbon.units import Seconds
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.clocks import FileClock
from fedcarbon.wire.dev_ca import Authority, write_party
from fedcarbon.wire.party import load_party
from partner_node import __main__ as program
from partner_node.bootstrap import NotAPartnerError
from partner_node.commands.making_challenges import ChallengeFileError
from partner_node.statistics.categories import CategoriesFileError
from partner_node.statistics.contributing import PeriodUnknownError
from partner_node.storage.database import StoreLockedError, StoreUnusableError
from tests.keys.ceremonies import dealt
from tests.partner_node.fake_hub import HUB, NODE, FakeHub
from tests.partner_node.grpc_hub import serve_hub
from tests.partner_node.world import at, person, programme, roots

START_S = 60


@dataclass(slots=True)
class Home:
    """The folder of a node, and the hub that it is configured for."""

    folder: Path
    hub: FakeHub
    clock: FileClock
    config: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, *arguments: str) -> Any:
        """Run a command in this process, as `main` would, and return its exit code or None."""
        return program.app([*arguments, "--config", str(self.config)], result_action="return_value")

    def start(self) -> subprocess.Popen[bytes]:
        """Start a node as a process of its own and wait until it serves."""
        log = (self.folder / "node.jsonl").open("ab")
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "partner_node", "serve", "--config", str(self.config)],
            stderr=log,
        )
        log.close()
        self.running.append(process)
        return process

    def log(self) -> str:
        return (self.folder / "node.jsonl").read_text(encoding="utf-8")

    def wait_for(self, done: Any) -> None:
        """Wait until `done()` is true."""
        deadline = time.monotonic() + START_S
        while not done():
            assert time.monotonic() < deadline, self.log()[-3_000:]
            assert self.running[-1].poll() is None, self.log()[-3_000:]
            time.sleep(0.02)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A configured node with input files, and its hub on loopback."""
    authority = Authority.create(Seconds(int(time.time())))
    paths = {}
    for name, role in ((NODE, Role.PARTNER), (HUB, Role.HUB)):
        party = PartyName(party_id=PartyId(name), role=role, trust_domain=authority.trust_domain)
        folder = tmp_path / name
        folder.mkdir()
        now_s = Seconds(int(time.time()))
        seed = name.encode().ljust(32, b".")
        paths[name] = write_party(folder, authority, party, now_s=now_s, seed=seed)
    hub = FakeHub(dealt(), programme(), SteppedClock(at(12)))
    hub.keys = hub.keys | {NODE: load_party(paths[NODE]).signing_key}
    hub.admit(NODE, Role.PARTNER)
    server, port = serve_hub(hub, load_party(paths[HUB]))
    clock = FileClock(tmp_path / "clock")
    clock.set_s(at(12))
    (tmp_path / "roots.toml").write_text(roots().to_toml(), encoding="utf-8")
    config = tmp_path / "node.toml"
    config.write_text(
        f"""
party = "{paths[NODE].relative_to(tmp_path)}"
roots = "roots.toml"
programme = "ecny-shanghai"
methodologies = ["cn-ecny-shanghai"]
store = "node.duckdb"
hub_address = "127.0.0.1:{port}"
address = "127.0.0.1:0"
clock = "file:clock"
poll_s = 0.05
commit_delay_s = 0
""",
        encoding="utf-8",
    )
    write_inputs(tmp_path)
    made = Home(folder=tmp_path, hub=hub, clock=clock, config=config)
    yield made
    for process in made.running:
        if process.poll() is None:
            process.kill()
            process.wait()
    server.stop(0).wait()


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Undo what `main` does to this process."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def write_inputs(folder: Path) -> None:
    identities = [
        {
            "person_ref": record.person_ref,
            "id_type": record.id_type,
            "id_number": record.id_number,
            "consent_data": record.consent_data,
            "consent_claim": record.consent_claim,
        }
        for record in (person(1), person(2), person(3, consent_claim=""))
    ]
    rides = [
        ("a", "rider-1", "2026-03-02T08:00:00", "2026-03-02T08:20:00", "10000"),
        ("b", "rider-2", "2026-03-02T08:00:00", "2026-03-02T08:20:00", "5000"),
        ("c", "rider-3", "2026-03-02T08:00:00", "2026-03-02T08:20:00", "5000"),
        ("d", "rider-1", "2026-03-02T08:10:00", "2026-03-02T08:30:00", "5000"),
        ("e", "rider-1", "not a time", "2026-03-02T08:30:00", "5000"),
        ("", "rider-1", "2026-03-02T09:00:00", "2026-03-02T09:30:00", "5000"),
    ]
    columns = ("activity_id", "person_ref", "started_at", "ended_at", "distance_m")
    activities = [
        {**dict(zip(columns, row, strict=True)), "mode": "rail", "evidence": "0"} for row in rides
    ]
    for name, rows in (("identities.csv", identities), ("activities.csv", activities)):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def import_both(home: Home) -> None:
    home.run("import-identities", str(home.folder / "identities.csv"))
    home.run(
        "import-activities",
        str(home.folder / "activities.csv"),
        "--summary",
        str(home.folder / "summary.json"),
    )


def test_files_are_imported_with_a_count_and_a_line_for_every_row_that_is_not(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    import_both(home)
    import_both(home)

    summary = json.loads((home.folder / "summary.json").read_text(encoding="utf-8"))
    assert summary == {
        "read": 6,
        "accepted": 2,
        "rejected": {
            "malformed_row": 1,
            "malformed_time": 1,
            "missing_consent": 1,
            "overlapping_activity": 1,
        },
    }
    with (home.folder / "rejected-activities.csv").open(encoding="utf-8") as file:
        assert [row["row"] for row in csv.DictReader(file)] == ["3", "4", "5", "6"]
    rejected = (home.folder / "rejected-identities.csv").read_text(encoding="utf-8")
    assert "rider-3,missing_consent" in rejected
    assert person(3).id_number not in rejected
    shown = capsys.readouterr().out
    assert "6 rows read, 2 accepted" in shown
    assert "overlapping_activity" in shown


def test_a_table_of_ones_own_is_evaluated_and_imported_by_its_address(home: Home) -> None:
    home.run("import-identities", str(home.folder / "identities.csv"))
    ride = {"activity_id": ["w"], "person_ref": ["rider-1"], "mode": ["rail"], "evidence": [0]}
    times = {"started_at": [int(at(8))], "ended_at": [int(at(8, 20))]}
    parquet.write_table(
        pa.table(ride | times | {"distance_m": [10_000]}), home.folder / "w.parquet"
    )
    address = f"parquet:{home.folder / 'w.parquet'}"
    answers, summary = home.folder / "answers.csv", home.folder / "summary.json"

    home.run("evaluate", "--from", address, "--out", str(answers))
    home.run("import-warehouse", "--from", address, "--summary", str(summary))

    assert answers.read_text(encoding="utf-8").splitlines()[1:] == ['"w",970000000,']
    assert json.loads(summary.read_text(encoding="utf-8"))["accepted"] == 1


def test_a_running_node_enrols_claims_and_submits_and_survives_kill_9(home: Home) -> None:
    import_both(home)
    first = home.start()
    home.wait_for(lambda: len(home.hub.places) == 2)
    with pytest.raises(StoreLockedError, match="stop the running node first"):
        home.run("import-activities", str(home.folder / "activities.csv"))
    home.clock.set_s(at(1, day=2))
    home.hub.plan(1)
    home.wait_for(lambda: NODE in home.hub.epochs[1].commitments)

    first.send_signal(signal.SIGKILL)
    first.wait()
    home.hub.close_commitments(1)
    home.hub.witness()
    second = home.start()
    home.wait_for(lambda: NODE in home.hub.epochs[1].lists)
    home.hub.judge(1)
    home.hub.open_submissions(1)
    home.wait_for(lambda: home.hub.epochs[1].chunks)
    home.wait_for(lambda: "chunks_submitted" in home.log())
    second.send_signal(signal.SIGTERM)

    assert second.wait(START_S) == 0
    assert sorted(home.hub.sums_of(1).values()) == [5_000 * 97_000, 10_000 * 97_000]
    events = [json.loads(line)["event"] for line in home.log().splitlines()]
    assert events[0] == "node_started"
    assert events[-1] == "node_stopped"
    assert {"claims_revealed", "chunks_submitted"} <= set(events)
    for secret in ("rider-", person(1).id_number, '"a"', "rail"):
        assert secret not in home.log()


def test_status_shows_the_store_of_a_node_that_is_not_running(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    import_both(home)
    capsys.readouterr()

    home.run("status", "--json")
    as_json = json.loads(capsys.readouterr().out)
    home.run("status")
    as_text = capsys.readouterr().out

    assert (as_json["running"], as_json["enrolling"], as_json["activities"]) == (False, 2, 2)
    assert as_json["rejected"]["overlapping_activity"] == 1
    assert "not running; 0 enrolled, 2 to be enrolled, 2 activities" in as_text


def test_status_asks_a_running_node(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    import_both(home)
    with_port(home)
    home.start()
    home.wait_for(lambda: len(home.hub.places) == 2)
    capsys.readouterr()

    home.run("status", "--json")
    as_json = json.loads(capsys.readouterr().out)
    home.run("status")

    assert (as_json["running"], as_json["enrolled"]) == (True, "2")
    assert "running; 2 enrolled" in capsys.readouterr().out


def test_a_person_is_shown_the_same_by_a_node_that_runs_and_one_that_does_not(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    import_both(home)
    with_port(home)
    capsys.readouterr()

    home.run("person", "--person", "rider-1", "--language", "en")
    stored = json.loads(capsys.readouterr().out)
    home.start()
    home.wait_for(lambda: len(home.hub.places) == 2)
    home.run("person", "--person", "rider-1", "--language", "en")
    running = json.loads(capsys.readouterr().out)

    assert stored == running
    assert (stored["schema"], stored["language"]) == ("fedcarbon/v1/person", "en")
    (day,) = stored["days"]
    states = {item["activity_id"]: item["state"] for item in day["methodologies"][0]["activities"]}
    assert states == {"a": "waiting", "d": "refused"}
    with pytest.raises(FedcarbonError) as refused:
        home.run("person", "--person", "nobody")
    assert refused.value.code == "UNKNOWN_PERSON"


def test_rules_for_statistics_are_read_at_the_start_and_a_table_is_shown_when_it_is_over(
    home: Home,
) -> None:
    with home.config.open("a", encoding="utf-8") as config:
        config.write('[statistics]\ncategories = "categories.toml"\n')
    rules = home.folder / "categories.toml"
    rules.write_text('[dimensions.mode]\nby = "colour"\n', encoding="utf-8")

    with pytest.raises(CategoriesFileError, match=r"categories\.toml, \[dimensions\.mode\]"):
        home.run("statistics", "--table", "travel", "--period", "1")
    rules.write_text('[dimensions.mode]\nby = "value:mode"\n', encoding="utf-8")
    with pytest.raises(PeriodUnknownError):
        home.run("statistics", "--table", "travel", "--period", "1")


def test_a_challenge_is_written_and_holds(home: Home) -> None:
    values, out = home.folder / "values.txt", home.folder / "challenge.json"
    values.write_text("1,20,300\n0\n", encoding="utf-8")

    home.run("challenge", "--values", str(values), "--out", str(out))

    made = statements.decode(Challenge, out.read_bytes())
    assert [block.values_ug[:3] for block in made.blocks] == [(1, 20, 300), (0, 0, 0)]
    assert challenge_findings([made], dealt().parameters, programme().epoch_cap_ug) == []


@pytest.mark.parametrize("text", ["1, 20", "-1", "1.5", "1;2", "x"])
def test_a_test_vector_of_something_else_is_refused(home: Home, text: str) -> None:
    values = home.folder / "values.txt"
    values.write_text(text + "\n", encoding="utf-8")

    with pytest.raises(ChallengeFileError):
        home.run("challenge", "--values", str(values), "--out", str(home.folder / "out.json"))
    assert not (home.folder / "out.json").exists()


def forked_note(home: Home) -> Path:
    """Return a file with a head that the hub signed for somebody else."""
    head = dataclasses.replace(home.hub.head(), size=5, root=b"f" * 32)
    file = home.folder / "from-bike.txt"
    file.write_bytes(head.signed(home.hub.keys[HUB]).to_bytes())
    return file


def test_a_checkpoint_is_compared_with_the_store_and_an_alarm_shows_in_the_status(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    import_both(home)
    own = home.folder / "own.txt"
    own.write_bytes(home.hub.head().signed(home.hub.keys[HUB]).to_bytes())

    home.run("compare-checkpoint", str(own))
    assert home.run("status") == 0
    assert "consistent" in capsys.readouterr().out
    with pytest.raises(ForkedRecordError):
        home.run("compare-checkpoint", str(forked_note(home)))

    assert home.run("status") == program.EXIT_ALARM
    assert "alarm: FORKED_RECORD" in capsys.readouterr().out


def test_a_checkpoint_is_compared_with_the_record_of_a_running_node(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    import_both(home)
    with_port(home)
    home.start()
    home.wait_for(lambda: len(home.hub.places) == 2)

    with pytest.raises(FedcarbonError) as caught:
        home.run("compare-checkpoint", str(forked_note(home)))

    assert caught.value.code == "FORKED_RECORD"
    assert home.run("status") == program.EXIT_ALARM
    assert "alarm: FORKED_RECORD" in capsys.readouterr().out


def with_port(home: Home) -> None:
    """Give the in-house service a port that others know."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = home.config.read_text(encoding="utf-8")
    home.config.write_text(text.replace("127.0.0.1:0", f"127.0.0.1:{port}"), encoding="utf-8")


def test_a_node_needs_the_identity_of_a_partner(home: Home) -> None:
    text = home.config.read_text(encoding="utf-8")
    home.config.write_text(text.replace(f"{NODE}/", f"{HUB}/"), encoding="utf-8")

    with pytest.raises(NotAPartnerError, match="belongs to a hub"):
        home.run("import-activities", str(home.folder / "activities.csv"))


def test_a_methodology_of_ones_own_is_read_from_its_file(home: Home) -> None:
    catalogue = resources.files("fedcarbon.methodology") / "catalogue"
    own = home.folder / "own.yaml"
    own.write_bytes((catalogue / "cn-ecny-shanghai.yaml").read_bytes())
    text = home.config.read_text(encoding="utf-8")
    home.config.write_text(
        text.replace('["cn-ecny-shanghai"]', '["own.yaml"]'),
        encoding="utf-8",
    )

    import_both(home)

    assert json.loads((home.folder / "summary.json").read_text(encoding="utf-8"))["accepted"] == 2


def test_trust_roots_that_are_missing_are_named(home: Home) -> None:
    (home.folder / "roots.toml").unlink()

    with pytest.raises(ConfigurationError, match=r"cannot read roots\.toml"):
        home.run("import-activities", str(home.folder / "activities.csv"))


def test_without_a_store_there_is_no_status_and_none_is_made(home: Home) -> None:
    with pytest.raises(StoreUnusableError, match="there is no store"):
        home.run("status")
    with pytest.raises(StoreUnusableError, match="there is no store"):
        home.run("person", "--person", "rider-1")

    assert not (home.folder / "node.duckdb").exists()


def test_store_and_rejects_are_for_the_owner_only(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["import-identities", str(home.folder / "identities.csv")]
    monkeypatch.setattr(sys, "argv", ["-", *arguments, "--config", str(home.config)])

    with contextlib.suppress(SystemExit):
        program.main()

    for name in ("node.duckdb", "rejected-identities.csv"):
        assert (home.folder / name).stat().st_mode & 0o077 == 0


def test_without_a_hub_the_first_import_says_so(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FEDCARBON_HUB_ADDRESS", "127.0.0.1:1")
    arguments = ["import-activities", "none.csv", "--config", str(home.config)]
    monkeypatch.setattr(sys, "argv", ["fedcarbon-partner-node", *arguments])

    with pytest.raises(SystemExit) as ended:
        program.main()

    assert ended.value.code == program.EXIT_REFUSED
    assert "[REMOTE_UNREACHABLE]" in capsys.readouterr().err


def test_help_teaches_the_usual_order(capsys: pytest.CaptureFixture[str]) -> None:
    program.app(["--help"], result_action="return_value")

    text = capsys.readouterr().out
    positions = [text.index(word) for word in ("import-identities", "import-activities", "serve")]
    assert positions == sorted(positions)
    assert 'hub_address = "' in text
