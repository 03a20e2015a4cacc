"""The hub as its use cases see it: what is handed to all of them, and what a transaction is.

There is one writer. A use case is a plain function of a session; `write` runs it in one thread, one
after the other, in a transaction that holds the database's write lock from its beginning. When it
returns, everything it did is on the disk. `read` runs beside it on a snapshot.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeVar

from sqlalchemy import Engine
from sqlmodel import Session
from typing_extensions import override

from fedcarbon.clock import Clock
from fedcarbon.engine.port import Engine as Workers
from fedcarbon.epoch.statements import BeaconLabel
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.transparency.checkpoint import QuorumMissingError, WitnessedCheckpoint
from fedcarbon.transparency.receipt import MERGE_DELAY_S
from fedcarbon.wire.logs import logger
from hub.epochs.snapshots import Snapshots
from hub.record.record import Record, Signer
from hub.storage.engine import reading, transact
from hub.trustees.port import Witnesses

T = TypeVar("T")

PLACE_POOL_BLOCKS_DEFAULT: Final = 8


class NoWitnesses(Witnesses):
    """Stands for the trustees until they are wired in."""

    @override
    async def witness(self) -> WitnessedCheckpoint:
        """Refuse.

        Raises:
            QuorumMissingError: always.
        """
        raise QuorumMissingError("this hub has no connection to any trustee")

    @override
    async def beacon(self, label: BeaconLabel, leaf_index: int) -> bytes:
        """Refuse.

        Raises:
            QuorumMissingError: always.
        """
        raise QuorumMissingError("this hub has no connection to any trustee")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSettings:
    """What the operator may choose without changing the protocol."""

    place_pool_blocks: int = PLACE_POOL_BLOCKS_DEFAULT
    """Open blocks among which new accounts are dealt: more hide better, and cost more."""
    merge_delay_s: int = MERGE_DELAY_S
    """What receipts promise: so soon a witnessed head covers the leaf. Nodes refuse more."""
    database_url: str | None = field(default=None, repr=False)
    """Of a PostgreSQL database instead of a file; it may hold a password."""


@dataclass(slots=True, kw_only=True)
class Hub:
    """Everything that a use case may need."""

    engine: Engine
    record: Record
    clock: Clock
    signer: Signer
    parameters: ParameterSet
    settings: HubSettings
    randbelow: Callable[[int], int]
    """Returns a uniform integer in [0, argument), as `secrets.randbelow` does."""
    workers: Workers
    """For work on many blocks."""
    snapshots: Snapshots
    witnesses: Witnesses = field(default_factory=NoWitnesses)
    """Set by whoever connects the trustees."""
    on_cosignature: Callable[[], object] = lambda: None
    """Called on the event loop when a partner has signed a head; set by whoever waits for it."""
    on_close: Callable[[], object] = lambda: None
    """Called when everything else is let go."""
    _export_is_behind: bool = False
    """Whether the record's plain copy lacks something, for example on a full disk."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _writer: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="hub-writer")
    )

    def write_now(self, use_case: Callable[[Session], T]) -> T:
        """Run `use_case` in a writing transaction; what it did is durable when this returns.

        Raises:
            StoreBusyError: others held the database for too long, or came first too often.
            StoreUnavailableError: the database is away; the outcome is unknown.
            DiskFullError: there is no room.
        """
        with self._lock:
            result, session = transact(self.engine, lambda session: (use_case(session), session))
            self._export(session)
        return result

    def _export(self, session: Session) -> None:
        """Copy what was committed; what a crash leaves undone here is repaired at the next start.

        It is committed: an error of the copy must not tell a caller that it is not.
        """
        try:
            if self._export_is_behind:
                self.read_now(lambda other: self.record.export.repair(other, self.record.log))
            else:
                self.record.export.committed(session)
            self._export_is_behind = False
        except OSError:
            self._export_is_behind = True
            logger().exception("record_not_exported")

    def read_now(self, use_case: Callable[[Session], T]) -> T:
        """Run `use_case` on a snapshot of the database; it cannot write."""
        with reading(self.engine) as session:
            return use_case(session)

    async def write(self, use_case: Callable[[Session], T]) -> T:
        """Run `write_now` in the writer's thread."""
        return await asyncio.get_running_loop().run_in_executor(
            self._writer, self.write_now, use_case
        )

    async def read(self, use_case: Callable[[Session], T]) -> T:
        """Run `read_now` in a thread."""
        return await asyncio.to_thread(self.read_now, use_case)

    def close(self) -> None:
        """Finish what is being written and let go of threads, processes and files."""
        self._writer.shutdown()
        self.workers.close()
        self.engine.dispose()
        self.on_close()
