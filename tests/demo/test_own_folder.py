"""What a program deletes before it writes: what it has made itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.own_folder import OutFolderError, begin


def test_the_same_command_again_begins_with_an_empty_folder(tmp_path: Path) -> None:
    folder = tmp_path / "build" / "soak"
    begin(folder, ".ours")
    (folder / "hub").mkdir()
    (folder / "hub" / "hub.db").write_text("of the run before", encoding="utf-8")

    begin(folder, ".ours")

    assert [path.name for path in folder.iterdir()] == [".ours"]


def test_what_another_program_has_made_is_left_alone(tmp_path: Path) -> None:
    begin(tmp_path / "out", ".theirs")

    with pytest.raises(OutFolderError, match="choose another folder"):
        begin(tmp_path / "out", ".ours")

    assert (tmp_path / "out" / ".theirs").is_file()
