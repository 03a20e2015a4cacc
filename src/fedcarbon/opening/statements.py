"""Bindings, requests, starts and results: what must lie in the record around an opening."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES, digest, u32, u64
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, checked_name
from fedcarbon.registry.enrolment import MESSAGE_ID_BYTES, TOKEN_BYTES
from fedcarbon.units import MicrogramsCO2e

OPENING_ID_BYTES: Final = 32
WALLET_HINT_LENGTH: Final = 4


def wallet_hint(wallet_id: str) -> str:
    """Return what a holder is shown of a wallet before confirming: its last four characters."""
    return wallet_id[-WALLET_HINT_LENGTH:]


class Purpose(StrEnum):
    """Why an account is opened."""

    CREDIT = "credit"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorBinding(Statement):
    """The wallet operator's half of a binding: this wallet belongs to this account's holder."""

    KIND: ClassVar[str] = "operator_binding"

    parameter_id: bytes
    programme_id: ProgrammeId
    binding_id: bytes
    account_token: bytes
    wallet_id: str
    wallet_class: int
    """1 to 3; class 4 is anonymous and cannot be bound."""
    operator_id: PartyId

    def __post_init__(self) -> None:
        """Check sizes."""
        checked_name(self.operator_id)
        _check_ids(self.parameter_id, self.binding_id, self.account_token)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerBinding(Statement):
    """An enrolled partner's half: the holder confirmed this binding in the partner's app."""

    KIND: ClassVar[str] = "partner_binding"

    parameter_id: bytes
    programme_id: ProgrammeId
    binding_id: bytes
    account_token: bytes
    operator_leaf: bytes
    """The 34-byte leaf of the operator's half."""
    operator_id: PartyId
    """The operator that the holder was shown."""
    wallet_hint: str
    """What the holder was shown of the wallet; see `wallet_hint`."""
    partner_id: PartyId

    def __post_init__(self) -> None:
        """Check names and sizes."""
        checked_name(self.partner_id)
        checked_name(self.operator_id)
        if len(self.wallet_hint) > WALLET_HINT_LENGTH:
            raise MalformedError(f"a wallet hint has at most {WALLET_HINT_LENGTH} characters")
        _check_ids(self.parameter_id, self.binding_id, self.account_token)


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingObjection(Statement):
    """A partner enrolled for the account objects: the binding freezes."""

    KIND: ClassVar[str] = "binding_objection"

    parameter_id: bytes
    programme_id: ProgrammeId
    binding_id: bytes
    account_token: bytes
    partner_id: PartyId

    def __post_init__(self) -> None:
        """Check sizes."""
        checked_name(self.partner_id)
        _check_ids(self.parameter_id, self.binding_id, self.account_token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbinding(Statement):
    """Signed by the operator or a signing partner of the binding; takes effect at once."""

    KIND: ClassVar[str] = "unbinding"

    parameter_id: bytes
    programme_id: ProgrammeId
    binding_id: bytes
    account_token: bytes
    party_id: PartyId

    def __post_init__(self) -> None:
        """Check sizes."""
        checked_name(self.party_id)
        _check_ids(self.parameter_id, self.binding_id, self.account_token)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningRequest(Statement):
    """A holder asks, through its wallet operator, for the sum of its own account."""

    KIND: ClassVar[str] = "opening_request"

    parameter_id: bytes
    programme_id: ProgrammeId
    request_id: bytes
    """Client-made nonce; the same id gets the same answer."""
    account_token: bytes
    block: int
    slot: int
    epoch: EpochIndex
    """e: open the cumulative sum up to this sealed epoch."""
    previous_epoch: EpochIndex
    """e0: the epoch of the last finished opening in the record, 0 for none."""
    purpose: Purpose
    wallet_id: str
    binding_leaf: bytes
    """The 34-byte leaf of the operator's half of the binding."""
    operator_id: PartyId
    not_after_s: int
    checkpoint_size: int
    """Size of a witnessed checkpoint that holds the seal of `epoch`."""
    checkpoint_root: bytes

    def __post_init__(self) -> None:
        """Check sizes and that e0 < e."""
        checked_name(self.operator_id)
        _check_ids(self.parameter_id, self.request_id, self.account_token)
        if self.previous_epoch >= self.epoch:
            raise MalformedError("a request opens an epoch after the last opened one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One slot that a start opens, and the leaf of the request that asks for it."""

    slot: int
    account_token: bytes
    request_leaf: int
    """Index of the opening-request leaf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningStart(Statement):
    """An attempt exists from this leaf on; signed by every trustee of the subset."""

    KIND: ClassVar[str] = "opening_start"

    parameter_id: bytes
    programme_id: ProgrammeId
    opening_id: bytes
    attempt: int
    """From 1; a new attempt has fresh masks."""
    block: int
    epoch: EpochIndex
    targets: tuple[Target, ...]
    """Sorted by slot."""
    subset: tuple[PartyId, ...]
    """S: the trustees that mask and give shares, sorted."""
    product_sha256: bytes
    """SHA-256 of the cumulative ciphertext's bytes."""
    mask_hashes: tuple[bytes, ...]
    """`mask_hash` of each trustee's mask, in the order of `subset`."""

    def __post_init__(self) -> None:
        """Check order, sizes and that no slot or trustee stands twice."""
        slots = [target.slot for target in self.targets]
        if not slots or slots != sorted(set(slots)):
            raise MalformedError("targets are sorted by slot and stand once")
        if list(self.subset) != sorted(set(self.subset)):
            raise MalformedError("the subset is sorted and names each trustee once")
        if len(self.mask_hashes) != len(self.subset) or self.attempt < 1:
            raise MalformedError("one mask hash per trustee; attempts count from 1")
        hashes = (self.parameter_id, self.opening_id, self.product_sha256, *self.mask_hashes)
        if {len(item) for item in hashes} != {DIGEST_BYTES}:
            raise MalformedError("the hashes of a start have 32 bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedValue:
    """The cumulative sum of one account up to an epoch."""

    slot: int
    account_token: bytes
    opened_ug: MicrogramsCO2e


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareBatch:
    """One trustee's shares over a batch of openings, proved at once."""

    trustee_id: PartyId
    file_sha256: bytes
    """The file of the batch's masked ciphertexts, shares and proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningResult(Statement):
    """What came out, logged by the hub; anyone can check it from the files it names."""

    KIND: ClassVar[str] = "opening_result"

    parameter_id: bytes
    programme_id: ProgrammeId
    opening_id: bytes
    attempt: int
    start_leaf: int
    values: tuple[OpenedValue, ...]
    shares: tuple[ShareBatch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(Statement):
    """A trustee refuses to act, with a code; logged."""

    KIND: ClassVar[str] = "refusal"

    parameter_id: bytes
    trustee_id: PartyId
    refusal_code: str
    subject: bytes
    """Hash of the work order that was refused."""
    detail: str


def opening_id_of(
    *,
    request_leaves: Iterable[bytes],
    block: int,
    epoch: EpochIndex,
    slots: Iterable[int],
    product_sha256: bytes,
) -> bytes:
    """Return the opening id: 32 bytes over sorted request leaves, block, e, targets and product."""
    return digest(
        b"fedcarbon/v1/opening-id",
        b"".join(sorted(request_leaves)),
        u64(block),
        u32(epoch),
        b"".join(u32(slot) for slot in sorted(slots)),
        product_sha256,
    )


def mask_hash(opening_id: bytes, attempt: int, trustee_id: PartyId, mask: bytes) -> bytes:
    """Return the commitment to a trustee's mask, ciphertext and proof, for one attempt."""
    return digest(b"fedcarbon/v1/mask", opening_id, u32(attempt), trustee_id.encode(), mask)


def share_context(start_leaves: Iterable[bytes], masked: Iterable[bytes]) -> bytes:
    """Return what a batch of shares is bound to: the start leaves and the masked ciphertexts."""
    return digest(b"fedcarbon/v1/share-context", b"".join(start_leaves), *masked)


def _check_ids(parameter_id: bytes, message_id: bytes, account_token: bytes) -> None:
    sizes = (len(parameter_id), len(message_id), len(account_token))
    if sizes != (DIGEST_BYTES, MESSAGE_ID_BYTES, TOKEN_BYTES):
        raise MalformedError("parameter id, message id and token have 32, 16 and 32 bytes")
