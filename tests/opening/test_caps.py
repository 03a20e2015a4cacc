"""Caps: how large an opened value can be at most."""

from __future__ import annotations

import pytest

from fedcarbon.ids import EpochIndex
from fedcarbon.opening.caps import caps_so_far
from fedcarbon.opening.masks import OpenedValueAboveHeadroomError, read_opened
from fedcarbon.opening.refusals import EpochNotSealedError
from fedcarbon.packing.layout import pack
from tests.trustee.city import City, built
from tests.trustee.founded import ALICE, BIKE, BORA, METRO

CAP_UG = 50_000_000_000
"""Per person and day; an epoch of the city has two days."""


def test_epoch_of_two_days_caps(city: City) -> None:
    federation = city.federation
    view = federation.view()

    def limit(token: bytes, epoch: int) -> int:
        return caps_so_far(view, federation.account(token), EpochIndex(epoch))

    assert [limit(BORA, epoch) for epoch in (1, 2)] == [2 * CAP_UG, 4 * CAP_UG]
    assert limit(ALICE, 2) == 8 * CAP_UG  # two partners


def test_epochs_of_one_day_have_half_the_cap() -> None:
    single = built(epochs=1, epoch_days=1)
    federation = single.federation

    limit = caps_so_far(federation.view(), federation.account(BORA), EpochIndex(1))

    assert limit == CAP_UG


def test_a_missing_partner_adds_no_cap(city: City) -> None:
    federation = city.federation
    plan = federation.plan(5)
    headers = federation.submit(METRO, 5, plan, {})
    federation.seal(5, plan, {METRO: headers, BIKE: []})
    view = federation.view()

    by_epoch = [caps_so_far(view, federation.account(ALICE), EpochIndex(e)) for e in (4, 5)]

    assert by_epoch[1] - by_epoch[0] == 2 * CAP_UG


def test_there_is_no_limit_without_a_seal(city: City) -> None:
    with pytest.raises(EpochNotSealedError):
        caps_so_far(city.federation.view(), city.federation.account(ALICE), EpochIndex(5))


def test_opened_value_above_headroom(city: City) -> None:
    federation = city.federation
    limit = caps_so_far(federation.view(), federation.account(BORA), EpochIndex(1))
    layout = federation.parameters.layout
    slot = federation.places[BORA][1]
    values = [0] * layout.slots

    values[slot] = limit
    assert read_opened(layout, pack(layout, values), [slot], {slot: limit}) == {slot: limit}

    values[slot] = limit + 1
    with pytest.raises(OpenedValueAboveHeadroomError):
        read_opened(layout, pack(layout, values), [slot], {slot: limit})
