"""REVEALING -> JUDGED -> SUBMITTING: joining the revealed lists under the tie beacon.

A partner that committed but did not reveal claims nothing and loses all; it has no verdict. A token
that was judged in an earlier epoch is judged again like any other, and both claims go to the
conflict file for auditors: each epoch stands for itself (DESIGN section 7).
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
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.epochs.lookup import beacon_leaf_over
from hub.epochs.planning import phase_end_s
from hub.storage.epoch_store import EpochStore, StoredEpoch
from hub.storage.record_store import RecordStore
from hub.storage.token_store import TokenStore

_VERDICT_LIST: Final = LeafType.VERDICT_LIST


class Judged(NamedTuple):
    """The join of an epoch, not yet in the database."""

    lists: Mapping[PartyId, TokenList]
    verdicts: Verdicts
    partners: tuple[PartnerVerdict, ...]
    """What each partner lost; the files that it names are on the disk."""


def is_witnessed(session: Session, hub: Hub, leaf_index: int | None) -> bool:
    """Tell whether a witnessed head covers a leaf."""
    head = hub.record.latest_checkpoint(session)
    return head is not None and leaf_index is not None and head.size > leaf_index


def all_revealed(session: Session, hub: Hub, programme: Programme, stored: StoredEpoch) -> bool:
    """Tell whether phase 1b is over: everyone has revealed, or the time for it has passed.

    Partners may reveal only once the closing leaf is under a witnessed head, so their time runs
    from there.
    """
    store = EpochStore(session)
    committed = store.commitments(stored.programme_id, stored.epoch)
    if committed.keys() == store.lists(stored.programme_id, stored.epoch).keys():
        return True
    assert stored.closed_leaf is not None  # noqa: S101 - REVEALING has one
    heads = RecordStore(session).checkpoints(from_size=stored.closed_leaf + 1, limit=1)
    if not heads:
        return False
    until_s = phase_end_s(
        stored.reveal_until_s, heads[0].timestamp_s, programme.policy.reveal_window_s
    )
    return hub.clock.now_s() > until_s


def join(hub: Hub, stored: StoredEpoch, beacon: bytes) -> Judged:
    """Return who keeps which claim; verdict files are kept on the disk."""
    revealed = hub.read_now(
        lambda session: EpochStore(session).lists(stored.programme_id, stored.epoch)
    )
    files = hub.record.files
    lists = {
        partner_id: TokenList.from_bytes(files.get(item.file_sha256))
        for partner_id, item in revealed.items()
    }
    verdicts = judge(lists, beacon)
    partners = tuple(
        PartnerVerdict(
            partner_id=partner_id,
            lost=len(lost),
            file_sha256=files.put(verdict_file_bytes(lost)),
            positions_sha256=files.put(
                position_file_bytes(positions_of(lists[partner_id].tokens(), lost))
            ),
        )
        for partner_id, lost in sorted(verdicts.lost.items())
    )
    return Judged(lists=lists, verdicts=verdicts, partners=partners)


def keep_verdicts(
    session: Session, hub: Hub, programme: Programme, stored: StoredEpoch, judged: Judged
) -> None:
    """Keep the result of the join; the epoch is JUDGED."""
    assert stored.closed_leaf is not None  # noqa: S101 - REVEALING has one
    store = EpochStore(session)
    store.add_verdicts(stored.programme_id, stored.epoch, judged.partners)
    for verdict in judged.partners:
        owners = [verdict.partner_id]
        hub.record.name_file(session, _VERDICT_LIST, verdict.file_sha256, owners, holds_tokens=True)
        hub.record.name_file(session, _VERDICT_LIST, verdict.positions_sha256, owners)
    _remember_tokens(session, programme, stored.epoch, judged.lists)
    beacon_leaf = beacon_leaf_over(session, hub, BeaconLabel.TIE, stored.closed_leaf)
    store.move(stored, EpochEvent.CLAIMS_JUDGED, beacon_leaf=beacon_leaf)


def log_verdicts(session: Session, hub: Hub, programme: Programme, stored: StoredEpoch) -> None:
    """Log the verdict list of a JUDGED epoch; it takes submissions from now on."""
    assert stored.beacon_leaf is not None  # noqa: S101 - JUDGED has one
    store = EpochStore(session)
    tokens = _tokens(session, programme)
    conflicts_sha256 = hub.record.files.put(
        conflict_file_bytes(_conflicts(session, hub, stored, tokens))
    )
    logged = hub.record.append_own(
        session,
        VerdictList(
            parameter_id=hub.parameters.parameter_id,
            programme_id=stored.programme_id,
            epoch=stored.epoch,
            beacon_leaf=stored.beacon_leaf,
            verdicts=tuple(store.verdicts(stored.programme_id, stored.epoch)),
            repeated_tokens=tokens.conflicting_tokens(stored.epoch),
            conflicts_sha256=conflicts_sha256,
        ),
    )
    hub.record.name_file(session, _VERDICT_LIST, conflicts_sha256, holds_tokens=True)
    store.move(stored, EpochEvent.VERDICTS_LOGGED, verdict_leaf=logged.index)


def _conflicts(
    session: Session, hub: Hub, stored: StoredEpoch, tokens: TokenStore
) -> Iterator[ConflictingClaim]:
    """Return every claim, in this epoch and in the first, of the tokens that came twice."""
    repeated = tokens.first_epochs(stored.epoch)
    by_epoch: dict[EpochIndex, set[ClaimToken]] = defaultdict(set)
    for token, first in repeated.items():
        by_epoch[first].add(token)
        by_epoch[stored.epoch].add(token)
    for epoch, wanted in by_epoch.items():
        for partner_id, item in EpochStore(session).lists(stored.programme_id, epoch).items():
            claims = TokenList.from_bytes(hub.record.files.get(item.file_sha256)).tokens()
            for position, token in enumerate(claims):
                if token in wanted:
                    yield ConflictingClaim(token, epoch, partner_id, position)


def _remember_tokens(
    session: Session,
    programme: Programme,
    epoch: EpochIndex,
    lists: Mapping[PartyId, TokenList],
) -> None:
    store = _tokens(session, programme)
    tokens = sorted({token for claims in lists.values() for token in claims.tokens()})
    repeated = store.decided_before(tokens, epoch)
    claimants: dict[ClaimToken, list[PartyId]] = defaultdict(list)
    for partner_id, claims in lists.items():
        for token in filter(repeated.__contains__, claims.tokens()):
            claimants[token].append(partner_id)
    store.add_conflicts(claimants, repeated, epoch)
    store.add_decided((token for token in tokens if token not in repeated), epoch)


def _tokens(session: Session, programme: Programme) -> TokenStore:
    return TokenStore(
        session,
        exclusivity_domain=programme.exclusivity_domain,
        token_epoch=programme.token_epoch,
    )
