"""Use case of phase 1b: a partner reveals the list that it has committed to.

(1) the caller is an admitted partner                            NOT_ADMITTED
(2) the epoch's plan is logged                                   WRONG_EPOCH
(3) the partner has committed to a list                          LIST_WITHOUT_LOGGED_ROOT
(4) the list came before with the same bytes, or never           LIST_DIFFERS_FROM_ROOT
(5) lists are being revealed                                     EPOCH_STATE
(6) it is the committed list, and within the partner's bounds    see `identity.list_check`

A list is two files, tokens and commitments, and may be large, so it arrives on the disk and is
checked range by range, in all processes. Its commitments are added up on the way. A partner
reveals it only once every root is under a witnessed head, and has the whole of phase 1b from there.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Final, NamedTuple

from sqlmodel import Session

from fedcarbon.epoch.lifecycle import EpochState, EpochStateError
from fedcarbon.epoch.statements import ClaimList
from fedcarbon.errors import PeerError
from fedcarbon.identity import claims, commitment_list
from fedcarbon.identity.claims import ListDiffersFromRootError
from fedcarbon.identity.list_check import check_list
from fedcarbon.identity.ristretto import Point
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, Role
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.epochs.lookup import require_epoch
from hub.intake.commitments import quota_of
from hub.intake.list_task import checked_ranges
from hub.record.content_store import Incoming
from hub.record.record import LoggedLeaf
from hub.registry.parties import require_party
from hub.storage.epoch_store import EpochStore, StoredCommitment, StoredList

BEST_RANK_PER_TIER: Final = 2


class ListWithoutLoggedRootError(PeerError):
    """A list was revealed whose root was not committed in phase 1a."""

    code: ClassVar[str] = "LIST_WITHOUT_LOGGED_ROOT"


class ExpectedList(NamedTuple):
    """What the record says about the list that a partner is about to reveal."""

    commitment: StoredCommitment
    revealed: StoredList | None
    """The list, if it was revealed before."""
    best_rank: int
    quota: int

    @property
    def file_bytes(self) -> int:
        """Size of the committed token file."""
        return len(claims.FILE_MAGIC) + self.commitment.claim_count * claims.RECORD_BYTES

    @property
    def commitments_bytes(self) -> int:
        """Size of the commitment file that belongs to it."""
        count = self.commitment.claim_count
        return len(commitment_list.FILE_MAGIC) + count * commitment_list.RECORD_BYTES


class IncomingList(NamedTuple):
    """The two files of a list, as they have arrived."""

    tokens: Incoming
    commitments: Incoming


def expected_list(
    session: Session, hub: Hub, caller: PartyId, programme_id: ProgrammeId, epoch: EpochIndex
) -> ExpectedList:
    """Return what is expected of a list, after rules (1) to (3) and (5).

    Raises:
        NotAdmittedError, WrongEpochError, ListWithoutLoggedRootError, EpochStateError: the first
            rule that fails.
    """
    # (1) the caller is an admitted partner
    admission = require_party(session, caller, Role.PARTNER)
    # (2) the epoch's plan is logged
    found = require_epoch(session, programme_id, epoch)
    store = EpochStore(session)
    # (3) the partner has committed to a list
    commitment = store.commitments(programme_id, epoch).get(caller)
    if commitment is None:
        raise ListWithoutLoggedRootError(f"{caller} has committed no list for epoch {epoch}")
    revealed = store.lists(programme_id, epoch).get(caller)
    # (5) lists are being revealed
    if revealed is None and found.stored.state is not EpochState.REVEALING:
        raise EpochStateError(f"epoch {epoch} is {found.stored.state} and takes no claim lists")
    return ExpectedList(
        commitment=commitment,
        revealed=revealed,
        best_rank=BEST_RANK_PER_TIER * admission.best_tier,
        quota=quota_of(session, hub, found, caller),
    )


def reveal_list(
    hub: Hub, caller: PartyId, programme_id: ProgrammeId, epoch: EpochIndex, incoming: IncomingList
) -> bytes:
    """Check a list that has arrived, log that it matched, and return its receipt.

    Args:
        hub: where to.
        caller: the party that sent it, by its certificate.
        programme_id: the programme.
        epoch: the epoch.
        incoming: the whole files; kept if they are good.

    Raises:
        NotAdmittedError, WrongEpochError, ListWithoutLoggedRootError, ListDiffersFromRootError,
        EpochStateError: the first rule that fails; for rule (6) see `check_list`.
    """
    expected = hub.read_now(
        lambda session: expected_list(session, hub, caller, programme_id, epoch)
    )
    total: Point | None
    if expected.revealed is None:
        # (6) it is the committed list, and within the partner's bounds
        with incoming.tokens.reader() as tokens, incoming.commitments.reader() as commitments:
            total = check_list(
                tokens,
                commitments,
                count=expected.commitment.claim_count,
                root=expected.commitment.list_root,
                best_rank=expected.best_rank,
                quota=expected.quota,
                run=partial(checked_ranges, hub.workers),
            )
        hashes = [part.keep() for part in incoming]
    else:
        total = expected.revealed.total
        hashes = [part.sha256() for part in incoming]
    file_sha256, commitments_sha256 = hashes
    statement = ClaimList(
        parameter_id=hub.parameters.parameter_id,
        programme_id=programme_id,
        epoch=epoch,
        partner_id=caller,
        file_sha256=file_sha256,
        commitments_sha256=commitments_sha256,
        count=expected.commitment.claim_count,
    )
    return hub.write_now(lambda session: _log_list(session, hub, statement, total))


def _log_list(session: Session, hub: Hub, statement: ClaimList, total: Point | None) -> bytes:
    store = EpochStore(session)
    caller = statement.partner_id
    now = expected_list(session, hub, caller, statement.programme_id, statement.epoch)
    # (4) the list came before with the same bytes, or never
    if now.revealed is not None:
        sent = (statement.file_sha256, statement.commitments_sha256)
        if (now.revealed.file_sha256, now.revealed.commitments_sha256) != sent:
            raise ListDiffersFromRootError(f"{caller} has revealed another list")
        stored = hub.record.leaf(session, now.revealed.leaf_index)
        logged = LoggedLeaf(index=stored.index, leaf=stored.leaf, salt=stored.salt)
        return hub.record.receipt(session, logged, statement.file_sha256)
    logged = hub.record.append_own(session, statement, owners=[caller])
    hub.record.name_file(
        session, LeafType.CLAIM_LIST, statement.file_sha256, owners=[caller], holds_tokens=True
    )
    hub.record.name_file(
        session, LeafType.CLAIM_LIST, statement.commitments_sha256, owners=[caller]
    )
    store.add_list(
        statement.programme_id,
        statement.epoch,
        caller,
        StoredList(
            leaf_index=logged.index,
            file_sha256=statement.file_sha256,
            commitments_sha256=statement.commitments_sha256,
            total=total,
        ),
    )
    return hub.record.receipt(session, logged, statement.file_sha256)
