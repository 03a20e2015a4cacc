"""`fedcarbon keygen`: a signing key for statements."""

from __future__ import annotations

import secrets
from pathlib import Path

from rich.console import Console

from fedcarbon.transparency.envelope import SEED_BYTES
from fedcarbon.wire.dev_ca import AuthorityFilesError, write_seed


def keygen(*, out: Path) -> None:
    """Draw an Ed25519 signing seed and print its public key.

    The public key goes into the party's admission; the seed never leaves this machine.

    Args:
        out: file for the seed, 64 hexadecimal digits; it must not exist yet.
    """
    if out.exists():
        raise AuthorityFilesError(f"{out.name} is there already; a signing key is not overwritten")
    out.parent.mkdir(parents=True, exist_ok=True)
    public = write_seed(out, secrets.token_bytes(SEED_BYTES))
    Console().print(public.hex(), highlight=False, soft_wrap=True)
