"""Partners that lie, each found by its code; and the lie that no program finds."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fedcarbon.audit.evidence_checks import check_evidence
from fedcarbon.audit.opened_evidence import LeafOpening, OpenedDay, OpenedEvidence
from fedcarbon.cli.catalogue import load_from_catalogue
from fedcarbon.evidence.leaf import PersonDayEvidence
from fedcarbon.methodology.definition import Methodology
from fedcarbon.transparency.envelope import SignatureInvalidError
from fedcarbon.units import MicrogramsCO2e
from tests.simulation.audited import BIKE, MAAS, METRO, Audited


@pytest.fixture(scope="module")
def opened(sealed: Audited) -> OpenedEvidence:
    """What the honest metro opens."""
    return sealed.opened()


# --- what was committed already -------------------------------------------------------------------


def test_an_invented_activity_passes(sealed: Audited, opened: OpenedEvidence) -> None:
    """The honest limit: person 3's ride never happened, and nothing but the platform's own records
    says so."""
    invented = [
        activity.activity_id
        for day in opened.person_days
        for activity in day.evidence.activities
        if activity.person_ref == "metro-3"
    ]

    assert invented == ["metro-3-0-19"]
    assert sealed.codes(opened) == set()


def test_inflated_reduction(sealed: Audited) -> None:
    """bike doubles its factor; claims, commitments and submission follow from it."""
    assert {"REDUCTION_DIFFERS", "SLOT_VALUE_DIFFERS"} <= sealed.codes(sealed.opened(BIKE))


def test_trip_of_another_day(sealed: Audited) -> None:
    """maas claims a ride of tomorrow today."""
    assert "DAY_OUTSIDE_EPOCH" in sealed.codes(sealed.opened(MAAS))


def test_inflated_submission(sealed: Audited) -> None:
    """maas gives one person's grams to another: the total is right, the slots are not."""
    findings = sealed.report(sealed.opened(MAAS)).findings
    slots = [item for item in findings if item.code == "SLOT_VALUE_DIFFERS"]

    assert len(slots) >= 2


# --- lies in what is opened -----------------------------------------------------------------------


def with_day(opened: OpenedEvidence, **changes: Any) -> OpenedEvidence:
    """Change what the first day with an activity says."""
    days = list(opened.person_days)
    at = next(i for i, day in enumerate(days) if day.evidence.activities)
    evidence = dataclasses.replace(days[at].evidence, **changes)
    days[at] = dataclasses.replace(days[at], evidence=evidence)
    return dataclasses.replace(opened, person_days=tuple(days))


def first_day(opened: OpenedEvidence) -> PersonDayEvidence:
    return next(day.evidence for day in opened.person_days if day.evidence.activities)


def test_evidence_leaf_differs(sealed: Audited, opened: OpenedEvidence) -> None:
    """Another trip than the one that was committed to."""
    (activity,) = first_day(opened).activities
    values = activity.values.replace('_m":', '_m":1')
    other = dataclasses.replace(activity, values=values)

    assert "EVIDENCE_LEAF_DIFFERS" in sealed.codes(with_day(opened, activities=(other,)))


def test_another_salt_opens_nothing(sealed: Audited, opened: OpenedEvidence) -> None:
    first = opened.claims[0]
    changed = dataclasses.replace(first.opening, salt=bytes(32))
    claims = (dataclasses.replace(first, opening=changed), *opened.claims[1:])

    codes = sealed.codes(dataclasses.replace(opened, claims=claims))

    assert {"EVIDENCE_LEAF_DIFFERS", "EVIDENCE_NOT_OPENED"} <= codes


@pytest.mark.parametrize("field", ["claims", "person_days", "slots"])
def test_evidence_not_opened(sealed: Audited, opened: OpenedEvidence, field: str) -> None:
    shorter = dataclasses.replace(opened, **{field: getattr(opened, field)[1:]})

    assert "EVIDENCE_NOT_OPENED" in sealed.codes(shorter)


def test_a_leaf_of_another_place_is_not_this_ones(sealed: Audited, opened: OpenedEvidence) -> None:
    """Two accounts exchanged: the empty one instead of the one with trips."""
    first, second, *rest = opened.person_days

    def at(day: OpenedDay, other: OpenedDay) -> OpenedDay:
        opening = LeafOpening(
            number=day.opening.number, salt=other.opening.salt, path=other.opening.path
        )
        return OpenedDay(opening=opening, evidence=other.evidence)

    exchanged = (at(first, second), at(second, first), *rest)

    assert "EVIDENCE_LEAF_DIFFERS" in sealed.codes(
        dataclasses.replace(opened, person_days=exchanged)
    )


def test_slot_shows_another_value_than_was_submitted(
    sealed: Audited, opened: OpenedEvidence
) -> None:
    """What the evidence is worth is shown, although something else was encrypted."""
    first, *rest = opened.slots
    other = dataclasses.replace(first, value_ug=MicrogramsCO2e(first.value_ug + 1))

    codes = sealed.codes(dataclasses.replace(opened, slots=(other, *rest)))

    assert codes == {"SLOT_VALUE_DIFFERS", "SLOT_PROOF_INVALID"}


def test_a_proof_of_another_slot_proves_nothing(sealed: Audited, opened: OpenedEvidence) -> None:
    first, second, *rest = opened.slots
    slots = (
        dataclasses.replace(first, proof=second.proof),
        dataclasses.replace(second, proof=first.proof),
        *rest,
    )

    assert sealed.codes(dataclasses.replace(opened, slots=slots)) == {"SLOT_PROOF_INVALID"}


def test_claim_table_differs(sealed: Audited, opened: OpenedEvidence) -> None:
    """The node says less of a claim than it committed to."""
    pieces = list(opened.table.pieces_ug)
    at = next(i for i, piece in enumerate(pieces) if piece)
    pieces[at] = MicrogramsCO2e(pieces[at] - 1)
    table = dataclasses.replace(opened.table, pieces_ug=tuple(pieces))

    assert sealed.codes(dataclasses.replace(opened, table=table)) == {"PIECE_COMMITMENTS_DIFFER"}


def test_probing_pad_is_no_pad(sealed: Audited, opened: OpenedEvidence) -> None:
    """bike claims a slot of the metro's rider without any trip, to learn whether it is lost."""
    record = sealed.record()
    pads = {c.opening.number for c in opened.claims if not c.evidence.pieces}
    assert pads
    assert not pads & record.contested

    contested = dataclasses.replace(record, contested=frozenset(pads))

    assert _codes_over(contested, sealed, opened) == {"CLAIM_WITHOUT_ACTIVITY"}


def test_another_sample_is_not_answered_for(sealed: Audited, opened: OpenedEvidence) -> None:
    """The partner opens a sample that it likes better."""
    nicer = dataclasses.replace(opened.sample, person_days=opened.sample.person_days[:1])

    assert sealed.codes(dataclasses.replace(opened, sample=nicer)) == {"SAMPLE_NOT_DRAWN"}


def test_evidence_of_another_partner_is_not_signed_by_this_one(
    sealed: Audited, opened: OpenedEvidence
) -> None:
    record = sealed.record(BIKE)
    envelope = sealed.world.nodes[METRO].open_evidence(opened.sample)

    with pytest.raises(SignatureInvalidError):
        _checked(record, envelope)


def test_a_methodology_that_is_not_in_the_bundle_is_named(
    sealed: Audited, opened: OpenedEvidence
) -> None:
    other = load_from_catalogue("cn-ecny-shanghai")
    renamed: Methodology = dataclasses.replace(other, content_hash=bytes(32))

    assert "METHODOLOGY_UNKNOWN" in sealed.codes(opened, renamed)


def test_a_commitment_with_fewer_leaves_is_named(sealed: Audited, opened: OpenedEvidence) -> None:
    """A hub that plays together with a partner lets it leave somebody out."""
    record = dataclasses.replace(sealed.record(), evidence_count=opened.sample.size)

    assert _codes_over(record, sealed, opened) == {"EVIDENCE_COUNT_DIFFERS"}


def test_better_evidence_than_the_admission_allows_is_named(
    sealed: Audited, opened: OpenedEvidence
) -> None:
    record = dataclasses.replace(sealed.record(), best_tier=1)

    assert _codes_over(record, sealed, opened) == {"TIER_ABOVE_ALLOWED"}


def _codes_over(record: Any, sealed: Audited, opened: OpenedEvidence) -> set[str]:
    return {item.code for item in _checked(record, _envelope(sealed, opened)).findings}


def _envelope(sealed: Audited, opened: OpenedEvidence) -> bytes:
    return sealed.world.nodes[METRO].open_evidence(opened.sample)


def _checked(record: Any, envelope: bytes) -> Any:
    return check_evidence(record, envelope, [load_from_catalogue("cn-ecny-shanghai")])
