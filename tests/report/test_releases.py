"""What a reader of a released table believes, and what it refuses to believe."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.disclosure.release import (
    Release,
    ReleaseParts,
    checked_release,
    release_file,
    release_from_file,
)
from fedcarbon.disclosure.table import ReleasedTable
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import ProgrammeId, Role
from tests.report.city import City, city, releases
from tests.trustee.founded import HUB, METRO

Change = Callable[[City, ReleaseParts], ReleaseParts]


def with_table(found: City, parts: ReleaseParts, **changes: Any) -> ReleaseParts:
    """Return parts with another table, which the hub released all the same."""
    table = statements.decode(ReleasedTable, parts.table)
    data = statements.encode(dataclasses.replace(table, **changes))
    signed = found.resigned(parts, table_sha256=hashlib.sha256(data).digest())
    return dataclasses.replace(signed, table=data)


def test_a_release_is_believed_by_the_roots_alone() -> None:
    found = releases()[0]

    assert found.hub_id == HUB
    assert found.name == "ecny-test-modes-by-district-001"
    assert found.shell_leaf == city().record.leaves[city().shell_leaf].leaf
    assert found.release_leaf == city().record.leaves[city().release_leaves[1]].leaf


REFUSED: Final[Mapping[str, tuple[Change, str]]] = {
    "a number is changed": (
        lambda _, parts: dataclasses.replace(
            parts, table=parts.table.replace(b'"partners":4', b'"partners":3')
        ),
        "RELEASE_PARTS_DIFFER",
    ),
    "the table of another period": (
        lambda found, parts: dataclasses.replace(parts, table=found.tables[2]),
        "RELEASE_PARTS_DIFFER",
    ),
    "a release of another period with this table": (
        lambda found, parts: found.resigned(parts, period=2),
        "RELEASE_PARTS_DIFFER",
    ),
    "a release of another shell": (
        lambda found, parts: found.resigned(parts, shell_leaf=found.shell_leaf + 1),
        "RELEASE_PARTS_DIFFER",
    ),
    "another shell than the table's": (
        lambda _, parts: dataclasses.replace(parts, shell=city(grouped=True).parts(1).shell),
        "TABLE_DIFFERS",
    ),
    "a shell that one root key signed": (
        lambda found, parts: dataclasses.replace(
            parts,
            shell=dataclasses.replace(parts.shell, body=found.signed(found.shell, HUB).to_bytes()),
        ),
        "SIGNATURE_INVALID",
    ),
    "a release that a partner signed": (
        lambda found, parts: dataclasses.replace(
            parts,
            release=dataclasses.replace(
                parts.release,
                body=found.signed(releases()[0].statement, METRO).to_bytes(),
            ),
        ),
        "SIGNATURE_INVALID",
    ),
    "a partner in the place of the hub": (
        lambda found, parts: dataclasses.replace(
            parts, hub_admission=found.rooted(found.admission(METRO, Role.PARTNER)).to_bytes()
        ),
        "RELEASE_PARTS_DIFFER",
    ),
    "another programme": (
        lambda found, parts: dataclasses.replace(
            parts,
            programme=found.rooted(
                dataclasses.replace(found.programme, programme_id=ProgrammeId("other"))
            ).to_bytes(),
        ),
        "RELEASE_PARTS_DIFFER",
    ),
    "another parameter set": (
        lambda found, parts: dataclasses.replace(
            parts,
            programme=found.rooted(
                dataclasses.replace(found.programme, parameter_id=bytes(32))
            ).to_bytes(),
        ),
        "RELEASE_PARTS_DIFFER",
    ),
    "a table that names another day": (
        lambda found, parts: with_table(found, parts, first_day="2026-01-01"),
        "RELEASE_PARTS_DIFFER",
    ),
    "a table that says it has more noise": (
        lambda found, parts: with_table(found, parts, partners=9),
        "TABLE_DIFFERS",
    ),
}


@pytest.mark.parametrize(("change", "code"), REFUSED.values(), ids=REFUSED)
def test_parts_that_do_not_belong_together_are_refused(change: Change, code: str) -> None:
    with pytest.raises(FedcarbonError) as refused:
        checked_release(change(city(), city().parts(1)), city().roots)

    assert refused.value.code == code


def test_a_release_file_gives_back_the_release() -> None:
    data = release_file(releases()[0])

    found = release_from_file(data, city().roots)

    assert found == releases()[0]
    tree = json.loads(data)
    assert tree["table"] == json.loads(city().tables[1])
    assert tree["labels"]["dimensions"]["mode"]["codes"]["metro"] == {"zh": "地铁", "en": "Metro"}


CHANGED: Final = {
    "a number in the readable part": ('"partners": 4', '"partners": 5'),
    "a label": ("Shared bike", "Shared biked"),
    "a leaf": ('"release_leaf": "83', '"release_leaf": "84'),
    "another format": ("release-file", "release-fily"),
    "no shell": ('"shell": {', '"shelf": {'),
    "no JSON": ("{", "["),
}


@pytest.mark.parametrize(("old", "new"), CHANGED.values(), ids=CHANGED)
def test_a_changed_release_file_is_refused(old: str, new: str) -> None:
    data = release_file(releases()[0]).decode()
    assert old in data

    with pytest.raises(FedcarbonError) as refused:
        release_from_file(data.replace(old, new, 1).encode(), city().roots)

    assert refused.value.code == "RELEASE_FILE_MALFORMED"


def test_a_release_file_with_another_salt_is_refused() -> None:
    given: Release = releases()[0]
    data = release_file(given).decode()

    with pytest.raises(FedcarbonError) as refused:
        release_from_file(
            data.replace(given.parts.shell.salt.hex(), "00" * 32).encode(), city().roots
        )

    assert refused.value.code == "RELEASE_FILE_MALFORMED"
