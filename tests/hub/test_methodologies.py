"""Methodologies: believed for their root signatures, pinned for every epoch by its plan."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.registry.measure import Measure
from hub.storage.registry_store import MethodologyStore
from tests.hub.federation import (
    FIRST,
    METHODOLOGY,
    METRO,
    PROGRAMME,
    SECOND,
    Federation,
    claims,
    methodology,
    programme,
    root_signed,
    signed,
)

LATER, OLD = b"l" * 32, b"o" * 32
"""Content hashes of methodologies that come later, and go."""

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "(1) two root signatures": (
        lambda: root_signed(methodology(), roots=2),
        "SIGNATURE_INVALID",
    ),
    "(1) signed by a partner": (lambda: signed(methodology(), METRO), "SIGNATURE_INVALID"),
    "(2) for another parameter set": (
        lambda: root_signed(methodology(parameter_id=b"x" * 32)),
        "PARAMETERS_DIFFER",
    ),
    "(3) for a programme that is not there": (
        lambda: root_signed(methodology(programme_id=ProgrammeId("ghost"))),
        "UNKNOWN_PROGRAMME",
    ),
    "(4) points in a programme of grams": (
        lambda: root_signed(methodology(kind=Measure.POINTS)),
        "METHODOLOGY_KIND_DIFFERS",
    ),
    "(5) a version that was edited": (
        lambda: root_signed(methodology(content_hash=LATER, from_epoch=SECOND)),
        "METHODOLOGY_CONFLICT",
    ),
    "a programme in its place": (lambda: root_signed(programme()), "MALFORMED"),
    "bytes": (lambda: b"{}", "MALFORMED"),
}


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(FedcarbonError) as caught:
        act()
    return caught.value.code


@pytest.mark.parametrize(("message", "code"), REFUSED.values(), ids=REFUSED)
def test_a_methodology_against_the_rules_is_refused(
    federation: Federation, message: Callable[[], bytes], code: str
) -> None:
    size = federation.hub.read_now(federation.hub.record.head).size

    assert refused(lambda: federation.admit_methodology(message())) == code
    assert federation.hub.read_now(federation.hub.record.head).size == size


def test_the_same_bytes_get_the_same_receipt_in_any_epoch(federation: Federation) -> None:
    message = root_signed(methodology(methodology_id="more-rides", content_hash=LATER))
    first = federation.admit_methodology(message)
    begin(federation)

    assert federation.admit_methodology(message) == first


def test_the_same_version_may_be_edited_in_no_other_programme_either(
    federation: Federation,
) -> None:
    other = ProgrammeId("other")
    federation.start(root_signed(programme(programme_id=other, exclusivity_domain="other")))
    edited = methodology(programme_id=other, content_hash=LATER)

    assert refused(lambda: federation.admit_methodology(root_signed(edited))) == (
        "METHODOLOGY_CONFLICT"
    )
    assert federation.admit_methodology(root_signed(methodology(programme_id=other)))


def begin(federation: Federation) -> None:
    """Plan the first epoch, with an account of a partner in it."""
    federation.enrol_people(METRO, [1])
    federation.wait_until_end_of(FIRST)
    federation.advance()
    assert federation.state() is EpochState.COMMITTING


def committed(federation: Federation, *hashes: bytes) -> bytes:
    statement = federation.commitment(METRO, claims({}), methodologies=hashes)
    return federation.send_commitment(METRO, signed(statement, METRO))


def test_an_epoch_that_is_planned_admits_nothing_more(federation: Federation) -> None:
    begin(federation)
    late = methodology(version="2026-03-02", content_hash=LATER)

    assert refused(lambda: federation.admit_methodology(root_signed(late))) == (
        "METHODOLOGY_TOO_LATE"
    )


def test_a_methodology_change_in_mid_epoch_counts_from_the_next_epoch_on(
    federation: Federation,
) -> None:
    begin(federation)
    changed = methodology(version="2026-03-02", content_hash=LATER, from_epoch=SECOND)
    federation.admit_methodology(root_signed(changed))

    assert refused(lambda: committed(federation, LATER)) == "METHODOLOGY_NOT_ADMITTED"
    assert committed(federation, METHODOLOGY)


def test_a_methodology_counts_in_its_window_only(federation: Federation) -> None:
    ended = methodology(methodology_id="old-rides", content_hash=OLD, until_epoch=FIRST)
    begun = methodology(version="2026-03-02", content_hash=LATER, from_epoch=SECOND)
    for admission in (ended, begun):
        federation.admit_methodology(root_signed(admission))

    def admitted(epoch: EpochIndex) -> set[bytes]:
        return federation.hub.read_now(
            lambda session: MethodologyStore(session).hashes_for(PROGRAMME, epoch)
        )

    assert admitted(FIRST) == {METHODOLOGY, OLD}
    assert admitted(SECOND) == {METHODOLOGY, LATER}


def test_a_partner_names_every_methodology_that_it_computes_by(federation: Federation) -> None:
    more = methodology(methodology_id="more-rides", content_hash=LATER)
    federation.admit_methodology(root_signed(more))
    begin(federation)

    assert refused(lambda: committed(federation, *sorted([METHODOLOGY, OLD]))) == (
        "METHODOLOGY_NOT_ADMITTED"
    )
    assert committed(federation, *sorted([METHODOLOGY, LATER]))
