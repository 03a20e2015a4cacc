"""A release of statistics: the trustee's signature under its start, and its shares.

What each step needs:

1. noise: see `trustee.noising`.
2. sign: the start names this trustee's own noise and passes checks (1) to (6) of
   `fedcarbon.opening.table_checks`.
3. share: the start is a leaf under a witnessed head that a partner signed too; what it opens is
   computed here, from the files that the record names, and never taken from the caller.

Another start for the same period may be signed as long as none is in the record: a contribution
may have come in between, or a trustee may be gone. That gives nothing away. Shares are given only
for a start of the record, of which there is one per period, ever, and the noise is the same in all.
"""

from __future__ import annotations

import hashlib
from typing import Final

from fedcarbon.canonical import statement as statements
from fedcarbon.disclosure.statements import ReleaseStart
from fedcarbon.engine.local import LocalEngine
from fedcarbon.errors import MalformedError
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.table_checks import (
    Fetch,
    Files,
    check_release_draft,
    noised_ciphertexts,
    period_ref,
    release_share_context,
)
from fedcarbon.opening.table_refusals import NoiseDiffersError
from fedcarbon.opening.view import RecordView
from fedcarbon.transparency.envelope import payload_type_of, pre_authentication_encoding
from fedcarbon.v1 import trustee_pb2
from trustee.noising import Noiser
from trustee.order_errors import DraftInvalidError, StartMissingError
from trustee.own_keys import OwnKeys
from trustee.share_task import proved_shares
from trustee.witnessing import require_witnessed


class Releaser:
    """Signs starts of releases and gives shares of what they open."""

    __slots__ = ("_engine", "_files", "_keys", "_noiser", "_view")

    def __init__(
        self, keys: OwnKeys, view: RecordView, noiser: Noiser, fetch: Fetch, engine: LocalEngine
    ) -> None:
        """Take what is needed to check and to share; `fetch` gets files of the record."""
        self._keys: Final = keys
        self._view: Final = view
        self._noiser: Final = noiser
        self._files: Final = Files(fetch, keys.random_below)
        self._engine: Final = engine

    def sign(self, data: bytes) -> bytes:
        """Return the signature under a start, 64 bytes.

        Raises:
            DraftInvalidError: these bytes are no start of a release.
            NoiseDiffersError: this trustee's noise is not in it, or not the one that was drawn.
            FedcarbonError: see `check_release_draft`.
        """
        try:
            start = statements.decode(ReleaseStart, data)
        except MalformedError as error:
            raise DraftInvalidError(f"not a start of a release: {error}") from error
        self._require_own_noise(start)
        check_release_draft(self._view, start, self._files)
        payload_type = payload_type_of(ReleaseStart.KIND)
        return self._keys.signing_key.sign(pre_authentication_encoding(payload_type, data))

    def share(self, start_leaf: int) -> trustee_pb2.ReleaseShareAnswer:
        """Return this trustee's shares of all blocks of a release, with their proof.

        A trustee that added no noise may share: its share says nothing without those of others.

        Raises:
            StartMissingError: the leaf is no start of a release.
            StartNotWitnessedError, PartnerWitnessMissingError: see `require_witnessed`.
            FedcarbonError: see `noised_ciphertexts`.
        """
        logged = self._start(start_leaf)
        require_witnessed(self._view, start_leaf)
        ciphertexts = noised_ciphertexts(self._view, logged.statement, self._files)
        given = proved_shares(
            self._engine,
            self._keys,
            self._view.parties.parameters,
            ciphertexts,
            release_share_context(logged.leaf, ciphertexts),
        )
        return trustee_pb2.ReleaseShareAnswer(shares=given.shares, proof=given.proof)

    def _start(self, start_leaf: int) -> Logged[ReleaseStart]:
        for logged in self._view.tables.starts.values():
            if logged.index == start_leaf:
                return logged
        raise StartMissingError(f"leaf {start_leaf} is no start of a release")

    def _require_own_noise(self, start: ReleaseStart) -> None:
        stored = self._noiser.stored(start.programme_id, period_ref(start))
        own = {part.file_sha256 for part in start.noise if part.trustee_id == self._keys.trustee_id}
        if stored is None or own != {hashlib.sha256(stored).digest()}:
            raise NoiseDiffersError(
                f"the start of period {start.period} does not name the noise of "
                f"{self._keys.trustee_id!r}"
            )
