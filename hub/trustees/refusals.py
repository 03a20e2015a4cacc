"""Refusals are leaves: everybody can see which trustee would not do what, and why."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from sqlmodel import Session

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, Role
from fedcarbon.opening.statements import Refusal
from fedcarbon.submission.signed_message import open_message
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.wire.logs import logger
from hub.context import Hub
from hub.registry.parties import signing_keys
from hub.trustees.asking import TrusteeRefusedError


async def log_refusals(hub: Hub, refused: Mapping[PartyId, TrusteeRefusedError]) -> None:
    """Log the signed refusals of trustees; the same bytes are one leaf.

    A refusal that is not properly signed proves nothing: it only goes to the hub's own log.
    """
    for trustee_id, error in refused.items():
        if error.signed_refusal:
            try:
                await hub.write(partial(_log, hub=hub, trustee_id=trustee_id, error=error))
            except FedcarbonError as invalid:
                logger().warning("refusal_invalid", trustee_id=trustee_id, code=invalid.code)


def _log(session: Session, hub: Hub, trustee_id: PartyId, error: TrusteeRefusedError) -> None:
    open_message(
        Refusal,
        error.signed_refusal,
        sender=trustee_id,
        keys=signing_keys(session, Role.TRUSTEE),
        named_in=lambda statement: statement.trustee_id,
        parameter_id=hub.parameters.parameter_id,
    )
    hub.record.append(session, LeafType.REFUSAL, error.signed_refusal, owners=[trustee_id])
