from pathlib import Path

import pytest

from fedcarbon.cli.catalogue import (
    catalogue_names,
    load_from_catalogue,
    load_from_file,
)
from fedcarbon.methodology.definition import InvalidMethodologyError


def test_every_methodology_of_the_catalogue_can_be_loaded() -> None:
    names = catalogue_names()

    assert "cn-ecny-shanghai" in names
    assert all(load_from_catalogue(name).methodology_id == name for name in names)


@pytest.mark.parametrize("name", ["cn-nowhere", "../cn-ecny-shanghai", "", "cn-ecny-shanghai.yaml"])
def test_a_methodology_that_is_not_in_the_catalogue_is_refused(name: str) -> None:
    with pytest.raises(InvalidMethodologyError, match="cn-ecny-shanghai"):
        load_from_catalogue(name)


def test_a_partner_may_bring_its_own_file(tmp_path: Path) -> None:
    source = Path(__file__).parents[2] / "src/fedcarbon/methodology/catalogue"
    path = tmp_path / "mine.yaml"
    path.write_bytes((source / "cn-ecny-shanghai.yaml").read_bytes())

    assert load_from_file(path) == load_from_catalogue("cn-ecny-shanghai")


def test_a_methodology_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidMethodologyError, match=r"mine\.yaml"):
        load_from_file(tmp_path / "mine.yaml")
