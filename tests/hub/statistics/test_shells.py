"""Table shells: believed for their root signatures, and never after the first day they count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.transparency.leaf import LeafType
from tests.hub.federation import METRO, SECOND, programme, root_signed, signed
from tests.hub.statistics.tables_world import TableWorld, axis, shell

WIDE = tuple(axis(f"axis-{number}", *(f"c{code}" for code in range(8))) for number in range(3))
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "(1) two root signatures": (lambda: root_signed(shell(), roots=2), "SIGNATURE_INVALID"),
    "(1) signed by a partner": (lambda: signed(shell(), METRO), "SIGNATURE_INVALID"),
    "(2) for another parameter set": (
        lambda: root_signed(shell(parameter_id=b"x" * 32)),
        "PARAMETERS_DIFFER",
    ),
    "(3) for a programme that is not there": (
        lambda: root_signed(shell(programme_id=ProgrammeId("ghost"))),
        "UNKNOWN_PROGRAMME",
    ),
    "(4) it counts days after the last": (
        lambda: root_signed(shell(periods=4)),
        "SHELL_CONFLICT",
    ),
    "a programme in its place": (lambda: root_signed(programme()), "MALFORMED"),
    "bytes": (lambda: b"{}", "MALFORMED"),
}


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(FedcarbonError) as caught:
        act()
    return caught.value.code


@pytest.fixture
def begun(tmp_path: Path) -> TableWorld:
    return TableWorld(tmp_path / "hub").begin()  # type: ignore[return-value]  # of its own class


def test_a_shell_against_the_rules_is_refused_and_not_logged(begun: TableWorld) -> None:
    for name, (message, code) in REFUSED.items():
        assert refused(lambda message=message: begun.publish(message())) == code, name  # type: ignore[misc]
    assert begun.leaves(LeafType.TABLE_SHELL) == []
    begun.close()


def test_two_shells_never_count_the_same_day(begun: TableWorld) -> None:
    first = shell(periods=2)
    receipt = begun.publish(root_signed(first))

    # Two tables over one day would show their difference.
    overlapping = shell(shell_id="other", first_epoch=SECOND, periods=2)
    assert refused(lambda: begun.publish(root_signed(overlapping))) == "SHELL_CONFLICT"
    changed = replace(first, cells_max=1)
    assert refused(lambda: begun.publish(root_signed(changed))) == "SHELL_CONFLICT"

    assert begun.publish(root_signed(first)) == receipt
    begun.publish(root_signed(shell(shell_id="later", first_epoch=EpochIndex(3), periods=1)))
    assert len(begun.leaves(LeafType.TABLE_SHELL)) == 2
    begun.witness()  # trustees have read every leaf
    begun.close()


def test_a_shell_made_when_trips_are_known_is_refused(sealed: TableWorld) -> None:
    late = root_signed(shell(shell_id="around-somebody"))

    assert refused(lambda: sealed.publish(late)) == "SHELL_CONFLICT"


def test_a_shell_whose_files_are_too_long_is_refused(
    begun: TableWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.statistics.shells.FILE_BYTES_MAX", 10_000)

    message = root_signed(shell(dimensions=WIDE))
    assert refused(lambda: begun.publish(message)) == "SHELL_TOO_LARGE"
    begun.close()
