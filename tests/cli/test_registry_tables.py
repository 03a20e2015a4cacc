"""`fedcarbon registry table-shell`: what root key holders are given to sign of a table."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.cli.registry import RegistryFileError, require_signable
from fedcarbon.cli.registry_tables import YEAR_DAYS, shell_from_toml, table_shell
from fedcarbon.disclosure.shell import Label, TableShell
from fedcarbon.transparency.envelope import Envelope
from tests.hub.messages import programme, trust_roots

SMALLEST = table_shell.__doc__ or ""
YEAR = programme(last_day="2027-03-07", days_max=400)
"""A programme of 371 days."""
PROGRAMME_FILE = """
programme_id = "shanghai"
time_zone = "Asia/Shanghai"
first_day = "2026-03-02"
last_day = "2027-03-07"
days_max = 400
"""


def smallest() -> str:
    """Return the smallest file of the command's help."""
    text = SMALLEST.split("The smallest file:")[1].split("People are always counted")[0]
    return "\n".join(line.strip() for line in text.splitlines())


def test_the_smallest_file_of_the_help_is_a_table_that_a_year_can_pay_for() -> None:
    shell = shell_from_toml(tomllib.loads(smallest()), YEAR)

    assert [item.name for item in shell.quantities] == ["people", "distance"]
    assert (shell.period_epochs, shell.periods) == (7, 53)
    assert shell.quantities[0].label == Label(zh="人数", en="People")
    assert shell.quantities[1].per_cell_max == 7 * 30_000
    releases = -(-YEAR_DAYS // 7)
    assert 0 <= shell.rho_year_millionths - releases * shell.rho_millionths < 2 * releases
    assert (shell.cells_max, shell.partners_max) == (2, YEAR.partners_max)


def test_what_is_set_is_taken_as_it_is() -> None:
    tree = tomllib.loads(smallest())
    tree |= {"period_epochs": 1, "periods": 2, "cells_max": 1, "rho_year_millionths": 9_000_000}
    tree["dimension"][0]["groups"] = [{"code": "rail", "zh": "轨道", "en": "Rail"}]
    for category in tree["dimension"][0]["categories"]:
        category["group"] = "rail"
    tree["quantity"].append(
        {"name": "people", "label": {"zh": "人", "en": "Persons"}, "rho_millionths": 7}
    )
    tree["quantity"][0] |= {"per_cell_max": 5, "rho_millionths": 8}

    shell = shell_from_toml(tree, YEAR)

    people, distance = shell.quantities
    assert (people.label.en, people.rho_millionths, people.per_cell_max) == ("Persons", 7, 1)
    assert (distance.per_cell_max, distance.rho_millionths) == (5, 8)
    assert (shell.period_epochs, shell.periods, shell.cells_max) == (1, 2, 1)
    assert shell.dimensions[0].groups[0].code == "rail"


def test_the_command_writes_what_root_keys_sign(tmp_path: Path) -> None:
    (tmp_path / "roots.toml").write_text(trust_roots().to_toml())
    (tmp_path / "programme.toml").write_text(PROGRAMME_FILE)
    (tmp_path / "table.toml").write_text(smallest())
    out = tmp_path / "out"

    table_shell(
        config=tmp_path / "table.toml",
        programme=tmp_path / "programme.toml",
        roots=tmp_path / "roots.toml",
        out=out,
    )

    envelope = Envelope.from_bytes(out.read_bytes())
    require_signable(envelope, trust_roots().parameter_id)
    found = statements.decode(TableShell, envelope.payload)
    made = shell_from_toml(tomllib.loads(smallest()), YEAR)
    assert found == replace(made, partners_max=16, quantities=found.quantities)


WRONG = {
    "a word that nobody knows": "colour = 1\n",
    "two partners": "partners_min = 2\n",
    "cells of five people": "people_min = 5\n",
    "a budget that pays for no release": "rho_year_millionths = 1\n",
}


@pytest.mark.parametrize("line", WRONG.values(), ids=WRONG)
def test_a_file_that_protects_nobody_is_not_given_to_anybody_to_sign(
    tmp_path: Path, line: str
) -> None:
    (tmp_path / "roots.toml").write_text(trust_roots().to_toml())
    (tmp_path / "programme.toml").write_text(PROGRAMME_FILE)
    (tmp_path / "table.toml").write_text(line + smallest())

    with pytest.raises(RegistryFileError, match=r"table\.toml"):
        table_shell(
            config=tmp_path / "table.toml",
            programme=tmp_path / "programme.toml",
            roots=tmp_path / "roots.toml",
            out=tmp_path / "out",
        )
    assert not (tmp_path / "out").exists()
