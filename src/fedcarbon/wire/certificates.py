"""Who a certificate speaks for: exactly one SPIFFE URI, and a host name derived from it.

A client of this project is named by the URI `spiffe://<trust domain>/<role>/<party id>` in its
certificate and by nothing that it says in a message. A server is checked the same way round: the
host name that a client demands is made from the server's role and id, so that another party's
certificate of the same CA does not pass for the hub's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from fedcarbon.errors import CallerError, FedcarbonError
from fedcarbon.ids import PartyId, Role, party_id

DEFAULT_TRUST_DOMAIN: Final = "fedcarbon.test"
_TRUST_DOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?")
_URI: Final = re.compile(r"spiffe://([^/]+)/([^/]+)/([^/]+)")


_UNREADABLE: Final = (
    ValueError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What a certificate of other bytes than expected makes its reader raise."""


class CertificateError(CallerError):
    """A certificate that names no party of this project."""

    code: ClassVar[str] = "PARTY_UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyName:
    """A party as its certificate names it."""

    party_id: PartyId
    role: Role
    trust_domain: str = DEFAULT_TRUST_DOMAIN

    def __post_init__(self) -> None:
        """Check the trust domain; the id and the role have types that check themselves."""
        if _TRUST_DOMAIN.fullmatch(self.trust_domain) is None:
            raise CertificateError(f"{self.trust_domain[:80]!r} is not a trust domain")

    @property
    def uri(self) -> str:
        """The SPIFFE id."""
        return f"spiffe://{self.trust_domain}/{self.role.value}/{self.party_id}"

    @property
    def host(self) -> str:
        """The DNS name that this party's certificate carries for its servers."""
        return f"{self.party_id}.{self.role.value.replace('_', '-')}.{self.trust_domain}"


def parse_uri(uri: str) -> PartyName:
    """Return the party that a SPIFFE id names.

    Raises:
        CertificateError: not `spiffe://<trust domain>/<role>/<party id>`.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise CertificateError(f"{uri[:120]!r} is not the URI of a party")
    try:
        return PartyName(trust_domain=match[1], role=Role(match[2]), party_id=party_id(match[3]))
    except (FedcarbonError, ValueError) as error:
        raise CertificateError(f"{uri[:120]!r}: {error}") from error


def party_name_of(certificate_pem: bytes) -> PartyName:
    """Return the party that a PEM certificate (the first of a chain) speaks for.

    Raises:
        CertificateError: unreadable, or not exactly one URI among its subject alternative names.
    """
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except _UNREADABLE as error:
        raise CertificateError("the certificate carries no readable alternative names") from error
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1:
        raise CertificateError(f"a party's certificate has one URI, this one has {len(uris)}")
    return parse_uri(uris[0])


def check_pair(certificate_pem: bytes, key_pem: bytes) -> None:
    """Check that a private key belongs to a certificate.

    Raises:
        CertificateError: it does not, or one of them is unreadable.
    """
    try:
        certified = x509.load_pem_x509_certificate(certificate_pem).public_key()
        held = load_pem_private_key(key_pem, password=None).public_key()
    except (*_UNREADABLE, TypeError) as error:
        raise CertificateError("certificate or key is not PEM") from error
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if certified.public_bytes(*form) != held.public_bytes(*form):
        raise CertificateError("the private key belongs to another certificate")
