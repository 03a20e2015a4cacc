"""The cross-check is able to fail: each false result is found."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from demo.__main__ import run
from demo.city import make_city
from demo.conclusion import CrossCheckError, cross_check, finish, unfinished_steps
from demo.crosscheck import recompute
from demo.groundwork import signed_rules_of
from demo.own_folder import OutFolderError
from demo.scenario import Scenario, ScenarioError, load_scenario
from fedcarbon.ids import PartyId
from fedcarbon.parameters.roots import TrustRoots


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
    expected = recompute(scenario, [])
    partners = {
        str(partner.id): {
            "reduction_ug": expected.reduction_ug[partner.id],
            "claims_sent": expected.claims[partner.id],
            "claims_lost": expected.lost[partner.id],
            "submitted_ug": expected.submitted_ug[partner.id],
        }
        for partner in scenario.partners
    }
    accounts: list[dict[str, object]] = []
    for programme, number in sorted(expected.bound):
        mass = expected.opened_ug.get((programme, number), 0)
        fen, rest_ug = divmod(mass, 1_250_000_000)
        accounts.append(
            {
                "programme": programme,
                "id_number": number,
                "opened_ug": mass,
                "redeemed_fen": fen,
                "remaining_ug": rest_ug,
            }
        )
    return partners, accounts


def test_honest_results_hold(city: Scenario) -> None:
    partners, accounts = results_of(city)

    assert accounts
    assert cross_check(city, partners, accounts, recompute(city, [])) == []  # type: ignore[arg-type]


def test_one_microgram_more_is_found(city: Scenario) -> None:
    partners, accounts = results_of(city)
    accounts[0]["opened_ug"] = int(str(accounts[0]["opened_ug"])) + 1

    findings = cross_check(city, partners, accounts, recompute(city, []))  # type: ignore[arg-type]

    assert len(findings) == 2
    assert "an account was opened to" in findings[0]
    assert "is not what it redeemed and what is left" in findings[1]


def test_an_account_that_was_not_opened_is_found(city: Scenario) -> None:
    partners, accounts = results_of(city)

    findings = cross_check(city, partners, accounts[1:], recompute(city, []))  # type: ignore[arg-type]

    assert findings == ["1 accounts that the files give were not opened, 0 others were"]


def test_a_fen_that_was_not_paid_is_found(city: Scenario) -> None:
    partners, accounts = results_of(city)
    rich = next(row for row in accounts if row["redeemed_fen"])
    rich["redeemed_fen"] = int(str(rich["redeemed_fen"])) - 1
    rich["remaining_ug"] = int(str(rich["remaining_ug"])) + 1_250_000_000

    findings = cross_check(city, partners, accounts, recompute(city, []))  # type: ignore[arg-type]

    assert len(findings) == 1
    assert "an account redeemed" in findings[0]


@pytest.mark.parametrize("key", ["reduction_ug", "claims_sent", "claims_lost", "submitted_ug"])
def test_every_figure_of_a_partner_is_compared(city: Scenario, key: str) -> None:
    partners, accounts = results_of(city)
    partners["metro-app"][key] += 1

    findings = cross_check(city, partners, accounts, recompute(city, []))  # type: ignore[arg-type]

    assert len(findings) == 1
    assert f"metro-app: {key} is" in findings[0]


def test_a_verdict_about_nothing_is_found(city: Scenario) -> None:
    verdict = {
        "domain": "city",
        "owner": "990000180001010017",
        "group": "movement",
        "slot_start": "1",
        "claimants": "a b",
        "winner": "a",
        "claim_token": "",
        "beacon": "",
    }

    findings = recompute(city, [verdict]).findings

    assert findings == ["slot 1: a verdict about nothing that was claimed"]


def test_a_finding_ends_the_demo_with_an_error(tmp_path: Path) -> None:
    with pytest.raises(CrossCheckError, match="one microgram"):
        finish({"findings": ["one microgram"]}, tmp_path, None)  # type: ignore[arg-type]


ROOTS = TrustRoots(parameter_id=bytes(32), threshold=1, root_keys={PartyId("trustee-1"): bytes(32)})
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


def test_a_step_that_ends_halfway_is_a_finding(tmp_path: Path) -> None:
    two_days = load_scenario(make_city(tmp_path, people=5, days=2, seed=1, bits=1024))
    programmes = {entry.id: signed_rules_of(entry, ROOTS) for entry in two_days.programmes}
    missing = {"metro-app": {"missing_epochs": 1}}
    behind = [{"programme": "city", "opened_epoch": epoch} for epoch in (1, 2)]
    waiting = [{"state": "unknown"}, {"state": "settled"}]

    assert unfinished_steps(missing, [], [], programmes=programmes) == [
        "metro-app was sealed missing in 1 epochs"
    ]
    assert unfinished_steps({}, behind, [], programmes=programmes) == [
        "1 accounts with a signed binding were not opened to the end"
    ]
    assert unfinished_steps({}, [], waiting, programmes=programmes) == [
        "redemptions did not settle: ['unknown']"
    ]


def test_a_folder_that_no_demo_has_made_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")

    with pytest.raises(OutFolderError, match="no earlier run has written"):
        run(out=tmp_path)

    assert (tmp_path / "thesis.txt").exists()


CELLS = {
    "an underscore is no digit": ("distance_m", "1_000"),
    "a float is no distance": ("distance_m", "900.0"),
    "an empty cell is no time": ("started_at", ""),
    "the evidence is out of range": ("evidence", "3"),
}


@pytest.mark.parametrize(("column", "text"), CELLS.values(), ids=CELLS.keys())
def test_a_malformed_cell_takes_its_row_out_and_nothing_else(
    city: Scenario, tmp_path: Path, column: str, text: str
) -> None:
    partner = city.partners[0]
    with partner.activities.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    before = recompute(city, []).reduction_ug[partner.id]
    table[0][column] = text
    changed = tmp_path / "activities.csv"
    with changed.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    scenario = replace(city, partners=(replace(partner, activities=changed),))

    after = recompute(scenario, []).reduction_ug[partner.id]

    # The first row stands once more at the end of the file, where the city repeats it.
    assert after == before
