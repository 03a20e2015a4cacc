"""`fedcarbon-hub serve`, `check` and `migrate`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from fedcarbon.wire.logs import configure
from fedcarbon.wire.party import load_party
from hub import serving
from hub.clearing.limits_file import load_limits, missing_limits
from hub.config import load_config
from hub.database import migrate_database
from hub.storage.schema import NEWEST


def serve(*, config: Path) -> None:
    """Serve until SIGTERM or SIGINT.

    A hub that was killed goes on where its last committed transaction left off.

    Args:
        config: the configuration file (TOML); FEDCARBON_HUB_LISTEN and so on replace a value.
    """
    configure("hub")
    asyncio.run(serving.serve(load_config(config)))


def check(*, config: Path) -> None:
    """Check configuration, parameter set, database, record and limits of a hub that does not run.

    Args:
        config: the configuration file (TOML).
    """
    configure("hub")
    loaded = load_config(config)
    hub = serving.hub_of(loaded, load_party(loaded.party))
    size, root = hub.read_now(hub.record.head)
    limits, now_s = load_limits(loaded.limits), hub.clock.now_s()
    missing = hub.read_now(lambda session: missing_limits(session, limits, now_s))
    hub.close()
    sys.stdout.write(f"record of {size} leaves, root {root.hex()}\n")
    if missing:
        sys.stdout.write(
            f"redemptions are refused until limits are set for: {', '.join(missing)}\n"
        )


def migrate(*, config: Path) -> None:
    """Bring the database to the schema of this program, or leave it as it was.

    Stop the hub and make a copy of the database first. An empty database needs no migration: the
    first start makes its tables.

    Args:
        config: the configuration file (TOML).
    """
    found = migrate_database(load_config(config))
    sys.stdout.write(f"schema {found or 'none'} before, {NEWEST} now\n")
