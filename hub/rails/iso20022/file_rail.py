"""A rail over a folder of ISO 20022 files.

    waiting/ batches/    the rail's own journal (hub.rails.iso20022.journal)
    outgoing/            pain.001 for the bank, which takes them away
    incoming/            files of the bank, moved in whole; only names that end in .xml are read
    processed/           files that were read: what the rail knows is what lies here
    refused/             files that were not taken, for people

Nothing is known sooner than a file says it: `pay` answers ACCEPTED.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from pathlib import Path
from typing import ClassVar, Final

from typing_extensions import override

from fedcarbon.clock import Clock
from fedcarbon.errors import ConfigurationError, FedcarbonError
from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.rail import Payout, Rail, RailAnswer, RailStatus
from fedcarbon.redemption.rail_day import RailDay, RailFiles
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.wire.logs import logger
from hub.rails.iso20022.answers import BankAnswers, lines
from hub.rails.iso20022.bank_file import BankFile, PayoutReport, read_bank_file
from hub.rails.iso20022.disk import Disk
from hub.rails.iso20022.journal import Journal
from hub.rails.iso20022.payment_order import Debtor
from hub.rails.iso20022.values import IsoContentInvalidError, IsoPayoutUnknownError
from hub.rails.iso20022.xml import FILE_BYTES_MAX

INCOMING: Final = "incoming"
PROCESSED: Final = "processed"
REFUSED: Final = "refused"
_NAME_DIGITS: Final = 32


class IsoAccountUnknownError(ConfigurationError):
    """The programme has no account at the bank: add it to `accounts` of the table [rail]."""

    code: ClassVar[str] = "ISO_ACCOUNT_UNKNOWN"


class IsoFileRail(Rail, RailFiles):
    """The rail. Threads may share it; one process pays, others may read."""

    def __init__(
        self, folder: Path, debtor: Debtor, clock: Clock, *, disk: Disk | None = None
    ) -> None:
        """Open the folder and take up what a crash has left.

        Raises:
            IsoJournalDamagedError: the journal is not what was written.
        """
        self._folder: Final = folder
        self._debtor: Final = debtor
        self._clock: Final = clock
        self._disk: Final = disk or Disk()
        self._lock = threading.Lock()
        for name in (INCOMING, PROCESSED, REFUSED):
            self._disk.make(folder / name)
        self._journal = Journal(folder, debtor, self._disk)
        self._answers = BankAnswers()
        self._read: set[str] = set()

    @override
    def pay(self, payout: Payout) -> RailAnswer:
        """Take the payout in; it goes out with the next `flush`.

        Raises:
            IsoAccountUnknownError: nobody would know from which account.
            IsoPayoutReusedError: the id was taken in with another content.
            OSError: nothing is known.
        """
        if payout.programme not in self._debtor.accounts:
            raise IsoAccountUnknownError(f"{payout.programme} has no account at the bank")
        with self._lock:
            self._journal.add(payout)
            self._take_in()
            return self._answer(payout)

    @override
    def query(self, payout_id: bytes) -> RailAnswer:
        """Return what the files that have come say of a payout.

        Raises:
            RailContradictionError: they contradict each other.
            RailAmountDiffersError: another amount was booked.
        """
        with self._lock:
            self._take_in()
            payout = self._journal.payouts.get(payout_id)
            if payout is None:
                return RailAnswer(status=RailStatus.NOT_FOUND)
            return self._answer(payout)

    @override
    def of_day(self, programme: ProgrammeId, day: ValueDay) -> RailDay | None:
        """Return what the files of a day say, once its camt.053 has come.

        Raises:
            RailContradictionError: they contradict each other.
        """
        account = self._debtor.accounts.get(programme)
        with self._lock:
            self._take_in()
            statement = None if account is None else self._answers.statement(account, day)
            if statement is None:
                return None
            reports = [
                report
                for report in self._answers.reports_of(day)
                if self._programme_of(report) == programme
            ]
            amounts = {name: int(item.amount_fen) for name, item in self._journal.payouts.items()}
        return RailDay(
            programme=programme, day=day, lines=lines(reports, amounts), statement=statement
        )

    def flush(self) -> list[str]:
        """Write what waits into files for the bank; return their message ids."""
        with self._lock:
            return self._journal.flush(self._clock.now_s())

    async def flush_regularly(self, interval_s: float) -> None:
        """Flush again and again; never ends."""
        while True:
            try:
                written = await asyncio.to_thread(self.flush)
                if written:
                    logger().info("rail_files_written", files=len(written))
            except Exception:  # noqa: BLE001 - the last place before the work ends for good
                logger().exception("rail_files_not_written")
            await asyncio.sleep(interval_s)

    def _answer(self, payout: Payout) -> RailAnswer:
        return self._answers.answer(payout, self._debtor.accounts.get(payout.programme))

    def _programme_of(self, report: PayoutReport) -> ProgrammeId | None:
        if report.account:
            accounts = self._debtor.accounts.items()
            return next((name for name, number in accounts if number == report.account), None)
        payout = self._journal.payouts.get(report.payout_id)
        return None if payout is None else payout.programme

    def _take_in(self) -> None:
        """Read what has come; what cannot be taken is put aside and named in the log."""
        for path in _files(self._folder / INCOMING):
            try:
                self._put_away(path)
            except FileNotFoundError:  # another process was faster
                continue
            except OSError as error:  # the others do not wait for it
                logger().error("rail_file_not_read", reason=type(error).__name__)
        for path in _files(self._folder / PROCESSED):
            if path.name not in self._read:
                self._add(self._checked(_bytes_of(path)))
                self._read.add(path.name)

    def _put_away(self, path: Path) -> None:
        data = _bytes_of(path)
        folder = PROCESSED
        try:
            self._checked(data)
        except Exception as error:  # noqa: BLE001 - a file that none foresaw is a bad file, no more
            code = error.code if isinstance(error, FedcarbonError) else type(error).__name__
            logger().error("rail_file_refused", code=code)
            folder = REFUSED
        # By content: the sender's name for it may be as long as a name can be.
        name = hashlib.sha256(data).hexdigest()[:_NAME_DIGITS]
        self._disk.move(path, self._folder / folder / f"{name}.xml")

    def _checked(self, data: bytes) -> BankFile:
        found = read_bank_file(data)
        booked_on = {report.account for report in found.reports if report.account}
        booked_on |= {item.account for item in found.statements}
        if not booked_on <= set(self._debtor.accounts.values()):
            raise IsoContentInvalidError("a file is about an account of no programme")
        for report in found.reports:
            if not report.account and report.payout_id not in self._journal.payouts:
                raise IsoPayoutUnknownError("a file answers a payout that was never written")
        for rejection in found.rejections:
            if rejection.message_id not in self._journal.messages:
                raise IsoContentInvalidError("a file rejects a message that was never written")
        return found

    def _add(self, found: BankFile) -> None:
        rejected = [
            PayoutReport(
                payout_id=payout_id,
                status=RailStatus.REJECTED,
                day=rejection.day,
                reason=rejection.reason,
            )
            for rejection in found.rejections
            for payout_id in self._journal.messages[rejection.message_id]
        ]
        self._answers.add([*found.reports, *rejected], found.statements)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.xml") if path.is_file())


def _bytes_of(path: Path) -> bytes:
    with path.open("rb") as file:  # one byte more than is taken: a longer one is refused by length
        return file.read(FILE_BYTES_MAX + 1)
