"""A dataset that is known to be wrong does not come in by another door."""

from __future__ import annotations

import pytest

from fedcarbon.cli.catalogue import catalogue_bytes, checked_methodology, quarantine
from fedcarbon.methodology.definition import InvalidMethodologyError
from fedcarbon.methodology.quarantine import (
    QuarantinedFactorError,
    check_quarantine,
    parse_quarantine,
)
from fedcarbon.methodology.reader import parse_methodology


def shenzhen(*changes: tuple[str, str]) -> bytes:
    """Return the Shenzhen methodology with changes and one example that nothing can break."""
    text = catalogue_bytes("cn-shenzhen-transit").decode()
    head, _ = text.split("examples:\n")
    for old, new in changes:
        assert old in head
        head = head.replace(old, new)
    example = "{name: nothing, values: {mode: bus, distance_m: 0}, expect: 0}"
    return f"{head}examples:\n  - {example}\n".encode()


CURVE = """curves:
  OLD: {of: m, unit: ug/m, source: press, points: [{at: 0, value: 49000}]}
eligibility:"""

CARRIED = {
    "the net factor of the bad file": ("value: 26900", "value: 152000"),
    "a gross factor of the bad file": ("value: 46700", "value: 66000"),
    "as a decimal": ("value: 26900", 'value: "66000.00"'),
    "as a quotient": ("value: 26900", 'value: "132000/2"'),
    "as a pair": ("value: 26900", "value: [132000, 2]"),
    "in a parameter": (
        "tables:",
        "parameters:\n  BASELINE: {value: 218000, unit: ug/m, source: press}\ntables:",
    ),
    "in a curve": (
        "eligibility:",
        CURVE,
    ),
    "under the name of the province": ("regions: [CN-GD-SZ]", "regions: [CN-GD]"),
    "in a draft": ("status: secondhand", "status: draft\nmissing: [everything]"),
    "the gross factor of another repository": ("value: 26900", "value: 30000"),
}


@pytest.mark.parametrize("case", CARRIED)
def test_a_quarantined_factor_is_refused_with_the_reason(case: str) -> None:
    changes = [CARRIED[case]]
    if "regions" in CARRIED[case][0] or "status" in CARRIED[case][0]:
        changes.append(("value: 26900", "value: 218000"))
    data = shenzhen(*changes)
    parse_methodology(data)  # the language has nothing against it

    with pytest.raises(QuarantinedFactorError, match=r"bad\.yaml:\d+: .*contradicted|own factor"):
        checked_methodology(data, "bad.yaml")


def test_a_refusal_names_the_line_of_the_number() -> None:
    data = shenzhen(("value: 26900", "value: 152000"))
    line = 1 + data.split(b"152000")[0].count(b"\n")

    with pytest.raises(QuarantinedFactorError, match=rf"bad\.yaml:{line}: NET = 152000 ug/m"):
        checked_methodology(data, "bad.yaml")


@pytest.mark.parametrize(
    "change",
    [
        ("value: 26900", "value: 218001"),
        ("value: 26900", "value: 104000"),
        ("regions: [CN-GD-SZ]", "regions: [CN-GD-SZX]"),
    ],
)
def test_a_number_of_another_value_or_region_is_not_meant(change: tuple[str, str]) -> None:
    checked_methodology(shenzhen(change), "good.yaml")


def test_the_same_value_in_another_unit_is_another_number() -> None:
    parameter = "parameters:\n  MAX: {value: 66000, unit: m, source: press}\ntables:"

    checked_methodology(shenzhen(("tables:", parameter)), "good.yaml")


def test_every_region_of_the_bad_file_is_on_the_list() -> None:
    regions = {bad.region for bad in quarantine() if bad.dataset == "all-provinces"}

    assert regions == {"CN-BJ", "CN-GD", "CN-GD-GZ", "CN-GD-SZ", "CN-HE", "CN-SH", "CN-TJ"}
    assert all(bad.why and bad.cite for bad in quarantine())


LIST = """schema: fedcarbon/v2/quarantine
entries:
  - id: a
    cite: b
    read: 2026-11-21
    regions:
      - {region: CN, unit: ug/m, values: [1], why: wrong}
"""


def test_a_list_of_the_whole_country_concerns_every_part_of_it() -> None:
    (bad,) = parse_quarantine(LIST.replace("[1]", "[26900]").encode())
    data = catalogue_bytes("cn-shenzhen-transit")

    with pytest.raises(QuarantinedFactorError):
        check_quarantine(parse_methodology(data), data, [bad])


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("v2/quarantine", "v1/quarantine", 1),
        ("    cite: b\n", "", 3),
        ("values: [1]", "values: []", 7),
        ("values: [1]", "values: [one]", 7),
        ("unit: ug/m", "unit: g/km", 7),
        ("why: wrong", "because: wrong", 7),
        ("entries:", "entries: []\nothers:", 4),
    ],
)
def test_a_broken_list_is_refused_with_its_line(old: str, new: str, line: int) -> None:
    with pytest.raises(InvalidMethodologyError, match=rf"^list:{line}: "):
        parse_quarantine(LIST.replace(old, new).encode(), "list")
