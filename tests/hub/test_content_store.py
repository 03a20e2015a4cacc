"""Contents on the disk: nothing that was acknowledged depends on a name that a crash can take."""

from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

import pytest

from hub.record import content_store
from hub.record.content_store import ContentMissingError, ContentStore


def test_a_name_that_a_crash_left_unsafe_is_made_durable_when_the_content_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ContentStore(tmp_path / "files")
    directories_synced = 0

    def dies_at_the_directory(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise KeyboardInterrupt

    def counts(descriptor: int) -> None:
        nonlocal directories_synced
        directories_synced += stat.S_ISDIR(os.fstat(descriptor).st_mode)

    monkeypatch.setattr(os, "fsync", dies_at_the_directory)
    with pytest.raises(KeyboardInterrupt):
        store.put(b"body")
    monkeypatch.setattr(os, "fsync", counts)

    name = store.put(b"body")

    assert directories_synced == 1
    assert store.get(name) == b"body"


def test_a_content_is_read_by_the_slice_as_bytes_are(tmp_path: Path) -> None:
    store, data = ContentStore(tmp_path / "files"), os.urandom(20_000)

    shut = store.reader(store.put(b"magic" + data), skip=5)
    with store.reader(store.put(b"magic" + data), skip=5) as opened:
        for found in (shut, opened):
            assert len(found) == len(data)
            for part in (slice(0, 3), slice(7, 19_000), slice(5, None), slice(4, 4), slice(9, 2)):
                assert found[part] == data[part]
            assert found[:] == found[:] == data
            assert found[19_999:30_000] == data[-1:]
    with store.reader(store.put(b"")) as nothing:
        assert (len(nothing), nothing[:5]) == (0, b"")


def resident_kib(path: Path) -> int:
    """Return how much of a file this process has in its memory."""
    lines = iter(Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines())
    next(line for line in lines if line.endswith(str(path)))
    return int(next(line for line in lines if line.startswith("Rss:")).split()[1])


@pytest.mark.parametrize("length", [16, 5000])
def test_what_was_read_by_the_slice_does_not_stay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    """A link proof takes a tenth of a list's commitments one by one: of 500 MB."""
    monkeypatch.setattr(content_store, "_SMALL_SLICES", 16)
    store = ContentStore(tmp_path / "files")
    sha256 = store.put(bytes(16 << 20))

    with store.reader(sha256) as found:
        for start in range(0, len(found), 10_000):
            assert not any(found[start : start + length])
        resident = resident_kib(store.path(sha256))

    assert resident < 3 << 10


def test_more_contents_are_read_than_a_process_may_have_open(tmp_path: Path) -> None:
    """A domain's earlier lists and an epoch's chunks are more than the usual 1024."""
    store = ContentStore(tmp_path / "files")
    names = [store.put(number.to_bytes(2, "big")) for number in range(100)]
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with (tmp_path / "probe").open("wb") as probe:
        highest = probe.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 20, limits[1]))
    try:
        found = [store.reader(name) for name in names]
        read = [int.from_bytes(slices[:], "big") for slices in found]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert read == list(range(100))


def test_what_has_arrived_is_read_before_it_is_kept(tmp_path: Path) -> None:
    with ContentStore(tmp_path / "files").incoming() as content:
        content.write(b"first")
        content.write(b", second")
        with content.reader() as found:
            assert found[3:9] == b"st, se"


def test_a_content_that_was_changed_or_is_missing_is_not_read(tmp_path: Path) -> None:
    store = ContentStore(tmp_path / "files")
    name = store.put(b"list")
    store.path(name).write_bytes(b"liar")

    for lost in (name, bytes(32)):
        with pytest.raises(ContentMissingError):
            store.reader(lost)
