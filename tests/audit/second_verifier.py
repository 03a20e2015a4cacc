"""The second verifier in this process: what it has worked out for one record it knows for a copy.

Its whole program runs. Only numbers that it has computed before from the same numbers, and
signatures that held over the same bytes, are looked up: nearly all of a spoilt copy is as it was.
That it also runs as a process of its own, in a Python that sees nothing but its own library, is
asserted where good records are verified (`make_tampered.minimal`).
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Self
from unittest.mock import patch

from tests.audit.make_tampered import Verdict
from tools import verify_minimal

REMEMBERED_MAX: Final = 1 << 15
PURE: Final = ("check_signature", "combination", "check_evaluation", "curve_bytes", "element")
"""Functions of the verifier whose answer is a matter of their arguments alone."""


class OneProcess:
    """A pool of no processes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave nothing behind."""

    def imap(self, work: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        return map(work, jobs)


_INSTEAD: Final[dict[str, object]] = {
    name: lru_cache(REMEMBERED_MAX)(getattr(verify_minimal, name)) for name in PURE
} | {
    "pow": lru_cache(REMEMBERED_MAX)(pow),
    "multiprocessing": SimpleNamespace(Pool=OneProcess),
}


def second_opinion(record: Path, roots: Path, report: Path) -> Verdict:
    """Return what the second verifier says of a record."""
    arguments = ["verify_minimal", str(record), "--roots", str(roots), "--json", str(report)]
    report.unlink(missing_ok=True)
    with (
        patch.object(sys, "argv", arguments),
        patch.multiple(verify_minimal, create=True, **_INSTEAD),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        exit_code = verify_minimal.main()
    findings = json.loads(report.read_text(encoding="utf-8"))["findings"]
    return Verdict(exit_code, frozenset((item["check"], item["code"]) for item in findings))
