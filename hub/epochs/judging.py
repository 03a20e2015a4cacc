"""REVEALING -> JUDGED -> SUBMITTING: joining the revealed lists under the tie beacon.

A partner that committed but did not reveal claims nothing and loses all; it has no verdict. A token
that was judged in an earlier epoch is judged again like any other, and kept as a conflict for
auditors: each epoch stands for itself (DESIGN section 7).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlmodel import Session

from fedcarbon.epoch.lifecycle import EpochEvent
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
    files: Mapping[PartyId, bytes]
    """Partner to the hash of its verdict file, which is on the disk."""


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
    lists = {
        partner_id: TokenList.from_bytes(hub.record.files.get(item.file_sha256))
        for partner_id, item in revealed.items()
    }
    verdicts = judge(lists, beacon)
    files = {
        partner_id: hub.record.files.put(verdict_file_bytes(lost))
        for partner_id, lost in verdicts.lost.items()
    }
    return Judged(lists=lists, verdicts=verdicts, files=files)


def keep_verdicts(
    session: Session, hub: Hub, programme: Programme, stored: StoredEpoch, judged: Judged
) -> None:
    """Keep the result of the join; the epoch is JUDGED."""
    assert stored.closed_leaf is not None  # noqa: S101 - REVEALING has one
    store = EpochStore(session)
    verdicts = [
        PartnerVerdict(
            partner_id=partner_id,
            lost=len(judged.verdicts.lost[partner_id]),
            file_sha256=file_sha256,
        )
        for partner_id, file_sha256 in judged.files.items()
    ]
    store.add_verdicts(stored.programme_id, stored.epoch, verdicts)
    for verdict in verdicts:
        hub.record.name_file(
            session, _VERDICT_LIST, verdict.file_sha256, owners=[verdict.partner_id]
        )
    _remember_tokens(session, programme, stored.epoch, judged.lists)
    beacon_leaf = beacon_leaf_over(session, hub, BeaconLabel.TIE, stored.closed_leaf)
    store.move(stored, EpochEvent.CLAIMS_JUDGED, beacon_leaf=beacon_leaf)


def log_verdicts(session: Session, hub: Hub, programme: Programme, stored: StoredEpoch) -> None:
    """Log the verdict list of a JUDGED epoch; it takes submissions from now on."""
    assert stored.beacon_leaf is not None  # noqa: S101 - JUDGED has one
    store = EpochStore(session)
    logged = hub.record.append_own(
        session,
        VerdictList(
            parameter_id=hub.parameters.parameter_id,
            programme_id=stored.programme_id,
            epoch=stored.epoch,
            beacon_leaf=stored.beacon_leaf,
            verdicts=tuple(store.verdicts(stored.programme_id, stored.epoch)),
            repeated_tokens=_tokens(session, programme).conflicting_tokens(stored.epoch),
        ),
    )
    store.move(stored, EpochEvent.VERDICTS_LOGGED, verdict_leaf=logged.index)


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
