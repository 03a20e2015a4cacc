"""What a trustee checks before it evaluates a beacon: it hashes the one leaf that may be hashed.

A tie beacon decides who wins a claim, so it must not be drawn while claims can still come in or be
left out: (1) the leaf closes an epoch of its domain, and is the first to do so; (2) every programme
of the domain had its plan logged after the epoch; (3) it lists exactly the commitments of the
record, and as missed exactly the other claimants of the snapshots; (4) nobody missed, or the
deadline of the plans was over. A sample beacon decides which claims are audited, and hashes the
seal.
"""

from __future__ import annotations

from typing import ClassVar

from fedcarbon.epoch.statements import BeaconLabel, CommitClosed, CommittedList
from fedcarbon.errors import CallerError, PeerError
from fedcarbon.ids import Claimant
from fedcarbon.opening.epochs import BeaconKey, EpochRef
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.products import require_plan_after_end
from fedcarbon.opening.view import RecordView
from fedcarbon.opening.violations import NotWitnessedError
from fedcarbon.transparency.checkpoint import TIME_TOLERANCE_S


class BeaconLeafError(CallerError):
    """The leaf is not of the kind that this beacon hashes."""

    code: ClassVar[str] = "BEACON_LEAF"


class SecondBeaconError(PeerError):
    """A beacon of this label, domain and epoch was evaluated over another leaf."""

    code: ClassVar[str] = "SECOND_BEACON"


class ClosingDiffersError(PeerError):
    """A closing leaf lists other commitments or claimants than the record."""

    code: ClassVar[str] = "CLOSING_DIFFERS"


class ClosedTooEarlyError(PeerError):
    """An epoch was closed before its deadline although a partner had not committed."""

    code: ClassVar[str] = "CLOSED_TOO_EARLY"


def check_beacon(view: RecordView, label: BeaconLabel, leaf_index: int) -> BeaconKey:
    """Check that a beacon may be evaluated over a leaf, and return what it is for.

    Raises:
        BeaconLeafError: not a closing leaf for `tie` or a seal for `sample`.
        SecondBeaconError: the record has a beacon, or an earlier closing, for the same epoch.
        NotWitnessedError: the leaf is not under a witnessed head yet.
        ClosingDiffersError, ClosedTooEarlyError, PlanTooEarlyError: see there.
    """
    if label is BeaconLabel.SAMPLE:
        key = _sample_key(view, leaf_index)
    else:
        key = _tie_key(view, leaf_index)
    known = view.epochs.beacons.get(key)
    if known is not None and known.statement.leaf_index != leaf_index:
        raise SecondBeaconError(
            f"the {label} beacon of epoch {key.epoch} is over leaf {known.statement.leaf_index}"
        )
    if not view.heads.is_witnessed(leaf_index):
        raise NotWitnessedError(f"leaf {leaf_index} is not under a witnessed head yet")
    if label is BeaconLabel.TIE:
        _check_closing(view, view.epochs.closings[leaf_index])
    return key


def _sample_key(view: RecordView, leaf_index: int) -> BeaconKey:
    for ref, seal in view.epochs.seals.items():
        if seal.index == leaf_index:
            return BeaconKey(BeaconLabel.SAMPLE, *ref)
    raise BeaconLeafError(f"leaf {leaf_index} is no seal")


def _tie_key(view: RecordView, leaf_index: int) -> BeaconKey:
    closing = view.epochs.closings.get(leaf_index)
    if closing is None:
        raise BeaconLeafError(f"leaf {leaf_index} closes no epoch")
    item = closing.statement
    key = BeaconKey(BeaconLabel.TIE, item.exclusivity_domain, item.epoch)
    for other in view.epochs.closings.values():
        found = (other.statement.exclusivity_domain, other.statement.epoch)
        if other.index < leaf_index and found == key[1:]:
            raise SecondBeaconError(f"epoch {item.epoch} was closed by leaf {other.index}")
    return key


def _check_closing(view: RecordView, closing: Logged[CommitClosed]) -> None:
    item = closing.statement
    committed: dict[Claimant, CommittedList] = {}
    owing: set[Claimant] = set()
    until_s = 0
    for programme in view.parties.programmes_of(item.exclusivity_domain):
        ref = EpochRef(programme.programme_id, item.epoch)
        plan = view.epochs.plans.get(ref)
        if plan is None or plan.index > closing.index:
            raise ClosingDiffersError(
                f"epoch {item.epoch} was closed before {programme.programme_id} had a plan"
            )
        require_plan_after_end(view, plan)  # (2)
        lists = _committed(view, ref, closing.index)
        committed |= lists
        partners = view.accounts.snapshot(plan.statement).partners
        owing |= {Claimant(ref.programme_id, name) for name in partners} - lists.keys()
        until_s = max(until_s, plan.statement.commit_until_s)
    expected = tuple(committed[claimant] for claimant in sorted(committed))
    if item.lists != expected or [line.claimant for line in item.missed] != sorted(owing):  # (3)
        raise ClosingDiffersError(
            f"leaf {closing.index} lists other claimants than committed: "
            f"{', '.join(map(str, sorted(committed)))}"
        )
    closed_s = view.heads.leaf_time_s(closing.index)
    if owing and closed_s + TIME_TOLERANCE_S < until_s:  # (4)
        raise ClosedTooEarlyError(
            f"{', '.join(map(str, sorted(owing)))} may commit until {until_s}, epoch {item.epoch} "
            f"closed at {closed_s}"
        )


def _committed(view: RecordView, ref: EpochRef, before: int) -> dict[Claimant, CommittedList]:
    """Return the commitments of a programme's epoch below a leaf, as a closing lists them."""
    return {
        Claimant(ref.programme_id, partner): CommittedList(
            programme_id=ref.programme_id,
            partner_id=partner,
            leaf_index=logged.index,
            count=logged.statement.count,
            list_root=logged.statement.list_root,
        )
        for partner, logged in view.epochs.commitments.get(ref, {}).items()
        if logged.index < before
    }
