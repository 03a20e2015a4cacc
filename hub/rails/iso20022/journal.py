"""Which payouts were written into which file: each at most once, whatever crashes in between.

A payout is one small file from the moment that it is taken in. It lies in exactly one place:

1. `waiting/`                   taken in, in no file yet;
2. `batches/building-N-T/`      chosen for the N-th file, at instant T; more may still join;
3. `batches/sealed-N-T/`        the file is made: nothing joins any more.

A sealed batch that still holds `message.xml` has not been handed over; moving it to `outgoing/` is
one step, after which it is never made again. A crash between any two steps is taken up at the next
start where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from fedcarbon.canonical.statement import Statement, decode, encode
from fedcarbon.errors import CallerError, ConfigurationError, MalformedError
from fedcarbon.ids import ProgrammeId, checked_name
from fedcarbon.redemption.rail import Payout
from fedcarbon.redemption.wallet import WalletId, wallet_id
from fedcarbon.units import Fen, Seconds
from hub.rails.iso20022.disk import PART_SUFFIX, Disk
from hub.rails.iso20022.payment_order import BATCH_PAYOUTS_MAX, Debtor, message_id, payment_order

WAITING: Final = "waiting"
BATCHES: Final = "batches"
OUTGOING: Final = "outgoing"
MESSAGE_FILE: Final = "message.xml"
BUILDING: Final = "building"
SEALED: Final = "sealed"


class IsoPayoutReusedError(CallerError):
    """A payout id came to the folder again with another content."""

    code: ClassVar[str] = "ISO_PAYOUT_REUSED"


class IsoJournalDamagedError(ConfigurationError):
    """A file of the rail's own journal is not what was written; restore the folder."""

    code: ClassVar[str] = "ISO_JOURNAL_DAMAGED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutInstruction(Statement):
    """A payout as it lies in the journal."""

    KIND: ClassVar[str] = "iso20022_instruction"

    payout_id: bytes
    programme: ProgrammeId
    wallet_id: WalletId
    amount_fen: Fen

    def __post_init__(self) -> None:
        """Check the names, and what a payout checks."""
        checked_name(self.programme)
        wallet_id(self.wallet_id)
        _ = self.payout

    @property
    def payout(self) -> Payout:
        """The payout."""
        return Payout(
            payout_id=self.payout_id,
            programme=self.programme,
            wallet_id=self.wallet_id,
            amount_fen=self.amount_fen,
        )


class Journal:
    """The journal of one folder, for one process and one thread at a time."""

    def __init__(self, folder: Path, debtor: Debtor, disk: Disk) -> None:
        """Open the journal and take up what a crash has left.

        Raises:
            IsoJournalDamagedError: a file in it is not what was written.
        """
        self._folder: Final = folder
        self._debtor: Final = debtor
        self._disk: Final = disk
        self._payouts: dict[bytes, Payout] = {}
        self._messages: dict[str, tuple[bytes, ...]] = {}
        for name in (WAITING, BATCHES, OUTGOING):
            disk.make(folder / name)
        self._remember(self._read(folder / WAITING))
        for batch in sorted(self._batches()):
            self._complete(batch)

    @property
    def payouts(self) -> Mapping[bytes, Payout]:
        """Every payout that was ever taken in."""
        return self._payouts

    @property
    def messages(self) -> Mapping[str, tuple[bytes, ...]]:
        """Message id to the payouts in it."""
        return self._messages

    def add(self, payout: Payout) -> None:
        """Take a payout in; it is on the disk when this returns. Once more changes nothing.

        Raises:
            IsoPayoutReusedError: the id was taken in with another content.
            OSError: nothing is known; the same call again finds out.
        """
        path = self._folder / WAITING / f"{payout.payout_id.hex()}.json"
        known = self._payouts.get(payout.payout_id)
        if known is None and path.exists():  # written by a call that did not come to its end
            known = _instruction(path).payout
            self._disk.settle(path.parent)
        if known is not None and known != payout:
            raise IsoPayoutReusedError(
                f"payout {payout.payout_id.hex()} exists with another wallet or amount"
            )
        if known is None:
            instruction = PayoutInstruction(
                payout_id=payout.payout_id,
                programme=payout.programme,
                wallet_id=payout.wallet_id,
                amount_fen=payout.amount_fen,
            )
            self._disk.write(path, encode(instruction))
        self._payouts[payout.payout_id] = payout

    def flush(self, now_s: Seconds) -> list[str]:
        """Hand everything that waits over, in as few files as fit; return their message ids."""
        done: list[str] = []
        for batch in sorted(self._batches(BUILDING)):  # of a flush that did not come to its end
            done += self._complete(batch)
        for path in self._unreleased():
            self._release(path)
        while names := sorted((self._folder / WAITING).glob("*.json"))[:BATCH_PAYOUTS_MAX]:
            batch = self._folder / BATCHES / f"{BUILDING}-{self._next_number():08d}-{now_s}"
            self._disk.make(batch)
            for path in names:
                self._disk.move(path, batch / path.name)
            done += self._complete(batch)
        return done

    def _complete(self, batch: Path) -> list[str]:
        """Bring a batch to its end from wherever it is; return its message id."""
        kind, _, instant = batch.name.split("-")
        payouts = self._read(batch)
        self._remember(payouts)
        if not payouts:
            return []
        identity = message_id(payouts)
        if kind == BUILDING:
            data = payment_order(payouts, self._debtor, Seconds(int(instant)))
            self._disk.write(batch / MESSAGE_FILE, data)
            sealed = batch.with_name(batch.name.replace(BUILDING, SEALED, 1))
            self._disk.move(batch, sealed)
            batch = sealed
        self._messages[identity] = tuple(payout.payout_id for payout in payouts)
        if (batch / MESSAGE_FILE).exists():
            self._release(batch)
        return [identity]

    def _release(self, sealed: Path) -> None:
        identity = message_id(self._read(sealed))
        self._disk.move(sealed / MESSAGE_FILE, self._folder / OUTGOING / f"{identity}.xml")

    def _unreleased(self) -> list[Path]:
        return [path for path in self._batches(SEALED) if (path / MESSAGE_FILE).exists()]

    def _batches(self, kind: str = "*") -> Iterator[Path]:
        return (self._folder / BATCHES).glob(f"{kind}-*-*")

    def _next_number(self) -> int:
        return max((int(path.name.split("-")[1]) for path in self._batches()), default=0) + 1

    def _read(self, folder: Path) -> list[Payout]:
        return [_instruction(path).payout for path in sorted(folder.glob("*.json"))]

    def _remember(self, payouts: list[Payout]) -> None:
        self._payouts.update((payout.payout_id, payout) for payout in payouts)


def _instruction(path: Path) -> PayoutInstruction:
    assert not path.name.endswith(PART_SUFFIX)  # noqa: S101 - parts are never listed
    try:
        return decode(PayoutInstruction, path.read_bytes())
    except MalformedError as error:
        raise IsoJournalDamagedError(f"{path.parent.name}/{path.name} is damaged") from error
