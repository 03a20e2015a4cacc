"""What root keys are asked to sign of a methodology, and what they are never asked."""

from __future__ import annotations

from typing import Final

import pytest

from fedcarbon.cli.catalogue import catalogue_bytes, load_from_catalogue
from fedcarbon.cli.registry import FootprintNotAdmittedError, methodology_of
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.methodology.definition import InvalidMethodologyError, MethodologyNotUsableError
from fedcarbon.methodology.quarantine import QuarantinedFactorError
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.registry.measure import Measure

ROOTS: Final = TrustRoots(
    parameter_id=bytes(32), threshold=1, root_keys={PartyId("trustee-1"): bytes(32)}
)
PROGRAMME: Final = ProgrammeId("a-programme")


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("cn-ecny-shanghai", Measure.GRAMS),
        ("cn-antforest-energy", Measure.POINTS),
        ("cn-beijing-no-drive", Measure.MONEY),
    ],
)
def test_an_admission_is_of_the_kind_of_the_results(name: str, measure: Measure) -> None:
    data = catalogue_bytes(name)

    admission = methodology_of(data, PROGRAMME, ROOTS)

    assert admission.kind is measure
    assert admission.document == data
    assert admission.content_hash == load_from_catalogue(name).content_hash


def test_what_must_not_be_credited_is_not_even_written() -> None:
    with pytest.raises(FootprintNotAdmittedError):
        methodology_of(catalogue_bytes("uk-desnz-2023"), PROGRAMME, ROOTS)
    with pytest.raises(MethodologyNotUsableError):
        methodology_of(catalogue_bytes("cn-jjj-db11t3043"), PROGRAMME, ROOTS)
    with pytest.raises(InvalidMethodologyError):
        methodology_of(b"{}", PROGRAMME, ROOTS)


def test_a_quarantined_factor_is_not_signed() -> None:
    text = catalogue_bytes("cn-guangzhou-metro-mean").decode()
    bad = "parameters:\n  OLD: {value: 215000, unit: ug/m, source: paper}\n"

    with pytest.raises(QuarantinedFactorError, match="the document:"):
        methodology_of(text.replace("parameters:\n", bad).encode(), PROGRAMME, ROOTS)
