"""What is said of a methodology when it is admitted, and what is not believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from fedcarbon.errors import CallerError, MalformedError
from fedcarbon.ids import EpochIndex
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.methodology import (
    DOCUMENT_BYTES_MAX,
    METHODOLOGIES_MAX,
    MethodologyAdmission,
    bundle_hash,
    check_content_hashes,
    check_methodology,
    require_admitted,
)
from tests.registry.test_programme import SHANGHAI

HASHES = tuple(bytes([number]) * 32 for number in range(3))
RIDES = MethodologyAdmission(
    parameter_id=SHANGHAI.parameter_id,
    programme_id=SHANGHAI.programme_id,
    methodology_id="some-rides",
    version="2026-01-01",
    content_hash=HASHES[0],
    document=b"a document",
    kind=Measure.GRAMS,
    from_epoch=EpochIndex(3),
    until_epoch=EpochIndex(5),
)


def test_a_window_holds_both_of_its_ends() -> None:
    assert [epoch for epoch in range(1, 8) if RIDES.covers(EpochIndex(epoch))] == [3, 4, 5]


def test_a_window_without_an_end_stays_open() -> None:
    assert replace(RIDES, until_epoch=EpochIndex(0)).covers(EpochIndex(10_000))


@pytest.mark.parametrize(
    "changes",
    [
        {"version": ""},
        {"version": "2" * 21},
        {"content_hash": b"short"},
        {"document": b""},
        {"document": bytes(DOCUMENT_BYTES_MAX + 1)},
        {"from_epoch": EpochIndex(0)},
        {"until_epoch": EpochIndex(2)},
    ],
    ids=["no version", "long version", "hash", "no document", "long document", "first", "last"],
)
def test_an_admission_that_says_nothing_sensible_does_not_exist(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        replace(RIDES, **changes)  # type: ignore[arg-type]


EDITED = (RIDES.methodology_id, RIDES.version, HASHES[1])
ATTACKS: dict[str, tuple[Callable[[], None], str]] = {
    "points in a programme of grams": (
        lambda: check_methodology(replace(RIDES, kind=Measure.POINTS), SHANGHAI, (), EpochIndex(0)),
        "METHODOLOGY_KIND_DIFFERS",
    ),
    "a version that was edited": (
        lambda: check_methodology(RIDES, SHANGHAI, [EDITED], EpochIndex(0)),
        "METHODOLOGY_CONFLICT",
    ),
    "an epoch that is planned already": (
        lambda: check_methodology(RIDES, SHANGHAI, (), EpochIndex(3)),
        "METHODOLOGY_TOO_LATE",
    ),
    "a methodology that nobody admitted": (
        lambda: require_admitted(HASHES[:2], HASHES[:1], EpochIndex(3)),
        "METHODOLOGY_NOT_ADMITTED",
    ),
}


@pytest.mark.parametrize("what", ATTACKS)
def test_what_contradicts_the_record_is_refused(what: str) -> None:
    attack, code = ATTACKS[what]

    with pytest.raises(CallerError) as caught:
        attack()

    assert caught.value.code == code


def test_the_same_version_may_be_admitted_again_and_another_one_beside_it() -> None:
    same = (RIDES.methodology_id, RIDES.version, RIDES.content_hash)
    other = (RIDES.methodology_id, "2025-01-01", HASHES[1])

    check_methodology(RIDES, SHANGHAI, [same, other], EpochIndex(2))


@pytest.mark.parametrize(
    "hashes",
    [
        (),
        (HASHES[1], HASHES[0]),
        (HASHES[0], HASHES[0]),
        (b"short",),
        tuple(number.to_bytes(32, "big") for number in range(METHODOLOGIES_MAX + 1)),
    ],
    ids=["none", "unsorted", "twice", "short", "too many"],
)
def test_content_hashes_are_written_down_in_one_way(hashes: tuple[bytes, ...]) -> None:
    with pytest.raises(MalformedError):
        check_content_hashes(hashes)


def test_a_bundle_tells_neither_order_nor_repetition() -> None:
    first, second, third = HASHES

    assert bundle_hash([first, second]) == bundle_hash([second, first, second])
    assert len({bundle_hash(of) for of in ([], [first], [second], [first, third])}) == 4
