\set v random(1, 1000000000000000)
BEGIN ISOLATION LEVEL SERIALIZABLE;
LOCK TABLE hub_writer IN EXCLUSIVE MODE;
SELECT * FROM redemptions WHERE redemption_id IN (SELECT r FROM $drawn);
SELECT account, unit, balance FROM balances WHERE account IN (
  SELECT 'holder:' || t || U&'\003aspendable' FROM $drawn UNION SELECT 'holder:' || t || U&'\003areserved'
  FROM $drawn UNION VALUES (U&'programme\003abench\003afloat'), (U&'programme\003abench\003apayout_in_flight'));
SELECT transfer_id, resolves FROM transfer_ids
  WHERE transfer_id IN (SELECT a FROM $drawn UNION SELECT b FROM $drawn)
     OR resolves IN (SELECT a FROM $drawn UNION SELECT b FROM $drawn);
SELECT wallet_id, sum(amount_fen) FROM redemptions
  WHERE wallet_id IN (SELECT right(t, 16) FROM $drawn)
    AND created_s BETWEEN 1767196800 AND 1798732799 AND state NOT IN ('rejected', 'reversed')
  GROUP BY wallet_id;
SELECT programme_id, account_token, sum(amount_fen) FROM redemptions
  WHERE account_token IN (SELECT decode(t, 'hex') FROM $drawn)
    AND created_s BETWEEN 1774972800 AND 1775059199 AND state NOT IN ('rejected', 'reversed')
  GROUP BY programme_id, account_token;
SELECT * FROM account_freezes WHERE account_token IN (SELECT decode(t, 'hex') FROM $drawn);
SAVEPOINT writes;
INSERT INTO redemptions (redemption_id, payout_id, order_bytes, programme_id, account_token,
    wallet_class, units, mass_ug, amount_fen, state, reason, rail_reference, created_s,
    wallet_id, operator_id)
  SELECT r, p, repeat('x', 520)::bytea, 'bench', decode(t, 'hex'), 2, 1, 1250000000, 1,
    'reserved', '', '', 1775000000, right(t, 16), 'bench-purse' FROM $drawn;
INSERT INTO redemption_draws (redemption_id, vintage, mass_ug)
  SELECT r, 2026, 1250000000 FROM $drawn;
INSERT INTO redemption_events (redemption_id, ordinal, event, state, detail, recorded_s)
  SELECT r, 1, 'reserve', 'reserved', '', 1775000000 FROM $drawn;
SELECT sequence AS last FROM transfer_ids ORDER BY sequence DESC LIMIT 1 \gset
SELECT day FROM ledger_batches ORDER BY day DESC LIMIT 1;
INSERT INTO transfer_ids (transfer_id, sequence, ledger_day, resolves)
  SELECT a, (:last)::bigint + 2 * n - 1, 20543, NULL::bytea FROM $drawn
  UNION ALL SELECT b, (:last)::bigint + 2 * n, 20543, NULL::bytea FROM $drawn;
INSERT INTO transfers (ledger_day, sequence, transfer_id, debit, credit, unit, amount, phase,
    resolves, expires_s, recorded_s)
  SELECT 20543, (:last)::bigint + 2 * n - 1, a, 'holder:' || t || U&'\003aspendable', 'holder:' || t || U&'\003areserved',
    U&'ug\003abench\003a2026', 1250000000, 'reserve', NULL::bytea, NULL::bigint, 1775000000 FROM $drawn
  UNION ALL SELECT 20543, (:last)::bigint + 2 * n, b, U&'programme\003abench\003afloat',
    U&'programme\003abench\003apayout_in_flight', 'fen', 1, 'reserve', NULL, NULL, 1775000000 FROM $drawn;
UPDATE balances SET balance = balance - 1250000000 * c
  FROM (SELECT t, count(*) AS c FROM $drawn GROUP BY t) AS d
  WHERE account = 'holder:' || t || U&'\003aspendable' AND unit = U&'ug\003abench\003a2026';
INSERT INTO balances (account, unit, account_kind, balance)
  SELECT 'holder:' || t || U&'\003areserved', U&'ug\003abench\003a2026', 'reserved', 1250000000 * count(*)
  FROM $drawn GROUP BY t
  ON CONFLICT (account, unit) DO UPDATE SET balance = balances.balance + excluded.balance;
UPDATE balances SET balance = balance - $size WHERE account = U&'programme\003abench\003afloat';
UPDATE balances SET balance = balance + $size WHERE account = U&'programme\003abench\003apayout_in_flight';
INSERT INTO payout_outbox (redemption_id, step, due_s, calls)
  SELECT r, 'pay', 1775000000, 0 FROM $drawn;
RELEASE SAVEPOINT writes;
COMMIT;
