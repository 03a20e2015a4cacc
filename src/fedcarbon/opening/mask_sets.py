"""The masks of one attempt: from their hashes in the start to the ciphertext that is opened.

Every hash is fixed, and signed by the whole subset, before any mask is shown: who waits to see an
honest mask and answers with its inverse or a copy must have known it before. What is opened is the
product of the logged ciphertexts times all masks, computed by whoever uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.errors import CallerError, FedcarbonError, PeerError
from fedcarbon.ids import PartyId
from fedcarbon.opening.statements import OpeningStart, mask_hash
from fedcarbon.paillier.cipher import ciphertext_from_bytes, ciphertext_to_bytes, product
from fedcarbon.paillier.keys import PublicKey

NO_HASH: bytes = bytes(DIGEST_BYTES)
"""Stands for every mask hash in the draft of a start."""


class OwnMaskMissingError(PeerError):
    """The start does not hold this trustee's mask hash at its own place."""

    code: ClassVar[str] = "OWN_MASK_MISSING"


class OwnMaskTwiceError(PeerError):
    """This trustee's mask or its hash stands at another trustee's place too."""

    code: ClassVar[str] = "OWN_MASK_TWICE"


class MaskHashesInvalidError(PeerError):
    """A mask hash of a start is missing, or two are equal."""

    code: ClassVar[str] = "MASK_HASHES_INVALID"


class MaskCountError(CallerError):
    """Not one mask per trustee of the subset."""

    code: ClassVar[str] = "MASK_COUNT"


class MaskHashDiffersError(PeerError):
    """A mask is not the one whose hash stands in the start; it names the trustee."""

    code: ClassVar[str] = "MASK_HASH_DIFFERS"


class MaskCopiedError(PeerError):
    """Two trustees show one mask: one of them copied it and hides nothing."""

    code: ClassVar[str] = "MASK_COPIED"


class MaskInvalidError(PeerError):
    """A mask is no ciphertext; it names the trustee."""

    code: ClassVar[str] = "MASK_INVALID"


def check_hashes(start: OpeningStart, trustee_id: PartyId, own_hash: bytes) -> None:
    """Check the mask hashes of a start before a trustee of its subset signs it.

    Raises:
        OwnMaskMissingError, OwnMaskTwiceError, MaskHashesInvalidError: see there.
    """
    if start.mask_hashes[start.subset.index(trustee_id)] != own_hash:
        raise OwnMaskMissingError(f"the hash at the place of {trustee_id!r} is not its own")
    if start.mask_hashes.count(own_hash) > 1:
        raise OwnMaskTwiceError(f"the hash of {trustee_id!r} stands twice in the start")
    if NO_HASH in start.mask_hashes or len(set(start.mask_hashes)) != len(start.mask_hashes):
        raise MaskHashesInvalidError("a mask hash is missing or stands twice in the start")


def check_masks(start: OpeningStart, trustee_id: PartyId, masks: Sequence[bytes]) -> None:
    """Check that masks are those of a start, one per trustee and none of them twice.

    Args:
        start: a start of the record.
        trustee_id: the trustee that checks; one of the subset.
        masks: whole masks in the order of the subset.

    Raises:
        MaskCountError, MaskHashDiffersError, OwnMaskMissingError, OwnMaskTwiceError,
            MaskCopiedError: see there.
    """
    if len(masks) != len(start.subset):
        raise MaskCountError(f"{len(masks)} masks for a subset of {len(start.subset)}")
    own = masks[start.subset.index(trustee_id)]
    for name, mask, expected in zip(start.subset, masks, start.mask_hashes, strict=True):
        if mask_hash(start.opening_id, start.attempt, name, mask) == expected:
            continue
        if name == trustee_id:
            raise OwnMaskMissingError(f"the mask at the place of {name!r} is not its own")
        if mask == own:
            raise OwnMaskTwiceError(f"the mask of {trustee_id!r} is shown for {name!r} too")
        raise MaskHashDiffersError(f"the mask of {name!r} is not the one that it committed to")
    copies = [name for name, mask in zip(start.subset, masks, strict=True) if masks.count(mask) > 1]
    if copies:
        raise MaskCopiedError(f"trustees {copies} show one mask")


def masked_ciphertext(
    public_key: PublicKey, start: OpeningStart, block_product: bytes, masks: Sequence[bytes]
) -> bytes:
    """Return the ciphertext that a start opens: the block's product times all masks.

    Args:
        public_key: the key that everything is under.
        start: names the trustee of each mask.
        block_product: the cumulative ciphertext, multiplied by the caller itself.
        masks: whole masks that passed `check_masks` and whose proofs hold.

    Raises:
        MaskInvalidError: a mask is no unit mod n^2 in its one encoding.
    """
    ciphertexts = [mask[: public_key.ciphertext_bytes] for mask in masks]
    for name, ciphertext in zip(start.subset, ciphertexts, strict=True):
        try:
            ciphertext_from_bytes(public_key, ciphertext)
        except FedcarbonError as error:
            raise MaskInvalidError(f"the mask of {name!r} is no ciphertext") from error
    return ciphertext_to_bytes(public_key, product(public_key, (block_product, *ciphertexts)))
