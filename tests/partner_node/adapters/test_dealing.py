import csv
from collections import Counter, defaultdict
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.identity.person_id import IdType, canonical_identity
from partner_node.adapters.dealing import (
    ASSIGNMENT_COLUMNS,
    Assignment,
    deal,
    users_of,
    write_assignments,
    write_identities,
)
from partner_node.importing.identities import read_identities
from partner_node.importing.table_file import Read

USERS = {
    "metro": [f"card-{i}" for i in range(600)],
    "bike": [f"user-{i}" for i in range(600)],
    "taxi": [f"rider-{i}" for i in range(600)],
}


def _platforms_of(assignments: tuple[Assignment, ...]) -> dict[str, list[str]]:
    platforms: defaultdict[str, list[str]] = defaultdict(list)
    for item in assignments:
        platforms[item.synthetic_identity].append(item.platform)
    return platforms


def test_every_user_is_dealt_once_and_nobody_twice_on_one_platform() -> None:
    assignments = deal(USERS, seed=1)

    dealt = Counter((item.platform, item.platform_user_id) for item in assignments)
    assert dealt == {(name, user): 1 for name, users in USERS.items() for user in users}
    assert all(len(set(names)) == len(names) for names in _platforms_of(assignments).values())


def test_half_are_on_one_platform_a_third_on_two_the_rest_on_three() -> None:
    counts = Counter(len(names) for names in _platforms_of(deal(USERS, seed=1)).values())

    # 1800 users make 1080 identities: 540, 360 and 180.
    assert counts == {1: 540, 2: 360, 3: 180}


def test_dealing_depends_on_the_seed_and_on_nothing_else() -> None:
    shuffled = {name: [*reversed(users), users[0]] for name, users in reversed(USERS.items())}

    assert deal(USERS, seed=1) == deal(shuffled, seed=1)
    assert deal(USERS, seed=1) != deal(USERS, seed=2)


def test_a_long_list_does_not_keep_short_ones_apart() -> None:
    users = {"metro": [str(i) for i in range(900)], "bike": [str(i) for i in range(90)]}

    platforms = _platforms_of(deal(users, seed=3))

    assert sum(len(names) for names in platforms.values()) == 990
    assert sum(names == ["metro"] for names in platforms.values()) > 400
    assert sum(len(names) == 2 for names in platforms.values()) > 30


def test_every_identity_is_a_valid_test_id_that_nobody_can_own() -> None:
    for item in deal(USERS, seed=1):
        identity = canonical_identity("TEST", item.synthetic_identity, allow_test=True)

        assert identity.id_type is IdType.TEST
        assert item.synthetic_identity[:2] == "99"
        assert item.synthetic_identity[6:10] == "1800"


def test_the_first_identity_has_the_first_serial() -> None:
    assert deal({"metro": ["a"]}, seed=1)[0].synthetic_identity == "990000180001010017"
    assert deal({"metro": ["a"]}, seed=1, first_serial=2)[0].synthetic_identity == (
        "990000180001010025"
    )


def test_nobody_is_dealt_from_nothing() -> None:
    assert deal({"metro": []}, seed=1) == ()
    assert deal({}, seed=1) == ()


@given(sizes=st.dictionaries(st.sampled_from("abcd"), st.integers(0, 40)), seed=st.integers(0, 9))
def test_dealing_is_a_partition_for_any_sizes(sizes: dict[str, int], seed: int) -> None:
    users = {name: [f"{name}{i}" for i in range(size)] for name, size in sizes.items()}

    assignments = deal(users, seed=seed)

    assert len(assignments) == sum(sizes.values())
    assert {(item.platform, item.platform_user_id) for item in assignments} == {
        (name, user) for name, ids in users.items() for user in ids
    }
    for names in _platforms_of(assignments).values():
        assert 1 <= len(names) == len(set(names)) <= 3


def test_the_ground_truth_and_the_identity_files_agree(tmp_path: Path) -> None:
    assignments = deal({"metro": ["b", "a"], "bike": ["a"]}, seed=1)
    truth, identities = tmp_path / "assignments.csv", tmp_path / "metro.identities.csv"

    write_assignments(truth, assignments, time_shift_weeks={"metro": 392, "bike": -3})
    count = write_identities(identities, assignments, platform="metro")

    with truth.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == ASSIGNMENT_COLUMNS
    assert {row["platform"]: row["time_shift_weeks"] for row in rows} == {
        "metro": "392",
        "bike": "-3",
    }
    of_metro = {
        r["platform_user_id"]: r["synthetic_identity"] for r in rows if r["platform"] == "metro"
    }
    read = [item.value for item in read_identities(identities) if isinstance(item, Read)]
    assert count == len(read) == 2
    assert {record.person_ref: record.id_number for record in read} == of_metro
    assert {(r.id_type, r.consent_data, r.consent_claim) for r in read} == {
        ("TEST", "true", "true")
    }


def test_users_are_taken_from_an_activity_file(tmp_path: Path) -> None:
    path = tmp_path / "activities.csv"
    header = "activity_id,person_ref,mode,started_at,ended_at,distance_m,evidence"
    rows = ["1,b,bike,,,,", "2,a,bike,,,,", "3,b,bike,,,,", "too,short"]
    path.write_text("\n".join([header, *rows]), encoding="utf-8")

    assert users_of(path) == ["b", "a"]
