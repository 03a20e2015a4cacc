"""`fedcarbon dev-ca`: a certificate authority for development."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from cyclopts import App
from rich.console import Console

from fedcarbon.clock import SystemClock
from fedcarbon.ids import Role, party_id
from fedcarbon.transparency.envelope import SEED_BYTES
from fedcarbon.wire.certificates import DEFAULT_TRUST_DOMAIN, PartyName
from fedcarbon.wire.dev_ca import LEAF_DAYS, Authority, write_party
from fedcarbon.wire.party import load_party

CA_FOLDER: Final = Path("build/dev-ca")

app = App(name="dev-ca", help="A small certificate authority for development, never production.")


@app.command
def init(*, out: Path = CA_FOLDER, trust_domain: str = DEFAULT_TRUST_DOMAIN) -> None:
    """Make an authority.

    Args:
        out: folder for its certificate and key; it must not hold an authority yet.
        trust_domain: first part of every party's SPIFFE id.
    """
    Authority.create(SystemClock().now_s(), trust_domain=trust_domain).write(out)
    Console().print(f"development CA of {trust_domain} in {out}", highlight=False)


@app.command
def issue(
    *, role: Role, party: str, out: Path, ca: Path = CA_FOLDER, days: int = LEAF_DAYS
) -> None:
    """Write a party's identity file, TLS certificate and key, and a signing seed.

    Run it again to renew the certificate: the signing seed that is there stays.

    Args:
        role: what the party may do.
        party: its id, lower-case words joined by hyphens.
        out: folder to write into.
        ca: folder of the authority.
        days: how long the certificate is valid.
    """
    authority = Authority.read(ca)
    name = PartyName(party_id=party_id(party), role=role, trust_domain=authority.trust_domain)
    identity = write_party(
        out,
        authority,
        name,
        now_s=SystemClock().now_s(),
        seed=secrets.token_bytes(SEED_BYTES),
        days=days,
    )
    console = Console()
    console.print(f"{name.uri} in {identity}", highlight=False, soft_wrap=True)
    public = load_party(identity).signing_key.public.hex()
    console.print(f"signing key {public}", highlight=False, soft_wrap=True)
