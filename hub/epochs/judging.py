"""REVEALING -> JUDGED -> SUBMITTING: joining the revealed lists under the tie beacon.

All lists of an exclusivity domain are joined at once, whatever their programmes. A partner that
committed but did not reveal claims nothing and loses all; it has no verdict. A token that was
judged in an earlier epoch is judged again like any other, and both claims go to the conflict file
for auditors: each epoch stands for itself (DESIGN section 7). What was judged earlier is known from
the lists themselves, which stay in the record: new and old ones are joined in one pass.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Final, NamedTuple, Self

from sqlmodel import Session
from typing_extensions import override

from fedcarbon.engine.port import row_by_row
from fedcarbon.epoch import lost_positions, verdict_file
from fedcarbon.epoch.conflict_file import ConflictingClaim, conflict_file_bytes
from fedcarbon.epoch.lifecycle import EpochEvent
from fedcarbon.epoch.statements import (
    BeaconLabel,
    PartnerVerdict,
    VerdictList,
)
from fedcarbon.identity import claims
from fedcarbon.identity.claim_ranges import position_of
from fedcarbon.identity.tokens import CLAIM_TOKEN_BYTES, ClaimToken
from fedcarbon.ids import Claimant, EpochIndex, PartyId, ProgrammeId
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.epochs.join_task import JudgeTask, numbers_in, rows_of
from hub.epochs.lookup import beacon_leaf_over
from hub.epochs.planning import phase_end_s
from hub.epochs.rounds import SHARED_STATES, ClaimRound, JudgedLists
from hub.record.content_store import ContentStore, FileSlices
from hub.storage.epoch_store import EpochStore, StoredList
from hub.storage.record_store import RecordStore
from hub.storage.token_store import TokenStore

_VERDICT_LIST: Final = LeafType.VERDICT_LIST


class RepeatedToken(NamedTuple):
    """A token of this epoch that was judged before."""

    token: ClaimToken
    claimants: tuple[Claimant, ...]
    """Who claims it now."""
    epochs: frozenset[EpochIndex]
    """Epochs in which it was judged."""


class Judged(NamedTuple):
    """The join of an epoch, not yet in the database."""

    of_programme: Mapping[ProgrammeId, tuple[PartnerVerdict, ...]]
    """What each partner lost; the files that it names are on the disk."""
    repeated: tuple[RepeatedToken, ...]
    """Ascending."""
    revealed: Mapping[Claimant, StoredList]
    """The lists that were joined."""
    earlier: JudgedLists
    """The lists that they were joined with."""


class _LossFiles(AbstractContextManager["_LossFiles"]):
    """The verdict and the position file of a claimant, while they are written."""

    def __init__(self, files: ContentStore) -> None:
        self._tokens = files.incoming()
        self._positions = files.incoming()
        self._stack = ExitStack()

    @override
    def __enter__(self) -> Self:
        self._stack.enter_context(self._tokens).write(verdict_file.FILE_MAGIC)
        self._stack.enter_context(self._positions).write(lost_positions.FILE_MAGIC)
        return self

    def add(self, tokens: bytes, positions: bytes) -> None:
        """Add what a range of tokens has brought."""
        self._tokens.write(tokens)
        self._positions.write(positions)

    def keep(self, partner_id: PartyId) -> PartnerVerdict:
        """Keep both files and return what the verdict list says of them."""
        lost = (self._tokens.size - len(verdict_file.FILE_MAGIC)) // CLAIM_TOKEN_BYTES
        return PartnerVerdict(
            partner_id=partner_id,
            lost=lost,
            file_sha256=self._tokens.keep(),
            positions_sha256=self._positions.keep(),
        )

    @override
    def __exit__(self, *_: object) -> None:
        self._stack.close()


def is_witnessed(session: Session, hub: Hub, leaf_index: int | None) -> bool:
    """Tell whether a witnessed head covers a leaf."""
    head = hub.record.latest_checkpoint(session)
    return head is not None and leaf_index is not None and head.size > leaf_index


def is_next(session: Session, found: ClaimRound) -> bool:
    """Tell whether the verdicts of every epoch before are logged.

    Auditors take for earlier what the record has earlier: in another order they would not agree
    with the hub in which of two epochs a token was first.
    """
    begun = EpochStore(session).begun(found.programmes[0].programme_id)
    return not any(item.epoch < found.epoch and item.state in SHARED_STATES for item in begun)


def all_revealed(session: Session, hub: Hub, found: ClaimRound) -> bool:
    """Tell whether phase 1b is over: everyone has revealed, or the time for it has passed.

    Partners may reveal only once the closing leaf is under a witnessed head, so their time runs
    from there.
    """
    if found.commitments(session).keys() == found.lists(session).keys():
        return True
    heads = RecordStore(session).checkpoints(from_size=found.closed_leaf + 1, limit=1)
    if not heads:
        return False
    until_s = phase_end_s(found.reveal_until_s, heads[0].timestamp_s, found.reveal_window_s)
    return hub.clock.now_s() > until_s


def join(hub: Hub, found: ClaimRound, beacon: bytes) -> Judged:
    """Return who keeps which claim; verdict files are kept on the disk."""
    revealed, earlier = hub.read_now(
        lambda session: (found.lists(session), found.judged_lists(session))
    )
    files, claimants = hub.record.files, tuple(revealed)
    epochs = [epoch for epoch, lists in earlier.items() for _ in lists]
    repeated: list[RepeatedToken] = []
    with ExitStack() as stack:
        new = [stack.enter_context(_records(files, item.file_sha256)) for item in revealed.values()]
        # As many as there were epochs and partners: they are not all open at once.
        old = [_records(files, sha256) for lists in earlier.values() for sha256 in lists.values()]
        losses = [stack.enter_context(_LossFiles(files)) for _ in claimants]
        task = JudgeTask(claimants=claimants, beacon=beacon)
        for batch in row_by_row(hub.workers, task, rows_of(new, old)):
            for row in batch.to_pylist():
                for loss, *lost in zip(losses, row["tokens"], row["positions"], strict=True):
                    loss.add(*lost)
                for token, holders in zip(row["repeated"], row["holders"], strict=True):
                    repeated.append(_repeated(token, numbers_in(holders), claimants, epochs))
        of_programme: dict[ProgrammeId, list[PartnerVerdict]] = {
            programme.programme_id: [] for programme in found.programmes
        }
        for claimant, loss in zip(claimants, losses, strict=True):
            of_programme[claimant.programme_id].append(loss.keep(claimant.partner_id))
    return Judged(
        of_programme={name: tuple(verdicts) for name, verdicts in of_programme.items()},
        repeated=tuple(repeated),
        revealed=revealed,
        earlier=earlier,
    )


def keep_verdicts(session: Session, hub: Hub, found: ClaimRound, judged: Judged) -> None:
    """Keep the result of the join; the epoch is JUDGED in every programme.

    Unless another epoch was judged in the meantime, or a list came late, which auditors would miss
    among the verdicts: the next call joins that one too.
    """
    joined = (judged.revealed, judged.earlier)
    if (found.lists(session), found.judged_lists(session)) != joined:
        return
    store = EpochStore(session)
    for programme_id, verdicts in judged.of_programme.items():
        store.add_verdicts(programme_id, found.epoch, verdicts)
        for verdict in verdicts:
            owners = [verdict.partner_id]
            hub.record.name_file(
                session, _VERDICT_LIST, verdict.file_sha256, owners, holds_tokens=True
            )
            hub.record.name_file(session, _VERDICT_LIST, verdict.positions_sha256, owners)
    _keep_conflicts(_tokens(session, found), found.epoch, judged.repeated)
    beacon_leaf = beacon_leaf_over(session, hub, BeaconLabel.TIE, found.closed_leaf)
    found.move(session, EpochEvent.CLAIMS_JUDGED, beacon_leaf=beacon_leaf)


def log_verdicts(session: Session, hub: Hub, found: ClaimRound) -> None:
    """Log the verdict lists of a JUDGED epoch; it takes submissions from now on."""
    store, tokens = EpochStore(session), _tokens(session, found)
    conflicts_sha256 = hub.record.files.put(
        conflict_file_bytes(_conflicts(session, hub, found, tokens))
    )
    hub.record.name_file(session, _VERDICT_LIST, conflicts_sha256, holds_tokens=True)
    repeated = tokens.conflicting_tokens(found.epoch)
    for stored in found.epochs:
        logged = hub.record.append_own(
            session,
            VerdictList(
                parameter_id=hub.parameters.parameter_id,
                programme_id=stored.programme_id,
                epoch=stored.epoch,
                beacon_leaf=found.beacon_leaf,
                verdicts=tuple(store.verdicts(stored.programme_id, stored.epoch)),
                repeated_tokens=repeated,
                conflicts_sha256=conflicts_sha256,
            ),
        )
        store.move(stored, EpochEvent.VERDICTS_LOGGED, verdict_leaf=logged.index)


def _conflicts(
    session: Session, hub: Hub, found: ClaimRound, tokens: TokenStore
) -> Iterator[ConflictingClaim]:
    """Return every claim, in this epoch and in the first, of the tokens that came twice."""
    repeated = tokens.first_epochs(found.epoch)
    for epoch in {found.epoch, *repeated.values()} if repeated else ():
        wanted = [token for token, first in repeated.items() if epoch in (first, found.epoch)]
        for claimant, item in found.lists(session, epoch).items():
            with _records(hub.record.files, item.file_sha256) as records:
                for token in wanted:
                    position = position_of(records, token)
                    if position is not None:
                        yield ConflictingClaim(token, epoch, claimant, position)


def _keep_conflicts(
    tokens: TokenStore, epoch: EpochIndex, repeated: Sequence[RepeatedToken]
) -> None:
    """Keep who claimed a token that was judged before, and in which epoch it was judged first."""
    # It was no conflict only where it came first.
    conflicts = tokens.conflict_epochs([item.token for item in repeated])
    tokens.add_conflicts(
        {item.token: item.claimants for item in repeated},
        {item.token: min(item.epochs - conflicts.get(item.token, set())) for item in repeated},
        epoch,
    )


def _repeated(
    token: bytes,
    holders: Sequence[int],
    claimants: Sequence[Claimant],
    epochs: Sequence[EpochIndex],
) -> RepeatedToken:
    split = bisect_left(holders, len(claimants))
    return RepeatedToken(
        token=ClaimToken(token),
        claimants=tuple(claimants[number] for number in holders[:split]),
        epochs=frozenset(epochs[number - len(claimants)] for number in holders[split:]),
    )


def _records(files: ContentStore, sha256: bytes) -> FileSlices:
    """Return the records of a list that was checked when it came."""
    return files.reader(sha256, skip=len(claims.FILE_MAGIC))


def _tokens(session: Session, found: ClaimRound) -> TokenStore:
    return TokenStore(
        session,
        exclusivity_domain=found.exclusivity_domain,
        token_epoch=found.token_epoch,
    )
