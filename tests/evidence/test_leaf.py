"""Evidence leaves: everything in them is bound, and nothing without the salt can be tested."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fedcarbon.errors import MalformedError
from fedcarbon.evidence.leaf import (
    ClaimEvidence,
    EvidencePiece,
    PersonDayEvidence,
    SlotEvidence,
    leaf_salt,
)
from fedcarbon.methodology.activity import Activity, Mode
from fedcarbon.units import Metres, MicrogramsCO2e, Seconds

KEY = b"k" * 32
SALT = leaf_salt(KEY, 0)
RIDE = Activity(
    activity_id="ride-1",
    person_ref="user-1",
    mode=Mode.RAIL,
    started_at_s=Seconds(1_000_000),
    ended_at_s=Seconds(1_000_600),
    distance_m=Metres(5_000),
    evidence=0,
)
PIECE = EvidencePiece(
    activity=RIDE, slot_start_s=Seconds(999_900), piece_ug=MicrogramsCO2e(242_500_000)
)
CLAIM = ClaimEvidence(
    token=b"t" * 16, rank=0, commitment=b"K" * 32, methodology=b"m" * 32, pieces=(PIECE,)
)
SLOT = SlotEvidence(
    slot_start_s=Seconds(999_900), claim=4, reduction_ug=MicrogramsCO2e(242_500_000)
)
DAY = PersonDayEvidence(
    account_token=b"a" * 32,
    day="1970-01-12",
    methodology=b"m" * 32,
    reduction_ug=MicrogramsCO2e(242_500_000),
    activities=(RIDE,),
    slots=(SLOT,),
)

RIDES: dict[str, dict[str, Any]] = {
    "id": {"activity_id": "ride-2"},
    "person": {"person_ref": "user-2"},
    "mode": {"mode": Mode.BUS},
    "start": {"started_at_s": 1_000_001},
    "end": {"ended_at_s": 1_000_601},
    "distance": {"distance_m": 5_001},
    "tier": {"evidence": 1},
}
CLAIMS: dict[str, dict[str, Any]] = {
    "token": {"token": b"T" * 16},
    "rank": {"rank": 1},
    "K": {"commitment": b"L" * 32},
    "methodology": {"methodology": b"M" * 32},
    "no pieces": {"pieces": ()},
    "another piece": {"pieces": (dataclasses.replace(PIECE, piece_ug=MicrogramsCO2e(1)),)},
    "another slot": {"pieces": (dataclasses.replace(PIECE, slot_start_s=Seconds(0)),)},
}
DAYS: dict[str, dict[str, Any]] = {
    "account": {"account_token": b"A" * 32},
    "day": {"day": "1970-01-13"},
    "methodology": {"methodology": b"M" * 32},
    "reduction": {"reduction_ug": MicrogramsCO2e(1)},
    "no activities": {"activities": ()},
    "no slots": {"slots": ()},
    "another claim": {"slots": (dataclasses.replace(SLOT, claim=5),)},
    "another slot": {"slots": (dataclasses.replace(SLOT, slot_start_s=Seconds(0)),)},
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
