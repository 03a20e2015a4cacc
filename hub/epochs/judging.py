"""REVEALING -> JUDGED -> SUBMITTING: joining the revealed lists under the tie beacon.

All lists of an exclusivity domain are joined at once, whatever their programmes. A partner that
committed but did not reveal claims nothing and loses all; it has no verdict. A token that was
judged in an earlier epoch is judged again like any other, and both claims go to the conflict file
for auditors: each epoch stands for itself (DESIGN section 7).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from sqlmodel import Session

from fedcarbon.epoch.conflict_file import ConflictingClaim, conflict_file_bytes
from fedcarbon.epoch.lifecycle import EpochEvent
from fedcarbon.epoch.lost_positions import position_file_bytes, positions_of
from fedcarbon.epoch.statements import (
    BeaconLabel,
    PartnerVerdict,
    VerdictList,
)
from fedcarbon.epoch.verdict_file import verdict_file_bytes
from fedcarbon.identity.claims import TokenList
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.identity.verdicts import Verdicts, judge
from fedcarbon.ids import Claimant, EpochIndex, ProgrammeId
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.epochs.lookup import beacon_leaf_over
from hub.epochs.planning import phase_end_s
from hub.epochs.rounds import ClaimRound
from hub.storage.epoch_store import EpochStore
from hub.storage.record_store import RecordStore
from hub.storage.token_store import TokenStore

_VERDICT_LIST: Final = LeafType.VERDICT_LIST


class Judged(NamedTuple):
    """The join of an epoch, not yet in the database."""

    lists: Mapping[Claimant, TokenList]
    verdicts: Verdicts
    of_programme: Mapping[ProgrammeId, tuple[PartnerVerdict, ...]]
    """What each partner lost; the files that it names are on the disk."""


def is_witnessed(session: Session, hub: Hub, leaf_index: int | None) -> bool:
    """Tell whether a witnessed head covers a leaf."""
    head = hub.record.latest_checkpoint(session)
    return head is not None and leaf_index is not None and head.size > leaf_index


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
    revealed = hub.read_now(found.lists)
    files = hub.record.files
    lists = {
        claimant: TokenList.from_bytes(files.get(item.file_sha256))
        for claimant, item in revealed.items()
    }
    verdicts = judge(lists, beacon)
    of_programme: dict[ProgrammeId, list[PartnerVerdict]] = {
        programme.programme_id: [] for programme in found.programmes
    }
    for claimant, lost in sorted(verdicts.lost.items()):
        positions = positions_of(lists[claimant].tokens(), lost)
        of_programme[claimant.programme_id].append(
            PartnerVerdict(
                partner_id=claimant.partner_id,
                lost=len(lost),
                file_sha256=files.put(verdict_file_bytes(lost)),
                positions_sha256=files.put(position_file_bytes(positions)),
            )
        )
    return Judged(
        lists=lists,
        verdicts=verdicts,
        of_programme={name: tuple(found) for name, found in of_programme.items()},
    )


def keep_verdicts(session: Session, hub: Hub, found: ClaimRound, judged: Judged) -> None:
    """Keep the result of the join; the epoch is JUDGED in every programme."""
    store = EpochStore(session)
    for programme_id, verdicts in judged.of_programme.items():
        store.add_verdicts(programme_id, found.epoch, verdicts)
        for verdict in verdicts:
            owners = [verdict.partner_id]
            hub.record.name_file(
                session, _VERDICT_LIST, verdict.file_sha256, owners, holds_tokens=True
            )
            hub.record.name_file(session, _VERDICT_LIST, verdict.positions_sha256, owners)
    _remember_tokens(session, found, judged.lists)
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
    by_epoch: dict[EpochIndex, set[ClaimToken]] = defaultdict(set)
    for token, first in repeated.items():
        by_epoch[first].add(token)
        by_epoch[found.epoch].add(token)
    for epoch, wanted in by_epoch.items():
        for claimant, item in found.lists(session, epoch).items():
            claims = TokenList.from_bytes(hub.record.files.get(item.file_sha256)).tokens()
            for position, token in enumerate(claims):
                if token in wanted:
                    yield ConflictingClaim(token, epoch, claimant, position)


def _remember_tokens(
    session: Session, found: ClaimRound, lists: Mapping[Claimant, TokenList]
) -> None:
    store = _tokens(session, found)
    tokens = sorted({token for claims in lists.values() for token in claims.tokens()})
    repeated = store.decided_before(tokens, found.epoch)
    claimants: dict[ClaimToken, list[Claimant]] = defaultdict(list)
    for claimant, claims in lists.items():
        for token in filter(repeated.__contains__, claims.tokens()):
            claimants[token].append(claimant)
    store.add_conflicts(claimants, repeated, found.epoch)
    store.add_decided((token for token in tokens if token not in repeated), found.epoch)


def _tokens(session: Session, found: ClaimRound) -> TokenStore:
    return TokenStore(
        session,
        exclusivity_domain=found.exclusivity_domain,
        token_epoch=found.token_epoch,
    )
