"""Accounts as the record tells them: who enrolled whom, when, and where each sum is kept.

A place is for ever: each token and each (block, slot) stands once in the whole log. A second one
is what a hub would need to open somebody's slot under another's name, so it stops the reader.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from fedcarbon.epoch.snapshot import Place, PlacedEntry, Snapshot, snapshot_by_account
from fedcarbon.epoch.statements import EpochPlan
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, Role
from fedcarbon.opening.account_columns import AccountColumns
from fedcarbon.opening.logged import LoggedBody
from fedcarbon.opening.parties import PartyBook
from fedcarbon.opening.violations import (
    LeafInvalidError,
    LoggedTwiceError,
    RecordViolationError,
    SlotTakenError,
    TokenPlacedTwiceError,
)
from fedcarbon.registry.enrolment import EnrolmentAction, EnrolmentBatch, PlaceBatch

SNAPSHOTS_MAX: Final = 4
"""Snapshots that are kept."""
MEMBERS_PERIODS_MAX: Final = 256
"""Periods of tables whose members are kept: a number per partner."""


class AccountRef(NamedTuple):
    """One account of the record."""

    programme_id: ProgrammeId
    token: bytes
    """32 bytes."""


class AccountBook:
    """Enrolments and places of every programme."""

    __slots__ = (
        "_batch_leaves",
        "_batches",
        "_enrolled",
        "_members",
        "_parties",
        "_snapshots",
        "_stored",
    )

    def __init__(self, parties: PartyBook) -> None:
        """Start empty; `parties` says who may sign."""
        self._parties: Final = parties
        self._batches: Final[set[tuple[PartyId, bytes]]] = set()
        self._batch_leaves: Final[set[int]] = set()
        self._stored: Final = AccountColumns()
        self._enrolled: Final[dict[PartyId, int]] = defaultdict(int)
        """How many accounts a partner has ever enrolled."""
        self._snapshots: Final[OrderedDict[tuple[ProgrammeId, int, int], Snapshot]] = OrderedDict()
        """The last ones that were asked for: what is below a plan never changes."""
        self._members: Final[
            OrderedDict[tuple[ProgrammeId, tuple[tuple[EpochIndex, int], ...]], dict[PartyId, int]]
        ] = OrderedDict()
        """Likewise, by the plans of a period."""

    def fold_enrolments(self, logged: LoggedBody) -> None:
        """Take a batch that an admitted partner signed; a batch id counts once."""
        batch, signer = self._parties.open_own(EnrolmentBatch, logged, "partner_id", Role.PARTNER)
        statement = batch.statement
        self._parties.programme(statement.programme_id)
        if (signer, statement.batch_id) in self._batches:
            # A batch that is logged again would undo the withdrawals since.
            raise LoggedTwiceError(f"a batch of {signer!r} stands twice in the record")
        self._batches.add((signer, statement.batch_id))
        self._batch_leaves.add(logged.index)
        programme_id = statement.programme_id
        for entry in statement.entries:
            if entry.action is EnrolmentAction.ENROL:
                known = self._stored.entries(programme_id, entry.account_token)
                if not any(one.is_enrolment and one.partner_id == signer for one in known):
                    self._enrolled[signer] += 1
            self._stored.add(programme_id, signer, logged.index, entry)

    def fold_places(self, logged: LoggedBody) -> None:
        """Take new places, signed by the hub."""
        batch, _ = self._parties.open_by(PlaceBatch, logged, Role.HUB)
        programme_id = batch.statement.programme_id
        self._parties.programme(programme_id)
        if batch.statement.enrolment_leaf not in self._batch_leaves:
            raise LeafInvalidError(
                f"leaf {batch.statement.enrolment_leaf}, whose accounts are placed, enrols nobody"
            )
        slots = self._parties.parameters.layout.slots
        new: dict[Place, bytes] = {}
        tokens: set[bytes] = set()
        for entry in batch.statement.entries:
            place, token = Place(entry.block, entry.slot), entry.account_token
            self._require_enrolled_in(AccountRef(programme_id, token), batch.statement)
            if entry.slot >= slots:
                raise LeafInvalidError(f"slot {entry.slot} does not exist in a block of {slots}")
            if token in tokens or self._stored.place_of(programme_id, token) is not None:
                raise TokenPlacedTwiceError(f"leaf {logged.index} places a token a second time")
            if place in new or self._stored.token_at(place) is not None:
                raise SlotTakenError(
                    f"leaf {logged.index} places a second token in block {place.block} slot "
                    f"{place.slot}"
                )
            new[place] = token
            tokens.add(token)
        for place, token in new.items():
            self._stored.place(programme_id, token, place)

    def _require_enrolled_in(self, account: AccountRef, batch: PlaceBatch) -> None:
        entries = self._stored.entries(account.programme_id, account.token)
        if batch.enrolment_leaf not in {entry.leaf_index for entry in entries}:
            raise LeafInvalidError(f"leaf {batch.enrolment_leaf} did not enrol a placed account")

    def place_of(self, account: AccountRef) -> Place | None:
        """Return where an account's sum is kept, or None if it has no place."""
        return self._stored.place_of(account.programme_id, account.token)

    def account_at(self, place: Place) -> bytes | None:
        """Return the token of the account whose sum is kept at a place, or None if it is free."""
        return self._stored.token_at(place)

    def enrolled_accounts(self, partner: PartyId) -> int:
        """Return how many different accounts a partner has ever enrolled."""
        return self._enrolled.get(partner, 0)

    def enrolled_since(self, account: AccountRef, partner: PartyId, before_leaf: int) -> int | None:
        """Return the leaf that began a partner's present enrolment of an account.

        Args:
            account: the account.
            partner: the partner.
            before_leaf: only entries in leaves below this one count.

        Returns:
            The leaf's index, or None if the account is not enrolled there at that point.
        """
        since = None
        for entry in self._stored.entries(account.programme_id, account.token):
            if entry.partner_id != partner or entry.leaf_index >= before_leaf:
                continue
            if not entry.is_enrolment:
                since = None
            elif since is None:
                since = entry.leaf_index
        return since

    def partners_of(self, account: AccountRef, plan: EpochPlan) -> frozenset[PartyId]:
        """Return the partners where an account is enrolled in the epoch of `plan`."""
        entries = self._placed(account.programme_id, plan, [account.token])
        return frozenset(self._snapshot_of(plan, entries).partners)

    def snapshot(self, plan: EpochPlan) -> Snapshot:
        """Return who is enrolled where in the epoch of `plan`.

        Raises:
            RecordViolationError: an account that counts has no place.
        """
        key = (plan.programme_id, plan.epoch, plan.snapshot_size)
        if key not in self._snapshots:
            tokens = self._stored.tokens(plan.programme_id)
            self._snapshots[key] = self._snapshot_of(
                plan, self._placed(plan.programme_id, plan, tokens)
            )
            while len(self._snapshots) > SNAPSHOTS_MAX:
                self._snapshots.popitem(last=False)
        self._snapshots.move_to_end(key)
        return self._snapshots[key]

    def members(self, plans: Iterable[EpochPlan]) -> dict[PartyId, int]:
        """Return how many accounts each partner has enrolled in any of some epochs.

        The accounts are walked once per period: a trustee needs the numbers for its noise, its
        signature and its shares, and what is below a plan never changes.

        Args:
            plans: of epochs of one programme, one or more.

        Raises:
            RecordViolationError: an account that counts has no place.
        """
        plans = list(plans)
        key = (plans[0].programme_id, tuple((plan.epoch, plan.snapshot_size) for plan in plans))
        if key not in self._members:
            self._members[key] = self._counted_members(plans)
            while len(self._members) > MEMBERS_PERIODS_MAX:
                self._members.popitem(last=False)
        self._members.move_to_end(key)
        return dict(self._members[key])

    def _counted_members(self, plans: Sequence[EpochPlan]) -> dict[PartyId, int]:
        counts: dict[PartyId, int] = defaultdict(int)
        programme_id = plans[0].programme_id
        size, epoch = (min(plan.snapshot_size for plan in plans), min(plan.epoch for plan in plans))
        for token in self._stored.tokens(programme_id):
            # Most accounts are as old as the period: what one of its plans says, all of them do.
            is_steady = all(
                entry.leaf_index < size and entry.from_epoch <= epoch
                for entry in self._stored.entries(programme_id, token)
            )
            enrolled: set[PartyId] = set()
            for plan in plans[:1] if is_steady else plans:
                last = {item.partner_id: item for item in self._placed(programme_id, plan, [token])}
                enrolled |= {name for name, item in last.items() if item.is_enrolment}
            for name in enrolled:
                counts[name] += 1
        return counts

    def _snapshot_of(self, plan: EpochPlan, entries: Iterable[PlacedEntry]) -> Snapshot:
        return snapshot_by_account(
            entries,
            epoch=plan.epoch,
            slots=self._parties.parameters.layout.slots,
            cap_ug=self._parties.programme(plan.programme_id).epoch_cap_ug,
        )

    def _placed(
        self, programme_id: ProgrammeId, plan: EpochPlan, tokens: Iterable[bytes]
    ) -> Iterator[PlacedEntry]:
        """Yield the entries of some accounts that count in the epoch of a plan."""
        for token in tokens:
            place = self._stored.place_of(programme_id, token)
            for entry in self._stored.entries(programme_id, token):
                if entry.leaf_index >= plan.snapshot_size:
                    continue
                if place is None:
                    raise RecordViolationError(
                        f"an account of leaf {entry.leaf_index} has no place in the snapshot of "
                        f"epoch {plan.epoch}"
                    )
                if entry.from_epoch <= plan.epoch:
                    yield PlacedEntry(token, entry.partner_id, entry.is_enrolment, place)
