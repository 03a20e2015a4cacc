"""From settings to a node that works: the one place that opens files, dials and draws chance."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from fedcarbon.cli.catalogue import load_from_catalogue, load_from_file
from fedcarbon.engine.opening import opened_engine
from fedcarbon.errors import ConfigurationError
from fedcarbon.ids import PartyId, Role, party_id, programme_id
from fedcarbon.methodology.definition import Methodology
from fedcarbon.parameters.roots import TrustRoots, parse_roots
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.clocks import clock_named
from fedcarbon.wire.hub_client import GrpcHubClient
from fedcarbon.wire.party import PartyFiles, load_party
from fedcarbon.wire.tls import dial
from partner_node.activities.bundle import Bundle
from partner_node.config import CATALOGUE_SUFFIX, NodeSettings
from partner_node.epochs.runner import RunnerSettings
from partner_node.membership import NodeIdentity
from partner_node.node import Node
from partner_node.randomness import system_randomness
from partner_node.statistics.categories import load_categories
from partner_node.storage.database import Database

SPILL_FOLDER: Final = "spill"
TABLES_FOLDER: Final = "tables"
"""Beside the store: what sorting does not hold in memory."""
GARBAGE_AFTER: Final = 50_000
"""New objects until Python looks for cycles. A node makes millions of small ones that hold none; by
default, 700, a sixth of an import goes into looking."""


class NotAPartnerError(ConfigurationError):
    """The identity file belongs to another kind of party."""

    code: ClassVar[str] = "NOT_A_PARTNER"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenNode:
    """A node with what its server needs beside it."""

    node: Node
    party: PartyFiles


@contextmanager
def opened_node(settings: NodeSettings) -> Iterator[OpenNode]:
    """Open store, channel and engine, build the node, and close them afterwards.

    Raises:
        ConfigurationError: a file is missing, wrong, of another party, or the store is in use.
    """
    gc.set_threshold(GARBAGE_AFTER)
    party = load_own_party(settings)
    roots = _roots(settings.roots)
    categories = load_categories(settings.statistics.categories)
    bundle = Bundle(_methodology(named) for named in settings.methodologies)
    database = Database(settings.store)
    try:
        with (
            dial(settings.hub_address, party, hub_name(settings, party)) as channel,
            opened_engine(settings.engine, settings.store.parent / SPILL_FOLDER) as engine,
        ):
            identity = NodeIdentity(
                party_id=party.party_id,
                programme_id=programme_id(settings.programme),
                roots=roots,
                signing_key=party.signing_key,
                clock=clock_named(settings.clock),
                randomness=system_randomness(),
            )
            # A cluster's machines do not see this disk: their processes build their own tables.
            here = settings.engine.spark_url is None
            runner_settings = RunnerSettings(
                commit_delay_s=settings.commit_delay_s,
                engine=engine,
                tables=settings.store.parent / TABLES_FOLDER if here else None,
                categories=categories,
            )
            hub = GrpcHubClient(channel)
            yield OpenNode(node=Node(database, identity, hub, bundle, runner_settings), party=party)
    finally:
        database.close()


def load_own_party(settings: NodeSettings) -> PartyFiles:
    """Return the node's own identity.

    Raises:
        PartyFilesError: a file is missing or wrong.
        NotAPartnerError: it is another kind of party's.
    """
    party = load_party(settings.party)
    if party.role is not Role.PARTNER:
        raise NotAPartnerError(
            f"{settings.party.name} belongs to a {party.role}; a node needs a partner's identity"
        )
    return party


def hub_name(settings: NodeSettings, party: PartyFiles) -> PartyName:
    """Return the name that the hub's certificate must have."""
    return PartyName(
        party_id=PartyId(party_id(settings.hub_id)), role=Role.HUB, trust_domain=party.trust_domain
    )


def _roots(path: Path) -> TrustRoots:
    try:
        return parse_roots(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"cannot read {path.name}: {error.strerror}") from error


def _methodology(named: str) -> Methodology:
    if named.endswith(CATALOGUE_SUFFIX):
        return load_from_file(Path(named))
    return load_from_catalogue(named)
