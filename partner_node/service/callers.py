"""Who may call in-house, and how much at once."""

from __future__ import annotations

from typing import ClassVar

from fedcarbon.errors import CallerError
from fedcarbon.ids import PartyId, Role
from fedcarbon.wire.tls import Authenticated, RoleNotAllowedError, party_of


class BatchTooLargeError(CallerError):
    """More items in one call than the service takes; send several calls."""

    code: ClassVar[str] = "BATCH_TOO_LARGE"


def require_in_house(context: Authenticated, party_id: PartyId) -> None:
    """Check that the caller holds a certificate of this very partner.

    Other parties of the federation have valid certificates too; people's data is not for them.

    Raises:
        RoleNotAllowedError: the caller is somebody else.
        CertificateError: no certificate, or one that names no party.
    """
    caller = party_of(context)
    if (caller.party_id, caller.role) != (party_id, Role.PARTNER):
        raise RoleNotAllowedError(f"this service is in-house: only {party_id} itself may call it")


def require_size(count: int, limit: int) -> None:
    """Check the size of a batch.

    Raises:
        BatchTooLargeError: more than `limit` items.
    """
    if count > limit:
        raise BatchTooLargeError(f"{count} items in one call; at most {limit} are taken")
