"""V16, and the acts of V06: every start is judged as trustees judged it, every result follows one.

A start is judged by the trustees' own checks (`fedcarbon.opening.checks`), over the record as it
was when they signed: the leaves below it and the heads over those. The exact second at which they
signed is not in the record. It lies between the last head before the start and the first one over
it; a start holds if it does at some second between the two.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.products import ProductCheck
from fedcarbon.audit.shares import OpenedStart, ShareCheck
from fedcarbon.audit.witnesses import require_public_start
from fedcarbon.errors import FedcarbonError
from fedcarbon.opening.accounts import AccountRef
from fedcarbon.opening.caps import caps_so_far
from fedcarbon.opening.checks import Reader, check_start
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.mask_sets import NO_HASH, MaskHashesInvalidError
from fedcarbon.opening.refusals import ProductsDifferError
from fedcarbon.opening.statements import OpeningResult, OpeningStart
from fedcarbon.transparency.checkpoint import TIME_TOLERANCE_S
from fedcarbon.units import MicrogramsCO2e, Seconds


class OpeningCheck:
    """Judges starts and results."""

    def __init__(self, exam: Examination, products: ProductCheck, shares: ShareCheck) -> None:
        """Take the audit, the recomputed products, and who judges shares."""
        self._exam: Final = exam
        self._products: Final = products
        self._shares: Final = shares
        self._answered: Final[dict[int, list[int]]] = defaultdict(list)
        """Leaf of a request to the leaves of the results that answered it."""

    def on_start(self, start: Logged[OpeningStart]) -> None:
        """Judge a start as of its leaf."""
        exam, item = self._exam, start.statement
        checklist, view = exam.checklist, exam.view
        subject = f"the opening started in leaf {start.index}"
        checklist.count(CheckId.REQUESTS)
        ref = EpochRef(item.programme_id, item.epoch)
        reader = Reader(trustee_id=item.subset[0], product_of=self._products.product_of)
        try:
            with view.audit_heads.at_moment(self._moment_of(start)):
                check_start(view, item, reader, logged_at=start.index)
        except ProductsDifferError as error:
            if self._products.is_known(ref):
                checklist.find_error(error, CheckId.PRODUCTS, subject, start.index)
            else:
                checklist.leave_out(CheckId.PRODUCTS)
        except FedcarbonError as error:
            checklist.find_error(error, CheckId.REQUESTS, subject, start.index)
        if NO_HASH in item.mask_hashes or len(set(item.mask_hashes)) != len(item.mask_hashes):
            checklist.find(
                CheckId.MASKS,
                MaskHashesInvalidError.code,
                subject,
                "a mask hash is missing or stands twice",
                start.index,
            )

    def on_result(self, result: Logged[OpeningResult]) -> None:
        """Judge what a result rests on; its shares are judged with their batch."""
        exam, item = self._exam, result.statement
        subject = f"the result in leaf {result.index}"
        start = exam.view.starts.starts[item.start_leaf]
        require_public_start(exam, start.index, subject, result.index)
        for target in start.statement.targets:
            answers = self._answered[target.request_leaf]
            answers.append(result.index)
            if len(answers) > 1:
                exam.checklist.find(
                    CheckId.REQUESTS,
                    "REQUEST_OPENED_TWICE",
                    f"the request in leaf {target.request_leaf}",
                    f"leaves {answers} answer it; a request is opened once",
                    result.index,
                )
        usable = [exam.refer(batch.file_sha256, result.index) for batch in item.shares]
        self._shares.expect(
            start.index, self._opened(start, result), item.shares, usable=all(usable)
        )

    def _opened(self, start: Logged[OpeningStart], result: Logged[OpeningResult]) -> OpenedStart:
        item, exam = start.statement, self._exam
        caps: dict[int, MicrogramsCO2e] | None
        try:
            caps = {
                target.slot: caps_so_far(
                    exam.view, AccountRef(item.programme_id, target.account_token), item.epoch
                )
                for target in item.targets
            }
        except FedcarbonError as error:
            caps = None
            subject = f"the result in leaf {result.index}"
            exam.checklist.find_error(error, CheckId.SHARES, subject, result.index)
        return OpenedStart(
            result_leaf=result.index,
            caps_so_far=caps,
            values={value.slot: value.opened_ug for value in result.statement.values},
        )

    def _moment_of(self, start: Logged[OpeningStart]) -> Seconds:
        """Return the second at which the start is judged."""
        view = self._exam.view
        earliest_s = view.heads.clock_s
        over = view.times_over(start.index)
        latest_s = earliest_s if over is None else max(earliest_s, over.clock_s)
        requests = [
            view.starts.requests.get(target.request_leaf) for target in start.statement.targets
        ]
        ends_s = [
            request.statement.not_after_s + TIME_TOLERANCE_S
            for request in requests
            if request is not None
        ]
        return Seconds(max(earliest_s, min([latest_s, *ends_s])))
