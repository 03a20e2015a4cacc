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
from typing import Final

from tests.postgresql import Cluster

SECONDS: Final = 5
_UNIT_UG: Final = 1_250_000_000
_RATE: Final = re.compile(r"tps = ([0-9.]+)")


def holder_token(holder: int) -> bytes:
    """Return the account token of the holder with this number, as the scripts write it."""
    return holder.to_bytes(32, "big")


def orders_per_s(
    cluster: Cluster, database: str, folder: Path, *, size: int, clients: int
) -> float:
    """Return the orders per second of pgbench.

    Args:
        cluster: a running cluster with the hub's tables.
        database: filled by the benchmark.
        folder: for the script.
        size: orders in a transaction.
        clients: connections that do this at once.
    """
    script = folder / f"orders_{size}.sql"
    script.write_text(_script(size), encoding="utf-8")
    program = cluster.binaries / "pgbench"
    done = subprocess.run(  # noqa: S603 - found by ourselves
        [
            program,
            *("--host", str(cluster.folder), "--username", "fedcarbon", "--no-vacuum"),
            *("--client", str(clients), "--time", str(SECONDS), "--protocol", "prepared"),
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
    """Return the transaction of `size` orders; `drawn` are ids and holders that we make in memory."""
    drawn = f"""(SELECT n, decode(md5('r' || (:v)::bigint || '-' || n), 'hex') AS r,
    decode(md5('p' || (:v)::bigint || '-' || n), 'hex') AS p, decode(md5('a' || (:v)::bigint || '-' || n), 'hex') AS a,
    decode(md5('b' || (:v)::bigint || '-' || n), 'hex') AS b,
    repeat('0', 56) || lpad(to_hex(((:v)::bigint + 7919 * n) % 1000), 8, '0') AS t
    FROM generate_series(1, {size}) AS n) AS drawn"""
    return f"""
\\set v random(1, 1000000000000000)
BEGIN ISOLATION LEVEL SERIALIZABLE;
LOCK TABLE hub_writer IN EXCLUSIVE MODE;
SELECT * FROM redemptions WHERE redemption_id IN (SELECT r FROM {drawn});
SELECT account, unit, balance FROM balances WHERE account IN (
  SELECT 'holder:' || t || U&'\\003aspendable' FROM {drawn} UNION SELECT 'holder:' || t || U&'\\003areserved'
  FROM {drawn} UNION VALUES (U&'programme\\003abench\\003afloat'), (U&'programme\\003abench\\003apayout_in_flight'));
SELECT transfer_id, resolves FROM transfer_ids
  WHERE transfer_id IN (SELECT a FROM {drawn} UNION SELECT b FROM {drawn})
     OR resolves IN (SELECT a FROM {drawn} UNION SELECT b FROM {drawn});
SAVEPOINT writes;
INSERT INTO redemptions (redemption_id, payout_id, order_bytes, programme_id, account_token,
    wallet_class, units, mass_ug, amount_fen, state, reason, rail_reference, created_s)
  SELECT r, p, repeat('x', 520)::bytea, 'bench', decode(t, 'hex'), 2, 1, {_UNIT_UG}, 1,
    'reserved', '', '', 1775000000 FROM {drawn};
INSERT INTO redemption_draws (redemption_id, vintage, mass_ug)
  SELECT r, 2026, {_UNIT_UG} FROM {drawn};
INSERT INTO redemption_events (redemption_id, ordinal, event, state, detail, recorded_s)
  SELECT r, 1, 'reserve', 'reserved', '', 1775000000 FROM {drawn};
SELECT sequence AS last FROM transfer_ids ORDER BY sequence DESC LIMIT 1 \\gset
SELECT day FROM ledger_batches ORDER BY day DESC LIMIT 1;
INSERT INTO transfer_ids (transfer_id, sequence, ledger_day, resolves)
  SELECT a, (:last)::bigint + 2 * n - 1, 20543, NULL::bytea FROM {drawn}
  UNION ALL SELECT b, (:last)::bigint + 2 * n, 20543, NULL::bytea FROM {drawn};
INSERT INTO transfers (ledger_day, sequence, transfer_id, debit, credit, unit, amount, phase,
    resolves, expires_s, recorded_s)
  SELECT 20543, (:last)::bigint + 2 * n - 1, a, 'holder:' || t || U&'\\003aspendable', 'holder:' || t || U&'\\003areserved',
    U&'ug\\003abench\\003a2026', {_UNIT_UG}, 'reserve', NULL::bytea, NULL::bigint, 1775000000 FROM {drawn}
  UNION ALL SELECT 20543, (:last)::bigint + 2 * n, b, U&'programme\\003abench\\003afloat',
    U&'programme\\003abench\\003apayout_in_flight', 'fen', 1, 'reserve', NULL, NULL, 1775000000 FROM {drawn};
UPDATE balances SET balance = balance - {_UNIT_UG} * c
  FROM (SELECT t, count(*) AS c FROM {drawn} GROUP BY t) AS d
  WHERE account = 'holder:' || t || U&'\\003aspendable' AND unit = U&'ug\\003abench\\003a2026';
INSERT INTO balances (account, unit, account_kind, balance)
  SELECT 'holder:' || t || U&'\\003areserved', U&'ug\\003abench\\003a2026', 'reserved', {_UNIT_UG} * count(*)
  FROM {drawn} GROUP BY t
  ON CONFLICT (account, unit) DO UPDATE SET balance = balances.balance + excluded.balance;
UPDATE balances SET balance = balance - {size} WHERE account = U&'programme\\003abench\\003afloat';
UPDATE balances SET balance = balance + {size} WHERE account = U&'programme\\003abench\\003apayout_in_flight';
INSERT INTO payout_outbox (redemption_id, step, due_s, calls)
  SELECT r, 'pay', 1775000000, 0 FROM {drawn};
RELEASE SAVEPOINT writes;
COMMIT;
"""
