"""What root keys publish about uses of a programme's amounts, as this node has witnessed it.

A node has no code for balances, orders or payouts, and so none for the statements about them. What
is published for everybody it reads as data: the signatures are verified, the fields are shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.errors import PeerError
from fedcarbon.registry.admission import root_keyid
from fedcarbon.transparency.envelope import Envelope, payload_type_of, verify
from fedcarbon.transparency.leaf import LeafType
from partner_node.membership import Membership
from partner_node.storage.database import Database
from partner_node.storage.record import RecordStore

PUBLISHED: Final = (
    LeafType.OFFER,
    LeafType.CAMPAIGN,
    LeafType.MARKET_RULES,
    LeafType.MARKET_PRICE,
    LeafType.LOT_RULES,
    LeafType.EXPIRY_NOTICE,
)


class PublicationUnreadableError(PeerError):
    """A signed publication lacks a field, or has another one; keep the leaf as evidence."""

    code: ClassVar[str] = "PUBLICATION_UNREADABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A verified statement about what amounts can be used for."""

    leaf_index: int
    type: LeafType
    fields: Mapping[str, object]

    def text(self, name: str) -> str:
        """Return a field that holds a text."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise self._unreadable(name)
        return value

    def number(self, name: str) -> int:
        """Return a field that holds an integer; masses are written as decimal texts."""
        value = self.fields.get(name)
        if isinstance(value, str) and value.isascii() and value.isdecimal():
            return int(value)
        if type(value) is not int:
            raise self._unreadable(name)
        return value

    def _unreadable(self, name: str) -> PublicationUnreadableError:
        return PublicationUnreadableError(f"leaf {self.leaf_index} has no usable {name}")


def publications(database: Database, member: Membership) -> list[Publication]:
    """Return what is published for the member's programme under a witnessed head, in order.

    Raises:
        MalformedError, SignatureInvalidError: a leaf is not signed as it must be.
        PublicationUnreadableError: it is no statement of its type for this parameter set.
    """
    record = RecordStore(database)
    size = record.head().size
    found = [
        _opened(member, leaf_type, leaf_index, body)
        for leaf_type in PUBLISHED
        for leaf_index, body in record.bodies(leaf_type)
        if leaf_index < size
    ]
    own = [item for item in found if item.text("programme_id") == member.programme.programme_id]
    return sorted(own, key=lambda item: item.leaf_index)


def _opened(member: Membership, leaf_type: LeafType, leaf_index: int, body: bytes) -> Publication:
    envelope = Envelope.from_bytes(body)
    if leaf_type is LeafType.MARKET_PRICE:
        hubs = member.foundation.hub_keys
        verify(envelope, hubs, signers=hubs.keys(), at_least=1)
    else:
        roots = member.identity.roots
        keys = {root_keyid(name): key for name, key in roots.root_keys.items()}
        verify(envelope, keys, signers=keys.keys(), at_least=roots.threshold)
    try:
        fields = json.loads(envelope.payload)
    except (ValueError, RecursionError) as error:
        raise PublicationUnreadableError(f"leaf {leaf_index} is no JSON") from error
    named = isinstance(fields, dict) and fields.get("statement") == leaf_type.kind
    if not named or envelope.payload_type != payload_type_of(leaf_type.kind):
        raise PublicationUnreadableError(f"leaf {leaf_index} is no {leaf_type.kind}")
    published = Publication(leaf_index=leaf_index, type=leaf_type, fields=fields)
    if published.text("parameter_id") != member.parameters.parameter_id.hex():
        raise PublicationUnreadableError(f"leaf {leaf_index} is for another parameter set")
    return published
