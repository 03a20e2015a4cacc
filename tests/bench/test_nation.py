"""The plan on paper: sums that a reader can do in the head."""

from __future__ import annotations

import pytest

from bench.nation import Assumptions, constants_of, plan

CONSTANTS = {
    "node_cpu_ms_per_membership_day": 1.0,
    "hub_cpu_ms_per_person_day": 2.0,
    "trustee_cpu_ms_per_person_day": 0.0,
    "to_hub_bytes_per_person_day": 600.0,
    "from_hub_bytes_per_person_day": 400.0,
    "node_disk_bytes_per_membership_day": 100.0,
    "record_bytes_per_person_day": 500.0,
    "hub_database_bytes_per_person_day": 200.0,
    "node_cpu_ms_per_enrolment": 1.0,
    "hub_cpu_ms_per_enrolment": 2.0,
    "voprf_cpu_ms_per_enrolment": 3.0,
    "hub_cpu_ms_per_opening": 0.0,
    "trustees_cpu_ms_per_opening": 36.5,
}
GIVEN = Assumptions(
    people=36e6,
    memberships=2,
    window_h=1,
    utilisation=1,
    people_per_shard=9e6,
    openings_per_person_year=10,
    retention_days=10,
    copies=2,
)


def rows() -> dict[str, float]:
    return {row.what: row.value for row in plan(CONSTANTS, GIVEN)}


def test_cores_are_cpu_seconds_over_the_seconds_of_the_window() -> None:
    found = rows()

    assert found["cores of partners' nodes"] == pytest.approx(36e6 * 2 * 0.001 / 3600)
    assert found["cores of hubs"] == pytest.approx(36e6 * 0.002 / 3600)
    # ten openings a year by each of 36 million, 36.5 ms each: 36 million a year of 365 ms
    assert found["cores of trustees"] == pytest.approx(36e6 / 365 * 0.365 / 3600)
    assert found["cores, all"] == pytest.approx(20 + 20 + 10)


def test_shards_share_the_cores_by_people() -> None:
    found = rows()

    assert found["shards (hub with record)"] == pytest.approx(4)
    assert found["cores of one shard, all parties"] == pytest.approx(12.5)


def test_bytes_are_multiplied_and_kept_in_copies() -> None:
    found = rows()

    assert found["on the wire, to and from hubs"] == pytest.approx(0.036)
    assert found["record"] == pytest.approx(0.018)
    assert found["stores of nodes and hubs"] == pytest.approx(0.0144)
    assert found["kept, with copies"] == pytest.approx((0.018 + 0.0144) * 20 / 1000)


def test_the_first_enrolment_counts_every_membership_with_its_blind_evaluations() -> None:
    assert rows()["enrolling everybody once"] == pytest.approx(72e6 * 0.006 / 86_400)


def test_an_evaluation_is_blinded_answered_by_a_threshold_and_put_together_under_two_keys() -> None:
    run = {
        "constants": {},
        "voprf": {
            "blind_per_s_batched": 1_000,
            "evaluate_per_s_batched": 500,
            "finalise_per_s_batched": 250,
            "threshold": 3,
        },
    }

    # 1 ms, three times 2 ms, 4 ms; twice
    assert constants_of(run)["voprf_cpu_ms_per_enrolment"] == pytest.approx(22)


def test_assumptions_that_are_not_positive_are_refused() -> None:
    with pytest.raises(ValueError, match="window_h must be positive"):
        Assumptions(window_h=0)
