"""Admissions: what cannot be written down about a party."""

from __future__ import annotations

import pytest

from fedcarbon.errors import MalformedError
from fedcarbon.ids import PartyId, Role
from fedcarbon.registry.admission import PartyAdmission

FIELDS: dict[str, object] = {
    "parameter_id": bytes(32),
    "party_id": PartyId("metro"),
    "role": Role.PARTNER,
    "signing_key": b"k" * 32,
    "best_tier": 2,
    "claim_slots_per_account_day": 72,
    "object_quota": 0,
}


def test_an_admission_can_be_written_down() -> None:
    assert PartyAdmission(**FIELDS).best_tier == 2  # type: ignore[arg-type]


MALFORMED: dict[str, dict[str, object]] = {
    "an evidence tier that does not exist": {"best_tier": 3},
    "a name that is none": {"party_id": "root:trustee-1"},
    "a key that is too short": {"signing_key": b"k"},
    "a parameter id that is too short": {"parameter_id": b""},
}


@pytest.mark.parametrize("changes", MALFORMED.values(), ids=MALFORMED.keys())
def test_an_admission_is_malformed_with(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        PartyAdmission(**{**FIELDS, **changes})  # type: ignore[arg-type]
