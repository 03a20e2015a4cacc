"""The view of the record that a trustee acts on: a fold over leaves, bodies and witnessed heads.

Every leaf is taken in order and without a gap, and every body of `TRUSTEE_TYPES` is checked against
its leaf, verified and folded. What breaks a rule raises a `RecordViolationError` and leaves the
view where it was: its reader stops there. Bodies of other types are not looked at.

Nothing in here is secret and nothing is believed because the hub says so, except what a hub's
signature is for: places, plans, closings, seals and results, each under rules of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fedcarbon.errors import FedcarbonError
from fedcarbon.opening.accounts import AccountBook
from fedcarbon.opening.bindings import BindingBook
from fedcarbon.opening.epochs import EpochBook
from fedcarbon.opening.evaluations import EvaluationBook
from fedcarbon.opening.heads import HeadBook
from fedcarbon.opening.logged import LoggedBody
from fedcarbon.opening.methodologies import MethodologyBook
from fedcarbon.opening.parties import PartyBook
from fedcarbon.opening.starts import StartBook
from fedcarbon.opening.tables import TableBook
from fedcarbon.opening.violations import (
    BodyMissingError,
    CommitmentDiffersError,
    LeafInvalidError,
    RecordViolationError,
    TypeInBodyDiffersError,
)
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.transparency.checkpoint import WitnessedCheckpoint
from fedcarbon.transparency.envelope import EnvelopeReader, payload_type_of
from fedcarbon.transparency.leaf import TRUSTEE_TYPES, Leaf, LeafType, commit


class RecordView:
    """Everything that the record says to a reader with a trustee's rights."""

    __slots__ = (
        "_leaves",
        "accounts",
        "bindings",
        "epochs",
        "evaluations",
        "heads",
        "methodologies",
        "parties",
        "starts",
        "tables",
    )

    def __init__(
        self,
        roots: TrustRoots,
        heads: HeadBook | None = None,
        reader: EnvelopeReader | None = None,
    ) -> None:
        """Start before the first leaf.

        Args:
            roots: the trust roots.
            heads: an empty book of heads; by default a reader's own.
            reader: who opens envelopes; see `PartyBook`.
        """
        self._leaves: Final[list[bytes]] = []
        self.heads: Final = HeadBook() if heads is None else heads
        self.parties: Final = PartyBook(roots, reader)
        self.accounts: Final = AccountBook(self.parties)
        self.epochs: Final = EpochBook(self.parties)
        self.methodologies: Final = MethodologyBook(self.parties, self.epochs)
        self.bindings: Final = BindingBook(self.parties, self.accounts)
        self.starts: Final = StartBook(self.parties)
        self.evaluations: Final = EvaluationBook(self.parties)
        self.tables: Final = TableBook(self.parties, self.epochs)

    @property
    def size(self) -> int:
        """How many leaves have been applied."""
        return self.heads.size

    def leaf_at(self, index: int) -> bytes | None:
        """Return the 34 bytes of an applied leaf, or None."""
        return self._leaves[index] if 0 <= index < self.size else None

    def apply(self, index: int, leaf: bytes, salt: bytes | None, body: bytes | None) -> None:
        """Take the next leaf.

        Args:
            index: its position; must be `size`.
            leaf: its 34 bytes.
            salt: its salt; not looked at if the type is none of `TRUSTEE_TYPES`.
            body: the exact bytes of the envelope behind it; likewise.

        Raises:
            RecordViolationError: the leaf breaks a rule; nothing has changed.
        """
        if index != self.size:
            raise RecordViolationError(f"leaf {index} came where leaf {self.size} was due")
        try:
            self._take(index, leaf, salt, body)
        except RecordViolationError:
            raise
        except FedcarbonError as error:
            raise LeafInvalidError(f"leaf {index}: {error}") from error
        self._leaves.append(leaf)
        self.heads.append(leaf)

    def witness(self, note: bytes) -> WitnessedCheckpoint:
        """Take a checkpoint that a quorum signed, and return its head.

        Raises:
            QuorumMissingError, MalformedError, SignatureInvalidError: see
                `fedcarbon.transparency.checkpoint.witnessed`.
            HeadAheadError: the head covers leaves that have not been applied.
            ForkedRecordError: the leaves applied have another root.
        """
        checkpoint = self.parties.witnessed(note)
        self.heads.witness(checkpoint)
        return checkpoint

    def _take(self, index: int, leaf: bytes, salt: bytes | None, body: bytes | None) -> None:
        parsed = Leaf.from_bytes(leaf)
        if index < len(_BEGINNING) and parsed.type is not _BEGINNING[index]:
            # Without the self-test nobody would notice a dealer that multiplies every opening.
            raise LeafInvalidError("the record must begin with its parameter set and self-test")
        if parsed.type not in TRUSTEE_TYPES:
            return
        _FOLDS[parsed.type](self, body_of(self.parties.reader, index, parsed, salt, body))


def body_of(
    reader: EnvelopeReader, index: int, leaf: Leaf, salt: bytes | None, body: bytes | None
) -> LoggedBody:
    """Return the body behind a leaf if it is the one that the leaf commits to.

    Args:
        reader: who opens envelopes.
        index: position of the leaf.
        leaf: the leaf.
        salt: its salt, None if it was not sent.
        body: the exact bytes of the envelope, None if they were not sent.

    Raises:
        BodyMissingError, CommitmentDiffersError, TypeInBodyDiffersError: see there.
        MalformedError: the body is no envelope.
    """
    if salt is None or body is None:
        raise BodyMissingError(f"the hub did not send the body of leaf {index} ({leaf.type.kind})")
    if commit(leaf.type, salt, body) != leaf:
        raise CommitmentDiffersError(f"leaf {index} commits to another body")
    found = reader.parse(body).payload_type
    if found != payload_type_of(leaf.type.kind):
        raise TypeInBodyDiffersError(
            f"leaf {index} says {leaf.type.kind}, its body is {found[:60]!r}"
        )
    return LoggedBody(index=index, leaf=leaf.to_bytes(), body=body)


_BEGINNING: Final = (LeafType.PARAMETERS, LeafType.SELF_TEST)

_FOLDS: Final[Mapping[LeafType, Callable[[RecordView, LoggedBody], None]]] = {
    LeafType.PARAMETERS: lambda view, logged: view.parties.fold_parameters(logged),
    LeafType.SELF_TEST: lambda view, logged: view.parties.fold_self_test(logged),
    LeafType.PARTY_ADMISSION: lambda view, logged: view.parties.fold_admission(logged),
    LeafType.PROGRAMME: lambda view, logged: view.parties.fold_programme(
        logged, {ref.programme_id for ref in view.epochs.plans}
    ),
    LeafType.METHODOLOGY_ADMISSION: lambda view, logged: view.methodologies.fold(logged),
    LeafType.ENROLMENT_BATCH: lambda view, logged: view.accounts.fold_enrolments(logged),
    LeafType.PLACE_BATCH: lambda view, logged: view.accounts.fold_places(logged),
    LeafType.EVALUATION_REQUEST: lambda view, logged: view.evaluations.fold_request(logged),
    LeafType.EPOCH_PLAN: lambda view, logged: view.epochs.fold_plan(logged),
    LeafType.CLAIM_COMMITMENT: lambda view, logged: view.epochs.fold_commitment(logged),
    LeafType.COMMIT_CLOSED: lambda view, logged: view.epochs.fold_closing(logged),
    LeafType.BEACON_VALUE: lambda view, logged: view.epochs.fold_beacon(logged, view.leaf_at),
    LeafType.CLAIM_LIST: lambda view, logged: view.epochs.fold_claim_list(logged),
    LeafType.VERDICT_LIST: lambda view, logged: view.epochs.fold_verdicts(logged),
    LeafType.LINK_PROOF: lambda view, logged: view.epochs.fold_link_proof(logged),
    LeafType.CHUNK_HEADER: lambda view, logged: view.epochs.fold_header(logged),
    LeafType.SEAL: lambda view, logged: view.epochs.fold_seal(logged),
    LeafType.OPERATOR_BINDING: lambda view, logged: view.bindings.fold_operator_half(logged),
    LeafType.PARTNER_BINDING: lambda view, logged: view.bindings.fold_partner_half(logged),
    LeafType.BINDING_OBJECTION: lambda view, logged: view.bindings.fold_objection(logged),
    LeafType.UNBINDING: lambda view, logged: view.bindings.fold_unbinding(logged),
    LeafType.OPENING_REQUEST: lambda view, logged: view.starts.fold_request(logged),
    LeafType.OPENING_START: lambda view, logged: view.starts.fold_start(logged),
    LeafType.OPENING_RESULT: lambda view, logged: view.starts.fold_result(logged),
    LeafType.REFUSAL: lambda view, logged: view.starts.fold_refusal(logged),
    LeafType.TABLE_SHELL: lambda view, logged: view.tables.fold_shell(logged),
    LeafType.TABLE_CONTRIBUTION: lambda view, logged: view.tables.fold_contribution(logged),
    LeafType.RELEASE_START: lambda view, logged: view.tables.fold_start(logged),
    LeafType.TABLE_RELEASE: lambda view, logged: view.tables.fold_release(logged),
}
