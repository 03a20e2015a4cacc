"""Released tables as files in a folder: CSV, release file, report; and read from there again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Final, Literal

from fedcarbon.cli.stats_reader import StatsConfigError
from fedcarbon.disclosure.release import (
    FILE_BYTES_MAX,
    Release,
    release_file,
    release_from_file,
)
from fedcarbon.disclosure.release_csv import release_csv
from fedcarbon.disclosure.report import report_html
from fedcarbon.disclosure.report_words import Language
from fedcarbon.errors import PeerError
from fedcarbon.parameters.roots import TrustRoots

Format = Literal["csv", "json", "html", "all"]
RELEASE_SUFFIX: Final = ".json"


class ReleaseChangedError(PeerError):
    """A release differs from the one that was archived: keep both and show them to the trustees."""

    code: ClassVar[str] = "RELEASE_CHANGED"


def write_releases(
    folder: Path, releases: Sequence[Release], wanted: Format, language: Language
) -> list[Path]:
    """Write releases of one table to a folder and return what was written.

    Every period gets a CSV and a release file; the report is of the last one, with the others as
    its time series.

    Raises:
        ReleaseChangedError: the folder holds another release of the same period.
        StatsConfigError: the folder cannot be written.
    """
    contents: dict[str, bytes] = {}
    for release in releases:
        if wanted in {"csv", "all"}:
            contents[f"{release.name}.csv"] = release_csv(release).encode()
        if wanted in {"json", "all"}:
            contents[release.name + RELEASE_SUFFIX] = release_file(release)
    if wanted in {"html", "all"}:
        page = report_html(releases, language)
        contents[f"{releases[-1].name}.html"] = page.encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for release in releases:
            _check_archived(folder / (release.name + RELEASE_SUFFIX), release)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise StatsConfigError(f"cannot write to {folder}: {error.strerror}") from error
    return [folder / name for name in contents]


def stored_releases(paths: Iterable[Path], roots: TrustRoots) -> list[Release]:
    """Return the releases in files and folders, checked, by period.

    Raises:
        StatsConfigError: unreadable, or nothing there.
        PeerError, MalformedError: a file is not what root keys and hub signed.
    """
    found: dict[int, Release] = {}
    for path in _release_files(paths):
        release = release_from_file(_read(path), roots)
        found[release.table.period] = release
    if not found:
        raise StatsConfigError(f"no release files (*{RELEASE_SUFFIX}) there")
    return [found[period] for period in sorted(found)]


def _check_archived(path: Path, release: Release) -> None:
    if path.exists() and path.read_bytes() != release_file(release):
        raise ReleaseChangedError(
            f"{path.name} holds another release of period {release.table.period}"
        )


def _release_files(paths: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        files += sorted(path.glob(f"*{RELEASE_SUFFIX}")) if path.is_dir() else [path]
    return files


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise StatsConfigError(f"{path.name} is too large for a release file")
        return path.read_bytes()
    except OSError as error:
        raise StatsConfigError(f"cannot read {path.name}: {error.strerror}") from error
