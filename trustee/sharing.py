"""Giving shares: what is opened is computed here and never taken from the caller.

A batch of starts gets one proof, bound to the leaves of its starts and to the masked ciphertexts.
With the first share of an attempt its mask is erased; the same start always gives the same share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fedcarbon.engine.local import LocalEngine
from fedcarbon.errors import MalformedError
from fedcarbon.opening.mask_proofs import invalid_masks
from fedcarbon.opening.mask_sets import check_masks, masked_ciphertext
from fedcarbon.opening.statements import OpeningStart, share_context
from fedcarbon.opening.view import RecordView
from fedcarbon.proofs.range_proof import mask_subject
from fedcarbon.v1 import trustee_pb2
from trustee.masking import Masker
from trustee.order_errors import OrderMalformedError, for_each
from trustee.own_keys import OwnKeys
from trustee.share_task import proved_shares
from trustee.storage.database import Database
from trustee.storage.mask_store import AttemptId, MaskStore


class _Masked(NamedTuple):
    """One start of a batch, ready to be shared."""

    leaf: bytes
    start: OpeningStart
    masks: tuple[bytes, ...]
    ciphertext: bytes
    """What is opened: product times masks."""

    @property
    def attempt(self) -> AttemptId:
        """Which attempt it is."""
        return AttemptId(self.start.opening_id, self.start.attempt)


class Sharer:
    """Gives decryption shares of masked blocks."""

    __slots__ = ("_database", "_engine", "_keys", "_masker", "_store", "_view")

    def __init__(
        self,
        keys: OwnKeys,
        view: RecordView,
        database: Database,
        masker: Masker,
        engine: LocalEngine,
    ) -> None:
        """Take what is needed to check and to share."""
        self._engine = engine
        self._keys = keys
        self._view = view
        self._database = database
        self._masker = masker
        self._store = MaskStore(database)

    def share(self, order: trustee_pb2.ShareOrder) -> trustee_pb2.ShareAnswer:
        """Return this trustee's shares of a batch and their proof; erase its masks.

        Raises:
            BatchRefusedError: a start is refused; no share is given.
            OrderMalformedError: no start, or one twice.
        """
        indices = [item.start_leaf for item in order.starts]
        if not indices or len(set(indices)) != len(indices):
            raise OrderMalformedError("a batch of shares names every start once, and at least one")
        batch = for_each(order.starts, self._masked)
        self._check_proofs(batch)
        opened = [item.ciphertext for item in batch]
        given = proved_shares(
            self._engine,
            self._keys,
            self._view.parties.parameters,
            opened,
            share_context([item.leaf for item in batch], opened),
        )
        with self._database.transaction():
            for item in batch:
                self._store.erase(item.attempt)
        return trustee_pb2.ShareAnswer(shares=given.shares, proof=given.proof)

    def _check_proofs(self, batch: Sequence[_Masked]) -> None:
        """Check that no mask of the batch touches a target: all proofs at once.

        Raises:
            BatchRefusedError: naming every start that has a mask whose proof does not hold.
        """
        key = self._view.parties.parameters.proof_key
        shown = [(item.start, item.masks) for item in batch]
        failed = {
            error.context.subject: error
            for error in invalid_masks(key, shown, self._keys.random_below)
        }

        def accept(item: _Masked) -> None:
            error = failed.get(mask_subject(*item.attempt))
            if error is not None:
                raise error

        for_each(batch, accept)

    def _masked(self, item: trustee_pb2.MaskedStart) -> _Masked:
        checked = self._masker.checked_start(item.start_leaf)
        masks = tuple(item.masks)
        check_masks(checked.start, self._keys.trustee_id, masks)
        leaf = self._view.leaf_at(item.start_leaf)
        if leaf is None:
            raise MalformedError(f"leaf {item.start_leaf} is not in the record")
        return _Masked(
            leaf=leaf,
            start=checked.start,
            masks=masks,
            ciphertext=masked_ciphertext(
                self._view.parties.parameters.public_key, checked.start, checked.product, masks
            ),
        )
