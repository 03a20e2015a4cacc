"""Credits: every gram in the books comes from a logged opening, once (V19).

Opened sums are cumulative, so each result credits its difference to the last one of the account. An
opening must be credited by the next ledger batch at the latest: a batch holds everything that was
booked before its leaf, and an opening is booked together with its result. A hub that logs no batch
any more does not get around that: after the ledger day behind its own a result is overdue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fedcarbon.audit.books import Books
from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.audit.ledger_replay import Booked, ReplayedLedger
from fedcarbon.errors import FedcarbonError, PeerError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind
from fedcarbon.ledger.credit import OpeningCredit, transfer_of
from fedcarbon.ledger.transfer import Transfer
from fedcarbon.ledger.unit import Vintage
from fedcarbon.opening.epoch_checks import vintage
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.statements import OpenedValue, OpeningResult
from fedcarbon.units import MicrogramsCO2e


class OpeningWithoutStartError(PeerError):
    """A result of the record answers no start or no programme: keep it as evidence."""

    code: ClassVar[str] = "OPENING_WITHOUT_START"


@dataclass(frozen=True, slots=True, kw_only=True)
class DueCredit:
    """The one transfer that an opening of one account must bring."""

    transfer: Transfer
    result_leaf: int


def due_credits(books: Books, findings: list[Finding]) -> dict[bytes, DueCredit]:
    """Return the credits that follow from the logged openings, by transfer id."""
    due: dict[bytes, DueCredit] = {}
    opened_ug: dict[tuple[ProgrammeId, bytes], MicrogramsCO2e] = {}
    for result in sorted(books.results, key=lambda item: item.index):
        for value in result.statement.values:
            account = (result.statement.programme_id, value.account_token)
            previous_ug = opened_ug.get(account, MicrogramsCO2e(0))
            opened_ug[account] = value.opened_ug
            try:
                transfer = _credit(books, result, value, previous_ug)
            except FedcarbonError as error:
                findings.append(_finding(error.code, value.account_token, str(error), result.index))
                continue
            if transfer is not None:
                credit = DueCredit(transfer=transfer, result_leaf=result.index)
                due.setdefault(transfer.transfer_id, credit)
    return due


def _credit(
    books: Books,
    result: Logged[OpeningResult],
    value: OpenedValue,
    previous_ug: MicrogramsCO2e,
) -> Transfer | None:
    """Return the transfer that credits one account, None if its sum did not grow.

    Raises:
        FedcarbonError: the sum shrank, or the result names no start or epoch.
    """
    opened = result.statement
    start = books.starts.get(opened.start_leaf)
    programme = books.programmes.get(opened.programme_id)
    if start is None or programme is None:
        raise OpeningWithoutStartError(
            f"the result in leaf {result.index} names no start or programme"
        )
    return transfer_of(
        OpeningCredit(
            programme=opened.programme_id,
            vintage=Vintage(vintage(programme, start.statement.epoch)),
            account_token=value.account_token,
            opening_id=opened.opening_id,
            previous_opened_ug=previous_ug,
            opened_ug=value.opened_ug,
        )
    )


def check_credits(
    ledger: ReplayedLedger,
    due: dict[bytes, DueCredit],
    overdue_before: int,
    findings: list[Finding],
) -> None:
    """Hold what was issued against what was opened, both ways.

    Args:
        ledger: what follows from the ledger batches.
        due: the credits that follow from the openings.
        overdue_before: see `fedcarbon.audit.books.Books`.
        findings: where findings go.
    """
    booked_to = max(ledger.last_leaf, overdue_before)
    for booked in ledger.booked.values():
        if booked.transfer.debit.kind is AccountKind.ISSUANCE:
            _check_issued(booked, due, findings)
    for transfer_id, credit in due.items():
        if credit.result_leaf < booked_to and transfer_id not in ledger.booked:
            owner = bytes.fromhex(credit.transfer.credit.owner)
            text = (
                f"{credit.transfer.amount} ug were opened, and no ledger batch up to leaf "
                f"{booked_to} credits them; the hub owes them to the holder"
            )
            findings.append(_finding("OPENING_NOT_CREDITED", owner, text, credit.result_leaf))


def _check_issued(booked: Booked, due: dict[bytes, DueCredit], findings: list[Finding]) -> None:
    transfer = booked.transfer
    credit = due.get(transfer.transfer_id)
    owner = bytes.fromhex(transfer.credit.owner)
    if credit is None:
        # The same grams to the same account under an id of its own: somebody credits again.
        again = any(
            (item.transfer.credit, item.transfer.unit, item.transfer.amount)
            == (transfer.credit, transfer.unit, transfer.amount)
            for item in due.values()
        )
        code = "OPENING_CREDITED_TWICE" if again else "LEDGER_CREATES_GRAMS"
        text = f"{transfer.amount} ug are issued that no logged opening gives; the hub must explain"
        findings.append(_finding(code, owner, text, booked.batch_leaf))
    elif transfer != credit.transfer:
        text = (
            f"{transfer.amount} {transfer.unit.text} go to {transfer.credit.name}; the opening in "
            f"leaf {credit.result_leaf} gives {credit.transfer.amount} {credit.transfer.unit.text} "
            f"to {credit.transfer.credit.name}"
        )
        findings.append(_finding("CREDIT_DIFFERS", owner, text, booked.batch_leaf))
    elif credit.result_leaf > booked.batch_leaf:
        text = f"the credit is older than the opening in leaf {credit.result_leaf}"
        findings.append(_finding("CREDIT_BEFORE_OPENING", owner, text, booked.batch_leaf))


def _finding(code: str, account_token: bytes, text: str, leaf: int) -> Finding:
    return Finding(
        check=CheckId.LEDGER,
        code=code,
        subject=f"account {account_token.hex()[:16]}",
        text=text,
        leaf=leaf,
    )
