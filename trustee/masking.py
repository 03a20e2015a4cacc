"""Masks and starts: the trustee's part in an opening before any share (DESIGN section 11).

The order of an attempt, and what each step needs:

1. mask: the draft passes all checks; a fresh mask is drawn, encrypted and stored, its hash given.
2. sign: the start is the draft with every hash in it, this trustee's own among them, once. From
   here on the start counts as opened for this trustee, whether or not it is ever logged.
3. reveal: the start is a leaf under a witnessed head that a partner signed too, and passes all
   checks as of that leaf.
4. share: see `trustee.sharing`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from fedcarbon.canonical import statement as statements
from fedcarbon.errors import MalformedError
from fedcarbon.opening.accounts import AccountRef
from fedcarbon.opening.checks import CheckedStart, Reader, check_start
from fedcarbon.opening.mask_proofs import fresh_mask, mask_tables
from fedcarbon.opening.mask_sets import NO_HASH, check_hashes
from fedcarbon.opening.statements import OpeningStart, mask_hash
from fedcarbon.opening.view import RecordView
from fedcarbon.proofs.commitments import ProverTables
from fedcarbon.transparency.envelope import payload_type_of, pre_authentication_encoding
from trustee.multiplying import Multiplier
from trustee.order_errors import (
    DraftInvalidError,
    MaskErasedError,
    MaskUnknownError,
    SameIdOtherContentError,
    StartDiffersError,
    StartMissingError,
    for_each,
)
from trustee.own_keys import OwnKeys
from trustee.storage.database import Database
from trustee.storage.mask_store import AttemptId, MaskStore, StoredMask
from trustee.witnessing import require_witnessed

# A trustee proves a few masks per opening: small tables cost little memory.
_TABLE_WINDOW_BITS = 6


class Masker:
    """Draws, commits to, and shows masks."""

    __slots__ = ("_database", "_keys", "_multiplier", "_store", "_tables", "_view")

    def __init__(
        self, keys: OwnKeys, view: RecordView, database: Database, multiplier: Multiplier
    ) -> None:
        """Take what is needed to check and to mask."""
        self._keys = keys
        self._view = view
        self._database = database
        self._multiplier = multiplier
        self._store = MaskStore(database)
        self._tables: ProverTables | None = None

    def commit(self, drafts: Sequence[bytes]) -> list[bytes]:
        """Return the hash of a fresh mask for every draft; the same draft gets the same hash.

        Raises:
            BatchRefusedError: a draft is refused; no mask was drawn for any.
        """
        with self._database.transaction():
            return for_each(drafts, self._commit_one)

    def sign(self, starts: Sequence[bytes]) -> list[bytes]:
        """Return the signature under every start, 64 bytes each.

        Raises:
            BatchRefusedError: a start is refused; none was signed.
        """
        with self._database.transaction():
            for_each(starts, self._promise_one)
        payload_type = payload_type_of(OpeningStart.KIND)
        return [
            self._keys.signing_key.sign(pre_authentication_encoding(payload_type, start))
            for start in starts
        ]

    def reveal(self, start_leaves: Sequence[int]) -> list[bytes]:
        """Return the masks of starts that are under a witnessed head.

        Raises:
            BatchRefusedError: a start is refused; no mask is shown.
        """
        return for_each(start_leaves, self._reveal_one)

    def checked_start(self, start_leaf: int) -> CheckedStart:
        """Return a start of the record after all checks, as of its own leaf.

        Raises:
            StartMissingError: the leaf is no start.
            StartNotWitnessedError, PartnerWitnessMissingError: see `require_witnessed`.
            FedcarbonError: see `check_start`.
        """
        logged = self._view.starts.starts.get(start_leaf)
        if logged is None:
            raise StartMissingError(f"leaf {start_leaf} is no start of the record")
        require_witnessed(self._view, start_leaf)
        return check_start(self._view, logged.statement, self._reader(), logged_at=start_leaf)

    def _commit_one(self, draft: bytes) -> bytes:
        start = _decoded(draft)
        if set(start.mask_hashes) != {NO_HASH}:
            raise DraftInvalidError("a draft has no mask hashes yet")
        attempt = AttemptId(start.opening_id, start.attempt)
        stored = self._store.mask(attempt)
        if stored is not None:
            if stored.draft != draft:
                raise SameIdOtherContentError("this attempt was begun with another draft")
            _require_kept(stored)
            return stored.mask_hash
        check_start(self._view, start, self._reader(start))
        mask = self._fresh_mask(start)
        own_hash = mask_hash(start.opening_id, start.attempt, self._keys.trustee_id, mask)
        self._store.keep_mask(attempt, draft=draft, mask_hash=own_hash, mask=mask)
        return own_hash

    def _promise_one(self, data: bytes) -> None:
        start = _decoded(data)
        attempt = AttemptId(start.opening_id, start.attempt)
        stored = self._store.mask(attempt)
        if stored is None:
            raise MaskUnknownError("this trustee has no mask for the attempt")
        if stored.signed_start is not None:
            if stored.signed_start != data:
                raise SameIdOtherContentError("this attempt was signed with other masks")
            return
        if _draft_of(start) != stored.draft:
            raise SameIdOtherContentError("the start is not the draft that was masked")
        check_hashes(start, self._keys.trustee_id, stored.mask_hash)
        check_start(self._view, start, self._reader(start))
        self._store.keep_signed(attempt, data, _accounts_of(start), start.epoch)

    def _reveal_one(self, start_leaf: int) -> bytes:
        start = self.checked_start(start_leaf).start
        stored = self._store.mask(AttemptId(start.opening_id, start.attempt))
        if stored is None:
            raise MaskUnknownError("this trustee has no mask for the attempt")
        if stored.signed_start != statements.encode(start):
            raise StartDiffersError(f"the start in leaf {start_leaf} is not the one signed here")
        return _require_kept(stored)

    def _fresh_mask(self, start: OpeningStart) -> bytes:
        """Draw, encrypt and prove a mask; its plaintext and randomness end here."""
        if self._tables is None:
            key = self._view.parties.parameters.proof_key
            self._tables = mask_tables(key, _TABLE_WINDOW_BITS)
        return fresh_mask(self._tables, start, self._keys.trustee_id, self._keys.random_below)

    def _reader(self, start: OpeningStart | None = None) -> Reader:
        accounts = _accounts_of(start) if start is not None else []
        return Reader(
            trustee_id=self._keys.trustee_id,
            product_of=self._multiplier.product_of,
            own_started={account: self._store.own_started(account) for account in accounts},
        )


def _decoded(data: bytes) -> OpeningStart:
    try:
        return statements.decode(OpeningStart, data)
    except MalformedError as error:
        raise DraftInvalidError(f"not a start: {error}") from error


def _draft_of(start: OpeningStart) -> bytes:
    """Return the bytes of the draft that a start was made from."""
    hashes = (NO_HASH,) * len(start.subset)
    return statements.encode(dataclasses.replace(start, mask_hashes=hashes))


def _accounts_of(start: OpeningStart) -> list[AccountRef]:
    return [AccountRef(start.programme_id, target.account_token) for target in start.targets]


def _require_kept(stored: StoredMask) -> bytes:
    if stored.mask is None:
        raise MaskErasedError("a share exists, so the mask of this attempt is erased")
    return stored.mask
