"""Which methodologies may stand together in a node."""

from __future__ import annotations

import dataclasses

import pytest

from fedcarbon.cli.catalogue import catalogue_names, load_from_catalogue
from fedcarbon.methodology.definition import Basis, MethodologyNotUsableError, MethodologyStatus
from fedcarbon.registry.measure import Measure
from partner_node.activities.bundle import Bundle, BundleInvalidError, MeasureDiffersError
from tests.meters import goods


def bundle(*names: str) -> Bundle:
    return Bundle([load_from_catalogue(name) for name in names])


@pytest.mark.parametrize("name", catalogue_names())
def test_a_node_takes_what_computes_reductions_and_nothing_else(name: str) -> None:
    methodology = load_from_catalogue(name)

    if not methodology.status.computes:
        with pytest.raises(MethodologyNotUsableError):
            bundle(name)
    elif methodology.result.basis is Basis.FOOTPRINT:
        with pytest.raises(BundleInvalidError, match="footprint"):
            bundle(name)
    else:
        assert bundle(name).only == name


def test_points_do_not_stand_beside_grams_nor_cents_beside_fen() -> None:
    with pytest.raises(BundleInvalidError, match="point and ug"):
        bundle("cn-ecny-shanghai", "cn-antforest-energy")
    with pytest.raises(BundleInvalidError, match="eur_cent and fen"):
        bundle("cn-beijing-no-drive", "fi-lahti-citicap")


def test_a_programme_of_grams_takes_no_game_energy() -> None:
    with pytest.raises(MeasureDiffersError):
        bundle("cn-antforest-energy").require_measure(Measure.GRAMS)


def test_a_bundle_has_each_methodology_once_and_no_draft() -> None:
    draft = dataclasses.replace(goods(), status=MethodologyStatus.DRAFT)

    for methodologies in ([], [goods(), goods()]):
        with pytest.raises(BundleInvalidError):
            Bundle(methodologies)
    with pytest.raises(MethodologyNotUsableError):
        Bundle([draft])
