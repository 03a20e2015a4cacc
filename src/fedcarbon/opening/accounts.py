"""Accounts as the record tells them: who enrolled whom, when, and where each sum is kept.

A place is for ever: each token and each (block, slot) stands once in the whole log. A second one
is what a hub would need to open somebody's slot under another's name, so it stops the reader.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from fedcarbon.epoch.snapshot import LoggedEntry, Place, Snapshot, snapshot_of
from fedcarbon.epoch.statements import EpochPlan
from fedcarbon.ids import PartyId, ProgrammeId, Role
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


class AccountRef(NamedTuple):
    """One account of the record."""

    programme_id: ProgrammeId
    token: bytes
    """32 bytes."""


class AccountBook:
    """Enrolments and places of every programme."""

    __slots__ = ("_batches", "_entries", "_owners", "_parties", "_per_account", "_places", "_seen")

    def __init__(self, parties: PartyBook) -> None:
        """Start empty; `parties` says who may sign."""
        self._parties: Final = parties
        self._batches: Final[dict[tuple[PartyId, bytes], int]] = {}
        """Leaf of every enrolment batch."""
        self._entries: Final[dict[ProgrammeId, list[LoggedEntry]]] = defaultdict(list)
        self._per_account: Final[dict[AccountRef, list[LoggedEntry]]] = defaultdict(list)
        self._places: Final[dict[ProgrammeId, dict[bytes, Place]]] = defaultdict(dict)
        self._owners: Final[dict[Place, bytes]] = {}
        self._seen: Final[dict[PartyId, set[AccountRef]]] = defaultdict(set)

    def fold_enrolments(self, logged: LoggedBody) -> None:
        """Take a batch that an admitted partner signed; a batch id counts once."""
        batch, signer = self._parties.open_own(EnrolmentBatch, logged, "partner_id", Role.PARTNER)
        statement = batch.statement
        self._parties.programme(statement.programme_id)
        if (signer, statement.batch_id) in self._batches:
            # A batch that is logged again would undo the withdrawals since.
            raise LoggedTwiceError(f"a batch of {signer!r} stands twice in the record")
        self._batches[signer, statement.batch_id] = logged.index
        for item in statement.entries:
            entry = LoggedEntry(
                leaf_index=logged.index,
                partner_id=signer,
                account_token=item.account_token,
                action=item.action,
                from_epoch=item.from_epoch,
            )
            account = AccountRef(statement.programme_id, item.account_token)
            self._entries[statement.programme_id].append(entry)
            self._per_account[account].append(entry)
            if item.action is EnrolmentAction.ENROL:
                self._seen[signer].add(account)

    def fold_places(self, logged: LoggedBody) -> None:
        """Take new places, signed by the hub."""
        batch, _ = self._parties.open_by(PlaceBatch, logged, Role.HUB)
        programme_id = batch.statement.programme_id
        self._parties.programme(programme_id)
        if batch.statement.enrolment_leaf not in self._batches.values():
            raise LeafInvalidError(
                f"leaf {batch.statement.enrolment_leaf}, whose accounts are placed, enrols nobody"
            )
        slots = self._parties.parameters.layout.slots
        new: dict[Place, bytes] = {}
        known = self._places[programme_id]
        for entry in batch.statement.entries:
            place, token = Place(entry.block, entry.slot), entry.account_token
            self._require_enrolled_in(AccountRef(programme_id, token), batch.statement)
            if entry.slot >= slots:
                raise LeafInvalidError(f"slot {entry.slot} does not exist in a block of {slots}")
            if token in known or token in new.values():
                raise TokenPlacedTwiceError(f"leaf {logged.index} places a token a second time")
            if place in self._owners or place in new:
                raise SlotTakenError(
                    f"leaf {logged.index} places a second token in block {place.block} slot "
                    f"{place.slot}"
                )
            new[place] = token
        self._owners.update(new)
        known.update((token, place) for place, token in new.items())

    def _require_enrolled_in(self, account: AccountRef, batch: PlaceBatch) -> None:
        entries = self._per_account.get(account, ())
        if batch.enrolment_leaf not in {entry.leaf_index for entry in entries}:
            raise LeafInvalidError(f"leaf {batch.enrolment_leaf} did not enrol a placed account")

    def place_of(self, account: AccountRef) -> Place | None:
        """Return where an account's sum is kept, or None if it has no place."""
        return self._places[account.programme_id].get(account.token)

    def account_at(self, place: Place) -> bytes | None:
        """Return the token of the account whose sum is kept at a place, or None if it is free."""
        return self._owners.get(place)

    def enrolled_accounts(self, partner: PartyId) -> int:
        """Return how many different accounts a partner has ever enrolled."""
        return len(self._seen.get(partner, ()))

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
        for entry in self._per_account.get(account, ()):
            if entry.partner_id != partner or entry.leaf_index >= before_leaf:
                continue
            if entry.action is EnrolmentAction.WITHDRAW:
                since = None
            elif since is None:
                since = entry.leaf_index
        return since

    def partners_of(self, account: AccountRef, plan: EpochPlan) -> frozenset[PartyId]:
        """Return the partners where an account is enrolled in the epoch of `plan`."""
        snapshot = self._snapshot_of(account.programme_id, plan, self._per_account.get(account, ()))
        return frozenset(snapshot.partners)

    def snapshot(self, plan: EpochPlan) -> Snapshot:
        """Return who is enrolled where in the epoch of `plan`.

        Raises:
            RecordViolationError: an account that counts has no place.
        """
        return self._snapshot_of(plan.programme_id, plan, self._entries[plan.programme_id])

    def _snapshot_of(
        self, programme_id: ProgrammeId, plan: EpochPlan, entries: Sequence[LoggedEntry]
    ) -> Snapshot:
        places = self._places[programme_id]
        _require_places(entries, places, plan)
        return snapshot_of(
            entries,
            places,
            epoch=plan.epoch,
            snapshot_size=plan.snapshot_size,
            slots=self._parties.parameters.layout.slots,
            cap_ug=self._parties.programme(programme_id).epoch_cap_ug,
        )


def _require_places(
    entries: Iterable[LoggedEntry], places: Mapping[bytes, Place], plan: EpochPlan
) -> None:
    for entry in entries:
        if entry.leaf_index < plan.snapshot_size and entry.account_token not in places:
            raise RecordViolationError(
                f"an account of leaf {entry.leaf_index} has no place in the snapshot of epoch "
                f"{plan.epoch}"
            )
