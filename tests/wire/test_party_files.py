"""Identity files, the development CA that writes them, and what is refused."""

from __future__ import annotations

import datetime as dt
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from fedcarbon.ids import PartyId, Role
from fedcarbon.transparency.envelope import SigningKey
from fedcarbon.units import Seconds
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import (
    Authority,
    AuthorityFilesError,
    write_party,
    write_secret,
    write_seed,
)
from fedcarbon.wire.party import PartyFilesError, load_party, read_signing_key

NAME = PartyName(party_id=PartyId("sz-metro"), role=Role.PARTNER)
SEED = bytes(range(32))


@pytest.fixture
def identity(tmp_path: Path, authority: Authority, now_s: Seconds) -> Path:
    return write_party(tmp_path, authority, NAME, now_s=now_s, seed=SEED)


def test_a_party_finds_everything_that_the_authority_wrote(
    identity: Path, authority: Authority
) -> None:
    party = load_party(identity)

    assert party.name == NAME
    assert party.tls.ca_pem == authority.certificate_pem
    assert party.signing_key.public == SigningKey(SEED).public
    assert party.reload_tls() == party.tls


def test_a_leaf_is_short_lived_and_for_both_ends_of_a_connection(
    authority: Authority, now_s: Seconds
) -> None:
    leaf = x509.load_pem_x509_certificate(authority.issue(NAME, now_s).certificate_pem)

    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    limits = leaf.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [NAME.uri]
    assert names.get_values_for_type(x509.DNSName) == [NAME.host, "localhost"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert set(uses) == {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}
    assert not limits.ca
    assert leaf.not_valid_after_utc == dt.datetime.fromtimestamp(now_s, dt.UTC) + dt.timedelta(30)


def test_secrets_are_readable_by_their_owner_alone_and_shown_to_nobody(
    identity: Path, authority: Authority
) -> None:
    authority.write(identity.parent / "ca")
    modes = {
        name: stat.S_IMODE((identity.parent / name).stat().st_mode)
        for name in ("tls.key", "signing.seed", "ca/ca.key")
    }
    party = load_party(identity)

    assert set(modes.values()) == {0o600}
    for shown in (repr(party), repr(authority), str(party.tls)):
        assert "PRIVATE KEY" not in shown
        assert SEED.hex() not in shown


def test_issuing_again_renews_the_certificate_and_keeps_the_admitted_seed(
    identity: Path, authority: Authority, now_s: Seconds
) -> None:
    before = load_party(identity)

    write_party(identity.parent, authority, NAME, now_s=now_s, seed=bytes(32))

    after = load_party(identity)
    assert after.tls.certificate_pem != before.tls.certificate_pem
    assert after.signing_key.public == before.signing_key.public


def test_an_authority_is_read_back_and_never_overwritten(
    tmp_path: Path, authority: Authority
) -> None:
    authority.write(tmp_path)

    assert Authority.read(tmp_path) == authority
    with pytest.raises(AuthorityFilesError, match="already"):
        authority.write(tmp_path)


def test_an_authority_issues_only_for_its_own_trust_domain(
    authority: Authority, now_s: Seconds
) -> None:
    stranger = PartyName(
        party_id=PartyId("sz-metro"), role=Role.PARTNER, trust_domain="other.example"
    )

    with pytest.raises(AuthorityFilesError, match="other\\.example"):
        authority.issue(stranger, now_s)


def test_a_folder_without_authority_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(AuthorityFilesError, match="dev-ca init"):
        Authority.read(tmp_path)


def test_a_seed_of_another_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuthorityFilesError):
        write_seed(tmp_path / "signing.seed", bytes(31))


def _missing(folder: Path, _authority: Authority, _now_s: Seconds) -> None:
    (folder / "tls.pem").unlink()


def _seed_of_half_length(folder: Path, _authority: Authority, _now_s: Seconds) -> None:
    write_secret(folder / "signing.seed", SEED[:16].hex().encode())


def _seed_open_to_all(folder: Path, _authority: Authority, _now_s: Seconds) -> None:
    (folder / "signing.seed").chmod(0o644)


def _key_open_to_all(folder: Path, _authority: Authority, _now_s: Seconds) -> None:
    (folder / "tls.key").chmod(0o640)


def _anothers_certificate(folder: Path, authority: Authority, now_s: Seconds) -> None:
    other = PartyName(party_id=PartyId("bj-metro"), role=Role.PARTNER)
    leaf = authority.issue(other, now_s)
    (folder / "tls.pem").write_bytes(leaf.certificate_pem)
    write_secret(folder / "tls.key", leaf.key_pem)


def _key_of_another_certificate(folder: Path, authority: Authority, now_s: Seconds) -> None:
    write_secret(folder / "tls.key", authority.issue(NAME, now_s).key_pem)


def _no_certificate(folder: Path, _authority: Authority, _now_s: Seconds) -> None:
    (folder / "tls.pem").write_bytes(b"hello")


def _no_toml(folder: Path, _authority: Authority, _now_s: Seconds) -> None:
    (folder / "party.toml").write_text("party_id = ")


def _no_utf8(folder: Path, _authority: Authority, _now_s: Seconds) -> None:
    (folder / "party.toml").write_bytes(b"\xff\xfe")


def _unknown_role(folder: Path, _authority: Authority, _now_s: Seconds) -> None:
    text = (folder / "party.toml").read_text()
    (folder / "party.toml").write_text(text.replace('"partner"', '"emperor"'))


def _number_for_text(folder: Path, _authority: Authority, _now_s: Seconds) -> None:
    text = (folder / "party.toml").read_text()
    (folder / "party.toml").write_text(text.replace('"tls.key"', "7"))


def _additional_field(folder: Path, _authority: Authority, _now_s: Seconds) -> None:
    with (folder / "party.toml").open("a") as file:
        file.write('nickname = "m"\n')


@pytest.mark.parametrize(
    ("spoil", "names"),
    [
        (_missing, "tls.pem"),
        (_seed_of_half_length, "signing.seed must hold 64"),
        (_seed_open_to_all, "signing.seed is readable by others"),
        (_key_open_to_all, "tls.key is readable by others"),
        (_anothers_certificate, "issued to spiffe://fedcarbon.test/partner/bj-metro"),
        (_key_of_another_certificate, "belongs to another certificate"),
        (_no_certificate, "tls.pem"),
        (_no_toml, "party.toml is not TOML"),
        (_no_utf8, "party.toml is not TOML"),
        (_unknown_role, "emperor"),
        (_number_for_text, "needs exactly"),
        (_additional_field, "needs exactly"),
    ],
)
def test_files_that_contradict_each_other_are_refused(
    identity: Path,
    authority: Authority,
    now_s: Seconds,
    spoil: Callable[[Path, Authority, Seconds], None],
    names: str,
) -> None:
    spoil(identity.parent, authority, now_s)

    with pytest.raises(PartyFilesError, match=names):
        load_party(identity)


def test_a_trust_domain_may_be_left_out(identity: Path) -> None:
    lines = identity.read_text().splitlines()
    identity.write_text("\n".join(line for line in lines if "trust_domain" not in line))

    assert load_party(identity).name == NAME


def test_a_broken_seed_does_not_show_in_its_error(tmp_path: Path) -> None:
    write_secret(tmp_path / "signing.seed", b"0123secret4567\n")

    with pytest.raises(PartyFilesError) as caught:
        read_signing_key(tmp_path / "signing.seed")

    assert "0123" not in str(caught.value)
