"""Programme files: strict, honest about what is invented, and about methodologies that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from demo.catalogue import methodology as catalogued
from demo.programmes.building import build
from demo.programmes.document import FOLDER, ProgrammeFileError, load, names, parse

ROOT = Path(__file__).parents[2]
ECNY = (FOLDER / "ecny-shanghai.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", names())
def test_every_methodology_of_a_file_computes_what_its_programme_measures(name: str) -> None:
    file = load(name)
    measures = {rules.id: rules.measure for rules in file.programmes}

    for partner in file.partners:
        for methodology_id in partner.methodologies:
            methodology = catalogued(methodology_id)
            methodology.require_computing()
            assert methodology.result.kind.value == measures[partner.programme]


@pytest.mark.parametrize("name", names())
def test_every_file_has_a_page_that_names_its_command_and_a_line_in_the_readme(name: str) -> None:
    pages = ROOT / "docs/programmes"

    assert f"make demo PROGRAMME={name}\n" in (pages / f"{name}.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"| [{name}](docs/programmes/{name}.md) |" in readme


def test_the_same_file_invents_the_same_rows(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        build(load("lvpuhui"), tmp_path / folder, bits=1024)

    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_nobody_in_a_file_can_be_anybody(tmp_path: Path) -> None:
    build(load("treelion-3060"), tmp_path, bits=1024)

    text = "".join(path.read_text() for path in tmp_path.glob("*.identities.csv"))
    assert set(re.findall(r"(TEST,99|ORGANISATION,9199)", text)) == {"TEST,99", "ORGANISATION,9199"}
    assert len(re.findall(r"(?:TEST|ORGANISATION),(?!99|9199)", text)) == 0


def test_a_household_is_a_meter_that_nobody_has_and_a_person_lives_in_it(tmp_path: Path) -> None:
    (utility,) = build(load("gwangju-carbon-bank"), tmp_path, bits=1024).partners

    rows = (tmp_path / "utilities.identities.csv").read_text().splitlines()[1:]
    kind_of = {row.split(",")[0]: row.split(",")[1:3] for row in rows}
    assert len(utility.attested) == 6
    for account, member in utility.attested:
        assert kind_of[account][0] == "METER"
        assert kind_of[account][1].startswith("TEST:")
        assert kind_of[member][0] == "TEST"


BAD = {
    "an unknown table": (ECNY + "\n[stpe]\n", "stpe"),
    "an unknown key of a step": (ECNY.replace("units = 1_000", "unit = 1_000"), "unit"),
    "an unknown step": (ECNY.replace('do = "redeem"', 'do = "reddem"'), "reddem"),
    "an event that nobody declared": (ECNY.replace('event = "commute"', 'event = "x"'), "x"),
    "a methodology that the partner does not use": (
        ECNY.replace('methodology = "cn-ecny-shanghai"', 'methodology = "cn-other"'),
        "cn-other",
    ),
    "nothing hypothetical": (
        re.sub(r"hypothetical = \[.*?\]", "hypothetical = []", ECNY, flags=re.DOTALL),
        "hypothetical",
    ),
    "people that are not there": (ECNY.replace("who = [0, 5]", "who = [0, 7]"), "0 to 6"),
    "households in which nobody lives": (
        ECNY.replace("people = 6", "people = 6\nhouseholds = [0, 4]"),
        "a person for each",
    ),
    "a programme that is not there": (
        ECNY.replace('do = "redeem"', 'do = "redeem"\nprogramme = "other"'),
        "other",
    ),
    "no TOML": ("[", "TOML"),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD.keys())
def test_a_wrong_file_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(ProgrammeFileError, match=said):
        parse(text, "wrong")


def test_a_programme_that_does_not_exist_is_refused_with_the_names_of_those_that_do() -> None:
    with pytest.raises(ProgrammeFileError, match="ecny-shanghai"):
        load("ecny")
