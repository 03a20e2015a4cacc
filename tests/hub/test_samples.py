"""The sample beacon: drawn over every seal, once, whatever happens in between."""

from __future__ import annotations

import pytest

from fedcarbon.epoch.statements import BeaconLabel, BeaconValue
from fedcarbon.transparency.leaf import LeafType
from tests.hub.federation import (
    BIKES,
    FIRST,
    METRO,
    PARTNERS,
    SECOND,
    TAXIS,
    Federation,
    opened,
)


@pytest.fixture
def enrolled(federation: Federation) -> Federation:
    for partner in (METRO, BIKES, TAXIS):
        federation.enrol_people(partner, range(3))
    return federation


def _crash(*_: object, **__: object) -> object:
    raise ZeroDivisionError


def samples_of(federation: Federation) -> list[tuple[int, BeaconValue]]:
    """Return leaf and value of every sample beacon of the record."""
    found = federation.hub.read_now(
        lambda session: federation.hub.record.bodies_of_type(session, LeafType.BEACON_VALUE)
    )
    values = [(leaf, opened(BeaconValue, body)) for leaf, body in found]
    return [(leaf, value) for leaf, value in values if value.label is BeaconLabel.SAMPLE]


def test_the_sample_is_drawn_over_the_seal_once(enrolled: Federation) -> None:
    enrolled.run_claims()
    for partner in PARTNERS:
        assert samples_of(enrolled) == []
        enrolled.submit(partner)
    enrolled.advance()
    enrolled.restart()
    enrolled.advance()

    ((leaf, value),) = samples_of(enrolled)

    assert (value.leaf_index, value.epoch) == (enrolled.epoch().seal_leaf, FIRST)
    assert enrolled.epoch().sample_leaf == leaf


def test_a_crash_between_the_sample_and_its_note_draws_no_second_one(
    enrolled: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled.run_claims()
    for partner in PARTNERS:
        enrolled.submit(partner)
    with monkeypatch.context() as patch:
        patch.setattr("hub.epochs.sealing.keep_sample", _crash)
        with pytest.raises(ZeroDivisionError):
            enrolled.advance()
    assert enrolled.epoch().sample_leaf is None

    enrolled.restart()
    enrolled.advance()

    ((leaf, _),) = samples_of(enrolled)
    assert enrolled.epoch().sample_leaf == leaf


def test_samples_that_nobody_drew_are_drawn_later_for_every_sealed_epoch(
    enrolled: Federation,
) -> None:
    enrolled.trustees.refused = {BeaconLabel.SAMPLE}
    for epoch in (FIRST, SECOND):
        enrolled.run_claims(epoch=epoch)
        for partner in PARTNERS:
            enrolled.submit(partner, epoch=epoch)
        assert {item.error.code for item in enrolled.advance().stalled} == {"QUORUM_MISSING"}
    assert samples_of(enrolled) == []
    enrolled.trustees.refused = set()

    assert enrolled.advance().stalled == []

    drawn = {value.leaf_index for _, value in samples_of(enrolled)}
    assert drawn == {enrolled.epoch(FIRST).seal_leaf, enrolled.epoch(SECOND).seal_leaf}
