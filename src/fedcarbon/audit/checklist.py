"""The checklist while it is being worked through: what was counted, left out and found.

A line that nobody worked on never reads as passed. What could not be judged because of an earlier
finding is counted as left out: the finding that it follows from is elsewhere in the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from fedcarbon.audit.attribution import cause_of, check_of
from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.errors import FedcarbonError


class LineState(StrEnum):
    """What came of a line."""

    PASSED = "passed"
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    """Nothing was found, but some of it could not be judged because of other findings."""
    NOT_CHECKED = "not checked"
    """This program does not check it."""
    NOT_PRESENT = "not present"
    """The record holds nothing of the kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How a line is called."""

    title: str
    unit: str
    """What is counted, in the plural."""


WORDINGS: Final[Mapping[CheckId, Wording]] = MappingProxyType(
    {
        CheckId.FILES: Wording(title="Files present, hashes match their names", unit="files"),
        CheckId.PARAMETERS: Wording(title="Parameter set proved", unit="parameter sets"),
        CheckId.CEREMONY: Wording(title="Dealt shares open the self-test", unit="trustees"),
        CheckId.PARTIES: Wording(title="Signers admitted when they signed", unit="signatures"),
        CheckId.TREE: Wording(title="Roots recomputed, history only grows", unit="heads"),
        CheckId.WITNESSES: Wording(title="Quorum under what was acted upon", unit="heads and acts"),
        CheckId.SIGNATURES: Wording(title="Signatures over the stored bytes", unit="envelopes"),
        CheckId.METHODOLOGIES: Wording(
            title="Methodologies as admitted", unit="methodologies and bundles"
        ),
        CheckId.ENROLMENTS: Wording(title="Enrolments, places, withdrawals", unit="batches"),
        CheckId.CHUNKS: Wording(title="Chunks are what their headers say", unit="chunks"),
        CheckId.RANGE_PROOFS: Wording(title="Every slot within its cap", unit="range proofs"),
        CheckId.CLAIMS: Wording(title="Claims committed, joined, judged", unit="lists and epochs"),
        CheckId.LINKS: Wording(title="Sums bound to winning claims", unit="link proofs"),
        CheckId.DENSITY: Wording(title="A ciphertext for every enrolled block", unit="submissions"),
        CheckId.PRODUCTS: Wording(title="Cumulative products recomputed", unit="block products"),
        CheckId.REQUESTS: Wording(title="Openings requested, bound, once", unit="starts"),
        CheckId.MASKS: Wording(title="Masks committed and zero in targets", unit="masks"),
        CheckId.SHARES: Wording(title="Shares proved, opened sums recombined", unit="share proofs"),
        CheckId.LEDGER: Wording(title="Ledger replays, credits follow openings", unit="batches"),
        CheckId.REDEMPTIONS: Wording(title="Redemptions by the rule", unit="orders"),
        CheckId.PAYOUTS: Wording(title="Payouts reconcile", unit="payout batches"),
        CheckId.CONSERVATION: Wording(title="Issued = opened, spent <= issued", unit="programmes"),
        CheckId.STATISTICS: Wording(title="Statistics within their budget", unit="releases"),
        CheckId.SAMPLES: Wording(title="Evidence samples as drawn", unit="sample beacons"),
        CheckId.RECEIPTS: Wording(title="Receipts kept", unit="receipts"),
        CheckId.USES: Wording(title="Other uses explained", unit="leaves"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the finished checklist."""

    check: CheckId
    state: LineState
    checked: int
    """In the unit of its wording."""
    left_out: int
    """How many could not be judged because of other findings."""
    findings: int
    remark: str
    """Why it was not checked, or what of it was not; empty if there is nothing to say."""
    elapsed_ns: int


class Checklist:
    """Collects while an audit runs."""

    def __init__(self, stopwatch_ns: Callable[[], int]) -> None:
        """Start empty.

        Args:
            stopwatch_ns: returns a time that never goes back, in nanoseconds.
        """
        self._stopwatch_ns: Final = stopwatch_ns
        self._findings: Final[dict[tuple[CheckId, str, str, int | None], Finding]] = {}
        self._checked: Final = dict.fromkeys(CheckId, 0)
        self._left_out: Final = dict.fromkeys(CheckId, 0)
        self._elapsed_ns: Final = dict.fromkeys(CheckId, 0)
        self._timing: CheckId | None = None
        self._since_ns = 0
        self._undone: Final[dict[CheckId, tuple[LineState, str]]] = {}
        self._remarks: Final[dict[CheckId, str]] = {}
        self.notes: Final[list[str]] = []
        """What is worth knowing and breaks no rule."""

    @property
    def findings(self) -> list[Finding]:
        """Everything that does not hold, in the order of the record; of no leaf first."""
        return sorted(
            self._findings.values(),
            key=lambda found: (-1 if found.leaf is None else found.leaf, found.check, found.code),
        )

    def count(self, check: CheckId, number: int = 1) -> None:
        """Note that so many were checked."""
        self._checked[check] += number

    def leave_out(self, check: CheckId, number: int = 1) -> None:
        """Note that so many could not be judged because of another finding."""
        self._left_out[check] += number

    def find(
        self, check: CheckId, code: str, subject: str, text: str, leaf: int | None = None
    ) -> None:
        """Note something that does not hold; the same thing once."""
        found = Finding(check=check, code=code, subject=subject, text=text, leaf=leaf)
        self._findings.setdefault((check, code, subject, leaf), found)

    def find_error(
        self, error: FedcarbonError, default: CheckId, subject: str, leaf: int | None = None
    ) -> None:
        """Note what an error says, under the line that its kind belongs to."""
        cause = cause_of(error)
        self.find(check_of(cause, default), cause.code, subject, str(cause), leaf)

    def extend(self, findings: Iterable[Finding]) -> None:
        """Note what somebody else has found."""
        for found in findings:
            self.find(found.check, found.code, found.subject, found.text, found.leaf)

    def not_checked(self, check: CheckId, remark: str) -> None:
        """Note that this program does not check a line."""
        self._undone[check] = (LineState.NOT_CHECKED, remark)

    def not_present(self, check: CheckId, remark: str) -> None:
        """Note that the record holds nothing for a line."""
        self._undone[check] = (LineState.NOT_PRESENT, remark)

    def remark(self, check: CheckId, text: str) -> None:
        """Say something beside a line that is checked."""
        self._remarks[check] = text

    @contextmanager
    def timed(self, check: CheckId) -> Iterator[None]:
        """Count the time of a block for a line; of a block inside it, only for the line of that."""
        outer = self._timing
        self._count_time_for(check)
        try:
            yield
        finally:
            self._count_time_for(outer)

    def _count_time_for(self, check: CheckId | None) -> None:
        now_ns = self._stopwatch_ns()
        if self._timing is not None:
            self._elapsed_ns[self._timing] += now_ns - self._since_ns
        self._timing, self._since_ns = check, now_ns

    def lines(self) -> list[Line]:
        """Return the checklist."""
        return [self._line(check) for check in CheckId]

    def _line(self, check: CheckId) -> Line:
        found = sum(1 for key in self._findings if key[0] is check)
        left_out, checked = self._left_out[check], self._checked[check]
        remark = self._remarks.get(check, "")
        if found:
            state = LineState.FAILED
        elif check in self._undone:
            state, remark = self._undone[check]
            checked = 0  # what was counted is not what the line is about
        elif left_out:
            state = LineState.INCOMPLETE
        else:
            state = LineState.PASSED if checked else LineState.NOT_PRESENT
        return Line(
            check=check,
            state=state,
            checked=checked,
            left_out=left_out,
            findings=found,
            remark=remark,
            elapsed_ns=self._elapsed_ns[check],
        )
