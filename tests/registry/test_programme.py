"""Programmes: days, epochs and the limits of what can be written down."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from fedcarbon.canonical.statement import decode, encode
from fedcarbon.errors import ConfigurationError, FedcarbonError, MalformedError
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.registry.enrolment import EnrolmentAction, EnrolmentBatch, EnrolmentEntry
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.programme import Policy, Programme, local_day, midnight_s
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds

SHANGHAI = Programme(
    parameter_id=bytes(32),
    programme_id=ProgrammeId("ecny-shanghai"),
    exclusivity_domain="cn-east",
    exclusivity_group="movement",
    measure=Measure.GRAMS,
    token_epoch=1,
    time_zone="Asia/Shanghai",
    first_day="2026-03-02",
    last_day="2026-03-08",
    epoch_days=1,
    slot_s=300,
    cap_ug=MicrogramsCO2e(50_000_000_000),
    partners_max=8,
    days_max=366,
    unit_ug=MicrogramsCO2e(1_250_000_000),
    unit_fen=Fen(1),
    test_identities=True,
    policy=Policy(),
)


def test_a_programme_round_trips() -> None:
    assert decode(Programme, encode(SHANGHAI)) == SHANGHAI


def test_epochs_are_whole_local_days() -> None:
    two_day = replace(SHANGHAI, last_day="2026-03-07", epoch_days=2)

    assert two_day.epochs == 3
    assert two_day.days_of(EpochIndex(2)) == (dt.date(2026, 3, 4), dt.date(2026, 3, 5))
    assert two_day.epoch_of(dt.date(2026, 3, 7)) == 3
    assert two_day.epoch_of(dt.date(2026, 3, 8)) is None
    assert two_day.epoch_of(dt.date(2026, 3, 1)) is None
    assert two_day.epoch_cap_ug == 2 * SHANGHAI.cap_ug


def test_an_epoch_ends_at_local_midnight() -> None:
    end_s = SHANGHAI.epoch_end_s(EpochIndex(1))

    assert end_s == dt.datetime(2026, 3, 2, 16, tzinfo=dt.UTC).timestamp()
    assert local_day(Seconds(end_s - 1), "Asia/Shanghai") == dt.date(2026, 3, 2)
    assert local_day(end_s, "Asia/Shanghai") == dt.date(2026, 3, 3)


def test_a_day_of_summer_time_has_its_own_length() -> None:
    before = midnight_s(dt.date(2026, 3, 8), "America/New_York")
    after = midnight_s(dt.date(2026, 3, 9), "America/New_York")

    assert after - before == 23 * 3600


REFUSED: dict[str, tuple[dict[str, object], type[FedcarbonError]]] = {
    "days are no whole epochs": ({"epoch_days": 2}, MalformedError),
    "more days than headroom": ({"days_max": 6}, MalformedError),
    "ends before it begins": ({"last_day": "2026-03-01"}, MalformedError),
    "a date in another spelling": ({"first_day": "20260302"}, MalformedError),
    "an unknown zone": ({"time_zone": "Asia/Nowhere"}, ConfigurationError),
    "a folder of zones": ({"time_zone": "Asia"}, ConfigurationError),
    "a zone with an endless name": ({"time_zone": "a" * 5000}, ConfigurationError),
    "the last day of the calendar": (
        {"first_day": "9999-12-25", "last_day": "9999-12-31"},
        MalformedError,
    ),
    "a slot that does not divide the day": ({"slot_s": 7}, MalformedError),
    "a slot of a second": ({"slot_s": 1}, MalformedError),
    "no cap": ({"cap_ug": 0}, MalformedError),
    "a name with a space": ({"programme_id": "a b"}, MalformedError),
}


@pytest.mark.parametrize(("change", "error"), REFUSED.values(), ids=REFUSED.keys())
def test_a_programme_that_makes_no_sense_cannot_be_built(
    change: dict[str, object], error: type[FedcarbonError]
) -> None:
    with pytest.raises(error):
        replace(SHANGHAI, **change)  # type: ignore[arg-type]


def entry(**changes: object) -> EnrolmentEntry:
    fields: dict[str, object] = {
        "account_token": b"t" * 32,
        "action": EnrolmentAction.ENROL,
        "from_epoch": 1,
        "consent_data_hash": b"d" * 32,
        "consent_claim_hash": b"c" * 32,
    }
    return EnrolmentEntry(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("missing", ["consent_data_hash", "consent_claim_hash"])
def test_an_enrolment_without_both_consents_cannot_be_written_down(missing: str) -> None:
    with pytest.raises(MalformedError):
        entry(**{missing: bytes(32)})


def test_an_account_stands_once_in_a_batch() -> None:
    with pytest.raises(MalformedError):
        EnrolmentBatch(
            parameter_id=bytes(32),
            programme_id=SHANGHAI.programme_id,
            partner_id="metro",  # type: ignore[arg-type]
            batch_id=bytes(16),
            entries=(entry(), entry()),
        )
