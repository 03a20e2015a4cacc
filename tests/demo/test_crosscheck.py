"""The cross-check is able to fail: each false result is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.__main__ import run
from demo.city import make_city
from demo.crosscheck import recompute
from demo.scenario import Scenario, ScenarioError, load_scenario
from demo.story import METHODOLOGIES, CrossCheckError, cross_check, finish, unfinished_steps
from fedcarbon.ids import PartyId


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    folder = tmp_path_factory.mktemp("city")
    # One platform alone is never contested, so no verdicts are needed.
    path = make_city(folder, people=6, days=1, seed=4, bits=1024)
    text = path.read_text(encoding="utf-8")
    first, *others = text.split("[[partner]]")
    path.write_text(
        first
        + "[[partner]]"
        + others[0]
        + "[[wallet_operator]]"
        + text.split("[[wallet_operator]]")[1],
        encoding="utf-8",
    )
    return load_scenario(path)


def results_of(scenario: Scenario) -> tuple[dict[str, dict[str, int]], list[dict[str, object]]]:
    """Return what an honest federation would have come to."""
    expected = recompute(scenario, METHODOLOGIES, [])
    partners = {
        str(partner.id): {
            "reduction_ug": expected.reduction_ug[partner.id],
            "claims_sent": expected.claims[partner.id],
            "claims_lost": expected.lost[partner.id],
            "submitted_ug": expected.submitted_ug[partner.id],
        }
        for partner in scenario.partners
    }
    accounts: list[dict[str, object]] = [
        {"id_number": number, "opened_ug": mass} for number, mass in expected.opened_ug.items()
    ]
    return partners, accounts


def test_honest_results_hold(city: Scenario) -> None:
    partners, accounts = results_of(city)

    assert accounts
    assert cross_check(city, partners, accounts, []) == []  # type: ignore[arg-type]


def test_one_microgram_more_is_found(city: Scenario) -> None:
    partners, accounts = results_of(city)
    accounts[0]["opened_ug"] = int(str(accounts[0]["opened_ug"])) + 1

    findings = cross_check(city, partners, accounts, [])  # type: ignore[arg-type]

    assert len(findings) == 1
    assert "an account was opened to" in findings[0]


@pytest.mark.parametrize("key", ["reduction_ug", "claims_sent", "claims_lost", "submitted_ug"])
def test_every_figure_of_a_partner_is_compared(city: Scenario, key: str) -> None:
    partners, accounts = results_of(city)
    partners["metro-app"][key] += 1

    findings = cross_check(city, partners, accounts, [])  # type: ignore[arg-type]

    assert len(findings) == 1
    assert f"metro-app: {key} is" in findings[0]


def test_a_verdict_about_nothing_is_found(city: Scenario) -> None:
    verdict = {
        "id_number": "990000180001010017",
        "slot_start": "1",
        "claimants": "a b",
        "winner": "a",
        "claim_token": "",
        "beacon": "",
    }

    findings = recompute(city, METHODOLOGIES, [verdict]).findings

    assert findings == ["slot 1: a verdict about nothing that was claimed"]


def test_a_finding_ends_the_demo_with_an_error(tmp_path: Path) -> None:
    with pytest.raises(CrossCheckError, match="one microgram"):
        finish({"findings": ["one microgram"]}, tmp_path, None)  # type: ignore[arg-type]


BAD = {
    "no TOML": "[",
    "an unknown table": "[programe]\n",
    "no partner": '[programme]\nid = "a"\ntime_zone = "UTC"\ndays = ["2026-01-01", "2026-01-01"]\n',
    "a redemption of units and of all": (
        '[programme]\nid = "a"\ntime_zone = "UTC"\ndays = ["2026-01-01", "2026-01-01"]\n'
        '[[partner]]\nid = "p"\nactivities = "a"\nidentities = "b"\nmethodology = "m"\n'
        "[[redemption]]\nunits = 1\nall = true\n"
    ),
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_a_wrong_scenario_is_refused_in_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ScenarioError):
        load_scenario(path)


def test_the_same_seed_invents_the_same_city(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_city(tmp_path / name, people=5, days=1, seed=9, bits=1024)

    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_the_demo_never_empties_the_folder_of_its_own_scenario(tmp_path: Path) -> None:
    scenario = tmp_path / "out" / "scenario.toml"
    scenario.parent.mkdir()
    scenario.write_text("", encoding="utf-8")

    with pytest.raises(ScenarioError, match="emptied first"):
        run(scenario=scenario, out=tmp_path / "out")

    assert scenario.exists()


def test_a_step_that_ends_halfway_is_a_finding() -> None:
    missing = {PartyId("metro-app"): {"missing_epochs": 1}}
    behind = [{"opened_epoch": 1}, {"opened_epoch": 2}]
    waiting = [{"state": "unknown"}, {"state": "settled"}]

    assert unfinished_steps(missing, [], [], epochs=2) == [
        "metro-app was sealed missing in 1 epochs"
    ]
    assert unfinished_steps({}, behind, [], epochs=2) == [
        "1 accounts with a signed binding were not opened to the end"
    ]
    assert unfinished_steps({}, [], waiting, epochs=2) == [
        "redemptions did not settle: ['unknown']"
    ]
