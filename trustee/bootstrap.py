"""Putting a trustee together from its configuration; the only place that draws real randomness."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import grpc

from fedcarbon.ceremony.share_file import open_share_file
from fedcarbon.engine.local import LocalEngine
from fedcarbon.errors import ConfigurationError
from fedcarbon.ids import Role, party_id
from fedcarbon.parameters.roots import parse_roots
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.clocks import clock_named
from fedcarbon.wire.hub_client import GrpcHubClient
from fedcarbon.wire.party import PartyFiles, load_party
from fedcarbon.wire.processes import ProcessMap
from fedcarbon.wire.tls import dial
from trustee.config import TrusteeConfig, TrusteeConfigError
from trustee.own_keys import OwnKeys
from trustee.storage.database import Database
from trustee.trustee import Trustee
from trustee.work import WorkLoop


class Assembled(NamedTuple):
    """A trustee that is ready to work."""

    party: PartyFiles
    loop: WorkLoop
    channel: grpc.Channel


@contextmanager
def assembled(config: TrusteeConfig, ask_passphrase: Callable[[], str]) -> Iterator[Assembled]:
    """Read all files, open the store and dial the hub; close both at the end.

    Args:
        config: see there.
        ask_passphrase: asks on the terminal; used if no passphrase file is configured.

    Raises:
        ConfigurationError: a file is missing, unreadable or does not fit the others.
    """
    party = load_party(config.identity_file)
    if party.role is not Role.TRUSTEE:
        raise TrusteeConfigError(f"{party.party_id!r} is a {party.role}, not a trustee")
    share = open_share_file(
        _read(config.share_file),
        _read(config.passphrase_file).rstrip(b"\r\n")
        if config.passphrase_file is not None
        else ask_passphrase().encode(),
    )
    keys = OwnKeys(
        trustee_id=party.party_id,
        signing_key=party.signing_key,
        secrets=share,
        random_below=secrets.randbelow,
        allow_insecure=config.allow_insecure_keys,
    )
    roots = parse_roots(_read(config.roots_file))
    server = PartyName(
        party_id=party_id(config.hub_party_id), role=Role.HUB, trust_domain=party.trust_domain
    )
    config.database.parent.mkdir(parents=True, exist_ok=True)
    with (
        closing(Database(config.database)) as database,
        dial(config.hub_address, party, server) as channel,
        LocalEngine(ProcessMap(config.workers or None)) as engine,
    ):
        hub = GrpcHubClient(channel)
        trustee = Trustee(keys, roots, database, hub, clock_named(config.clock), engine)
        yield Assembled(party=party, loop=WorkLoop(trustee, hub), channel=channel)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read {path.name}: {error.strerror}") from error
