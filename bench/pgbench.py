"""pgbench with the SQL of a redemption: what the same statements cost without our code.

The scripts do what `hub.clearing.redemptions.create_redemptions` sends: the writers' lock, what a
batch reads, and what it writes. Identifiers are drawn by the server; an order of one unit for a
random holder. A script for many orders has rows where ours has parameters. pgbench takes every
colon before a letter for a variable of its own, so those of names are written as escapes.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from string import Template
from typing import Final

from tests.postgresql import Cluster

SECONDS: Final = 3
_SQL: Final = Path(__file__).with_name("redemption.sql")
_DRAWN: Final = """(SELECT n, decode(md5('r' || (:v)::bigint || '-' || n), 'hex') AS r,
    decode(md5('p' || (:v)::bigint || '-' || n), 'hex') AS p,
    decode(md5('a' || (:v)::bigint || '-' || n), 'hex') AS a,
    decode(md5('b' || (:v)::bigint || '-' || n), 'hex') AS b,
    repeat('0', 56) || lpad(to_hex(((:v)::bigint + 7919 * n) % 1000), 8, '0') AS t
    FROM generate_series(1, $size) AS n) AS drawn"""
_RATE: Final = re.compile(r"tps = ([0-9.]+)")


def holder_token(holder: int) -> bytes:
    """Return the account token of the holder with this number, as the scripts write it."""
    return holder.to_bytes(32, "big")


def orders_per_s(
    cluster: Cluster, database: str, folder: Path, *, size: int, clients: int, seconds: int
) -> float:
    """Return the orders per second of pgbench.

    Args:
        cluster: a running cluster with the hub's tables.
        database: filled by the benchmark.
        folder: for the script.
        size: orders in a transaction.
        clients: connections that do this at once.
        seconds: how long.
    """
    script = folder / f"orders_{size}.sql"
    script.write_text(_script(size), encoding="utf-8")
    program = cluster.binaries / "pgbench"
    done = subprocess.run(  # noqa: S603 - found by ourselves
        [
            program,
            *("--host", str(cluster.folder), "--username", "fedcarbon", "--no-vacuum"),
            *("--client", str(clients), "--time", str(seconds), "--protocol", "prepared"),
            *("--file", str(script), database),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    found = _RATE.search(done.stdout)
    assert found is not None, done.stdout  # noqa: S101 - pgbench always prints it
    return float(found[1]) * size


def _script(size: int) -> str:
    """Return the transaction of `size` orders; `drawn` are the ids and holders that we make."""
    drawn = Template(_DRAWN).substitute(size=size)
    return Template(_SQL.read_text(encoding="utf-8")).substitute(size=size, drawn=drawn)
