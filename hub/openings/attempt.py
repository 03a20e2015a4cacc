"""One attempt: a batch of openings and one subset of trustees, from drafts to plaintexts.

 1. mask: every trustee of the subset commits to a fresh mask for every draft
 2. sign: with all hashes in them, the drafts are starts; every trustee signs them
 3. log: the starts are leaves under a witnessed head, which a partner then signs too; from here on
    the attempt exists
 4. reveal: every trustee shows its masks
 5. share: every trustee gives its shares of product times masks, with one proof
 6. read: the shares are combined and the target slots read

What a trustee says is checked in the step in which it says it. If one of them fails, the attempt
ends there and names it; the next attempt has fresh masks. Nothing is stored but the starts: an
attempt that a crash cut off is followed by the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final, TypeVar

from sqlmodel import Session

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.errors import FedcarbonError, StateError
from fedcarbon.ids import PartyId, Role
from fedcarbon.opening.accounts import AccountRef
from fedcarbon.opening.caps import caps_so_far
from fedcarbon.opening.mask_proofs import invalid_masks, mask_claim
from fedcarbon.opening.mask_sets import (
    MaskCopiedError,
    MaskHashDiffersError,
    masked_ciphertext,
)
from fedcarbon.opening.masks import read_opened
from fedcarbon.opening.statements import OpeningStart, mask_hash, share_context
from fedcarbon.paillier.cipher import ciphertext_from_bytes
from fedcarbon.paillier.combine import ShareBatch, combine, verify_shares
from fedcarbon.paillier.share_proof import ShareProof
from fedcarbon.transparency.envelope import Envelope, Signature, payload_type_of, verify
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.v1 import trustee_pb2
from hub.context import Hub
from hub.openings.planning import PlannedOpening
from hub.openings.storage.request_store import RequestStore
from hub.record.folded_record import FoldedRecord
from hub.record.record import LoggedLeaf
from hub.registry.parties import signing_keys
from hub.trustees.asking import Check, TrusteeAnswerWrongError, ask_each
from hub.trustees.desk import TrusteeDesk

T = TypeVar("T")


class AttemptFailedError(StateError):
    """Not every trustee of the subset did its part; another subset is tried next."""

    code: ClassVar[str] = "ATTEMPT_FAILED"

    def __init__(self, failed: Mapping[PartyId, FedcarbonError]) -> None:
        """Take who failed, and how."""
        super().__init__(f"trustees {sorted(failed)} did not do their part")
        self.failed: Final = dict(failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedOpening:
    """An opening whose start is in the record."""

    planned: PlannedOpening
    start: OpeningStart
    logged: LoggedLeaf


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedBatch:
    """Everything that a finished attempt has brought, for results and share files."""

    started: tuple[StartedOpening, ...]
    masks: Mapping[PartyId, Sequence[bytes]]
    """Trustee to its mask of every start."""
    masked: tuple[int, ...]
    """Product times masks, per start."""
    shares: Mapping[PartyId, ShareBatch]
    values: tuple[Mapping[int, MicrogramsCO2e] | FedcarbonError, ...]
    """Per start: slot to opened sum, or why what came out cannot be right."""


class Attempt:
    """One subset's attempt at a batch."""

    def __init__(
        self, hub: Hub, desk: TrusteeDesk, folded: FoldedRecord, subset: Sequence[PartyId]
    ) -> None:
        """Take the hub, its desk, the folded record and S."""
        self._hub: Final = hub
        self._desk: Final = desk
        self._folded: Final = folded
        self._subset: Final = tuple(sorted(subset))
        self.is_started = False
        """Whether starts are in the record: from then on who fails costs the account a start."""

    async def run(self, openings: Sequence[PlannedOpening]) -> SharedBatch:
        """Open a batch.

        Raises:
            AttemptFailedError: naming who failed.
            QuorumMissingError: the starts are logged, but no quorum signed the head over them.
            PartnerWitnessMissingError: a quorum did, but no partner in time.
        """
        drafts = await self._hub.write(lambda session: self._drafts(session, openings))
        starts = await self._masked_starts(drafts)
        envelopes = await self._signed(starts)
        started = await self._hub.write(
            lambda session: self._log_starts(session, openings, starts, envelopes)
        )
        self.is_started = True
        await self._desk.witness_with_partner()
        masks = await self._revealed(started)
        masked = await asyncio.to_thread(self._masked, started, masks)
        shares = await self._shared(started, masks, masked)
        values = await self._hub.read(lambda session: self._read_values(session, started, shares))
        return SharedBatch(
            started=started,
            masks=masks,
            masked=tuple(self._number(data) for data in masked),
            shares=shares,
            values=values,
        )

    # --- 1. mask ----------------------------------------------------------------------------

    def _drafts(
        self, session: Session, openings: Sequence[PlannedOpening]
    ) -> tuple[OpeningStart, ...]:
        """Return drafts whose attempt numbers no trustee has ever seen, whatever a crash lost."""
        store = RequestStore(session)
        with self._folded.at(session) as view:
            last = [view.starts.last_attempt(opening.opening_id) for opening in openings]
        return tuple(
            opening.draft(
                self._hub.parameters.parameter_id,
                self._subset,
                store.next_attempt(opening.opening_id, last_started),
            )
            for opening, last_started in zip(openings, last, strict=True)
        )

    async def _masked_starts(self, drafts: Sequence[OpeningStart]) -> tuple[OpeningStart, ...]:
        """Have masks committed to and return the drafts with all hashes in them."""
        order = await self._desk.work_order()
        order.mask.draft_starts.extend(map(statements.encode, drafts))

        def checked(trustee_id: PartyId, answer: trustee_pb2.WorkRequest) -> tuple[bytes, ...]:
            hashes = tuple(answer.mask.mask_hashes)
            if len(hashes) != len(drafts) or {len(item) for item in hashes} != {DIGEST_BYTES}:
                raise TrusteeAnswerWrongError(f"trustee {trustee_id} sent no hash per draft")
            return hashes

        hashes = await self._ask(order, checked)
        return tuple(
            replace(draft, mask_hashes=tuple(hashes[name][position] for name in self._subset))
            for position, draft in enumerate(drafts)
        )

    # --- 2. sign, 3. log --------------------------------------------------------------------

    async def _signed(self, starts: Sequence[OpeningStart]) -> tuple[bytes, ...]:
        """Have the starts signed by the whole subset and return their envelopes."""
        payloads = [statements.encode(start) for start in starts]
        order = await self._desk.work_order()
        order.sign_start.starts.extend(payloads)
        admitted = await self._hub.read(lambda session: signing_keys(session, Role.TRUSTEE))
        keys: dict[str, bytes] = {name: admitted[name] for name in admitted}

        def checked(trustee_id: PartyId, answer: trustee_pb2.WorkRequest) -> tuple[Signature, ...]:
            given = tuple(answer.sign_start.signatures)
            if len(given) != len(payloads):
                raise TrusteeAnswerWrongError(f"trustee {trustee_id} did not sign every start")
            signed = tuple(Signature(keyid=trustee_id, sig=sig) for sig in given)
            for payload, signature in zip(payloads, signed, strict=True):
                verify(_envelope(payload, (signature,)), keys, signers={trustee_id}, at_least=1)
            return signed

        signatures = await self._ask(order, checked)
        return tuple(
            _envelope(
                payload, tuple(signatures[name][position] for name in self._subset)
            ).to_bytes()
            for position, payload in enumerate(payloads)
        )

    def _log_starts(
        self,
        session: Session,
        openings: Sequence[PlannedOpening],
        starts: Sequence[OpeningStart],
        envelopes: Sequence[bytes],
    ) -> tuple[StartedOpening, ...]:
        store = RequestStore(session)
        started = []
        for planned, start, envelope in zip(openings, starts, envelopes, strict=True):
            logged = self._hub.record.append(session, LeafType.OPENING_START, envelope)
            for target in start.targets:
                store.start(target.request_leaf)
            started.append(StartedOpening(planned=planned, start=start, logged=logged))
        return tuple(started)

    # --- 4. reveal --------------------------------------------------------------------------

    async def _revealed(
        self, started: Sequence[StartedOpening]
    ) -> dict[PartyId, tuple[bytes, ...]]:
        """Return every trustee's masks: ciphertexts with the hashes that stand in the starts."""
        order = await self._desk.work_order()
        order.reveal_mask.start_leaves.extend(item.logged.index for item in started)
        key = self._hub.parameters.proof_key

        def checked(trustee_id: PartyId, answer: trustee_pb2.WorkRequest) -> tuple[bytes, ...]:
            shown = tuple(answer.reveal_mask.masks)
            if len(shown) != len(started):
                raise TrusteeAnswerWrongError(f"trustee {trustee_id} did not show every mask")
            position = self._subset.index(trustee_id)
            for item, mask in zip(started, shown, strict=True):
                start = item.start
                found = mask_hash(start.opening_id, start.attempt, trustee_id, mask)
                if found != start.mask_hashes[position]:
                    raise MaskHashDiffersError(f"trustee {trustee_id} shows another mask")
                mask_claim(key, start, trustee_id, mask)
                self._number(mask[: key.public_key.ciphertext_bytes])
            return shown

        masks = await self._ask(order, checked)
        _require_different(masks)
        return masks

    def _masked(
        self, started: Sequence[StartedOpening], masks: Mapping[PartyId, Sequence[bytes]]
    ) -> tuple[bytes, ...]:
        """Return what each start opens, the block's product times all masks, if all proofs hold.

        Raises:
            AttemptFailedError: naming whose mask touches a target or is too large.
        """
        shown = [
            (item.start, [masks[name][position] for name in self._subset])
            for position, item in enumerate(started)
        ]
        parameters = self._hub.parameters
        invalid = invalid_masks(parameters.proof_key, shown, self._hub.randbelow)
        if invalid:
            raise AttemptFailedError({error.context.party_id: error for error in invalid})
        return tuple(
            masked_ciphertext(parameters.public_key, start, item.planned.product, of_start)
            for item, (start, of_start) in zip(started, shown, strict=True)
        )

    # --- 5. share, 6. read ------------------------------------------------------------------

    async def _shared(
        self,
        started: Sequence[StartedOpening],
        masks: Mapping[PartyId, Sequence[bytes]],
        masked: Sequence[bytes],
    ) -> dict[PartyId, ShareBatch]:
        """Return every trustee's shares, whose proof holds for exactly these ciphertexts."""
        parameters = self._hub.parameters
        order = await self._desk.work_order()
        for position, item in enumerate(started):
            order.share.starts.add(
                start_leaf=item.logged.index,
                masks=[masks[name][position] for name in self._subset],
            )
        ciphertexts = [self._number(data) for data in masked]
        context = share_context([item.logged.leaf for item in started], masked)

        def checked(trustee_id: PartyId, answer: trustee_pb2.WorkRequest) -> ShareBatch:
            batch = ShareBatch(
                trustee=parameters.trustee_index(trustee_id),
                shares=tuple(map(self._number, answer.share.shares)),
                proof=ShareProof.from_bytes(parameters.threshold_key, answer.share.proof),
            )
            verify_shares(
                parameters.threshold_key,
                ciphertexts,
                batch,
                parameter_id=parameters.parameter_id,
                context=context,
            )
            return batch

        return await self._ask(order, checked)

    def _read_values(
        self,
        session: Session,
        started: Sequence[StartedOpening],
        shares: Mapping[PartyId, ShareBatch],
    ) -> tuple[Mapping[int, MicrogramsCO2e] | FedcarbonError, ...]:
        """Combine the shares and read the targets; what cannot be right stays an error."""
        caps = [self._caps(session, item.start) for item in started]
        values: list[Mapping[int, MicrogramsCO2e] | FedcarbonError] = []
        for position, item in enumerate(started):
            try:
                plaintext = combine(
                    self._hub.parameters.threshold_key,
                    {batch.trustee: batch.shares[position] for batch in shares.values()},
                )
                targets = [target.slot for target in item.start.targets]
                layout = self._hub.parameters.layout
                values.append(read_opened(layout, plaintext, targets, caps[position]))
            except FedcarbonError as error:
                values.append(error)
        return tuple(values)

    def _caps(self, session: Session, start: OpeningStart) -> dict[int, MicrogramsCO2e]:
        with self._folded.at(session) as view:
            return {
                target.slot: caps_so_far(
                    view, AccountRef(start.programme_id, target.account_token), start.epoch
                )
                for target in start.targets
            }

    # ----------------------------------------------------------------------------------------

    async def _ask(self, order: trustee_pb2.WorkResponse, check: Check[T]) -> dict[PartyId, T]:
        """Ask the whole subset and return its answers, or raise `AttemptFailedError`."""
        answers = await ask_each(self._desk.port, self._subset, order, check)
        if answers.failed:
            raise AttemptFailedError(answers.failed)
        return answers.good

    def _number(self, data: bytes) -> int:
        """Return the ciphertext or share that `data` encodes, or raise what it is not."""
        return ciphertext_from_bytes(self._hub.parameters.public_key, data)


def _envelope(payload: bytes, signatures: tuple[Signature, ...]) -> Envelope:
    return Envelope(
        payload_type=payload_type_of(OpeningStart.KIND), payload=payload, signatures=signatures
    )


def _require_different(masks: Mapping[PartyId, Sequence[bytes]]) -> None:
    """Check that no two trustees show one mask; who copied whom cannot be told."""
    owners: dict[bytes, PartyId] = {}
    copies: dict[PartyId, FedcarbonError] = {}
    for name, shown in masks.items():
        for mask in shown:
            other = owners.setdefault(mask, name)
            if other != name:
                error = MaskCopiedError(f"trustees {sorted((other, name))} show one mask")
                copies |= {other: error, name: error}
    if copies:
        raise AttemptFailedError(copies)
