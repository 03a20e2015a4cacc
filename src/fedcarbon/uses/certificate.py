"""Certificates: what a holder shows of grams that it has retired, and how anybody checks it.

A certificate is the order itself with the way from its leaf to a head that a quorum of trustees has
signed. It needs no word of the hub: whoever knows the trust roots and the public record checks it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.canonical import statement as statements
from fedcarbon.errors import MalformedError, PeerError
from fedcarbon.ids import Role
from fedcarbon.opening.parties import PartyBook
from fedcarbon.transparency.envelope import Envelope, open_signed
from fedcarbon.transparency.leaf import LeafType, commit
from fedcarbon.transparency.merkle import leaf_hash
from fedcarbon.transparency.merkle_proofs import verify_inclusion
from fedcarbon.uses.order import UseKind, UseOrder

FORMAT: Final = "fedcarbon/v1/retirement-certificate"


class CertificateInvalidError(PeerError):
    """The certificate does not show what it says; ask its holder for another one."""

    code: ClassVar[str] = "CERTIFICATE_INVALID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Grams that a holder has retired for a purpose of its own."""

    purpose: str
    """The holder's text, whose hash stands in the order."""
    order: bytes
    """The exact envelope of the order."""
    leaf_index: int
    salt: bytes
    """Of the leaf."""
    head: bytes
    """Signed note of a head over the leaf."""
    hashes: tuple[bytes, ...]
    """From the leaf upwards."""

    def to_json(self) -> bytes:
        """Return the file that the holder keeps."""
        tree = {
            "format": FORMAT,
            "purpose": self.purpose,
            "order": base64.b64encode(self.order).decode(),
            "leaf_index": self.leaf_index,
            "salt": self.salt.hex(),
            "head": self.head.decode(),
            "hashes": [item.hex() for item in self.hashes],
        }
        return (json.dumps(tree, ensure_ascii=False, indent=2) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> Certificate:
        """Read a certificate; nothing in it is checked.

        Raises:
            MalformedError: it is none.
        """
        try:
            tree = json.loads(data)
            if tree["format"] != FORMAT or type(tree["leaf_index"]) is not int:
                raise MalformedError("the file is no certificate of a retirement")
            return cls(
                purpose=str(tree["purpose"]).encode().decode(),  # half a surrogate pair is no text
                order=base64.b64decode(tree["order"], validate=True),
                leaf_index=tree["leaf_index"],
                salt=bytes.fromhex(tree["salt"]),
                head=str(tree["head"]).encode(),
                hashes=tuple(bytes.fromhex(item) for item in tree["hashes"]),
            )
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise MalformedError("the file is no certificate of a retirement") from error

    def check(self, book: PartyBook) -> UseOrder:
        """Return the order, after checking that all of it holds.

        That the hub has booked the order is for auditors (V26); nobody can take it out of the
        record any more.

        Args:
            book: parameters and parties of the public record.

        Raises:
            CertificateInvalidError: the order is for something else, or for another purpose.
            SignatureInvalidError, MalformedError: no admitted wallet operator has signed it.
            InclusionProofInvalidError, QuorumMissingError: it is not shown to be in the record.
        """
        payload = Envelope.from_bytes(self.order).payload
        operator = book.admissions.get(statements.decode(UseOrder, payload).operator_id)
        if operator is None or operator.role is not Role.WALLET_OPERATOR:
            raise CertificateInvalidError("the order names no admitted wallet operator")
        order = open_signed(UseOrder, self.order, book.keyring, signers=[operator.party_id])
        book.require_parameters(order)
        if order.use is not UseKind.RETIRE_OWN:
            raise CertificateInvalidError(f"the order is one to {order.use}")
        if order.purpose_sha256 != hashlib.sha256(self.purpose.encode()).digest():
            raise CertificateInvalidError("the order is for another purpose")
        head = book.witnessed(self.head)
        leaf = commit(LeafType.USE_ORDER, self.salt, self.order)
        verify_inclusion(
            self.hashes,
            index=self.leaf_index,
            size=head.size,
            leaf_hash=leaf_hash(leaf.to_bytes()),
            root=head.root,
        )
        return order
