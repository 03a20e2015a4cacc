"""Evidence leaves: everything in them is bound, and nothing without the salt can be tested."""

from __future__ import annotations

import dataclasses
import hmac
from typing import Any

import pytest

from fedcarbon.canonical.hashing import length_prefixed
from fedcarbon.errors import MalformedError
from fedcarbon.evidence.leaf import (
    ActivityEvidence,
    ClaimEvidence,
    EvidencePiece,
    LeafSalts,
    PersonDayEvidence,
    SlotEvidence,
    leaf_salt,
)
from fedcarbon.methodology.definition import ActivityType
from fedcarbon.units import MicrogramsCO2e, Seconds
from tests.trips import trip

KEY = b"k" * 32
SALT = leaf_salt(KEY, 0)
RIDE = ActivityEvidence.of(
    trip("ride-1", "user-1", 1_000_000, 1_000_600, distance_m=5_000),
    ActivityType.TRIP,
    b"m" * 32,
    (),
    MicrogramsCO2e(485_000_000),
)
PIECE = EvidencePiece(
    activity=RIDE,
    owner="",
    group="movement",
    slot_start_s=Seconds(999_900),
    piece_ug=MicrogramsCO2e(242_500_000),
)
CLAIM = ClaimEvidence(token=b"t" * 16, rank=0, commitment=b"K" * 32, pieces=(PIECE,))
SLOT = SlotEvidence(
    owner="",
    group="movement",
    slot_start_s=Seconds(999_900),
    claim=4,
    reduction_ug=MicrogramsCO2e(242_500_000),
)
DAY = PersonDayEvidence(
    account_token=b"a" * 32,
    day="1970-01-12",
    reduction_ug=MicrogramsCO2e(242_500_000),
    activities=(RIDE,),
    slots=(SLOT,),
)

RIDES: dict[str, dict[str, Any]] = {
    "id": {"activity_id": "ride-2"},
    "person": {"person_ref": "user-2"},
    "object": {"object_ref": "METER:SGCC:1"},
    "methodology": {"methodology_id": "another-one"},
    "content hash": {"methodology": b"M" * 32},
    "type": {"activity_type": ActivityType.COUNT},
    "start": {"started_at_s": 1_000_001},
    "end": {"ended_at_s": 1_000_601},
    "distance": {"values": '{"distance_m":5001,"mode":"rail"}'},
    "mode": {"values": '{"distance_m":5000,"mode":"bus"}'},
    "history": {"history": ("1",)},
    "a year that is not known": {"history": ("",)},
    "credit": {"credited_ug": MicrogramsCO2e(1)},
    "tier": {"evidence": 1},
}
CLAIMS: dict[str, dict[str, Any]] = {
    "token": {"token": b"T" * 16},
    "rank": {"rank": 1},
    "K": {"commitment": b"L" * 32},
    "no pieces": {"pieces": ()},
    "another piece": {"pieces": (dataclasses.replace(PIECE, piece_ug=MicrogramsCO2e(1)),)},
    "another slot": {"pieces": (dataclasses.replace(PIECE, slot_start_s=Seconds(0)),)},
    "another group": {"pieces": (dataclasses.replace(PIECE, group="state"),)},
    "another owner": {"pieces": (dataclasses.replace(PIECE, owner="METER:SGCC:1"),)},
}
DAYS: dict[str, dict[str, Any]] = {
    "account": {"account_token": b"A" * 32},
    "day": {"day": "1970-01-13"},
    "reduction": {"reduction_ug": MicrogramsCO2e(1)},
    "no activities": {"activities": ()},
    "no slots": {"slots": ()},
    "another claim": {"slots": (dataclasses.replace(SLOT, claim=5),)},
    "another slot": {"slots": (dataclasses.replace(SLOT, slot_start_s=Seconds(0)),)},
    "another group": {"slots": (dataclasses.replace(SLOT, group="state"),)},
    "another owner": {"slots": (dataclasses.replace(SLOT, owner="METER:SGCC:1"),)},
    "another sum": {"slots": (dataclasses.replace(SLOT, reduction_ug=MicrogramsCO2e(1)),)},
}


@pytest.mark.parametrize("changes", RIDES.values(), ids=RIDES)
def test_both_leaves_bind_all_of_an_activity(changes: dict[str, Any]) -> None:
    ride = dataclasses.replace(RIDE, **changes)
    claim = dataclasses.replace(CLAIM, pieces=(dataclasses.replace(PIECE, activity=ride),))
    day = dataclasses.replace(DAY, activities=(ride,))

    assert claim.leaf(SALT) != CLAIM.leaf(SALT)
    assert day.leaf(SALT) != DAY.leaf(SALT)


@pytest.mark.parametrize("changes", CLAIMS.values(), ids=CLAIMS)
def test_a_claims_leaf_binds_everything(changes: dict[str, Any]) -> None:
    assert dataclasses.replace(CLAIM, **changes).leaf(SALT) != CLAIM.leaf(SALT)


@pytest.mark.parametrize("changes", DAYS.values(), ids=DAYS)
def test_a_days_leaf_binds_everything(changes: dict[str, Any]) -> None:
    assert dataclasses.replace(DAY, **changes).leaf(SALT) != DAY.leaf(SALT)


def test_salts_differ_by_leaf_and_epoch() -> None:
    salts = {leaf_salt(key, number) for key in (KEY, b"o" * 32) for number in range(100)}

    assert len(salts) == 200
    assert CLAIM.leaf(leaf_salt(KEY, 1)) != CLAIM.leaf(SALT)


def test_a_salt_is_the_hmac_of_its_number_also_when_many_are_made() -> None:
    salts = LeafSalts(KEY)

    for number in (0, 1, 1 << 40):
        message = length_prefixed(b"fedcarbon/v1/evidence-salt", number.to_bytes(8, "big"))
        due = hmac.digest(KEY, message, "sha256")
        assert salts.salt(number) == leaf_salt(KEY, number) == due


def test_evidence_has_one_order() -> None:
    other = dataclasses.replace(PIECE, activity=dataclasses.replace(RIDE, activity_id="ride-0"))
    with pytest.raises(MalformedError):
        dataclasses.replace(CLAIM, pieces=(PIECE, other))
    with pytest.raises(MalformedError):
        dataclasses.replace(DAY, slots=(SLOT, SLOT))
    with pytest.raises(MalformedError):
        dataclasses.replace(DAY, account_token=b"short")
    with pytest.raises(MalformedError):
        dataclasses.replace(CLAIM, token=b"short")


MALFORMED: dict[str, dict[str, Any]] = {
    "values in another order": {"values": '{"mode":"rail","distance_m":5000}'},
    "a duration below zero": {"ended_at_s": 999_999},
    "a year in words": {"history": ("many",)},
    "a year with a zero before it": {"history": ("01",)},
    "a hundred years": {"history": ("1",) * 100},
    "half a hash": {"methodology": b"m" * 16},
}


@pytest.mark.parametrize("changes", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_activity_is_no_evidence(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        dataclasses.replace(RIDE, **changes)


def test_the_history_of_a_meter_comes_back_as_it_was() -> None:
    ride = dataclasses.replace(RIDE, history=("12", "", "-3"))

    assert ride.known_history() == (12, None, -3)
