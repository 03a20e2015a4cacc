"""The replay: every leaf in order, without stopping, and every head at its place.

V04, V05, V06 and V07 are judged here, and the leaves of V02, V03 and V09; what needs files or many
leaves at once is handed to the checks of its subject as the record comes to it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from fedcarbon.audit.attribution import CHECK_OF_LEAF
from fedcarbon.audit.claims import ClaimCheck
from fedcarbon.audit.commitment_files import CommitmentFiles
from fedcarbon.audit.copies import check_copies
from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.links import LinkCheck
from fedcarbon.audit.methodologies import MethodologyCheck
from fedcarbon.audit.openings import OpeningCheck
from fedcarbon.audit.orders import OrderCheck
from fedcarbon.audit.products import ProductCheck
from fedcarbon.audit.reading_ahead import ReadingAhead
from fedcarbon.audit.shares import ShareCheck
from fedcarbon.audit.source import LeafLine, LeafLineMalformedError
from fedcarbon.audit.submissions import SubmissionCheck
from fedcarbon.audit.table_checks import TableCheck
from fedcarbon.audit.view import witnessed_head
from fedcarbon.canonical import statement as statements
from fedcarbon.errors import FedcarbonError
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.statements import OpeningStart
from fedcarbon.opening.violations import RecordViolationError
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.transparency.checkpoint import ForkedRecordError
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import LEAF_BYTES, Leaf, LeafType
from fedcarbon.uses.order import UseOrder
from fedcarbon.uses.ranking import RankingChoice

T = TypeVar("T")

NO_LEAF: Final = bytes(LEAF_BYTES)
"""Stands in the tree for a leaf that is not there."""

GAP_MAX: Final = 10_000
"""Leaves that may be missing in a row before the rest is no longer looked for."""

_HEAD_NAME: Final = re.compile("[1-9][0-9]{0,15}")


class Replay:
    """Goes through the leaves of a record once."""

    def __init__(self, exam: Examination) -> None:
        """Take the audit."""
        self._exam: Final = exam
        self._lines: Final = _lines_of(exam)
        self.size: Final = 1 + max(self._lines, default=-1)
        """How many leaves the list has, by its highest index."""
        self._ahead: Final = ReadingAhead(
            exam.source, exam.mapper, self._lines, exam.view.parties.keyring
        )
        self._heads: Final = _stored_heads(exam)
        self._forked_at: int | None = None
        exam.view.expect_heads([data for _, data in self._heads.values()])
        self._submissions: Final = SubmissionCheck(exam)
        files = CommitmentFiles(exam)
        self._links: Final = LinkCheck(exam, files)
        self._products: Final = ProductCheck(exam, self._opened_blocks())
        shares = ShareCheck(exam, self._products)
        self._shares: Final = shares
        self._claims: Final = ClaimCheck(exam, files)
        self._methodologies: Final = MethodologyCheck(exam)
        self._openings: Final = OpeningCheck(exam, self._products, shares)
        self._orders: Final = OrderCheck(exam)
        self._tables: Final = TableCheck(exam)

    @property
    def binding_refusals(self) -> Mapping[int, str]:
        """Why bindings of orders were not in force, by the orders' leaves."""
        return self._orders.refusals

    @property
    def is_judged(self) -> bool:
        """Whether the parameter set could be taken; without it nothing else can be judged."""
        try:
            return bool(self._exam.view.parties.parameters.parameter_id)
        except RecordViolationError:
            return False

    def run(self) -> None:
        """Take every leaf and every head, and then what can only be judged at the end."""
        checklist = self._exam.checklist
        for index in range(self.size):
            with checklist.timed(_BEGINNING.get(index, CheckId.SIGNATURES)):
                taken = self._take(index)
            if taken is not None:
                self._after(taken, index)
            self._take_head(index + 1)
            self._exam.watcher("replaying leaves", index + 1, self.size)
        if self.size == 0:
            checklist.find(
                CheckId.TREE, "RECORD_EMPTY", "the record", "it has no leaf: this is no record"
            )
        if self.is_judged:
            self._submissions.finish()
            self._claims.finish()
            self._shares.finish()
            self._tables.finish()
        self._require_no_leaf_beyond()
        self._leave_out_the_tail()
        check_copies(self._exam, self.size)

    # --- leaves -----------------------------------------------------------------------------

    def _take(self, index: int) -> LeafType | None:
        """Fold one leaf and return its type, or pass over it and return None."""
        exam, line = self._exam, self._lines.get(index)
        if line is None:
            exam.checklist.find(
                CheckId.TREE,
                "LEAF_MISSING",
                f"leaf {index}",
                "the list of leaves leaves it out; the hub must hand it over",
                index,
            )
            exam.view.pass_over(NO_LEAF)
            return None
        body = self._body(line)
        exam.view.reader.expect(body, self._ahead.opened(index))
        if index > 0 and not self.is_judged:
            exam.checklist.leave_out(CheckId.SIGNATURES)
        elif body is not None:
            try:
                exam.view.apply(index, line.leaf, line.salt, body)
            except RecordViolationError as error:
                known = _type_of(line.leaf)
                default = CheckId.TREE if known is None else CHECK_OF_LEAF[known]
                exam.checklist.find_error(error, default, f"leaf {index}", index)
            else:
                signatures = len(exam.view.reader.parse(body).signatures)
                exam.checklist.count(CheckId.SIGNATURES)
                exam.checklist.count(CheckId.PARTIES, signatures)
                return Leaf.from_bytes(line.leaf).type
        exam.view.pass_over(line.leaf)
        return None

    def _body(self, line: LeafLine) -> bytes | None:
        """Return a body whose hash is the one in its line, or None."""
        exam, name = self._exam, line.body_sha256.hex()
        exam.referenced_bodies.add(name)
        data = exam.source.body(name)
        exam.checklist.count(CheckId.FILES)
        if data is None:
            code, text = "BODY_MISSING", "its body is not in the folder; the hub must hand it over"
        elif hashlib.sha256(data).hexdigest() != name:
            code, text = "BODY_CHANGED", f"body {name} has another hash than its name says"
        else:
            return data
        exam.checklist.find(CheckId.FILES, code, f"leaf {line.index}", text, line.index)
        return None

    def _after(self, leaf_type: LeafType, index: int) -> None:
        """Hand a folded leaf to the check of its subject."""
        count = _COUNTED.get(leaf_type)
        if count is not None:
            self._exam.checklist.count(count)
        if leaf_type is LeafType.SELF_TEST:
            trustees = len(self._exam.view.parties.parameters.trustees)
            self._exam.checklist.count(CheckId.CEREMONY, trustees)
        handler = _HANDLERS.get(leaf_type)
        if handler is not None:
            handler(self, index)

    def _header(self, index: int) -> None:
        self._submissions.on_header(self._exam.view.epochs.headers[index])

    def _seal(self, _: int) -> None:
        seal = _last(self._exam.view.epochs.seals)
        with self._exam.checklist.timed(CheckId.DENSITY):
            files = self._submissions.on_seal(seal)
        self._links.on_seal(seal, files)
        self._products.on_seal(seal, files)

    def _beacon(self, _: int) -> None:
        self._claims.on_beacon(_last(self._exam.view.epochs.beacons))

    def _commitment(self, index: int) -> None:
        commitments = self._exam.view.epochs.commitments.values()
        found = next(item for of in commitments for item in of.values() if item.index == index)
        self._claims.on_commitment(found)
        self._methodologies.on_commitment(found)

    def _methodology(self, index: int) -> None:
        admitted = self._exam.view.methodologies.admitted.values()
        self._methodologies.on_admission(
            next(item for of in admitted for item in of if item.index == index)
        )

    def _list(self, index: int) -> None:
        lists = self._exam.view.epochs.lists.values()
        self._claims.on_list(
            next(item for of in lists for item in of.values() if item.index == index)
        )

    def _verdicts(self, _: int) -> None:
        self._claims.on_verdicts(_last(self._exam.view.epochs.verdicts))

    def _start(self, index: int) -> None:
        with self._exam.checklist.timed(CheckId.REQUESTS):
            self._openings.on_start(self._exam.view.starts.starts[index])

    def _order(self, _: int) -> None:
        with self._exam.checklist.timed(CheckId.REDEMPTIONS):
            leaf = self._exam.view.money[LeafType.REDEMPTION_ORDER][-1]
            self._orders.on_order(leaf, RedemptionOrder)

    def _use_order(self, _: int) -> None:
        with self._exam.checklist.timed(CheckId.USES):
            self._orders.on_order(self._exam.view.money[LeafType.USE_ORDER][-1], UseOrder)

    def _choice(self, _: int) -> None:
        with self._exam.checklist.timed(CheckId.USES):
            leaf = self._exam.view.money[LeafType.RANKING_CHOICE][-1]
            self._orders.on_order(leaf, RankingChoice)

    def _result(self, _: int) -> None:
        self._openings.on_result(_last(self._exam.view.starts.results))

    def _contribution(self, index: int) -> None:
        contributions = self._exam.view.tables.contributions.values()
        self._tables.on_contribution(
            next(item for of in contributions for item in of.values() if item.index == index)
        )

    def _release_start(self, _: int) -> None:
        self._tables.on_start(_last(self._exam.view.tables.starts))

    def _release(self, _: int) -> None:
        self._tables.on_release(_last(self._exam.view.tables.releases))

    # --- heads ------------------------------------------------------------------------------

    def _take_head(self, size: int) -> None:
        """Check the stored head of this size, if there is one, when its last leaf is taken."""
        stored = self._heads.get(size)
        if stored is None or not self.is_judged:
            return
        exam, (name, data) = self._exam, stored
        subject = f"head {name}"
        try:
            with exam.checklist.timed(CheckId.WITNESSES):
                head = witnessed_head(exam.view.parties, data)
            if head.size != size:
                raise ForkedRecordError(f"the head stored as {size} is of {head.size} leaves")
            exam.view.audit_heads.witness(head)
        except FedcarbonError as error:
            exam.checklist.find_error(error, CheckId.WITNESSES, subject, size - 1)
            return
        exam.checklist.count(CheckId.WITNESSES)
        if self._forked_at is not None:
            exam.checklist.leave_out(CheckId.TREE)
            return
        exam.checklist.count(CheckId.TREE)
        root = exam.view.audit_heads.replayed_root(size)
        if root != head.root:
            self._forked_at = size
            exam.checklist.find(
                CheckId.TREE,
                ForkedRecordError.code,
                subject,
                f"a quorum signed root {head.root.hex()} over the first {size} leaves, these have "
                f"{root.hex()}: a leaf below was altered, removed, added or moved",
                size - 1,
            )

    def _require_no_leaf_beyond(self) -> None:
        beyond = [size for size in self._heads if size > self.size]
        if beyond and self.size:
            self._exam.checklist.find(
                CheckId.TREE,
                "LEAF_MISSING",
                f"leaves {self.size} to {max(beyond) - 1}",
                f"a head covers {max(beyond)} leaves, the list has {self.size}: its end is cut off",
                self.size,
            )

    def _leave_out_the_tail(self) -> None:
        """Say how many leaves no head covers yet: a quorum has signed nothing about them."""
        exam = self._exam
        witnessed = exam.view.heads.witnessed_size
        if self.size > witnessed:
            _leave_out_unwitnessed(exam, CheckId.WITNESSES, self.size - witnessed)
        for check, kind in _MONEY_CHECKS.items():
            tail = sum(1 for leaf in exam.view.money[kind] if leaf.index >= witnessed)
            if tail:
                _leave_out_unwitnessed(exam, check, tail)

    # --- before -----------------------------------------------------------------------------

    def _opened_blocks(self) -> frozenset[tuple[EpochRef, int]]:
        """Return which blocks are opened up to which epoch, by what the starts say of themselves.

        Nothing is believed of it: it only says which products are worth keeping.
        """
        wanted = set()
        for line in self._lines.values():
            if _type_of(line.leaf) is not LeafType.OPENING_START:
                continue
            data = self._exam.source.body(line.body_sha256.hex())
            try:
                start = statements.decode(OpeningStart, Envelope.from_bytes(data or b"").payload)
            except FedcarbonError:
                continue  # found when its leaf is taken
            wanted.add((EpochRef(start.programme_id, start.epoch), start.block))
        return frozenset(wanted)


def _lines_of(exam: Examination) -> dict[int, LeafLine]:
    """Return the lines of the list by index, and find what is wrong with the list itself."""
    lines: dict[int, LeafLine] = {}
    highest = -1
    for number, data in enumerate(exam.source.leaf_lines()):
        subject = f"line {number + 1} of the list of leaves"
        try:
            line = LeafLine.parse(data)
        except LeafLineMalformedError as error:
            exam.checklist.find_error(error, CheckId.TREE, subject)
            continue
        if line.index in lines:
            text = f"leaf {line.index} stands in the list already; only the first one counts"
            exam.checklist.find(CheckId.TREE, "LEAF_DOUBLED", subject, text, line.index)
        elif line.index > number + GAP_MAX:
            text = f"it is of leaf {line.index}, far beyond its place; it is not looked at"
            exam.checklist.find(CheckId.TREE, "LEAF_OUT_OF_ORDER", subject, text)
        else:
            if line.index < highest:
                text = f"leaf {line.index} follows leaf {highest}"
                exam.checklist.find(CheckId.TREE, "LEAF_OUT_OF_ORDER", subject, text, line.index)
            lines[line.index] = line
            highest = max(highest, line.index)
    return lines


def _leave_out_unwitnessed(exam: Examination, check: CheckId, leaves: int) -> None:
    exam.checklist.leave_out(check, leaves)
    exam.checklist.remark(check, f"{leaves} leaves stand above the last witnessed head")


def _stored_heads(exam: Examination) -> dict[int, tuple[str, bytes]]:
    """Return name and bytes of every stored head, by the size that its name says."""
    heads: dict[int, tuple[str, bytes]] = {}
    for name in exam.source.checkpoint_names():
        data = exam.source.checkpoint(name)
        if _HEAD_NAME.fullmatch(name) is None or data is None:
            text = "a head is a readable file that is named by its size in decimal digits"
            exam.checklist.find(CheckId.TREE, "HEAD_MALFORMED", f"head {name}", text)
            continue
        heads[int(name)] = (name, data)
    return heads


def _last(book: dict[Any, T]) -> T:
    """Return what was folded last: books keep the order of the record."""
    return next(reversed(book.values()))


def _type_of(leaf: bytes) -> LeafType | None:
    return LeafType(leaf[0]) if leaf and leaf[0] in set(LeafType) else None


_MONEY_CHECKS: Final = MappingProxyType(
    {
        CheckId.LEDGER: LeafType.LEDGER_BATCH,
        CheckId.REDEMPTIONS: LeafType.REDEMPTION_ORDER,
        CheckId.PAYOUTS: LeafType.PAYOUT_BATCH,
        CheckId.USES: LeafType.USE_ORDER,
    }
)
"""Which leaves of the books a line rests on."""

_BEGINNING: Final = MappingProxyType({0: CheckId.PARAMETERS, 1: CheckId.CEREMONY})
"""Whose time it is to take a leaf of this index."""

_COUNTED: Final[Mapping[LeafType, CheckId]] = MappingProxyType(
    {
        LeafType.PARAMETERS: CheckId.PARAMETERS,
        LeafType.ENROLMENT_BATCH: CheckId.ENROLMENTS,
        LeafType.PLACE_BATCH: CheckId.ENROLMENTS,
    }
)

_HANDLERS: Final[Mapping[LeafType, Callable[[Replay, int], None]]] = MappingProxyType(
    {
        LeafType.METHODOLOGY_ADMISSION: Replay._methodology,  # noqa: SLF001
        LeafType.CLAIM_COMMITMENT: Replay._commitment,  # noqa: SLF001
        LeafType.CHUNK_HEADER: Replay._header,  # noqa: SLF001 - the table of this class
        LeafType.SEAL: Replay._seal,  # noqa: SLF001
        LeafType.BEACON_VALUE: Replay._beacon,  # noqa: SLF001
        LeafType.CLAIM_LIST: Replay._list,  # noqa: SLF001
        LeafType.VERDICT_LIST: Replay._verdicts,  # noqa: SLF001
        LeafType.OPENING_START: Replay._start,  # noqa: SLF001
        LeafType.OPENING_RESULT: Replay._result,  # noqa: SLF001
        LeafType.REDEMPTION_ORDER: Replay._order,  # noqa: SLF001
        LeafType.USE_ORDER: Replay._use_order,  # noqa: SLF001
        LeafType.RANKING_CHOICE: Replay._choice,  # noqa: SLF001
        LeafType.TABLE_CONTRIBUTION: Replay._contribution,  # noqa: SLF001
        LeafType.RELEASE_START: Replay._release_start,  # noqa: SLF001
        LeafType.TABLE_RELEASE: Replay._release,  # noqa: SLF001
    }
)
