"""Contents on the disk: nothing that was acknowledged depends on a name that a crash can take."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hub.record.content_store import ContentStore


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
