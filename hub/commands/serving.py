"""`fedcarbon-hub serve` and `check`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from fedcarbon.wire.logs import configure
from fedcarbon.wire.party import load_party
from hub import serving
from hub.config import load_config


def serve(*, config: Path) -> None:
    """Serve until SIGTERM or SIGINT.

    A hub that was killed goes on where its last committed transaction left off.

    Args:
        config: the configuration file (TOML); FEDCARBON_HUB_LISTEN and so on replace a value.
    """
    configure("hub")
    asyncio.run(serving.serve(load_config(config)))


def check(*, config: Path) -> None:
    """Check configuration, parameter set, database and record of a hub that does not run.

    Args:
        config: the configuration file (TOML).
    """
    configure("hub")
    loaded = load_config(config)
    hub = serving.hub_of(loaded, load_party(loaded.party))
    size, root = hub.read_now(hub.record.head)
    hub.close()
    sys.stdout.write(f"record of {size} leaves, root {root.hex()}\n")
