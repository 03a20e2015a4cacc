"""Intake: the numbered rules by which one chunk of a submission is admitted.

The rules are pure: bytes and what the record says in; the admitted chunk, or the error of the rule
that failed, out. They run in this order, so a chunk with several faults always fails by the same:

 (1) the caller is an admitted partner                            NOT_ADMITTED
 (2) the header is signed by the caller's admitted key            SIGNATURE_INVALID
 (3) the header names the caller                                  SENDER_DIFFERS
 (4) and this parameter set                                       PARAMETERS_DIFFER
 (5) the programme has this epoch, and its plan is logged         WRONG_EPOCH
 (6) a chunk of this number came with the same bytes, or never    CHUNK_DIFFERS
 (7) the epoch is not sealed                                      EPOCH_SEALED
 (8) and takes submissions already                                SUBMISSION_NOT_OPEN
 (9) the partner has an account in the enrolment snapshot         NOT_IN_SNAPSHOT
(10) the plan leaf                                                PLAN_DIFFERS
(11) slot width and slots                                         LAYOUT_DIFFERS
(12) every account of the snapshot is kept where the record says  HEADER_PLACES_DIFFER
(13) evidence root and methodologies of phase 1a,                  EVIDENCE_ROOT_DIFFERS,
     zeros for both if that was missed                            METHODOLOGY_BUNDLE_DIFFERS
(14) the number of chunks is that of the other chunks              CHUNK_COUNT_DIFFERS
(15) the file has at most 4 MiB                                   CHUNK_TOO_LARGE
(16) and the SHA-256 in the header                                FILE_HASH_DIFFERS
(17) it is a chunk file whose blocks ascend                       MALFORMED_CHUNK, BLOCK_ORDER
(18) with as many entries, and the root, as the header says       ENTRIES_ROOT_DIFFERS
(19) every block is one that the snapshot asks for                BLOCK_NOT_EXPECTED
(20) and came in no other chunk                                   BLOCK_SENT_TWICE
(21) every ciphertext is a unit modulo n^2                        CIPHERTEXT_RANGE, _NOT_UNIT
(22) every slot range proof holds under the record's own bounds   RANGE_PROOF_INVALID
(23) with the last chunk no block is missing                      BLOCK_MISSING

A chunk that came before with the same bytes (6) is a replay, whatever the epoch's state: it gets
its old receipt and the later rules are not asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from fedcarbon.errors import CallerError, PeerError, StateError
from fedcarbon.ids import PartyId
from fedcarbon.packing.layout import SLOT_WIDTH_BITS
from fedcarbon.paillier import cipher
from fedcarbon.paillier.cipher import CiphertextNotUnitError, CiphertextRangeError
from fedcarbon.paillier.keys import PublicKey
from fedcarbon.proofs.commitments import ProofKey
from fedcarbon.submission.block_proofs import CheckBlocks, ProvedBlocks
from fedcarbon.submission.chunk_file import ChunkFile, EntryShape, require_size
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.submission.signed_message import open_message
from fedcarbon.units import MicrogramsCO2e


class WrongEpochError(CallerError):
    """The header names a programme or an epoch that has no logged plan."""

    code: ClassVar[str] = "WRONG_EPOCH"


class ChunkDiffersError(CallerError):
    """Another chunk of this number was admitted; a submission is never amended."""

    code: ClassVar[str] = "CHUNK_DIFFERS"


class EpochSealedError(StateError):
    """The epoch is closed for ever."""

    code: ClassVar[str] = "EPOCH_SEALED"


class SubmissionNotOpenError(StateError):
    """The epoch's claims are not judged yet; the partner must wait for its verdicts."""

    code: ClassVar[str] = "SUBMISSION_NOT_OPEN"


class NotInSnapshotError(CallerError):
    """The partner has no enrolled account in the epoch's snapshot."""

    code: ClassVar[str] = "NOT_IN_SNAPSHOT"


class PlanDiffersError(CallerError):
    """The header follows another epoch plan."""

    code: ClassVar[str] = "PLAN_DIFFERS"


class LayoutDiffersError(CallerError):
    """The header was packed with another slot width or number of slots."""

    code: ClassVar[str] = "LAYOUT_DIFFERS"


class HeaderPlacesDifferError(CallerError):
    """The partner keeps its accounts in other places than the record, or knows other accounts.

    It must compare the hub's signed answers with what it stored: either it lost something, or the
    hub told it places that are not those of the record, and has signed that.
    """

    code: ClassVar[str] = "HEADER_PLACES_DIFFER"


class EvidenceRootDiffersError(PeerError):
    """The header repeats another evidence root than the one committed before any verdict."""

    code: ClassVar[str] = "EVIDENCE_ROOT_DIFFERS"


class MethodologyBundleDiffersError(PeerError):
    """The header names other methodologies than those committed to before any verdict."""

    code: ClassVar[str] = "METHODOLOGY_BUNDLE_DIFFERS"


class ChunkCountDiffersError(CallerError):
    """The chunks of one submission disagree on their number."""

    code: ClassVar[str] = "CHUNK_COUNT_DIFFERS"


class FileHashDiffersError(CallerError):
    """The file is not the one that the header names: it was corrupted on the way."""

    code: ClassVar[str] = "FILE_HASH_DIFFERS"


class EntriesRootDiffersError(CallerError):
    """The header commits to other entries than the file has."""

    code: ClassVar[str] = "ENTRIES_ROOT_DIFFERS"


class BlockNotExpectedError(CallerError):
    """A ciphertext for a block in which the partner has no account in the snapshot."""

    code: ClassVar[str] = "BLOCK_NOT_EXPECTED"


class BlockSentTwiceError(CallerError):
    """Two chunks of one submission have the same block."""

    code: ClassVar[str] = "BLOCK_SENT_TWICE"


class BlockMissingError(CallerError):
    """The submission is not dense: a block of the snapshot has no ciphertext."""

    code: ClassVar[str] = "BLOCK_MISSING"


class SubmissionPhase(StrEnum):
    """Whether an epoch takes submissions."""

    EARLY = "early"
    OPEN = "open"
    SEALED = "sealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedChunk:
    """What later chunks are compared with."""

    header_sha256: bytes
    """Of the exact bytes of the header's envelope."""
    chunks: int


Received = Callable[[Collection[int]], Collection[int]]
"""Returns those of some blocks that stand in the chunks which are in the record."""


def none_received(_blocks: Collection[int]) -> Collection[int]:
    """Return nothing: for whoever looks by other means whether a block came twice."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeContext:
    """What the record says about one partner's submission of one epoch."""

    key: ProofKey
    phase: SubmissionPhase
    plan_leaf: int
    expected_blocks: Collection[int]
    """All blocks of the partner in the snapshot; empty if it is not in it. Whether one is among
    them is asked for every block that comes: it must not cost a look at all of them."""
    places_digest: bytes
    """Of the partner's accounts in the snapshot; not looked at if it is not in it."""
    bounds_ug: Callable[[int], tuple[MicrogramsCO2e, ...]]
    """The bounds of a block's slots: the cap where the partner has an enrolled account, else 0."""
    cap_ug: MicrogramsCO2e
    """Cap of one account over the epoch."""
    evidence_root: bytes
    methodology_bundle: bytes
    """As logged in phase 1a; 32 zeros if the partner missed it."""
    admitted: Mapping[int, AdmittedChunk]
    """By number, the chunks that are in the record."""
    received: Received
    """Looks up blocks of the chunks that are in the record."""


def open_header(
    data: bytes, *, caller: PartyId, partner_keys: Mapping[PartyId, bytes], parameter_id: bytes
) -> ChunkHeader:
    """Return the header in an envelope, after rules (1) to (4).

    Raises:
        NotAdmittedError, SignatureInvalidError, SenderDiffersError, ParametersDifferError: the
            first rule that fails.
        MalformedError: not the envelope of a chunk header.
    """
    return open_message(
        ChunkHeader,
        data,
        sender=caller,
        keys=partner_keys,
        named_in=lambda header: header.partner_id,
        parameter_id=parameter_id,
    )


def require_context(header: ChunkHeader, context: IntakeContext | None) -> IntakeContext:
    """Return the context of the epoch that a header names: rule (5).

    Args:
        header: as `open_header` returned it.
        context: None if the programme has no such epoch or its plan is not logged.

    Raises:
        WrongEpochError: there is none.
    """
    # (5) the programme has this epoch, and its plan is logged
    if context is None:
        raise WrongEpochError(f"no plan of epoch {header.epoch} of {header.programme_id} is logged")
    return context


def is_replay(header: ChunkHeader, data: bytes, context: IntakeContext) -> bool:
    """Tell whether this very chunk is in the record already: rule (6).

    Args:
        header: as `open_header` returned it.
        data: the exact bytes of its envelope.
        context: see `require_context`.

    Raises:
        ChunkDiffersError: another chunk of this number is.
    """
    # (6) a chunk of this number came with the same bytes, or never
    known = context.admitted.get(header.chunk)
    if known is None:
        return False
    if known.header_sha256 != hashlib.sha256(data).digest():
        raise ChunkDiffersError(
            f"chunk {header.chunk} of {header.partner_id} for epoch {header.epoch} of "
            f"{header.programme_id} is in the record with other bytes"
        )
    return True


def check_header(header: ChunkHeader, context: IntakeContext) -> None:
    """Apply rules (7) to (14), which need no file.

    Raises:
        EpochSealedError, SubmissionNotOpenError, NotInSnapshotError, PlanDiffersError,
        LayoutDiffersError, HeaderPlacesDifferError, EvidenceRootDiffersError,
        MethodologyBundleDiffersError, ChunkCountDiffersError: the first that fails.
    """
    name = f"epoch {header.epoch} of {header.programme_id}"
    # (7) the epoch is not sealed
    if context.phase is SubmissionPhase.SEALED:
        raise EpochSealedError(f"{name} is sealed; chunk {header.chunk} came too late")
    # (8) and takes submissions already
    if context.phase is SubmissionPhase.EARLY:
        raise SubmissionNotOpenError(f"{name} takes no submissions before its verdicts are logged")
    # (9) the partner has an account in the enrolment snapshot
    if not context.expected_blocks:
        raise NotInSnapshotError(f"{header.partner_id} has no enrolled account in {name}")
    # (10) the plan leaf
    if header.plan_leaf != context.plan_leaf:
        raise PlanDiffersError(f"{name} is planned by leaf {context.plan_leaf}")
    # (11) slot width and slots
    if (header.slot_width_bits, header.slots) != (SLOT_WIDTH_BITS, context.key.layout.slots):
        raise LayoutDiffersError(
            f"the layout is {context.key.layout.slots} slots of {SLOT_WIDTH_BITS} bits"
        )
    # (12) every account of the snapshot is kept where the record says
    if header.places_digest != context.places_digest:
        raise HeaderPlacesDifferError(
            f"{header.partner_id} has other accounts or places in {name} than the record"
        )
    # (13) evidence root and methodologies of phase 1a, zeros for both if that was missed
    if header.evidence_root != context.evidence_root:
        raise EvidenceRootDiffersError(f"{header.partner_id} committed another evidence root")
    if header.methodology_bundle != context.methodology_bundle:
        raise MethodologyBundleDiffersError(
            f"{header.partner_id} committed to other methodologies than chunk {header.chunk} names"
        )
    # (14) the number of chunks is that of the other chunks
    if any(other.chunks != header.chunks for other in context.admitted.values()):
        raise ChunkCountDiffersError(
            f"earlier chunks of {header.partner_id} name another number of chunks"
        )


def check_file(header: ChunkHeader, file: bytes, context: IntakeContext) -> ChunkFile:
    """Return the chunk in `file`, after rules (15) to (21).

    Raises:
        ChunkTooLargeError, FileHashDiffersError, MalformedChunkError, BlockOrderError,
        EntriesRootDiffersError, BlockNotExpectedError, BlockSentTwiceError, CiphertextRangeError,
        CiphertextNotUnitError: the first that fails.
    """
    # (15) the file has at most 4 MiB
    require_size(len(file))
    # (16) and the SHA-256 in the header
    if hashlib.sha256(file).digest() != header.file_sha256:
        raise FileHashDiffersError(f"chunk {header.chunk} is not the file that its header names")
    # (17) it is a chunk file whose blocks ascend
    chunk = ChunkFile.from_bytes(file, EntryShape.of(context.key, context.cap_ug))
    # (18) with as many entries, and the root, as the header says
    if len(chunk) != header.entries or chunk.root() != header.entries_root:
        raise EntriesRootDiffersError(f"chunk {header.chunk} has other entries than its header")
    check_blocks(chunk.blocks(), context)
    # (21) every ciphertext is a unit modulo n^2
    _check_units(list(chunk.ciphertexts().items()), context.key.public_key)
    return chunk


def check_proofs(
    header: ChunkHeader, chunk: ChunkFile, context: IntakeContext, check: CheckBlocks
) -> None:
    """Apply rule (22), by far the most work.

    Args:
        header: of the chunk.
        chunk: as `check_file` returned it.
        context: see `require_context`.
        check: checks the proofs.

    Raises:
        RangeProofInvalidError: naming the block and the check that fails.
    """
    # (22) every slot range proof holds under the record's own bounds
    blocks = ProvedBlocks(
        programme_id=header.programme_id,
        partner_id=header.partner_id,
        epoch=header.epoch,
        cap_ug=context.cap_ug,
        entries=tuple(chunk),
        bounds_ug=tuple(context.bounds_ug(block) for block in chunk.blocks()),
    )
    check(context.key, blocks)


def check_blocks(blocks: Sequence[int], context: IntakeContext) -> None:
    """Apply rules (19) and (20) to the blocks of a chunk.

    Raises:
        BlockNotExpectedError, BlockSentTwiceError: the first that fails.
    """
    # (19) every block is one that the snapshot asks for
    unexpected = sorted(block for block in blocks if block not in context.expected_blocks)
    if unexpected:
        raise BlockNotExpectedError(f"block {unexpected[0]} holds none of the partner's accounts")
    # (20) and came in no other chunk
    twice = sorted(context.received(blocks))
    if twice:
        raise BlockSentTwiceError(f"block {twice[0]} came in another chunk")


def is_complete(header: ChunkHeader, blocks: Collection[int], context: IntakeContext) -> bool:
    """Tell whether a chunk with these `blocks` completes its submission: rule (23).

    Raises:
        BlockMissingError: it is the last chunk, and a block has no ciphertext.
    """
    if len({*context.admitted, header.chunk}) < header.chunks:
        return False
    # (23) with the last chunk no block is missing
    expected = context.expected_blocks
    missing = set(expected).difference(context.received(expected), blocks)
    if missing:
        raise BlockMissingError(
            f"{len(missing)} blocks have no ciphertext, the first is {min(missing)}; a submission "
            "covers every block with an enrolled account, zeros included"
        )
    return True


def _check_units(entries: Sequence[tuple[int, bytes]], public_key: PublicKey) -> None:
    """Check a whole chunk by one product and one gcd; halve it to name a guilty block."""
    try:
        cipher.product(public_key, (ciphertext for _, ciphertext in entries))
    except (CiphertextRangeError, CiphertextNotUnitError) as error:
        if len(entries) == 1:
            raise type(error)(f"block {entries[0][0]}: {error}") from error
        middle = len(entries) // 2
        _check_units(entries[:middle], public_key)
        _check_units(entries[middle:], public_key)
        raise AssertionError("a chunk fails as a whole but not in its halves") from error
