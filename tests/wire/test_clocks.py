"""Clocks by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedcarbon.clock import SystemClock
from fedcarbon.units import Seconds
from fedcarbon.wire.clocks import ClockError, FileClock, clock_named


def test_a_file_clock_moves_for_everyone_who_reads_the_file(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    ours, theirs = FileClock(path), clock_named(f"file:{path}")

    ours.set_s(Seconds(1_700_000_000))
    first = theirs.now_s()
    ours.set_s(Seconds(1_700_086_400))

    assert (first, theirs.now_s()) == (1_700_000_000, 1_700_086_400)
    assert [entry.name for entry in tmp_path.iterdir()] == ["clock"]


def test_the_system_clock_is_named_system() -> None:
    assert isinstance(clock_named("system"), SystemClock)


@pytest.mark.parametrize("name", ["", "file:", "utc", "System", "file"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(ClockError, match="is no clock"):
        clock_named(name)


@pytest.mark.parametrize(
    "content",
    [b"", b"soon", b"-5", b"1.5", b"1e9", b"\xff", b"9" * 30, "\u0661".encode()],
    ids=["empty", "word", "negative", "fraction", "exponent", "no text", "far future", "arabic"],
)
def test_a_file_that_holds_no_instant_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clock"
    path.write_bytes(content)

    with pytest.raises(ClockError, match="clock"):
        FileClock(path).now_s()


def test_a_missing_clock_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClockError, match="cannot read the clock"):
        FileClock(tmp_path / "clock").now_s()
