"""One trustee: takes orders from the hub, follows the record, answers or refuses with a code.

Everything that an answer promises is durable before the answer leaves. The same order gets the same
answer; so does a resent order with the same content, where an answer must not be made twice (the
proofs in evaluations and shares are fresh each time). A mask is shown from its own place until it
is erased, and noise from its own place always. A refusal is signed and logged. Heads are signed
with the time of asking, so that time can pass while the record stands still.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from fedcarbon.canonical.hashing import digest, u64
from fedcarbon.clock import Clock
from fedcarbon.engine.local import LocalEngine
from fedcarbon.engine.tasks.verifying import BlockVerifier
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import ProgrammeId
from fedcarbon.opening.refusals import ProductsPendingError
from fedcarbon.opening.statements import Refusal
from fedcarbon.opening.tables import PeriodRef
from fedcarbon.opening.violations import RecordViolationError
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.transparency.envelope import sign
from fedcarbon.v1 import trustee_pb2
from fedcarbon.wire.processes import ProcessMap
from trustee.cosigning import Cosigner
from trustee.drawing import BeaconDrawer
from trustee.evaluating import Evaluator
from trustee.masking import Masker
from trustee.multiplying import Multiplier
from trustee.noising import Noiser
from trustee.order_errors import (
    BatchRefusedError,
    OrderIdReusedError,
    OrderMalformedError,
)
from trustee.own_keys import OwnKeys
from trustee.reading import RecordReader, RecordSource
from trustee.releasing import Releaser
from trustee.sampling import NoiseSource, OpenDpNoise
from trustee.sharing import Sharer
from trustee.storage.answers import AnswerStore, StoredAnswer
from trustee.storage.database import Database

ORDER_ID_BYTES: Final = 16
DETAIL_LENGTH_MAX: Final = 500
_NEVER_KEPT: Final = frozenset({"reveal_mask", "noise"})
"""Orders whose answers are not stored: a mask is erased, and a copy of it would not be; noise is
long and has a place of its own, which gives the same bytes for ever."""
_ANSWERED_BY_CONTENT: Final = frozenset({"evaluate", "share", "release_share"})
"""Orders whose answers hold fresh proofs: the same content gets the stored bytes."""


class Trustee:
    """Handles one order at a time."""

    def __init__(
        self,
        keys: OwnKeys,
        roots: TrustRoots,
        database: Database,
        source: RecordSource,
        clock: Clock,
        engine: LocalEngine | None = None,
        noise: NoiseSource | None = None,
    ) -> None:
        """Resume from the store.

        Args:
            keys: identity, secrets and randomness.
            roots: the trust roots.
            database: the trustee's own store.
            source: where the record is read.
            clock: protocol time, for the times of its own signatures.
            engine: where proofs are checked and shares made; by default in this process. It stays
                the caller's.
            noise: where noise for statistics comes from; by default OpenDP.
        """
        self._keys: Final = keys
        self._clock: Final = clock
        self._database: Final = database
        self._answers: Final = AnswerStore(database)
        self._reader: Final = RecordReader(roots, database, source, clock)
        self._keys_checked = False
        view = self._reader.view
        engine = engine or LocalEngine(ProcessMap(1))
        self._multiplier: Final = Multiplier(self._reader, database, BlockVerifier(engine))
        self._cosigner: Final = Cosigner(keys, view, database, clock)
        self._evaluator: Final = Evaluator(keys, view, database)
        self._drawer: Final = BeaconDrawer(keys, view, database)
        self._masker: Final = Masker(keys, view, database, self._multiplier)
        self._sharer: Final = Sharer(keys, view, database, self._masker, engine)
        self._noiser: Final = Noiser(keys, view, database, noise or OpenDpNoise())
        self._releaser: Final = Releaser(keys, view, self._noiser, self._reader.file, engine)

    @property
    def record_size(self) -> int:
        """How many leaves this trustee has read."""
        return self._reader.view.size

    def advance(self) -> bool:
        """Do some seconds of work that no order has asked for; return whether there was any."""
        return self._multiplier.advance()

    def handle(self, order: trustee_pb2.WorkResponse) -> trustee_pb2.WorkRequest:
        """Return the answer to an order, or the refusal of it."""
        content = _content_sha256(order)
        stored = self._answers.of_order(order.order_id)
        if stored is not None and stored.content_sha256 == content:
            return trustee_pb2.WorkRequest.FromString(stored.answer)
        try:
            if stored is not None:
                raise OrderIdReusedError("this order id was used for another order")
            self._follow(order)
        except FedcarbonError as error:
            # Not stored: when the record can be read, the same order gets a real answer.
            return self._refused(order, content, error)
        try:
            answer = self._repeated(order, content) or self._worked_for(order)
        except BatchRefusedError as error:
            if isinstance(error.reason, ProductsPendingError):
                return _pending(order, error)  # neither signed nor stored: it refuses nothing
            answer = self._refused(order, content, error)
        except FedcarbonError as error:
            answer = self._refused(order, content, error)
        if order.WhichOneof("order") not in _NEVER_KEPT:
            stored = StoredAnswer(content, answer.SerializeToString())
            with self._database.transaction():
                self._answers.keep(order.order_id, stored)
        return answer

    def _follow(self, order: trustee_pb2.WorkResponse) -> None:
        if len(order.order_id) != ORDER_ID_BYTES or order.WhichOneof("order") is None:
            raise OrderMalformedError("an order has an id of 16 bytes and something to do")
        self._reader.follow(order.record_size, order.checkpoint.note, order.partner_checkpoint.note)
        if not self._keys_checked:
            parties = self._reader.view.parties
            self._keys.check(parties)
            # Until the own admission is read, its signing key has not been compared.
            self._keys_checked = self._keys.trustee_id in parties.admissions

    def _repeated(
        self, order: trustee_pb2.WorkResponse, content: bytes
    ) -> trustee_pb2.WorkRequest | None:
        """Return the stored answer to a resent order of the same content."""
        kind = order.WhichOneof("order")
        stored = self._answers.of_content(content) if kind in _ANSWERED_BY_CONTENT else None
        if stored is None:
            return None
        answer = trustee_pb2.WorkRequest.FromString(stored)
        if answer.WhichOneof("answer") == "refused":
            return None  # the record may have grown: judged anew
        answer.order_id = order.order_id
        return answer

    def _worked_for(self, order: trustee_pb2.WorkResponse) -> trustee_pb2.WorkRequest:
        """Answer an order, after multiplying what it needs if that is a matter of seconds."""
        while True:
            try:
                return self._answered(order)
            except BatchRefusedError as error:
                reason, positions = error.reason, error.positions
                if not isinstance(reason, ProductsPendingError):
                    raise
            try:
                self._multiplier.multiply(reason.ref)
            except FedcarbonError as error:
                raise BatchRefusedError(error, positions) from error

    def _answered(self, order: trustee_pb2.WorkResponse) -> trustee_pb2.WorkRequest:
        answer = trustee_pb2.WorkRequest(order_id=order.order_id)
        match order.WhichOneof("order"):
            case "cosign":
                answer.cosign.CopyFrom(self._cosigner.cosign(order.record_size, order.cosign))
            case "evaluate":
                answer.evaluate.CopyFrom(self._evaluator.evaluate(order.evaluate))
            case "beacon":
                answer.beacon.CopyFrom(self._drawer.draw(order.beacon))
            case "mask":
                answer.mask.mask_hashes.extend(self._masker.commit(order.mask.draft_starts))
            case "sign_start":
                answer.sign_start.signatures.extend(self._masker.sign(order.sign_start.starts))
            case "reveal_mask":
                masks = self._masker.reveal(order.reveal_mask.start_leaves)
                answer.reveal_mask.masks.extend(masks)
            case "share":
                answer.share.CopyFrom(self._sharer.share(order.share))
            case _:
                self._answer_release(order, answer)
        return answer

    def _answer_release(
        self, order: trustee_pb2.WorkResponse, answer: trustee_pb2.WorkRequest
    ) -> None:
        """Fill in the answer to an order about statistics."""
        match order.WhichOneof("order"):
            case "noise":
                ref = PeriodRef(order.noise.shell_leaf, order.noise.period)
                answer.noise.file = self._noiser.noise(ProgrammeId(order.noise.programme_id), ref)
            case "sign_release":
                answer.sign_release.signature = self._releaser.sign(order.sign_release.start)
            case "release_share":
                answer.release_share.CopyFrom(self._releaser.share(order.release_share.start_leaf))
            case _:
                raise OrderMalformedError("this trustee does not know that order")

    def _refused(
        self, order: trustee_pb2.WorkResponse, content: bytes, error: FedcarbonError
    ) -> trustee_pb2.WorkRequest:
        reason, positions = (
            (error.reason, error.positions) if isinstance(error, BatchRefusedError) else (error, ())
        )
        detail = str(reason)[:DETAIL_LENGTH_MAX]
        with self._database.transaction():
            self._answers.note_refusal(
                content,
                kind=order.WhichOneof("order") or "",
                code=reason.code,
                detail=detail,
                at_s=self._reader.view.heads.clock_s,
            )
        return trustee_pb2.WorkRequest(
            order_id=order.order_id,
            refused=trustee_pb2.RefusedAnswer(
                code=reason.code,
                detail=detail,
                signed_refusal=self._signed_refusal(content, reason.code, detail),
                positions=positions,
            ),
        )

    def _signed_refusal(self, content: bytes, code: str, detail: str) -> bytes:
        try:
            parameter_id = self._reader.view.parties.parameters.parameter_id
        except RecordViolationError:
            return b""  # nothing of the record has been read
        statement = Refusal(
            parameter_id=parameter_id,
            trustee_id=self._keys.trustee_id,
            refusal_code=code,
            subject=content,
            detail=detail,
        )
        return sign(statement, {self._keys.trustee_id: self._keys.signing_key}).to_bytes()


def _pending(order: trustee_pb2.WorkResponse, error: BatchRefusedError) -> trustee_pb2.WorkRequest:
    return trustee_pb2.WorkRequest(
        order_id=order.order_id,
        refused=trustee_pb2.RefusedAnswer(
            code=error.reason.code, detail=str(error.reason), positions=error.positions
        ),
    )


def _content_sha256(order: trustee_pb2.WorkResponse) -> bytes:
    """Return the hash of what an order asks for, without its id and the head beside it."""
    kind = order.WhichOneof("order") or ""
    asked: Any = getattr(order, kind) if kind else None
    data = asked.SerializeToString(deterministic=True) if kind else b""
    size = u64(order.record_size) if kind == "cosign" else b""
    return digest(b"fedcarbon/v1/work-order", kind.encode(), hashlib.sha256(data).digest(), size)
