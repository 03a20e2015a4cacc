import csv
from pathlib import Path

import pytest

from fedcarbon.cli.catalogue import load_from_catalogue
from partner_node.activities.bundle import Bundle
from partner_node.adapters.canonical_output import OUTPUT_COLUMNS
from partner_node.adapters.dealing import Assignment
from partner_node.adapters.double_claims import (
    COPY_COLUMNS,
    Copy,
    CopySettings,
    DoubleClaimError,
    copy_activities,
    write_copies,
)
from partner_node.importing.activities import read_activities
from partner_node.importing.table_file import Read
from tests.trips import METHODOLOGY

BUNDLE = Bundle([load_from_catalogue(METHODOLOGY)])


def _assigned(platform: str, user: str, identity: str) -> Assignment:
    return Assignment(platform=platform, platform_user_id=user, synthetic_identity=identity)


ASSIGNMENTS = (
    _assigned("metro", "card-1", "990000180001010017"),
    _assigned("bike", "user-9", "990000180001010017"),
    _assigned("metro", "card-2", "990000180001010025"),
)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A hundred rides of each card on the metro platform; nothing on the bike platform."""
    rows = [
        f"ride-{card}-{i},card-{card},rail,2026-03-07T1{card}:00:00+08:00,"
        f"2026-03-07T1{card}:30:00+08:00,{50 + i},0,here,then,later"
        for card in (1, 2)
        for i in range(100)
    ]
    header = ",".join(OUTPUT_COLUMNS)
    paths = {name: tmp_path / f"{name}.csv" for name in ("metro", "bike")}
    paths["metro"].write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    paths["bike"].write_text(header + "\n", encoding="utf-8")
    return paths


def _copy(files: dict[str, Path], per_mille: int, seed: int = 5) -> tuple[Copy, ...]:
    return copy_activities(
        files,
        source="metro",
        target="bike",
        assignments=ASSIGNMENTS,
        settings=CopySettings(seed=seed, copy_per_mille=per_mille),
    )


def test_only_people_on_both_platforms_are_seen_twice(files: dict[str, Path]) -> None:
    copies = _copy(files, per_mille=1_000)

    assert [copy.original_activity_id for copy in copies] == [f"ride-1-{i}" for i in range(100)]
    assert {copy.synthetic_identity for copy in copies} == {"990000180001010017"}


def test_a_copy_is_the_ride_with_another_clock_and_a_noisy_distance(files: dict[str, Path]) -> None:
    copies = {copy.copy_activity_id: copy for copy in _copy(files, per_mille=1_000)}

    originals = {
        i.value.activity_id: i.value
        for i in read_activities(files["metro"], None, BUNDLE)
        if isinstance(i, Read)
    }
    copied = read_activities(files["bike"], None, BUNDLE)
    written = [item.value for item in copied if isinstance(item, Read)]
    assert len(written) == 100
    for activity in written:
        copy = copies[activity.activity_id]
        original = originals[copy.original_activity_id]
        assert activity.person_ref == "user-9"
        assert activity.values["mode"] == original.values["mode"]
        assert activity.started_at_s - original.started_at_s == copy.clock_offset_s
        assert activity.duration_s == original.duration_s
        distances_m = [int(item.values["distance_m"]) for item in (activity, original)]
        assert distances_m[0] - distances_m[1] == copy.distance_noise_m
        assert activity.evidence == 1
    offsets = [copy.clock_offset_s for copy in copies.values()]
    noises = [copy.distance_noise_m for copy in copies.values()]
    assert 0 <= min(offsets) < 30
    assert 150 < max(offsets) <= 180
    assert -100 <= min(noises) < 0 < max(noises) <= 100


def test_a_share_is_copied_and_the_seed_says_which(files: dict[str, Path]) -> None:
    before = files["bike"].read_bytes()
    chosen = []
    for seed in (5, 5, 6):
        files["bike"].write_bytes(before)
        chosen.append([copy.original_activity_id for copy in _copy(files, 300, seed)])

    assert chosen[0] == chosen[1] != chosen[2]
    assert 15 <= len(chosen[0]) <= 45


def test_nothing_is_copied_without_a_share(files: dict[str, Path]) -> None:
    before = files["bike"].read_bytes()

    assert _copy(files, per_mille=0) == ()
    assert files["bike"].read_bytes() == before


def test_copies_are_not_copied_back(files: dict[str, Path]) -> None:
    _copy(files, per_mille=1_000)

    back = copy_activities(
        files,
        source="bike",
        target="metro",
        assignments=ASSIGNMENTS,
        settings=CopySettings(seed=5, copy_per_mille=1_000),
    )

    assert back == ()


def test_the_copies_are_recorded(files: dict[str, Path], tmp_path: Path) -> None:
    copies = _copy(files, per_mille=100)

    write_copies(tmp_path / "copies.csv", copies)

    with (tmp_path / "copies.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COPY_COLUMNS
    assert [row["copy_activity_id"] for row in rows] == [copy.copy_activity_id for copy in copies]


def test_a_file_that_no_adapter_wrote_is_refused_untouched(files: dict[str, Path]) -> None:
    damaged = files["metro"].read_text(encoding="utf-8").replace("T11:30:00+08:00", "T11h30")
    files["metro"].write_text(damaged, encoding="utf-8")
    before = files["bike"].read_bytes()

    with pytest.raises(DoubleClaimError, match=r"row 1 of metro\.csv"):
        _copy(files, per_mille=1_000)

    assert files["bike"].read_bytes() == before


def test_a_platform_does_not_copy_from_itself(files: dict[str, Path]) -> None:
    with pytest.raises(DoubleClaimError):
        copy_activities(
            files,
            source="metro",
            target="metro",
            assignments=ASSIGNMENTS,
            settings=CopySettings(seed=1, copy_per_mille=1),
        )


@pytest.mark.parametrize("change", [{"copy_per_mille": 1_001}, {"evidence": 3}])
def test_impossible_settings_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(DoubleClaimError):
        CopySettings(**{"seed": 1, "copy_per_mille": 1, **change})
