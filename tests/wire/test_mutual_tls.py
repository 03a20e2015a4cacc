"""Who may connect, and as whom: real handshakes on loopback."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, Role
from fedcarbon.units import Seconds
from fedcarbon.v1 import record_pb2, record_pb2_grpc
from fedcarbon.wire import certificates, dev_ca
from fedcarbon.wire.certificates import CertificateError, PartyName
from fedcarbon.wire.dev_ca import Authority
from fedcarbon.wire.hub_client import GrpcHubClient
from fedcarbon.wire.party import PartyFiles, TlsFiles
from fedcarbon.wire.status import RemoteCallerError, UnreachableError, status_code_of
from fedcarbon.wire.tls import CHANNEL_OPTIONS, RoleNotAllowedError, dial, party_of

HUB = PartyName(party_id=PartyId("hub"), role=Role.HUB)
DAY_S = 86_400


def whoami(target: str, party: PartyFiles, server: PartyName = HUB) -> bytes:
    with dial(target, party, server) as channel:
        client = GrpcHubClient(channel, sleep=lambda _: None)
        return client.list_leaves(record_pb2.ListLeavesRequest()).leaves[0].body


def with_leaf(party: PartyFiles, leaf: dev_ca.Leaf, ca_pem: bytes | None = None) -> PartyFiles:
    tls = TlsFiles(
        certificate_pem=leaf.certificate_pem,
        key_pem=leaf.key_pem,
        ca_pem=ca_pem or party.tls.ca_pem,
    )
    return dataclasses.replace(party, tls=tls)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.HUB])
def test_a_caller_is_who_its_certificate_says(
    hub: Any, make_party: Callable[..., PartyFiles], role: Role
) -> None:
    assert whoami(hub.target, make_party("some-party", role)) == f"{role}/some-party".encode()


def test_a_caller_without_certificate_is_refused(hub: Any, partner: PartyFiles) -> None:
    anonymous = grpc.ssl_channel_credentials(root_certificates=partner.tls.ca_pem)
    options = [*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", HUB.host)]

    with grpc.secure_channel(hub.target, anonymous, options) as channel:
        client = GrpcHubClient(channel, sleep=lambda _: None)
        with pytest.raises(UnreachableError):
            client.list_leaves(record_pb2.ListLeavesRequest())

    assert hub.calls.empty()


def test_a_caller_without_tls_is_refused(hub: Any) -> None:
    with grpc.insecure_channel(hub.target) as channel:
        client = GrpcHubClient(channel, sleep=lambda _: None)
        with pytest.raises(UnreachableError):
            client.list_leaves(record_pb2.ListLeavesRequest())


def test_a_certificate_of_another_authority_is_refused(
    hub: Any, partner: PartyFiles, now_s: Seconds
) -> None:
    forged = Authority.create(now_s).issue(partner.name, now_s)

    with pytest.raises(UnreachableError):
        whoami(hub.target, with_leaf(partner, forged))

    assert hub.calls.empty()


def test_an_expired_certificate_is_refused(
    hub: Any, partner: PartyFiles, authority: Authority, now_s: Seconds
) -> None:
    expired = authority.issue(partner.name, Seconds(now_s - 31 * DAY_S))

    with pytest.raises(UnreachableError):
        whoami(hub.target, with_leaf(partner, expired))


def test_a_server_of_another_authority_is_refused(
    hub: Any, partner: PartyFiles, now_s: Seconds
) -> None:
    other = Authority.create(now_s).certificate_pem
    leaf = dev_ca.Leaf(certificate_pem=partner.tls.certificate_pem, key_pem=partner.tls.key_pem)

    with pytest.raises(UnreachableError):
        whoami(hub.target, with_leaf(partner, leaf, ca_pem=other))


def test_another_partys_valid_certificate_does_not_pass_for_the_hubs(
    serve: Callable[..., Any], make_party: Callable[..., PartyFiles], partner: PartyFiles
) -> None:
    impostor = serve(make_party("evil-partner", Role.PARTNER))

    with pytest.raises(UnreachableError):
        whoami(impostor.target, partner)

    assert impostor.calls.empty()


def test_a_partner_whose_id_is_hub_does_not_pass_for_the_hub(
    serve: Callable[..., Any], make_party: Callable[..., PartyFiles], partner: PartyFiles
) -> None:
    impostor = serve(make_party("hub", Role.PARTNER))

    with pytest.raises(UnreachableError):
        whoami(impostor.target, partner)


def test_what_a_message_or_header_says_of_the_sender_does_not_count(
    hub: Any, partner: PartyFiles
) -> None:
    with dial(hub.target, partner, HUB) as channel:
        stub = record_pb2_grpc.RecordServiceStub(channel)
        claimed = [("party-id", "bj-metro"), ("x-forwarded-client-cert", "URI=spiffe://x/hub/hub")]

        response = stub.ListLeaves(record_pb2.ListLeavesRequest(), timeout=10, metadata=claimed)

    assert response.leaves[0].body == b"partner/sz-metro"


def test_a_role_that_may_not_call_is_refused(hub: Any, partner: PartyFiles) -> None:
    with dial(hub.target, partner, HUB) as channel, pytest.raises(RemoteCallerError) as caught:
        GrpcHubClient(channel).get_checkpoint(record_pb2.GetCheckpointRequest())

    assert caught.value.code == RoleNotAllowedError.code
    assert status_code_of(RoleNotAllowedError) is grpc.StatusCode.PERMISSION_DENIED


def test_a_role_that_may_call_is_let_in(hub: Any, make_party: Callable[..., PartyFiles]) -> None:
    with dial(hub.target, make_party("t1", Role.TRUSTEE), HUB) as channel:
        GrpcHubClient(channel).get_checkpoint(record_pb2.GetCheckpointRequest())


def test_a_party_of_another_trust_domain_is_refused(
    hub: Any, partner: PartyFiles, authority: Authority, now_s: Seconds
) -> None:
    elsewhere = PartyName(
        party_id=partner.party_id, role=partner.role, trust_domain="other.example"
    )
    misused = dataclasses.replace(authority, trust_domain="other.example")

    with pytest.raises(RemoteCallerError) as caught:
        whoami(hub.target, with_leaf(partner, misused.issue(elsewhere, now_s)))

    assert caught.value.code == CertificateError.code


def test_a_renewed_certificate_is_served_without_a_restart(
    serve: Callable[..., Any],
    make_party: Callable[..., PartyFiles],
    partner: PartyFiles,
    authority: Authority,
    now_s: Seconds,
) -> None:
    party = make_party("hub", Role.HUB)
    server = serve(party)
    certificate, key, _ca = party.tls_paths
    assert whoami(server.target, partner)
    renewed = authority.issue(
        PartyName(party_id=PartyId("hub"), role=Role.HUB), Seconds(now_s), days=2
    )

    key.write_bytes(renewed.key_pem)
    between = whoami(server.target, partner)  # key and certificate do not fit: the old pair serves
    certificate.write_bytes(renewed.certificate_pem)
    after = whoami(server.target, partner)

    assert between == after == b"partner/sz-metro"
    assert served_certificate(server.target, partner) == renewed.certificate_pem


def served_certificate(target: str, partner: PartyFiles) -> bytes:
    import socket  # noqa: PLC0415
    import ssl  # noqa: PLC0415

    host, port = target.split(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=partner.tls.ca_pem.decode())
    certificate, key, _ca = partner.tls_paths
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=HUB.host) as secured,
    ):
        der = secured.getpeercert(binary_form=True)
    assert der is not None
    return ssl.DER_cert_to_PEM_cert(der).encode()


class Presented:
    """A servicer context as TLS would leave it."""

    def __init__(self, certificate_pem: bytes) -> None:
        self._certificate_pem = certificate_pem

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"x509_pem_cert": [self._certificate_pem]} if self._certificate_pem else {}


def test_a_context_without_certificate_names_nobody() -> None:
    with pytest.raises(CertificateError, match="needs a client certificate"):
        party_of(Presented(b""))


def test_a_certificate_without_uri_names_nobody(authority: Authority) -> None:
    from cryptography import x509  # noqa: PLC0415

    ca = x509.load_pem_x509_certificate(authority.certificate_pem)

    with pytest.raises(CertificateError):  # the CA's own URI names a domain, not a party
        party_of(Presented(authority.certificate_pem))
    assert ca.extensions


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("spiffe://fedcarbon.test/partner", id="no party"),
        pytest.param("spiffe://fedcarbon.test/partner/a/b", id="one part too many"),
        pytest.param("spiffe://fedcarbon.test/emperor/sz-metro", id="unknown role"),
        pytest.param("spiffe://fedcarbon.test/partner/SZ-Metro", id="upper case"),
        pytest.param("spiffe://fedcarbon.test/partner/sz_metro", id="underscore"),
        pytest.param("spiffe://fedcarbon.test/partner/sz-metro/", id="trailing slash"),
        pytest.param("spiffe:///partner/sz-metro", id="no domain"),
        pytest.param("spiffe://Fedcarbon.Test/partner/sz-metro", id="upper-case domain"),
        pytest.param("https://fedcarbon.test/partner/sz-metro", id="another scheme"),
        pytest.param("spiffe://fedcarbon.test/partner/sz-metro\n", id="newline"),
    ],
)
def test_a_uri_in_any_other_form_names_nobody(uri: str) -> None:
    with pytest.raises(FedcarbonError) as caught:
        certificates.parse_uri(uri)

    assert caught.value.code == "PARTY_UNKNOWN"


def test_a_uri_and_its_host_name_say_the_same() -> None:
    name = certificates.parse_uri("spiffe://fedcarbon.test/wallet_operator/sz-bank")

    assert name.uri == "spiffe://fedcarbon.test/wallet_operator/sz-bank"
    assert name.host == "sz-bank.wallet-operator.fedcarbon.test"
