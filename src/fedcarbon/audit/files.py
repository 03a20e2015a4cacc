"""V01: every file is there, and its bytes have the hash that it is named by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.source import FileShortenedError, RecordSource, pieces_of

NAMES_PER_JOB: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _HashJob:
    source: RecordSource
    names: tuple[str, ...]


def hash_all_files(exam: Examination) -> None:
    """Read every file beside the record once, and keep which of them can be used."""
    names = sorted(exam.source.file_names())
    jobs = [
        _HashJob(source=exam.source, names=tuple(names[i : i + NAMES_PER_JOB]))
        for i in range(0, len(names), NAMES_PER_JOB)
    ]
    changed: set[str] = set()
    unreadable: set[str] = set()
    for found in exam.mapped(CheckId.FILES, "hashing files", _changed, jobs):
        changed.update(name for name, is_read in found if is_read)
        unreadable.update(name for name, is_read in found if not is_read)
    exam.checklist.count(CheckId.FILES, len(names))
    for name in sorted(changed):
        exam.checklist.find(
            CheckId.FILES,
            "FILE_CHANGED",
            f"file {name}",
            "its bytes have another hash than its name says; whoever gave you this copy must give "
            "the file again",
        )
    for name in sorted(unreadable):
        text = "it cannot be read: no regular file, too large, or locked; the hub must hand it over"
        exam.checklist.find(CheckId.FILES, "FILE_MISSING", f"file {name}", text)
    exam.good_files = frozenset(names) - changed - unreadable


def require_references(exam: Examination) -> None:
    """Find what leaves name and is not there, and note what is there and nobody names."""
    checklist = exam.checklist
    names = set(exam.source.file_names())
    for name, leaf in sorted(exam.referenced_files.items(), key=lambda item: item[1]):
        if name not in names:
            checklist.find(
                CheckId.FILES,
                "FILE_MISSING",
                f"file {name}",
                f"leaf {leaf} names it and it is not in the folder; the hub must hand it over",
                leaf,
            )
    _note_strangers(exam, "files", names - exam.referenced_files.keys())
    bodies = set(exam.source.body_names())
    _note_strangers(exam, "bodies", bodies - exam.referenced_bodies)


def _note_strangers(exam: Examination, what: str, names: set[str]) -> None:
    if names:
        shown: Sequence[str] = sorted(names)[:3]
        exam.checklist.notes.append(
            f"{len(names)} {what} are named by no leaf, for example {', '.join(shown)}: a crash "
            "leaves such behind, and they prove nothing"
        )


def _changed(job: _HashJob) -> list[tuple[str, bool]]:
    """Return the names whose bytes are not what they say.

    Beside each stands whether the file could be read at all.
    """
    found = []
    for name in job.names:
        file, content = job.source.slices(name), hashlib.sha256()
        try:
            for piece in pieces_of(file):
                content.update(piece)
        except FileShortenedError:
            file = None
        if file is None or content.hexdigest() != name:
            found.append((name, file is not None))
    return found
