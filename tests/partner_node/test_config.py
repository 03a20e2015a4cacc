"""Settings: TOML, the environment before it, and errors that say which setting is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from partner_node.config import NodeSettingsError, load_settings

COMPLETE = """
party = "party/party.toml"
roots = "/etc/roots.toml"
programme = "ecny-shanghai"
methodologies = ["own.yaml", "cn-shenzhen-transit"]
store = "node.duckdb"
hub_address = "hub.example:7400"
clock = "file:clock"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    path.write_text(COMPLETE, encoding="utf-8")
    return path


def test_paths_are_relative_to_the_file(config: Path, tmp_path: Path) -> None:
    settings = load_settings(config)

    assert settings.party == tmp_path / "party" / "party.toml"
    assert settings.roots == Path("/etc/roots.toml")
    assert settings.store == tmp_path / "node.duckdb"
    assert settings.methodologies == (str(tmp_path / "own.yaml"), "cn-shenzhen-transit")
    assert settings.clock == f"file:{tmp_path / 'clock'}"
    assert settings.hub_id == "hub"


def test_the_environment_goes_before_the_file(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEDCARBON_HUB_ADDRESS", "other.example:1")
    monkeypatch.setenv("FEDCARBON_COMMIT_DELAY_S", "5")

    settings = load_settings(config)

    assert (settings.hub_address, settings.commit_delay_s) == ("other.example:1", 5)


WRONG = {
    "a misspelt setting": ("hub_adress = 'x'\n", "hub_adress"),
    "a number that is none": ("engine.workers = 'many'\n", "engine.workers"),
    "fewer workers than none": ("engine.workers = -1\n", "engine.workers"),
    "an engine that there is not": ("engine.kind = 'ray'\n", "engine.kind"),
    "a cluster without its address": ("engine.kind = 'spark'\n", "spark_url go together"),
    "a cluster that is not used": ("engine.spark_url = 'sc://h'\n", "spark_url go together"),
    "one methodology where a list belongs": ("methodology = 'x'\n", "methodology"),
    "no TOML": ("= = =\n", "is not TOML"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_setting_is_named(config: Path, case: str) -> None:
    text, named = WRONG[case]
    config.write_text(COMPLETE + text, encoding="utf-8")

    with pytest.raises(NodeSettingsError, match=named):
        load_settings(config)


def test_missing_settings_are_named_all_at_once(config: Path) -> None:
    config.write_text('programme = "p"\n', encoding="utf-8")

    with pytest.raises(NodeSettingsError, match=r"party.*roots.*hub_address"):
        load_settings(config)


def test_a_missing_file_is_an_error_of_the_operator(tmp_path: Path) -> None:
    with pytest.raises(NodeSettingsError, match="there is no settings file"):
        load_settings(tmp_path / "none.toml")
