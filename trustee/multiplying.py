"""Products per block: proofs checked and ciphertexts multiplied once per epoch, then kept.

A large epoch takes many minutes. It is worked off in steps of seconds, between orders and for some
seconds within an order that needs it, so that heads are signed all the while. What a step has
checked is kept: a trustee that is killed checks no proof twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fedcarbon.canonical.hashing import digest, u64
from fedcarbon.errors import FedcarbonError, StateError
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.products import Multiplying, multiplied
from fedcarbon.opening.refusals import ProductsPendingError
from fedcarbon.proofs.commitments import ProofKey
from fedcarbon.submission.block_proofs import CheckBlocks, ProvedBlocks
from fedcarbon.wire.logs import logger
from trustee.reading import RecordReader
from trustee.storage.database import Database
from trustee.storage.product_store import ProductStore

ORDER_WORK_S: Final = 10
"""How long an order works on an epoch before it says PRODUCTS_PENDING; a hub waits longer."""

_BLOCKS_LABEL: Final = b"fedcarbon/v1/checked-blocks"


@dataclass(slots=True)
class _Work:
    """An epoch that is being multiplied."""

    ref: EpochRef
    steps: Multiplying
    began_s: float
    chunks: int = 0


class Multiplier:
    """Verifies seals and multiplies, from the last stored epoch on."""

    __slots__ = ("_check", "_database", "_failed", "_reader", "_resting", "_store", "_works")

    def __init__(
        self,
        reader: RecordReader,
        database: Database,
        check: CheckBlocks,
    ) -> None:
        """Take where to read and where to keep, and how range proofs are checked."""
        self._reader: Final = reader
        self._database: Final = database
        self._store: Final = ProductStore(database)
        self._check: Final = check
        self._works: Final[dict[ProgrammeId, _Work]] = {}
        self._failed: Final[dict[EpochRef, FedcarbonError]] = {}
        """Seals that broke a rule, and which: nobody works on them unasked."""
        self._resting: Final[set[EpochRef]] = set()
        """Epochs that wait for the hub, or for a head, while others are worked on."""

    def product_of(self, ref: EpochRef, block: int) -> bytes | None:
        """Return the verified cumulative ciphertext of a block up to an epoch.

        Raises:
            ProductsPendingError: the epoch is not multiplied yet; see `multiply`.
        """
        if self._store.last_epoch(ref.programme_id) < ref.epoch:
            raise self._pending(ref)
        return self._store.product(ref, block)

    def multiply(self, ref: EpochRef) -> None:
        """Work on a programme's epochs up to one, for some seconds; must be in no transaction.

        An epoch that `advance` found wrong is looked at afresh. If that takes too long, what was
        found then is said again: or else nobody would ever hear it.

        Raises:
            ProductsPendingError: time was up first; the next call, or `advance`, goes on.
            EpochNotSealedError, PlanTooEarlyError, IncompleteSealError, ChunkFileDiffersError,
                RangeProofInvalidError, ProductsDifferError, NotWitnessedError: see `multiplied`.
            StateError: the hub cannot be reached for a file.
        """
        until_s = time.monotonic() + ORDER_WORK_S
        while (last := self._store.last_epoch(ref.programme_id)) < ref.epoch:
            due = EpochRef(ref.programme_id, EpochIndex(last + 1))
            if time.monotonic() > until_s:
                found = self._failed.get(due)
                raise self._pending(ref) if found is None else found.with_traceback(None)
            self._step(due)

    def advance(self) -> bool:
        """Do one step of an epoch that is sealed and not multiplied; return whether there was one.

        What a step finds wrong is told to whoever asks for the epoch.
        """
        while (ref := next(self._waiting(), None)) is not None:
            try:
                self._step(ref)
            except StateError:
                self._resting.add(ref)  # until nothing else is left to do
                continue
            except FedcarbonError as error:
                logger().error(
                    "seal_refused", programme_id=ref.programme_id, epoch=ref.epoch, code=error.code
                )
                # Its frames hold whole files.
                error.__cause__ = error.__context__ = None
                self._failed[ref] = error.with_traceback(None)
            return True
        self._resting.clear()  # the next order may find the hub, or a head, where now is none
        return False

    def _waiting(self) -> Iterator[EpochRef]:
        """Yield the epochs that could be worked on, those that were begun first."""
        yield from (work.ref for work in self._works.values())
        seals = self._reader.view.epochs.seals
        for programme_id in sorted({ref.programme_id for ref in seals}):
            last = self._store.last_epoch(programme_id)
            ref = EpochRef(programme_id, EpochIndex(last + 1))
            if ref in seals and ref not in self._failed and ref not in self._resting:
                yield ref

    def _step(self, ref: EpochRef) -> None:
        """Work on an epoch until something is checked, or all of it is kept."""
        work = self._works.get(ref.programme_id) or self._begun(ref)
        try:
            work.chunks = next(work.steps)
        except StopIteration as end:
            del self._works[ref.programme_id]
            with self._database.transaction():
                self._store.keep(ref, end.value)
            self._failed.pop(ref, None)
            logger().info(
                "epoch_multiplied",
                programme_id=ref.programme_id,
                epoch=ref.epoch,
                chunks=work.chunks,
                blocks=len(end.value),
                duration_us=round((time.monotonic() - work.began_s) * 1_000_000),
            )
        except BaseException:
            del self._works[ref.programme_id]
            raise

    def _begun(self, ref: EpochRef) -> _Work:
        before = EpochRef(ref.programme_id, EpochIndex(ref.epoch - 1))
        check = checked_once(self._check, self._database, ref)
        steps = multiplied(
            self._reader.view, ref, self._store.products(before), self._reader.pieces, check
        )
        work = self._works[ref.programme_id] = _Work(ref, steps, time.monotonic())
        return work

    def _pending(self, ref: EpochRef) -> ProductsPendingError:
        work, seal = self._works.get(ref.programme_id), None
        if work is not None:
            seal = self._reader.view.epochs.seals.get(work.ref)
        if work is None or seal is None:
            return ProductsPendingError(ref, f"epoch {ref.epoch} is not multiplied yet")
        chunks = sum(len(part.header_leaves) for part in seal.statement.parts)
        return ProductsPendingError(
            ref, f"epoch {work.ref.epoch}: {work.chunks} of {chunks} chunks are checked"
        )


def checked_once(check: CheckBlocks, database: Database, ref: EpochRef) -> CheckBlocks:
    """Return a check of an epoch's blocks that asks `check` for none that it has accepted before.

    Args:
        check: how range proofs are checked.
        database: remembers what was accepted until the epoch is multiplied.
        ref: the epoch.
    """
    store = ProductStore(database)

    def checked(key: ProofKey, blocks: ProvedBlocks) -> None:
        name = _digest_of(blocks)
        if store.is_checked(name):
            return
        check(key, blocks)
        with database.transaction():
            store.keep_checked(ref, name)

    return checked


def _digest_of(blocks: ProvedBlocks) -> bytes:
    """Return the hash of all that a check of blocks depends on, the parameter set apart."""
    return digest(
        _BLOCKS_LABEL,
        blocks.programme_id.encode(),
        blocks.partner_id.encode(),
        u64(blocks.epoch),
        u64(blocks.cap_ug),
        *(
            digest(_BLOCKS_LABEL, u64(entry.block), entry.ciphertext, entry.proof, *map(u64, caps))
            for entry, caps in zip(blocks.entries, blocks.bounds_ug, strict=True)
        ),
    )
