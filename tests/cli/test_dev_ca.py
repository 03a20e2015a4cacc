"""The commands that make identities, run as a user runs them."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fedcarbon.cli.main import app, main
from fedcarbon.ids import Role
from fedcarbon.transparency.envelope import SigningKey
from fedcarbon.wire.party import load_party, read_signing_key


def run(*tokens: object) -> None:
    app([str(token) for token in tokens], result_action="return_value")


def test_init_and_issue_give_a_party_everything_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ca, out = tmp_path / "ca", tmp_path / "sz-metro"

    run("dev-ca", "init", "--out", ca)
    run("dev-ca", "issue", "--role", "partner", "--party", "sz-metro", "--ca", ca, "--out", out)

    party = load_party(out / "party.toml")
    assert (party.party_id, party.role) == ("sz-metro", Role.PARTNER)
    shown = capsys.readouterr().out
    assert "spiffe://fedcarbon.test/partner/sz-metro" in shown
    assert party.signing_key.public.hex() in shown
    assert (out / "signing.seed").read_text().strip() not in shown


def test_a_wallet_operator_is_a_role_like_any_other(tmp_path: Path) -> None:
    ca, out = tmp_path / "ca", tmp_path / "bank"

    run("dev-ca", "init", "--out", ca, "--trust-domain", "city.example")
    run("dev-ca", "issue", "--role", "wallet-operator", "--party", "bank", "--ca", ca, "--out", out)

    assert load_party(out / "party.toml").name.uri == "spiffe://city.example/wallet_operator/bank"


def test_keygen_writes_a_seed_and_prints_only_its_public_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "keys" / "signing.seed"

    run("keygen", "--out", path)

    seed = bytes.fromhex(path.read_text().strip())
    assert capsys.readouterr().out.strip() == SigningKey(seed).public.hex()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_signing_key(path).public == SigningKey(seed).public


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *tokens: object
) -> str:
    monkeypatch.setattr(sys, "argv", ["fedcarbon", *map(str, tokens)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    return capsys.readouterr().err


def test_a_seed_is_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "signing.seed"
    run("keygen", "--out", path)
    before = path.read_text()

    said = refused(monkeypatch, capsys, "keygen", "--out", path)

    assert "not overwritten" in said
    assert path.read_text() == before


def test_a_refusal_is_one_line_with_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("dev-ca", "issue", "--role", "partner", "--party", "sz-metro", "--out", tmp_path)

    said = refused(monkeypatch, capsys, *asked, "--ca", tmp_path)

    assert said.count("\n") == 1
    assert said.endswith("run `fedcarbon dev-ca init` [AUTHORITY_FILES]\n")


def test_a_bad_party_name_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ca, out = tmp_path / "ca", tmp_path / "out"
    run("dev-ca", "init", "--out", ca)

    asked = ("dev-ca", "issue", "--role", "partner", "--party", "SZ Metro", "--out", out)
    said = refused(monkeypatch, capsys, *asked, "--ca", ca)

    assert said.endswith("[MALFORMED]\n")
    assert not out.exists()


def test_the_installed_command_lists_its_verbs() -> None:
    command = Path(sys.executable).with_name("fedcarbon")

    shown = subprocess.run(  # noqa: S603 - our own console script
        [command, "--help"], capture_output=True, text=True, check=True
    ).stdout

    for verb in ("ceremony", "dev-ca", "keygen", "wallet"):
        assert verb in shown
