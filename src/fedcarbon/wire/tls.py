"""mTLS: credentials for both ends, and who is at the other end of a call."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, Final, NamedTuple, Protocol

import grpc

from fedcarbon.errors import CallerError
from fedcarbon.ids import PartyId, Role
from fedcarbon.wire.certificates import CertificateError, PartyName, party_name_of
from fedcarbon.wire.options import CHANNEL_OPTIONS
from fedcarbon.wire.party import PartyFiles, PartyFilesError, TlsFiles

_CERTIFICATES_REMEMBERED: Final = 1024


class RoleNotAllowedError(CallerError):
    """The caller's role may not call this method."""

    code: ClassVar[str] = "ROLE_NOT_ALLOWED"


class Caller(NamedTuple):
    """The authenticated party at the other end of a call."""

    party_id: PartyId
    role: Role


class Authenticated(Protocol):
    """What is needed of a servicer context; `_ServicerContext` of the generated stubs has it."""

    def auth_context(self) -> Mapping[str, Any]:
        """Return the properties that TLS has proved: lists of bytes by name.

        (`Any` because the stubs of gRPC disagree on whether it is a list.)
        """
        ...


def party_of(context: Authenticated) -> Caller:
    """Return the caller, from the URI in the certificate that TLS has verified.

    Raises:
        CertificateError: no certificate, or one that names no party.
    """
    name = caller_name(context)
    return Caller(name.party_id, name.role)


def require_role(context: Authenticated, *roles: Role) -> Caller:
    """Return the caller if its role is one of `roles`.

    Raises:
        CertificateError: see `party_of`.
        RoleNotAllowedError: it has another role.
    """
    caller = party_of(context)
    if caller.role not in roles:
        wanted = " or ".join(role.value for role in roles)
        raise RoleNotAllowedError(f"this is for {wanted}, and {caller.party_id} is {caller.role}")
    return caller


def caller_name(context: Authenticated) -> PartyName:
    """Return the caller's full name, trust domain included.

    Raises:
        CertificateError: see `party_of`.
    """
    certificate = b"".join(context.auth_context().get("x509_pem_cert", ()))
    if not certificate:
        raise CertificateError("this server needs a client certificate")
    return _remembered_name(certificate)


def server_credentials(party: PartyFiles) -> grpc.ServerCredentials:
    """Return credentials that demand a client certificate and follow renewed files on disk."""
    return grpc.dynamic_ssl_server_credentials(
        _configuration(party.tls),
        _Renewal(party).fetch,  # type: ignore[arg-type]  # None means "keep the last one"
        require_client_authentication=True,
    )


def dial(target: str, party: PartyFiles, server: PartyName) -> grpc.Channel:
    """Return a channel on which only the certificate of `server` is accepted.

    Args:
        target: host and port; the host plays no part in authentication.
        party: who dials.
        server: who must answer.
    """
    credentials = grpc.ssl_channel_credentials(
        root_certificates=party.tls.ca_pem,
        private_key=party.tls.key_pem,
        certificate_chain=party.tls.certificate_pem,
    )
    pinned = ("grpc.ssl_target_name_override", server.host)
    return grpc.secure_channel(target, credentials, options=[*CHANNEL_OPTIONS, pinned])


@lru_cache(maxsize=_CERTIFICATES_REMEMBERED)
def _remembered_name(certificate_pem: bytes) -> PartyName:
    return party_name_of(certificate_pem)


def _configuration(tls: TlsFiles) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(tls.key_pem, tls.certificate_pem)], root_certificates=tls.ca_pem
    )


class _Renewal:
    """Hands gRPC new certificates when the files have changed."""

    def __init__(self, party: PartyFiles) -> None:
        self._party = party
        self._tls = party.tls

    def fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """Return a new configuration, or None to keep the last one."""
        try:
            tls = self._party.reload_tls()
        except PartyFilesError:  # caught in the middle of a renewal: the next handshake sees it
            return None
        if tls == self._tls:
            return None
        self._tls = tls
        return _configuration(tls)
