#!/usr/bin/env python3
"""Verify a record with nothing but this file and Python's standard library.

It was written from docs/PROTOCOL.md and the RFCs that the page names, never from the code that
makes records; the numbers in comments are sections of that page. It works through the checklist of
docs/AUDIT.md, collects everything that does not hold, and is slow: `fedcarbon audit verify` is the
tool for every day, and the two must agree.

    python3 tools/verify_minimal.py RECORD --roots roots.toml [--json OUT]

Exit code 0 says that nothing was found, 1 that something was, 2 that the input cannot be used.
"""
# ruff: noqa: RUF001 - Chinese is written with its own punctuation

from __future__ import annotations

import argparse
import base64
import bisect
import decimal
import functools
import hashlib
import hmac
import itertools
import json
import math
import multiprocessing
import re
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

CHECKS: Final = {
    "V01": "files present, hashes match their names",
    "V02": "parameter set proved",
    "V03": "dealt shares open the self-test",
    "V04": "signers admitted when they signed",
    "V05": "tree recomputed, history only grows",
    "V06": "quorum under what was acted upon",
    "V07": "signatures over the stored bytes",
    "V08": "methodologies as admitted",
    "V09": "enrolments, places, withdrawals",
    "V10": "chunks are what their headers say",
    "V11": "every slot within its cap",
    "V12": "claims committed, joined, judged",
    "V13": "sums bound to winning claims",
    "V14": "a ciphertext for every enrolled block",
    "V15": "cumulative products recomputed",
    "V16": "openings requested, bound, once",
    "V17": "masks committed and zero in targets",
    "V18": "shares proved, opened sums recombined",
    "V19": "ledger replays, credits follow openings",
    "V20": "redemptions by the rule",
    "V21": "payouts reconcile",
    "V22": "issued = opened, spent <= issued",
    "V23": "statistics within their budget",
    "V26": "other uses explained",
}
LEFT_OUT: Final = {
    "V24": "evidence is opened on site, not in the record",
    "V25": "receipts are kept by those who got them, not in the record",
}
VERSION: Final = 4
TOLERANCE_S: Final = 300
SLOT_BITS: Final = 112
CHALLENGE: Final = 128
HIDING: Final = 80

Statement = dict[str, Any]
"""A decoded statement or an object in it: bytes, integers, texts, lists by their forms."""


class Broken(Exception):  # noqa: N818 - what it says about the record is broken, not this program
    """A rule does not hold."""

    def __init__(self, code: str, text: str = "", check: str = "") -> None:
        """Name the rule; without a check it belongs to the line that is being worked on."""
        super().__init__(f"{code}: {text}" if text else code)
        self.code, self.text, self.check = code, text, check


def need(holds: bool, code: str, text: str = "", check: str = "") -> None:  # noqa: FBT001
    """Raise unless a rule holds."""
    if not holds:
        raise Broken(code, text, check)


class Finding(NamedTuple):
    """One thing that does not hold."""

    check: str
    code: str
    leaf: int | None
    text: str


# --- 1: hashing, expansion, transcripts -----------------------------------------------------------


def joined(*items: bytes) -> bytes:
    """Section 1.2."""
    return b"".join(len(item).to_bytes(8, "big") + item for item in items)


def hashed(label: str, *items: bytes) -> bytes:
    """H of section 1.2; labels are written without their common beginning."""
    return hashlib.sha256(joined(b"fedcarbon/v1/" + label.encode(), *items)).digest()


def top_bits(data: bytes, bits: int) -> int:
    """Read bytes big-endian and drop the surplus low bits."""
    return int.from_bytes(data, "big") >> (8 * len(data) - bits)


def expanded(bits: int, label: str, *items: bytes) -> int:
    """X_b of section 1.3."""
    sponge = hashlib.shake_256(joined(b"fedcarbon/v1/" + label.encode(), *items))
    return top_bits(sponge.digest(-(-bits // 8)), bits)


def hash_below(bound: int, label: str, *items: bytes) -> int:
    """Return "a hash below" a bound, section 1.3."""
    return expanded(bound.bit_length() + 128, label, *items) % bound


def u32(value: int) -> bytes:
    """Encode four bytes."""
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    """Encode eight bytes."""
    return value.to_bytes(8, "big")


def shortest(value: int) -> bytes:
    """Encode as few bytes as possible."""
    return value.to_bytes(-(-value.bit_length() // 8), "big")


class Transcript:
    """Section 1.4."""

    def __init__(self, name: str) -> None:
        """Begin a proof of this name."""
        start = joined(b"fedcarbon/v1/transcript", name.encode())
        self.sponge = hashlib.shake_256(start)

    def take(self, label: str, data: bytes) -> None:
        """Take in bytes."""
        self.sponge.update(joined(b"item", label.encode(), data))

    def number(self, label: str, value: int, bits: int) -> None:
        """Take in a number of at most so many bits."""
        self.take(label, value.to_bytes(-(-bits // 8), "big"))

    def challenge(self, label: str, bits: int) -> int:
        """Ask for a challenge."""
        self.sponge.update(joined(b"challenge", label.encode(), u32(bits)))
        return top_bits(self.sponge.copy().digest(-(-bits // 8)), bits)


T = TypeVar("T")


class Powers(Generic[T]):
    """Powers of what is raised again and again: one product per hexadecimal digit, no squarings."""

    def __init__(self, base: T, one: T, times: Callable[[T, T], T]) -> None:
        """Take the element, the group's one and its operation; rows are made when needed."""
        self.base, self.one, self.times = base, one, times
        self.rows: list[dict[str, T]] = []
        """Of each digit from the last: what it stands for -> that power."""

    def row(self, at: int) -> dict[str, T]:
        """Return the powers that a digit at this place stands for."""
        while at >= len(self.rows):
            steps = itertools.accumulate([self.base] * 16, self.times, initial=self.one)
            *row, self.base = steps
            self.rows.append(dict(zip("0123456789abcdef", row, strict=True)))
        return self.rows[at]

    def power(self, exponent: int) -> T:
        """Raise to an exponent that is not negative."""
        digits = enumerate(reversed(f"{exponent:x}"))
        return functools.reduce(self.times, (self.row(at)[digit] for at, digit in digits))


@functools.lru_cache(1024)
def powers_of(base: int, modulus: int) -> Powers[int]:
    """Return the powers of a number."""
    return Powers(base, 1, lambda a, b: a * b % modulus)


# --- 2: statements --------------------------------------------------------------------------------

OBJECTS: Final = """
parameters: insecure bool, modulus natural, commitment_modulus natural, blinding_counter integer,
  verification_counter integer, generator_counters list integer, ristretto_generator bytes32,
  threshold integer, trustees list TrusteeEntry, voprf_keys list VoprfEntry,
  modulus_square_free list natural, commitment_square_free list natural
TrusteeEntry: trustee_id name, root_key bytes32, verification_key natural
VoprfEntry: label account|claim|object|beacon, public bytes32, trustee_publics list bytes32,
  commitments list bytes32
self_test: trustees list TrusteeSelfTest
TrusteeSelfTest: trustee_id name, shares list natural, proof bytes
party_admission: party_id name, role hub|partner|trustee|wallet_operator|auditor|regulator,
  signing_key bytes32, best_tier integer, claim_slots_per_account_day integer, object_quota integer
programme: programme_id name, exclusivity_domain name, exclusivity_group name,
  measure grams|points|money, token_epoch integer,
  time_zone text, first_day text, last_day text, epoch_days integer, slot_s integer, cap_ug mass,
  partners_max integer, days_max integer, unit_ug mass, unit_fen integer, test_identities bool,
  policy Policy
methodology_admission: programme_id name, methodology_id name, version text,
  content_hash bytes32, document bytes, kind grams|points|money, from_epoch integer,
  until_epoch integer
Policy: commit_window_s integer, reveal_window_s integer, submit_window_s integer,
  opening_interval_days integer, binding_wait_s integer, enrolment_age_s integer,
  missing_wait_s integer, starts_max integer
enrolment_batch: programme_id name, partner_id name, batch_id bytes16, entries list EnrolmentEntry
EnrolmentEntry: account_token bytes32, action enrol|withdraw, from_epoch integer,
  consent_data_hash bytes32, consent_claim_hash bytes32
place_batch: programme_id name, enrolment_leaf integer, entries list PlaceEntry
PlaceEntry: account_token bytes32, block integer, slot integer
evaluation_request: programme_id name, asker_id name, request_id bytes16,
  key_label account|claim|object|beacon, count integer, elements_hash bytes32
epoch_plan: programme_id name, epoch integer, snapshot_size integer, commit_until_s integer,
  reveal_until_s integer, submit_until_s integer
claim_commitment: programme_id name, epoch integer, partner_id name, count integer,
  list_root bytes32, evidence_root bytes32, evidence_count integer, methodologies list bytes32
commit_closed: exclusivity_domain name, epoch integer, lists list CommittedList,
  missed list MissedClaimant
MissedClaimant: programme_id name, partner_id name
CommittedList: programme_id name, partner_id name, leaf_index integer, count integer,
  list_root bytes32
beacon_value: label tie|sample, scope name, epoch integer, leaf_index integer,
  partials list BeaconPartial, output bytes64
BeaconPartial: trustee_id name, element bytes32, proof bytes64
claim_list: programme_id name, epoch integer, partner_id name, file_sha256 bytes32,
  commitments_sha256 bytes32, count integer
verdict_list: programme_id name, epoch integer, beacon_leaf integer, verdicts list PartnerVerdict,
  repeated_tokens integer, conflicts_sha256 bytes32
PartnerVerdict: partner_id name, lost integer, file_sha256 bytes32, positions_sha256 bytes32
chunk_header: programme_id name, epoch integer, partner_id name, plan_leaf integer, chunk integer,
  chunks integer, entries integer, slot_width_bits integer, slots integer,
  places_digest bytes32, entries_root bytes32,
  file_sha256 bytes32, evidence_root bytes32, methodology_bundle bytes32
seal: programme_id name, epoch integer, plan_leaf integer, parts list SealedPart, blocks integer,
  products_root bytes32
SealedPart: partner_id name, header_leaves list integer, missing bool
link_proof: programme_id name, epoch integer, partner_id name, plan_leaf integer,
  verdict_leaf integer, proof bytes
dispute: programme_id name, epoch integer, partner_id name, verdict_leaf integer,
  positions list integer
operator_binding: programme_id name, binding_id bytes16, account_token bytes32, wallet_id text,
  wallet_class integer, operator_id name
partner_binding: programme_id name, binding_id bytes16, account_token bytes32,
  operator_leaf bytes34, operator_id name, wallet_hint text, partner_id name
binding_objection: programme_id name, binding_id bytes16, account_token bytes32, partner_id name
unbinding: programme_id name, binding_id bytes16, account_token bytes32, party_id name
opening_request: programme_id name, request_id bytes16, account_token bytes32, block integer,
  slot integer, epoch integer, previous_epoch integer, purpose credit, wallet_id text,
  binding_leaf bytes34, operator_id name, not_after_s integer, checkpoint_size integer,
  checkpoint_root bytes32
opening_start: programme_id name, opening_id bytes32, attempt integer, block integer, epoch integer,
  targets list Target, subset list name, product_sha256 bytes32, mask_hashes list bytes32
Target: slot integer, account_token bytes32, request_leaf integer
opening_result: programme_id name, opening_id bytes32, attempt integer, start_leaf integer,
  values list OpenedValue, shares list ShareBatch
OpenedValue: slot integer, account_token bytes32, opened_ug mass
ShareBatch: trustee_id name, file_sha256 bytes32
share_file: trustee_id name, start_leaves list integer, masks list bytes, masked list natural,
  shares list natural, proof bytes
refusal: trustee_id name, refusal_code text, subject bytes32, detail text
redemption_order: programme_id name, redemption_id bytes16, account_token bytes32, wallet_id text,
  wallet_class integer, binding_leaf bytes34, operator_id name, units integer?,
  source grams|proceeds
ledger_batch: day integer, previous_batch bytes32, first_sequence integer, lines list LedgerLine
LedgerLine: transfer_id bytes16, debit text, credit text, unit text, amount text,
  phase single|reserve|post|void, resolves bytes16?, expires_s integer?, recorded_s integer
payout_batch: day integer, ledger_batch bytes32, lines list PayoutLine
PayoutLine: payout_id bytes16, redemption_id bytes16, wallet_id text, amount_fen integer,
  outcome settled|rejected|reversed, answered_s integer, reference text, reason text
offer: programme_id name, offer_id name, offer_kind donation|goods, title text, supplier text,
  price_ug mass, valid_from_s integer, valid_until_s integer, hold_s integer, stock integer?
use_order: programme_id name, use_id bytes16, account_token bytes32, wallet_id text,
  wallet_class integer, binding_leaf bytes34, operator_id name,
  use donate|goods|pledge|withdraw|sell|buy|retire_own, offer_id name?, pieces integer?,
  price_fen integer?, mass_ug mass?, vintage integer?, may_be_claimed bool, purpose_sha256 bytes32?
goods_outcome: programme_id name, use_id bytes16, fulfilled bool, voucher_sha256 bytes32?,
  reason text
lot_rules: programme_id name, rules_id name, excluded_regimes list name, price_floor_fen integer,
  methodologies list bytes32, vintage_first integer?, vintage_last integer?, tonnes_min integer,
  offset_parts integer, offset_of integer
credit_lot: programme_id name, lot_id bytes16, vintage integer, tonnes integer, rules_leaf integer,
  excluded_regimes list name, contributions list Contribution
Contribution: account_token bytes32, mass_ug mass
lot_verification: programme_id name, lot_id bytes16, verifier text, report_sha256 bytes32,
  accepted bool
lot_sale: programme_id name, lot_id bytes16, buyer text, price_fen integer, retained_fen integer
lot_retirement: programme_id name, lot_id bytes16, beneficiary text, serial_first integer,
  serial_last integer, obligation Obligation?
Obligation: obligation_id name, amount_kg integer
expiry_notice: programme_id name, vintage integer, expires_at_s integer
campaign: programme_id name, campaign_id name, title text, occasion redemption|donation,
  offer_id name?, packet_fen integer, budget_fen integer, valid_from_s integer,
  valid_until_s integer
market_rules: programme_id name, market_id name, unit_ug mass, first_day integer, last_day integer,
  first_price_fen integer, step_fen integer, floor_fen integer, ceiling_fen integer,
  quiet_units integer, endowment_fen integer
market_price: programme_id name, market_id name, day integer, price_fen integer
ranking_rules: programme_id name, ranking_id name, first_day integer, period_days integer,
  periods integer, people_min integer, bands integer
ranking_choice: programme_id name, ranking_id name, choice_id bytes16, account_token bytes32,
  wallet_id text, wallet_class integer, binding_leaf bytes34, operator_id name, takes_part bool,
  from_period integer
ranking_salt: programme_id name, ranking_id name, period integer, salt bytes32
ranking: programme_id name, ranking_id name, period integer, rules_leaf integer, salt_leaf integer,
  lines list RankedLine
RankedLine: band integer, pseudonym bytes16
table_shell: programme_id name, shell_id name, label Label, dimensions list Dimension,
  quantities list Quantity, first_epoch integer, period_epochs integer, periods integer,
  contribute_window_s integer, cells_max integer, partners_max integer, partners_min integer,
  members_min integer, people_min integer, rho_year_millionths integer
Label: zh text, en text
Dimension: name name, label Label, code_list text, categories list Category, groups list Group
Category: code text, label Label, group text
Group: code text, label Label
Quantity: name name, label Label, unit text, per_cell_max integer, rho_millionths integer
table_contribution: programme_id name, shell_leaf integer, period integer, partner_id name,
  members integer, file_sha256 bytes32
release_start: programme_id name, shell_leaf integer, period integer,
  contributors list Contributor, noise list NoisePart, noised_sha256 bytes32, year integer,
  rho_millionths integer, spent_millionths integer
Contributor: partner_id name, contribution_leaf integer
NoisePart: trustee_id name, file_sha256 bytes32
table_release: programme_id name, shell_leaf integer, period integer, start_leaf integer,
  table_sha256 bytes32, shares list ShareBatch
release_share_file: trustee_id name, start_leaf integer, shares list bytes, proof bytes
"""
FIELDS: Final[dict[str, dict[str, str]]] = {
    line.partition(":")[0]: {
        name: form
        for name, _, form in (
            item.strip().partition(" ") for item in line.partition(":")[2].split(",")
        )
    }
    for line in OBJECTS.replace("\n  ", " ").strip().splitlines()
}
NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
HEX: Final = re.compile(r"([0-9a-f]{2})*")


def read_text(form: str, value: str) -> object:
    """Read a value that stands as a text in JSON."""
    if form == "text":
        return value
    if form == "name":
        need(NAME.fullmatch(value) is not None and len(value) <= 40, "MALFORMED", "no name")  # noqa: PLR2004
        return value
    if form == "mass":
        need(re.fullmatch(r"0|[1-9][0-9]{0,40}", value) is not None, "MALFORMED", "no mass")
        return int(value)
    if form == "natural":
        need(re.fullmatch(r"0|[1-9a-f][0-9a-f]*", value) is not None, "MALFORMED", "no natural")
        return int(value, 16)
    if form.startswith("bytes"):
        need(HEX.fullmatch(value) is not None, "MALFORMED", "no hexadecimal text")
        data = bytes.fromhex(value)
        need(form in {"bytes", f"bytes{len(data)}"}, "MALFORMED", "bytes of another length")
        return data
    need(value in form.split("|"), "MALFORMED", f"{value!r} is none of {form}")
    return value


def read_value(form: str, value: object) -> object:
    """Read one value by its form, section 2."""
    if form.endswith("?"):
        return None if value is None else read_value(form[:-1], value)
    if form.startswith("list "):
        need(isinstance(value, list), "MALFORMED", "no array")
        return [read_value(form[5:], item) for item in value] if isinstance(value, list) else []
    if form == "bool":
        need(isinstance(value, bool), "MALFORMED", "no boolean")
        return value
    if form == "integer":
        good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53
        need(good, "MALFORMED", "no integer")
        return value
    if form in FIELDS:
        need(isinstance(value, dict), "MALFORMED", "no object")
        return read_object(form, value) if isinstance(value, dict) else {}
    if isinstance(value, str):
        return read_text(form, value)
    raise Broken("MALFORMED", "no text")


def read_object(kind: str, tree: Statement) -> Statement:
    """Read exactly the fields of a table."""
    need(tree.keys() == FIELDS[kind].keys(), "MALFORMED", f"other fields than those of {kind}")
    return {name: read_value(form, tree[name]) for name, form in FIELDS[kind].items()}


def canonical_tree(data: bytes) -> Statement:
    """Parse JSON and refuse every spelling but the one of section 2."""
    try:
        tree = json.loads(data)
        again = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise Broken("MALFORMED", "no JSON") from error
    need(again == data and isinstance(tree, dict), "MALFORMED", "not the canonical bytes")
    return dict(tree)


def decoded(kind: str, data: bytes, parameter_id: bytes | None) -> Statement:
    """Decode a statement of this kind, section 2."""
    tree = canonical_tree(data)
    need(tree.pop("fedcarbon", None) == VERSION, "MALFORMED", "another protocol version")
    need(tree.pop("statement", None) == kind, "MALFORMED", f"no {kind}")
    if kind != "parameters":
        found = tree.pop("parameter_id", None)
        need(isinstance(found, str), "MALFORMED", "no parameter id")
        need(found == (parameter_id or b"").hex(), "PARAMETERS_DIFFER", "another parameter set")
    return read_object(kind, tree)


# --- RFC 8032 and RFC 9496: the curve, signatures, ristretto255 -----------------------------------

P: Final = 2**255 - 19
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
D: Final = -121665 * pow(121666, -1, P) % P
ROOT_M1: Final = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
"""Extended coordinates (X, Y, Z, T) with x = X/Z, y = Y/Z, x y = T/Z."""
ZERO: Final[Point] = (0, 1, 1, 0)


def add(a: Point, b: Point) -> Point:
    """RFC 8032, section 5.1.4."""
    m, n = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


def double(a: Point) -> Point:
    """RFC 8032, section 5.1.4."""
    m, n, c = a[0] * a[0] % P, a[1] * a[1] % P, 2 * a[2] * a[2] % P
    h = m + n
    e, g = h - (a[0] + a[1]) ** 2 % P, m - n
    f = c + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def combination(*terms: tuple[int, Point]) -> Point:
    """Return the sum of scalar times point."""
    result = ZERO
    for bit in reversed(range(max((scalar.bit_length() for scalar, _ in terms), default=0))):
        result = double(result)
        for scalar, point in terms:
            if scalar >> bit & 1:
                result = add(result, point)
    return result


@functools.lru_cache(1024)
def multiples_of(point: Point) -> Powers[Point]:
    """Return the multiples of a point."""
    return Powers(point, ZERO, add)


def root_of_ratio(u: int, v: int) -> tuple[bool, int]:
    """SQRT_RATIO_M1 of RFC 9496, section 4.2."""
    r = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    check = v * r * r % P
    flipped = check in {-u % P, -u * ROOT_M1 % P}
    r = r * ROOT_M1 % P if flipped else r
    return check in {u % P, -u % P}, magnitude(r)


def magnitude(x: int) -> int:
    """CT_ABS of RFC 9496: the even one of x and -x."""
    return -x % P if x % P & 1 else x % P


def curve_point(data: bytes) -> Point:
    """Decode a point of Ed25519, RFC 8032, section 5.1.3."""
    y = int.from_bytes(data, "little") & (1 << 255) - 1
    square, x = root_of_ratio(y * y - 1, D * y * y + 1)
    need(len(data) == 32 and y < P and square, "SIGNATURE_INVALID", "no point", "V07")  # noqa: PLR2004
    x = -x % P if data[31] >> 7 != x & 1 else x
    return x, y, 1, x * y % P


def curve_bytes(a: Point) -> bytes:
    """Encode a point of Ed25519, RFC 8032, section 5.1.2."""
    inverse = pow(a[2], -1, P)
    x, y = a[0] * inverse % P, a[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE: Final = curve_point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


@functools.lru_cache(1024)
def minus_key(key: bytes) -> Point:
    """Return the inverse of the point that is a public key."""
    a = curve_point(key)
    return -a[0] % P, a[1], a[2], -a[3] % P


def check_signature(key: bytes, signature: bytes, message: bytes) -> None:
    """RFC 8032, section 5.1.7, without the cofactor."""
    good = len(signature) == 64  # noqa: PLR2004
    scalar = int.from_bytes(signature[32:], "little")
    if good and scalar < ORDER:
        digest = hashlib.sha512(signature[:32] + key + message).digest()
        k = int.from_bytes(digest, "little") % ORDER
        found = add(multiples_of(BASE).power(scalar), multiples_of(minus_key(key)).power(k))
        good = curve_bytes(found) == signature[:32]
    need(good and scalar < ORDER, "SIGNATURE_INVALID", "a signature does not hold", "V07")


ONE_MINUS_D_SQUARED: Final = (1 - D * D) % P
D_MINUS_ONE_SQUARED: Final = (D - 1) ** 2 % P
ROOT_AD_MINUS_ONE: Final = P - root_of_ratio(-D - 1, 1)[1]
INVERSE_ROOT_A_MINUS_D: Final = root_of_ratio(1, -1 - D)[1]


def element(data: bytes) -> Point:
    """Decode a ristretto255 element, RFC 9496, section 4.3.1; never the identity."""
    s = int.from_bytes(data, "little")
    need(len(data) == 32 and s < P and s % 2 == 0 and s > 0, "ELEMENT_INVALID")  # noqa: PLR2004
    ss = s * s % P
    u1, u2 = 1 - ss, 1 + ss
    v = -(D * u1 * u1) - u2 * u2
    square, inverse = root_of_ratio(1, v * u2 * u2 % P)
    den_x = inverse * u2
    x = magnitude(2 * s * den_x)
    y = u1 * inverse * den_x * v % P
    t = x * y % P
    need(square and t % 2 == 0 and y != 0, "ELEMENT_INVALID")
    return x, y, 1, t


def element_bytes(a: Point) -> bytes:
    """Encode a ristretto255 element, RFC 9496, section 4.3.2."""
    x, y, z, t = a
    u1, u2 = (z + y) * (z - y) % P, x * y % P
    inverse = root_of_ratio(1, u1 * u2 * u2 % P)[1]
    den1, den2 = inverse * u1 % P, inverse * u2 % P
    z_inverse = den1 * den2 * t % P
    if t * z_inverse % P & 1:
        x, y = y * ROOT_M1 % P, x * ROOT_M1 % P
        den2 = den1 * INVERSE_ROOT_A_MINUS_D % P
    y = -y if x * z_inverse % P & 1 else y
    return magnitude(den2 * (z - y)).to_bytes(32, "little")


def mapped(data: bytes) -> Point:
    """MAP of RFC 9496, section 4.3.4."""
    t = (int.from_bytes(data, "little") & (1 << 255) - 1) % P
    r = ROOT_M1 * t * t % P
    u, v = (r + 1) * ONE_MINUS_D_SQUARED % P, (-1 - r * D) * (r + D) % P
    square, s = root_of_ratio(u, v)
    c = -1
    if not square:
        s, c = -magnitude(s * t) % P, r
    n = (c * (r - 1) * D_MINUS_ONE_SQUARED - v) % P
    w0, w1, w2, w3 = 2 * s * v % P, n * ROOT_AD_MINUS_ONE % P, (1 - s * s) % P, (1 + s * s) % P
    return w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P


def expand_message(message: bytes, tag: bytes) -> bytes:
    """Return 64 bytes of expand_message_xmd with SHA-512, RFC 9380, section 5.3.1."""
    tail = tag + bytes([len(tag)])
    first = hashlib.sha512(bytes(128) + message + b"\x00\x40\x00" + tail).digest()
    return hashlib.sha512(first + b"\x01" + tail).digest()


def hash_to_group(message: bytes, tag: bytes) -> Point:
    """RFC 9380, appendix B."""
    data = expand_message(message, tag)
    return add(mapped(data[:32]), mapped(data[32:]))


# --- 8.2, 8.3: evaluations ------------------------------------------------------------------------

CONTEXT: Final = b"OPRFV1-\x01-ristretto255-SHA512"


def hash_to_scalar(message: bytes) -> int:
    """RFC 9497, section 4.1."""
    return int.from_bytes(expand_message(message, b"HashToScalar-" + CONTEXT), "little") % ORDER


def prefixed(item: bytes) -> bytes:
    """Return the bytes after their length in two bytes."""
    return len(item).to_bytes(2, "big") + item


def check_evaluation(public: bytes, blinded: Point, evaluated: bytes, proof: bytes) -> None:
    """Check the proof of one evaluation, section 8.3."""
    c, s = int.from_bytes(proof[:32], "little"), int.from_bytes(proof[32:], "little")
    pair = prefixed(element_bytes(blinded)) + prefixed(evaluated)
    batch = prefixed(b"fedcarbon/v1/voprf-batch") + b"\x00\x01" + element_bytes(blinded) + evaluated
    seed = hashlib.sha512(prefixed(public) + prefixed(b"Seed-" + CONTEXT) + batch).digest()
    d = hash_to_scalar(prefixed(seed) + b"\x00\x00" + pair + b"Composite")
    m, z, key = combination((d, blinded)), combination((d, element(evaluated))), element(public)
    points = (m, z, combination((s, BASE), (c, key)), combination((s, m), (c, z)))
    text = prefixed(public) + b"".join(prefixed(element_bytes(point)) for point in points)
    good = c < ORDER and s < ORDER and hash_to_scalar(text + b"Challenge") == c
    need(good, "EVALUATION_PROOF_INVALID")


def evaluated_openly(subject: bytes, answers: dict[int, bytes]) -> bytes:
    """Combine answers to an input that was not blinded, section 8.2."""
    terms = []
    for i, answer in answers.items():
        others = [j for j in answers if j != i]
        below = pow(math.prod(j - i for j in others), -1, ORDER)
        terms.append((math.prod(others) * below % ORDER, element(answer)))
    z = element_bytes(combination(*terms))
    return hashlib.sha512(prefixed(subject) + prefixed(z) + b"Finalize").digest()


# --- 3, 4, 5: envelopes, leaves, heads ------------------------------------------------------------

KINDS: Final = {
    1: "parameters", 2: "self_test", 3: "party_admission", 4: "programme",
    5: "methodology_admission", 16: "enrolment_batch", 17: "place_batch", 18: "evaluation_request",
    32: "epoch_plan", 33: "claim_commitment", 34: "commit_closed", 35: "beacon_value",
    36: "claim_list", 37: "verdict_list", 38: "chunk_header", 39: "seal", 40: "link_proof",
    41: "dispute", 48: "operator_binding", 49: "partner_binding", 50: "binding_objection",
    51: "unbinding", 64: "opening_request", 65: "opening_start", 66: "opening_result",
    67: "refusal", 96: "ledger_batch", 97: "redemption_order", 98: "payout_batch", 99: "offer",
    100: "use_order", 101: "goods_outcome", 102: "lot_rules", 103: "credit_lot",
    104: "lot_verification", 105: "lot_sale", 106: "lot_retirement", 107: "expiry_notice",
    108: "campaign", 109: "market_rules", 110: "market_price", 111: "ranking_rules",
    112: "ranking_choice", 113: "ranking_salt", 114: "ranking", 128: "table_shell",
    129: "table_contribution", 130: "release_start", 131: "table_release",
}  # fmt: skip
HOME: Final = {
    "parameters": "V02", "self_test": "V03", "party_admission": "V04", "programme": "V04",
    "methodology_admission": "V08",
    "enrolment_batch": "V09", "place_batch": "V09", "evaluation_request": "V04",
    "epoch_plan": "V14", "claim_commitment": "V12", "commit_closed": "V12", "beacon_value": "V12",
    "claim_list": "V12", "verdict_list": "V12", "chunk_header": "V10", "seal": "V14",
    "link_proof": "V13", "dispute": "V12",
    "operator_binding": "V16", "partner_binding": "V16", "binding_objection": "V16",
    "unbinding": "V16", "opening_request": "V16", "opening_start": "V16", "opening_result": "V18",
    "refusal": "V16", "ledger_batch": "V19", "redemption_order": "V20", "payout_batch": "V21",
    "offer": "V26", "use_order": "V26", "goods_outcome": "V26", "lot_rules": "V26",
    "credit_lot": "V26", "lot_verification": "V26", "lot_sale": "V26", "lot_retirement": "V26",
    "expiry_notice": "V26", "campaign": "V26", "market_rules": "V26", "market_price": "V26",
    "ranking_rules": "V26", "ranking_choice": "V26", "ranking_salt": "V26", "ranking": "V26",
    "table_shell": "V23", "table_contribution": "V23", "release_start": "V23",
    "table_release": "V23",
}  # fmt: skip
"""The line of a statement that breaks a rule which has no line of its own."""
BOOK_LINES: Final = {"V19", "V20", "V21", "V26"}
ROOTED: Final = {
    "parameters", "self_test", "party_admission", "programme", "methodology_admission", "offer",
    "lot_rules", "lot_verification", "expiry_notice", "campaign", "market_rules",
    "ranking_rules", "table_shell",
}  # fmt: skip
SIGNERS: Final = {
    "enrolment_batch": ("partner_id", {"partner"}),
    "evaluation_request": ("asker_id", {"partner", "wallet_operator"}),
    "claim_commitment": ("partner_id", {"partner"}),
    "chunk_header": ("partner_id", {"partner"}),
    "link_proof": ("partner_id", {"partner"}),
    "dispute": ("partner_id", {"partner"}),
    "operator_binding": ("operator_id", {"wallet_operator"}),
    "partner_binding": ("partner_id", {"partner"}),
    "binding_objection": ("partner_id", {"partner"}),
    "unbinding": ("party_id", {"partner", "wallet_operator"}),
    "opening_request": ("operator_id", {"wallet_operator"}),
    "refusal": ("trustee_id", {"trustee"}),
    "redemption_order": ("operator_id", {"wallet_operator"}),
    "use_order": ("operator_id", {"wallet_operator"}),
    "ranking_choice": ("operator_id", {"wallet_operator"}),
    "table_contribution": ("partner_id", {"partner"}),
}
"""The field that names the signer, and the roles that it may have; of what neither root keys nor
trustees of a subset sign, all else is the hub's."""


class Entry(NamedTuple):
    """A line of leaves.txt."""

    leaf: bytes
    salt: bytes
    sha256: str


@dataclass(slots=True)
class Leaf:
    """A leaf whose body is canonical and signed by whoever must sign it."""

    index: int
    kind: str
    leaf: bytes
    payload: bytes
    said: Statement


class Envelope(NamedTuple):
    """A DSSE envelope, section 3."""

    type: str
    payload: bytes
    signatures: list[tuple[str, bytes]]

    @property
    def covered(self) -> bytes:
        """What is signed."""
        kind = self.type.encode()
        return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(self.payload), self.payload)


def envelope_of(data: bytes) -> Envelope:
    """Parse an envelope in its one form."""
    tree = canonical_tree(data)
    try:
        signatures = [(item["keyid"], unbase64(item["sig"])) for item in tree["signatures"]]
        found = Envelope(tree["payloadType"], unbase64(tree["payload"]), signatures)
        plain = all(item.keys() == {"keyid", "sig"} for item in tree["signatures"])
        plain = plain and all(type(name) is str for name, _ in signatures)
    except (KeyError, TypeError, AttributeError) as error:
        raise Broken("MALFORMED", "no envelope") from error
    plain = plain and len(tree) == 3 and type(found.type) is str  # noqa: PLR2004
    need(plain and 0 < len(signatures) <= 32, "MALFORMED", "no envelope")  # noqa: PLR2004
    return found


def unbase64(text: str) -> bytes:
    """Decode standard base64 in its one spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, TypeError) as error:
        raise Broken("MALFORMED", "no base64") from error
    need(base64.b64encode(data).decode() == text, "MALFORMED", "another spelling of base64")
    return data


def check_signers(envelope: Envelope, keys: dict[str, bytes], least: int) -> None:
    """Have every signature of these keys hold, and enough of them there: section 3, step 3."""
    theirs = [(name, signature) for name, signature in envelope.signatures if name in keys]
    need(len({name for name, _ in theirs}) == len(theirs), "SIGNATURE_INVALID", "twice", "V07")
    for name, signature in theirs:
        check_signature(keys[name], signature, envelope.covered)
    need(least == 1 or len(theirs) >= least, "SIGNATURE_INVALID", "too few signed", "V07")
    need(len(theirs) >= least, "SIGNER_REFUSED", "who must sign did not", "V04")


def tree_root(leaves: Iterable[bytes]) -> bytes:
    """RFC 6962, section 2.1."""
    return Tree(leaves).root()


class Tree:
    """A tree that grows: the roots of its perfect subtrees, largest first."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """Begin with these leaves."""
        self.stack: list[tuple[int, bytes]] = []
        for leaf in leaves:
            self.add(leaf)

    def add(self, leaf: bytes) -> None:
        """Take in a leaf."""
        size, node = 1, hashlib.sha256(b"\x00" + leaf).digest()
        while self.stack and self.stack[-1][0] == size:
            node = hashlib.sha256(b"\x01" + self.stack.pop()[1] + node).digest()
            size *= 2
        self.stack.append((size, node))

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self.stack:
            return hashlib.sha256(b"").digest()
        nodes = [node for _, node in self.stack]
        return functools.reduce(
            lambda right, left: hashlib.sha256(b"\x01" + left + right).digest(), reversed(nodes)
        )


class Head(NamedTuple):
    """A witnessed head, section 5.2."""

    size: int
    root: bytes
    time: int
    wait: int
    by_partner: bool
    """Whether a partner has signed it too."""


class Folder:
    """The files of section 4.3."""

    def __init__(self, path: Path) -> None:
        """Open a folder."""
        self.path = path

    def data(self, place: str, sha256: str, ending: str = "") -> bytes:
        """Read a body or file, and hold it against its name."""
        noun = "BODY" if ending else "FILE"
        try:
            data = (self.path / place / f"{sha256}{ending}").read_bytes()
        except OSError as error:
            raise Broken(f"{noun}_MISSING", f"{place}/{sha256}{ending}", "V01") from error
        good = hashlib.sha256(data).hexdigest() == sha256
        need(good, f"{noun}_CHANGED", f"{place}/{sha256}{ending}", "V01")
        return data


def read_entries(world: World) -> dict[int, Entry]:
    """Read the list of leaves: every leaf once and in order."""
    entries: dict[int, Entry] = {}
    line_form = re.compile(r"(0|[1-9][0-9]{0,15}) ([0-9a-f]{68}) ([0-9a-f]{64}) ([0-9a-f]{64})")
    text = (world.folder.path / "leaves.txt").read_text(encoding="utf-8", errors="replace")
    lines = text.split("\n")
    if lines.pop() != "":
        world.find("V05", "LEAF_LINE_MALFORMED", "leaves.txt does not end with a line feed")
    before = -1
    for line in lines:
        found = line_form.fullmatch(line)
        if found is None:
            world.find("V05", "LEAF_LINE_MALFORMED", repr(line[:80]))
            continue
        index = int(found[1])
        entry = Entry(bytes.fromhex(found[2]), bytes.fromhex(found[3]), found[4])
        if index in entries:
            world.find("V05", "LEAF_DOUBLED", "stands there twice", index)
            continue
        if index < before:
            world.find("V05", "LEAF_OUT_OF_ORDER", "stands behind a later one", index)
        entries[index], before = entry, index
    missing = [index for index in range(max(entries, default=-1) + 1) if index not in entries]
    for index in missing[:10]:
        world.find("V05", "LEAF_MISSING", "is not in the list", index)
    return entries


def read_leaf(world: World, index: int, entry: Entry) -> Leaf:
    """Check a leaf by itself: sections 2, 3 and 4.1."""
    body = world.folder.data("bodies", entry.sha256, ".json")
    kind = KINDS.get(entry.leaf[0])
    need(kind is not None and entry.leaf[1] == 1, "LEAF_TYPE_UNKNOWN", "", "V05")
    good = entry.leaf[2:] == hashed("leaf", entry.leaf[:1], entry.salt, body)
    need(good, "COMMITMENT_DIFFERS", "salt and body do not give the leaf", "V05")
    kind = kind or ""
    with world.line(HOME[kind]):
        envelope = envelope_of(body)
        own_type = f"application/vnd.fedcarbon.{kind.replace('_', '-')}+json"
        need(envelope.type == own_type, "TYPE_IN_BODY_DIFFERS", envelope.type, "V07")
        parameter_id = bytes.fromhex(world.roots["parameter_id"])
        said = decoded(kind, envelope.payload, parameter_id)
        if HOME[kind] == "V26":
            need(all(forms_of_use(kind, said)), f"{kind}_malformed".upper(), "what no one may say")
        need(all(forms_of_table(kind, said)), "MALFORMED", "what no one may say")
        leaf = Leaf(index, kind, entry.leaf, envelope.payload, said)
        if HOME[kind] in BOOK_LINES:
            world.books.append(leaf)  # signed or not: the hub's own balances rest on it (15.8)
        try:
            check_signers(envelope, *keys_for(world, leaf))
        except Broken:
            if HOME[kind] in BOOK_LINES:
                world.find(HOME[kind], f"{kind}_unsigned".upper(), "", index)
            raise
        if kind == "release_start":
            signed = sorted(name for name, _ in envelope.signatures)
            good = signed == [part["trustee_id"] for part in said["noise"]]
            need(good, "NOISE_SIGNERS_DIFFER", "not signed by exactly those whose noise it names")
        world.count("V04", "V07")
    return leaf


def keys_for(world: World, leaf: Leaf) -> tuple[dict[str, bytes], int]:
    """Return the keys whose signatures count for a leaf, and how many are needed (4.1)."""
    if leaf.kind in ROOTED:
        keys = {f"root:{root['trustee']}": bytes.fromhex(root["key"]) for root in world.root_keys}
        every = leaf.kind in {"parameters", "self_test"}
        return keys, len(keys) if every else world.roots["threshold"]
    if leaf.kind == "opening_start":
        names, roles, least = leaf.said["subset"], {"trustee"}, len(leaf.said["subset"])
    elif leaf.kind == "release_start":
        names, roles, least = list(world.parties), {"trustee"}, world.roots["threshold"]
    elif leaf.kind in SIGNERS:
        name, roles = SIGNERS[leaf.kind]
        names, least = [leaf.said[name]], 1
    else:
        names, roles, least = list(world.parties), {"hub"}, 1
    admitted = {name: world.parties[name] for name in names if name in world.parties}
    return {name: a["signing_key"] for name, a in admitted.items() if a["role"] in roles}, least


def read_heads(world: World, entries: dict[int, Entry]) -> dict[int, bytes]:
    """Return the file of every head by its size."""
    heads = {}
    for path in sorted((world.folder.path / "checkpoints").glob("*.txt")):
        if re.fullmatch(r"[1-9][0-9]{0,15}", path.stem) is None:
            world.find("V05", "HEAD_MALFORMED", path.name)
        else:
            heads[int(path.stem)] = path.read_bytes()
    beyond = [size for size in heads if size > max(entries, default=-1) + 1]
    if beyond:
        world.find("V05", "LEAF_MISSING", f"a head covers {max(beyond)} leaves")
    return heads


NOTE_LINE: Final = re.compile("\u2014 ([^ ]+) ([A-Za-z0-9+/=]+)")


def key_id(name: str, kind: int, key: bytes) -> bytes:
    """Return the 4 bytes by which a line of a note names its key (5.2)."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + key).digest()[:4]


def read_note(world: World, data: bytes) -> tuple[int, bytes, dict[str, int], bool]:
    """Return size, root, the times of witnesses, and whether the hub has signed (5.2)."""
    try:
        text, _, ending = data.decode().partition("\n\n")
    except ValueError as error:
        raise Broken("MALFORMED", "no note") from error
    origin = f"fedcarbon/{world.roots['parameter_id']}"
    head = re.fullmatch(re.escape(origin) + r"\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/=]{44})", text)
    lines = [NOTE_LINE.fullmatch(line) for line in ending.split("\n")[:-1]]
    if head is None or not ending.endswith("\n") or len(lines) > 512:  # noqa: PLR2004
        raise Broken("MALFORMED", "no note of this record")
    signed, by_hub, times = text.encode() + b"\n", False, {}
    for line in lines:
        if line is None:
            raise Broken("MALFORMED", "no line of a note")
        name, blob = line[1], unbase64(line[2])
        admission = world.parties.get(name, {"role": "", "signing_key": b""})
        key = admission["signing_key"]
        witness = admission["role"] in {"trustee", "partner"} and name not in times
        if witness and blob[:4] == key_id(name, 4, key):
            time = int.from_bytes(blob[4:12], "big")
            message = b"cosignature/v1\ntime %d\n" % time + signed
            check_signature(key, blob[12:], message)
            times[name] = time
        for hub in world.parties.values() if name == origin else ():
            if hub["role"] == "hub" and blob[:4] == key_id(name, 1, hub["signing_key"]):
                check_signature(hub["signing_key"], blob[4:], signed)
                by_hub = True
    return int(head[1]), unbase64(head[2]), times, by_hub


def check_copies(world: World) -> None:
    """Compare `checkpoint` and the tiles, where present, with heads and leaves (4.3)."""
    folder, leaves = world.folder.path, [world.row[index] for index in sorted(world.row)]
    sizes = [int(path.stem) for path in (folder / "checkpoints").glob("*.txt")]
    copy = folder / "checkpoint"
    if copy.exists():
        newest = folder / "checkpoints" / f"{max(sizes, default=0)}.txt"
        good = newest.exists() and copy.read_bytes() == newest.read_bytes()
        need(good, "CHECKPOINT_COPY_DIFFERS", "", "V05")
    levels = [[hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]]
    while len(levels[-1]) >= TILE:
        row = levels[-1][: len(levels[-1]) // TILE * TILE]
        while len(row) > len(levels[-1]) // TILE:
            pairs = zip(row[::2], row[1::2], strict=True)
            row = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
        levels.append(row)
    rows = {str(level): row for level, row in enumerate(levels)}
    rows["entries"] = [len(leaf).to_bytes(2, "big") + leaf for leaf in leaves]
    for path in sorted(folder.glob("tile/**/*")):
        if path.is_file():
            found = TILE_PATH.fullmatch(path.relative_to(folder).as_posix())
            level, name, part = found.groups() if found else ("", "0", None)
            number, width = int(name.replace("x", "").replace("/", "")), int(part or TILE)
            cut = rows.get(level, [])[number * TILE : number * TILE + width]
            good = len(cut) == width <= TILE and path.read_bytes() == b"".join(cut)
            need(good, "TILE_DIFFERS", path.name, "V05")


TILE: Final = 256
TILE_PATH: Final = re.compile(
    r"tile/(entries|[0-7])/((?:x\d{3}/)*\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII
)


def judge_head(world: World, size: int, data: bytes, root: bytes | None) -> None:
    """Check a head over the first leaves, and remember it if a quorum signed it (5.2)."""
    trustees = {name for name, admission in world.parties.items() if admission["role"] == "trustee"}
    n, t = len(world.root_keys), world.roots["threshold"]
    need(len(trustees) == n, "QUORUM_MISSING", "not all trustees are admitted yet", "V06")
    told, found, times, by_hub = read_note(world, data)
    need(told == size, "HEAD_MISNAMED", f"it covers {told}")
    need(by_hub, "SIGNATURE_INVALID", "the hub has not signed", "V07")
    moments = sorted(time for name, time in times.items() if name in trustees)
    need(len(moments) >= -(-(n + t) // 2), "QUORUM_MISSING", f"{len(moments)} trustees", "V06")
    median = moments[(len(moments) - 1) // 2]
    partners = times.keys() - trustees
    world.heads.append(Head(size, found, median, max(moments[t - 1], median), bool(partners)))
    world.count("V05", "V06")
    if root is not None and found != root and not world.forked:
        world.forked = True
        raise Broken("FORKED_RECORD", "a quorum signed another head", "V05")


# --- the state of a reader ------------------------------------------------------------------------


@dataclass(slots=True)
class Epoch:
    """What is known of one epoch of a programme."""

    plan: Leaf | None = None
    commitments: dict[str, Leaf] = field(default_factory=dict)
    closing: Leaf | None = None
    lists: dict[str, Leaf] = field(default_factory=dict)
    beacons: dict[str, Leaf] = field(default_factory=dict)
    verdicts: Leaf | None = None
    claims: dict[str, dict[bytes, int] | None] = field(default_factory=dict)
    """Rank by token of every revealed list, in its order; None if its file cannot be read."""
    pieces: dict[str, list[bytes]] = field(default_factory=dict)
    """K of every claim of a revealed list."""
    chunks: dict[int, Chunk] = field(default_factory=dict)
    """By the index of the header."""
    links: dict[str, Leaf] = field(default_factory=dict)
    seal: Leaf | None = None
    missing: set[str] = field(default_factory=set)
    products: dict[int, int] | None = None
    """Cumulative ciphertext of every block; None if it could not be judged."""


@dataclass(slots=True)
class Chunk:
    """A chunk header and what its file holds."""

    said: Statement
    blocks: dict[int, int | None] | None = None
    """Ciphertext by block; None where it could not be read."""
    commitments: dict[int, int] = field(default_factory=dict)
    """A by block."""


@dataclass(slots=True)
class Binding:
    """The halves of a binding that count."""

    half: Leaf
    partners: dict[str, Leaf] = field(default_factory=dict)
    frozen: int | None = None
    """Leaf of the first objection that counts."""
    ended: int | None = None
    """Leaf of the unbinding."""


@dataclass(slots=True)
class Opening:
    """A start and what came of it."""

    leaf: Leaf
    product: int | None = None
    """The cumulative ciphertext of its block; None if that could not be judged."""
    result: Leaf | None = None


Job = tuple[Callable[..., None], tuple[Any, ...]]


@dataclass(slots=True)
class World:
    """What a reader of the record knows, and what it has found."""

    folder: Folder
    roots: dict[str, Any]
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is no finding and must be seen."""
    counts: Counter[str] = field(default_factory=Counter)
    parties: Statement = field(default_factory=dict)
    """Admission by party, in force at the leaf that is being read."""
    heads: list[Head] = field(default_factory=list)
    forked: bool = False
    row: dict[int, bytes] = field(default_factory=dict)
    """All leaves, whatever is wrong with them."""
    tree: dict[int, bytes] = field(default_factory=dict)
    """Root by size."""
    leaves: dict[int, Leaf] = field(default_factory=dict)
    """What was folded."""
    parameters: Parameters | None = None
    programmes: dict[str, Programme] = field(default_factory=dict)
    taken: dict[tuple[int, int], bytes] = field(default_factory=dict)
    halves: dict[bytes, Binding] = field(default_factory=dict)
    """By the operator's half."""
    bindings: dict[bytes, Binding] = field(default_factory=dict)
    """By binding id."""
    openings: dict[int, Opening] = field(default_factory=dict)
    """By the index of the start."""
    history: dict[tuple[str, bytes], list[Opening]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Starts by programme and account."""
    results: list[Opening] = field(default_factory=list)
    share_files: dict[bytes, Shared | None] = field(default_factory=dict)
    once: set[tuple[object, ...]] = field(default_factory=set)
    jobs: list[tuple[str, int | None, str, Job]] = field(default_factory=list)
    """Range proofs, which are checked last: line, leaf, what it is about, work."""
    books: list[Leaf] = field(default_factory=list)
    tables: Tables = field(default_factory=lambda: Tables())  # noqa: PLW0108 - declared below

    @property
    def root_keys(self) -> list[dict[str, str]]:
        """Return the keys of roots.toml."""
        return list(self.roots["root"])

    @property
    def set(self) -> Parameters:
        """Return the parameters; nothing works without."""
        if self.parameters is None:
            raise Broken("PARAMETERS_INVALID", "there is no parameter set to work with", "V02")
        return self.parameters

    def find(self, check: str, code: str, text: str, leaf: int | None = None) -> None:
        """Note what does not hold."""
        finding = Finding(check, code, leaf, text)
        if finding not in self.findings:
            self.findings.append(finding)

    def count(self, *checks: str) -> None:
        """Note that something was checked."""
        self.counts.update(checks)

    @contextmanager
    def line(self, check: str) -> Iterator[None]:
        """Give errors that have no line of their own this one."""
        try:
            yield
        except Broken as error:
            error.check = error.check or check
            raise

    @contextmanager
    def judging(self, check: str, leaf: int | None = None, about: str = "") -> Iterator[None]:
        """Note what does not hold, and go on."""
        try:
            yield
        except Broken as error:
            text = f"{about}: {error.text}" if about and error.text else about or error.text
            self.find(error.check or check, error.code, text, leaf)

    def first(self, *what: object) -> None:
        """Refuse what may stand once and stands there again (4.2)."""
        need(what not in self.once, "LOGGED_TWICE", " ".join(map(str, what[:1])))
        self.once.add(what)

    def head_over(self, index: int) -> Head | None:
        """Return the first witnessed head that covers a leaf."""
        at = bisect.bisect_right(self.heads, index, key=lambda head: head.size)
        return self.heads[at] if at < len(self.heads) else None

    def witnessed(self, index: int, by: int) -> bool:
        """Return whether a leaf was under a witnessed head before another one was logged."""
        head = self.head_over(index)
        return head is not None and head.size <= by

    def file(self, sha256: bytes) -> bytes:
        """Read a file that a body names."""
        data = self.folder.data("files", sha256.hex())
        self.count("V01")
        return data

    def round(self, domain: str) -> list[Programme]:
        """Return the programmes of a domain, which share their claim rounds, by their ids."""
        found = [item for _, item in sorted(self.programmes.items())]
        return [item for item in found if item.domain == domain]

    def claims(self, domain: str, epoch: int) -> dict[tuple[str, str], dict[bytes, int] | None]:
        """Return the revealed lists of a claim round by claimant, programme first."""
        return {
            (programme.id, name): found
            for programme in self.round(domain)
            for name, found in programme.epochs[epoch].claims.items()
        }

    def programme(self, name: str) -> Programme:
        """Return a programme."""
        need(name in self.programmes, "UNKNOWN_PROGRAMME", name)
        return self.programmes[name]


# --- 6: parameters --------------------------------------------------------------------------------


class Moduli:
    """What follows from n and N alone (6.2), and arithmetic with it."""

    def __init__(self, n: int, big_n: int, parameter_id: bytes) -> None:
        """Derive H, v and the generators, and note at which counters they were found."""
        good = n % 2 == 1 == big_n % 2 and min(n, big_n).bit_length() > 2 * SLOT_BITS
        need(good, "PARAMETERS_INVALID", "moduli")
        self.n, self.N, self.id = n, big_n, parameter_id
        self.nn = n * n
        self.bits, self.group_bits = n.bit_length(), big_n.bit_length()
        self.width = self.bits // 4
        self.slots = (self.bits - 2) // SLOT_BITS
        y, at_y = self.first("paillier/y", n)
        root, at_v = self.first("paillier/v", self.nn)
        self.H, self.v = pow(y * y, n, self.nn), root * root % self.nn
        names = [(kind, j) for kind in "vxyz" for j in range(self.slots)] + [("0", 0), ("h", 0)]
        found = {name: self.generator(*name) for name in names}
        self.g = {name: value for name, (value, _) in found.items()}
        self.counters = [at_y, at_v, *(counter for _, counter in found.values())]

    def first(self, label: str, bound: int) -> tuple[int, int]:
        """Return the first hash that is above 1 and a unit, and its counter."""
        for counter in range(1000):
            value = hash_below(bound, label, shortest(self.n), u32(counter))
            if value > 1 and math.gcd(value, self.n) == 1:
                return value, counter
        raise Broken("PARAMETERS_INVALID", label)

    def generator(self, kind: str, j: int) -> tuple[int, int]:
        """Return a generator of the commitment group, and its counter."""
        items = (kind.encode(), u32(j), shortest(self.N), shortest(self.n))
        for counter in range(1000):
            value = hash_below(self.N, "generator", *items, u32(counter))
            if jacobi(value, self.N) == 1:
                return min(value, self.N - value), counter
        raise Broken("PARAMETERS_INVALID", f"g_{kind},{j}")

    def wide(self, value: int) -> bytes:
        """Encode a number mod n^2."""
        return value.to_bytes(self.width, "big")

    def ciphertext(self, data: bytes) -> int:
        """Decode a ciphertext, section 12.3."""
        need(len(data) == self.width, "CIPHERTEXT_LENGTH", "", "V11")
        value = int.from_bytes(data, "big")
        need(0 < value < self.nn, "CIPHERTEXT_RANGE", "", "V11")
        need(math.gcd(value, self.n) == 1, "CIPHERTEXT_NOT_UNIT", "", "V11")
        return value

    def encrypted(self, message: int, s: int) -> int:
        """Section 12.2."""
        return (1 + self.n * message) * powers_of(self.H, self.nn).power(s) % self.nn

    def hidden(self, q: int, blinding: int) -> int:
        """Compute g_0^q h^blinding; q may be negative."""
        value = powers_of(self.g["0", 0], self.N).power(abs(q))
        value = value if q >= 0 else pow(value, -1, self.N)
        return value * powers_of(self.g["h", 0], self.N).power(blinding) % self.N

    def member(self, value: int) -> int:
        """Have a number be in the signed quadratic residues mod N (12.7)."""
        good = 0 < value <= (self.N - 1) // 2 and jacobi(value, self.N) == 1
        need(good, "RANGE_PROOF_INVALID", "(1b) no element of the group")
        return value


class Parameters(Moduli):
    """What follows from leaf 0."""

    def __init__(self, said: Statement, payload: bytes) -> None:
        """Take the statement and its bytes."""
        super().__init__(
            said["modulus"], said["commitment_modulus"], hashed("parameter-id", payload)
        )
        self.said = said
        self.t: int = said["threshold"]
        self.trustees: list[str] = [item["trustee_id"] for item in said["trustees"]]
        self.keys: list[int] = [item["verification_key"] for item in said["trustees"]]
        self.delta = math.factorial(len(self.trustees))
        told = [said["blinding_counter"], said["verification_counter"]]
        good = [*told, *said["generator_counters"]] == self.counters
        need(good, "PARAMETERS_INVALID", "counters")
        self.beacon = next(key for key in said["voprf_keys"] if key["label"] == "beacon")

    def lagrange(self, indices: Iterable[int], of: int, at: int) -> int:
        """Delta times the coefficient of an index: an integer."""
        others = [index for index in indices if index != of]
        above: int = self.delta * math.prod(at - index for index in others)
        return above // math.prod(of - index for index in others)


def jacobi(a: int, n: int) -> int:
    """Return the Jacobi symbol (a|n) for odd n."""
    a, result = a % n, 1
    while a:
        twos = (a & -a).bit_length() - 1
        a >>= twos
        if twos % 2 and n % 8 in {3, 5}:
            result = -result
        if a % 4 == n % 4 == 3:  # noqa: PLR2004
            result = -result
        a, n = n % a, a
    return result if n == 1 else 0


def is_prime(m: int) -> bool:
    """Miller and Rabin with the primes below 40 as bases: enough to know a prime from a modulus."""
    odd, twos = m - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        x = pow(base, odd, m)
        if x not in {1, m - 1} and all(pow(x, 1 << i, m) != m - 1 for i in range(1, twos)):
            return False
    return True


def check_square_free(m: int, roots: list[int]) -> None:
    """Section 6.3."""
    small = [p for p in range(3, 1 << 16, 2) if m % p == 0]
    need(m % 2 == 1 and not small and not is_prime(m), "PARAMETERS_INVALID", "a small factor")
    need(math.isqrt(m) ** 2 != m, "PARAMETERS_INVALID", "a square")
    need(len(roots) == 8, "PARAMETERS_INVALID", "8 roots")  # noqa: PLR2004
    bits = m.bit_length()
    transcript = Transcript("square-free")
    transcript.number("bits", bits, 32)
    transcript.number("modulus", m, bits)
    for root in roots:
        rho = 0
        while math.gcd(rho, m) != 1:
            rho = transcript.challenge("element", bits + 128) % m
        good = 0 < root < m and pow(root, m, m) == rho
        need(good, "PARAMETERS_INVALID", "a root of the square-freeness proof")


def judge_parameters(world: World, leaf: Leaf) -> None:
    """Sections 6.1 to 6.4."""
    need(leaf.index == 0, "RECORD_VIOLATION", "leaf 0 is the parameter set")
    try:
        found = Parameters(leaf.said, leaf.payload)
    except (ValueError, ZeroDivisionError, StopIteration, IndexError) as error:
        raise Broken("PARAMETERS_INVALID", str(error)) from error
    said, count = leaf.said, len(found.trustees)
    roots = [(item["trustee_id"], item["root_key"].hex()) for item in said["trustees"]]
    known = [(root["trustee"], root["key"]) for root in world.root_keys]
    good = found.id.hex() == world.roots["parameter_id"] and roots == known
    need(
        good and found.t == world.roots["threshold"], "PARAMETERS_DIFFER", "not those of the roots"
    )
    bits = min(found.bits, found.group_bits)
    need(bits >= 2048 or said["insecure"], "PARAMETERS_INVALID", "short moduli")  # noqa: PLR2004
    need(found.bits % 16 == 0, "PARAMETERS_INVALID", "length of n")
    need(found.t <= count < 2 * found.t and count <= 15, "PARAMETERS_INVALID", "t of n")  # noqa: PLR2004
    coprime = math.gcd(2 * found.delta, found.n) == 1 == math.gcd(found.n, found.N)
    need(coprime, "PARAMETERS_INVALID", "a common factor")
    units = all(0 < key < found.nn and math.gcd(key, found.n) == 1 for key in found.keys)
    need(units, "PARAMETERS_INVALID", "a verification key is no unit")
    check_square_free(found.n, said["modulus_square_free"])
    check_square_free(found.N, said["commitment_square_free"])
    low = range(1, found.t + 1)
    for i in range(found.t + 1, count + 1):
        powers = [pow(found.keys[j - 1], found.lagrange(low, j, i), found.nn) for j in low]
        good = math.prod(powers) % found.nn == pow(found.keys[i - 1], found.delta, found.nn)
        need(
            good, "PARAMETERS_INVALID", f"verification key {i} is on no polynomial of degree t - 1"
        )
    check_voprf_keys(found)
    tag, moduli = b"fedcarbon/v1/ristretto-generator", joined(shortest(found.n), shortest(found.N))
    good = element_bytes(hash_to_group(moduli, tag)) == said["ristretto_generator"]
    need(good, "PARAMETERS_INVALID", "G'")
    world.parameters = found
    world.count("V02")


def check_voprf_keys(found: Parameters) -> None:
    """Section 6.4, 5 and 6."""
    keys, count = found.said["voprf_keys"], len(found.trustees)
    labels = [key["label"] for key in keys]
    need(labels == ["account", "claim", "object", "beacon"], "PARAMETERS_INVALID", "labels")
    roots = {item["root_key"] for item in found.said["trustees"]}
    good = len(roots) == count and len({key["public"] for key in keys}) == len(keys)
    need(good, "PARAMETERS_INVALID", "one key twice")
    for key in keys:
        good = len(key["commitments"]) == found.t and len(key["trustee_publics"]) == count
        need(good and key["commitments"][0] == key["public"], "PARAMETERS_INVALID", "A_0 = K")
        points = [element(data) for data in key["commitments"]]
        for i, public in enumerate(key["trustee_publics"], 1):
            terms = ((i**j, point) for j, point in enumerate(points))
            good = element_bytes(combination(*terms)) == public
            need(good, "PARAMETERS_INVALID", f"K_{i} of {key['label']}")


def judge_self_test(world: World, leaf: Leaf) -> None:
    """Section 6.5."""
    need(leaf.index == 1, "RECORD_VIOLATION", "leaf 1 is the self-test")
    our = world.set
    tests = leaf.said["trustees"]
    names = [test["trustee_id"] for test in tests]
    need(names == our.trustees, "PARAMETERS_INVALID", "not every trustee, in order")
    context = hashed("self-test", our.id)
    for i, test in enumerate(tests, 1):
        shares, proof = test["shares"], test["proof"]
        check_share_proof(our, i, context, [1 + our.n, our.H], shares, proof, "PARAMETERS_INVALID")
        world.count("V03")
    indices = range(1, our.t + 1)
    for at, expected in enumerate((1, 0)):
        shares = {i: tests[i - 1]["shares"][at] for i in indices}
        need(
            combined(our, shares) == expected, "PARAMETERS_INVALID", f"does not open to {expected}"
        )


# --- 14.7, 14.8: shares ---------------------------------------------------------------------------


def check_share_proof(
    our: Parameters,
    i: int,
    context: bytes,
    ciphertexts: Sequence[int],
    shares: Sequence[int],
    proof: bytes,
    code: str = "SHARE_PROOF_INVALID",
) -> None:
    """Section 14.7."""
    most = 2 * our.bits + our.delta.bit_length() + CHALLENGE + HIDING + 1
    w, nn = our.width, our.nn
    need(len(proof) == 2 * w + -(-most // 8), code, "length of the proof")
    need(len(shares) == len(ciphertexts), code, "a share per ciphertext")
    a, b = (int.from_bytes(proof[at : at + w], "big") for at in (0, w))
    z = int.from_bytes(proof[2 * w :], "big")
    units = all(0 < x < nn and math.gcd(x, our.n) == 1 for x in (*shares, a, b))
    need(units, code, "(1) a number is no unit")
    need(z.bit_length() <= most, code, "(2) response too long")
    pairs = [our.wide(x) for pair in zip(ciphertexts, shares, strict=True) for x in pair]
    start = (our.id, shortest(our.n), u32(i), context, our.wide(our.v), our.wide(our.keys[i - 1]))
    name = "paillier/share-proof/"
    d = hashed(name + "statement", *start, u32(len(shares)), *pairs)
    weights = [expanded(128, name + "weight", d, u32(j)) for j in range(len(shares))]
    c = math.prod(pow(x, weight, nn) for x, weight in zip(ciphertexts, weights, strict=True)) % nn
    s = math.prod(pow(x, weight, nn) for x, weight in zip(shares, weights, strict=True)) % nn
    e = expanded(128, name + "challenge", d, our.wide(a), our.wide(b))
    need(pow(our.v, z, nn) == a * pow(our.keys[i - 1], e, nn) % nn, code, "(3) v^z = a v_i^e")
    good = pow(pow(c, 4, nn), z, nn) == b * pow(s, 2 * e, nn) % nn
    need(good, code, "(4) (C^4)^z = b S^(2e)")


def combined(our: Parameters, shares: dict[int, int]) -> int:
    """Section 14.8."""
    chosen = sorted(shares)[: our.t]
    powers = (pow(shares[i], 2 * our.lagrange(chosen, i, 0), our.nn) for i in chosen)
    value = math.prod(powers) % our.nn
    need(value % our.n == 1, "COMBINED_NOT_ONE")
    message: int = (value - 1) // our.n * pow(4 * our.delta**2, -1, our.n) % our.n
    return message


# --- 12.7: slot range proofs ----------------------------------------------------------------------


class Context(NamedTuple):
    """What a range proof is made for."""

    purpose: str
    programme: str
    party: str
    epoch: int
    block: int
    subject: bytes
    bounds: tuple[int, ...]
    largest_bits: int
    """Length of the largest bound that the context allows."""


def split(data: bytes, widths: Sequence[int]) -> list[int]:
    """Cut bytes into big-endian numbers."""
    need(len(data) == sum(widths), "RANGE_PROOF_INVALID", "(1a) length of the proof")
    found, at = [], 0
    for width in widths:
        found.append(int.from_bytes(data[at : at + width], "big"))
        at += width
    return found


def proof_widths(our: Moduli, largest_bits: int) -> list[int]:
    """Return the bytes of every field of a range proof."""
    group = -(-our.group_bits // 8)
    answer = -(-(largest_bits + CHALLENGE + HIDING + 2) // 8)
    blinding = -(-(our.group_bits + 2 * HIDING + CHALLENGE + 1) // 8)
    randomiser = -(-(our.bits // 2 + CHALLENGE + HIDING + 1) // 8)
    answers = [answer] * (4 * our.slots)
    return [group] * 4 + [our.width] + answers + [blinding] * 2 + [randomiser]


def range_challenges(
    our: Moduli, context: Context, ciphertext: int, shown: Sequence[int]
) -> tuple[list[int], int]:
    """Return every gamma, and e; shown are A, T, E1, E0 and D."""
    a, t, e1, e0, d = shown
    transcript = Transcript("slot-range")
    transcript.take("version", u32(VERSION))
    transcript.take("parameters", our.id)
    transcript.take("purpose", context.purpose.encode())
    transcript.take("programme", context.programme.encode())
    transcript.take("party", context.party.encode())
    transcript.take("epoch", u32(context.epoch))
    transcript.take("block", u64(context.block))
    transcript.take("subject", context.subject)
    transcript.take("W", u32(SLOT_BITS))
    transcript.take("k", u32(our.slots))
    for bound in context.bounds:
        transcript.number("B", bound, SLOT_BITS)
    transcript.number("C", ciphertext, 2 * our.bits)
    transcript.number("A", a, our.group_bits)
    gammas = [transcript.challenge("gamma", 128) for _ in range(our.slots)]
    transcript.number("T", t, our.group_bits)
    transcript.number("D", d, 2 * our.bits)
    transcript.number("E1", e1, our.group_bits)
    transcript.number("E0", e0, our.group_bits)
    return gammas, transcript.challenge("e", 128)


def committed(our: Moduli, answers: Sequence[int], blinding: int) -> int:
    """Compute commit(v, x, y, z; r), with one chain of squarings for all answers."""
    bases = [our.g[kind, j] for kind in "vxyz" for j in range(our.slots)]
    rows = [powers_of(base, our.N).row(0) for base in bases]
    width = len(f"{max(answers):x}")
    value = 1
    for digits in zip(*(f"{answer:0{width}x}" for answer in answers), strict=True):
        value = pow(value, 16, our.N)
        for row, digit in zip(rows, digits, strict=True):
            value = value * row[digit] % our.N
    return our.hidden(0, blinding) * value % our.N


def same(a: int, b: int, modulus: int) -> bool:
    """Compare up to sign."""
    return (a - b) % modulus == 0 or (a + b) % modulus == 0


def check_range(our: Moduli, context: Context, ciphertext: int, proof: bytes) -> None:
    """Check one slot range proof by the numbered checks of section 12.7."""
    code, k, n, big_n = "RANGE_PROOF_INVALID", our.slots, our.n, our.N
    a, t, e1, e0, d, *rest = split(proof, proof_widths(our, context.largest_bits))
    f, (rho, tau, s) = rest[: 4 * k], rest[4 * k :]
    bounds = context.bounds
    good = len(bounds) == k and all(0 <= bound < 1 << SLOT_BITS for bound in bounds)
    need(good and k * SLOT_BITS <= our.bits - 2, code, "(1a) bounds")
    for value in (a, t, e1, e0):
        our.member(value)
    units = all(0 < value < our.nn and jacobi(value, n) == 1 for value in (ciphertext, d))
    need(units, code, "(1c) C or D")
    longest = [bound.bit_length() + CHALLENGE + HIDING + 2 for bound in bounds]
    good = all(answer.bit_length() <= longest[at % k] for at, answer in enumerate(f))
    blinding = our.group_bits + CHALLENGE + 2 * HIDING + 1
    good = good and max(rho, tau).bit_length() <= blinding
    good = good and s.bit_length() <= our.bits // 2 + CHALLENGE + HIDING + 1
    need(good, code, "(1d) an answer is too long")

    gammas, e = range_challenges(our, context, ciphertext, (a, t, e1, e0, d))
    good = same(committed(our, f, rho), t * pow(a, e, big_n), big_n)
    need(good, code, "(2) commit(f; rho_f) = T A^e")
    message = sum(answer << SLOT_BITS * j for j, answer in enumerate(f[:k]))
    left, right = our.encrypted(message, s), d * pow(ciphertext, e, our.nn)
    need((left**2 - right**2) % our.nn == 0, code, "(3) Enc(f_v; s_f)^2 = (D C^e)^2")
    fv, fx, fy, fz = (f[at * k : at * k + k] for at in range(4))
    q = sum(
        gammas[j]
        * (4 * fv[j] * (bounds[j] * e - fv[j]) + e**2 - fx[j] ** 2 - fy[j] ** 2 - fz[j] ** 2)
        for j in range(k)
    )
    need(
        same(our.hidden(q, tau), e0 * pow(e1, e, big_n), big_n), code, "(4) g_0^Q h^tau_f = E0 E1^e"
    )


# --- 9, 10: programmes, enrolments, places --------------------------------------------------------


class Entered(NamedTuple):
    """One line of an enrolment batch."""

    leaf: int
    from_epoch: int
    enrolled: bool


class Programme:
    """A programme and what happened in it."""

    def __init__(self, said: Statement) -> None:
        """Take the statement of section 9.2."""
        self.said = said
        self.id: str = said["programme_id"]
        self.domain: str = said["exclusivity_domain"]
        self.zone = ZoneInfo(said["time_zone"])
        self.first_day = date.fromisoformat(said["first_day"])
        days = (date.fromisoformat(said["last_day"]) - self.first_day).days + 1
        self.days: int = said["epoch_days"]
        need(days > 0 and self.days > 0 and days % self.days == 0, "RECORD_VIOLATION", "epochs")
        self.last_epoch = days // self.days
        self.cap: int = said["cap_ug"] * self.days
        self.policy: Statement = said["policy"]
        self.entries: dict[str, dict[bytes, list[Entered]]] = defaultdict(lambda: defaultdict(list))
        self.epochs: dict[int, Epoch] = defaultdict(Epoch)
        self.methodologies: list[Statement] = []
        """All admissions, in their order."""
        self.places: dict[bytes, tuple[int, int]] = {}
        """By account; a person has another one in another programme."""
        self.snapshots: dict[int, dict[str, dict[bytes, tuple[int, int]]]] = {}
        """Per epoch and partner: the enrolled accounts and their places."""

    def ends(self, epoch: int) -> int:
        """Return the second at which an epoch is over (9.3)."""
        day = self.first_day + timedelta(days=epoch * self.days)
        return int(datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp())

    def vintage(self, epoch: int) -> int:
        """Return the calendar year of an epoch's last day."""
        return (self.first_day + timedelta(days=epoch * self.days - 1)).year

    def ends_year(self, epoch: int) -> bool:
        """Return whether the next epoch is of another vintage."""
        return epoch < self.last_epoch and self.vintage(epoch) != self.vintage(epoch + 1)

    def enrolment(self, partner: str, token: bytes, below: int, epoch: int | None) -> list[Entered]:
        """Return the unbroken run of enrolments that ends with the last entry, or nothing."""
        entries = [entry for entry in self.entries[partner][token] if entry.leaf < below]
        run: list[Entered] = []
        for entry in entries:
            if epoch is None or entry.from_epoch <= epoch:
                run = [*run, entry] if entry.enrolled else []
        return run

    def admitted(self, epoch: int) -> set[bytes]:
        """Return the content hashes that an epoch may be computed by (9.4)."""
        return {
            item["content_hash"]
            for item in self.methodologies
            if item["from_epoch"] <= epoch <= (item["until_epoch"] or epoch)
        }

    def admitted_in(self, year: int, before: int) -> set[bytes]:
        """Return the content hashes that stood before a leaf for any epoch of a vintage."""
        years = {number: self.vintage(number) for number in range(1, self.last_epoch + 1)}
        own = [number for number, found in years.items() if found == year]
        return {
            item["content_hash"]
            for item in self.methodologies
            for number in own
            if item["from_epoch"] <= number <= (item["until_epoch"] or number)
            if item["leaf"] < before
        }

    def epoch(self, number: int) -> Epoch:
        """Return an epoch whose plan is logged."""
        need(self.epochs[number].plan is not None, "WRONG_EPOCH", f"epoch {number} has no plan")
        return self.epochs[number]


def judge_admission(world: World, leaf: Leaf) -> None:
    """Section 9.1."""
    said, our = leaf.said, world.set
    name, key = said["party_id"], said["signing_key"]
    before = world.parties.get(name)
    need((name in our.trustees) == (said["role"] == "trustee"), "ADMISSION_CONFLICT", name)
    need(before is None or before["role"] == said["role"], "ADMISSION_CONFLICT", name)
    others = [item["signing_key"] for other, item in world.parties.items() if other != name]
    need(key not in others, "ADMISSION_CONFLICT", f"key of {name}")
    world.parties[name] = said


SHARED: Final = ("time_zone", "slot_s", "first_day", "last_day", "epoch_days", "token_epoch")
"""What is the same in all programmes of a domain."""


def judge_programme(world: World, leaf: Leaf) -> None:
    """Section 9.2."""
    said = leaf.said
    need(said["programme_id"] not in world.programmes, "PROGRAMME_CONFLICT")
    for other in world.round(said["exclusivity_domain"]):
        same = all(said[name] == other.said[name] for name in SHARED)
        windows = ("commit_window_s", "reveal_window_s")
        same = same and all(said["policy"][name] == other.policy[name] for name in windows)
        planned = any(epoch.plan is not None for epoch in other.epochs.values())
        need(same and not planned, "PROGRAMME_CONFLICT")
    most = said["partners_max"] * said["days_max"] * said["cap_ug"]
    need(most < 1 << 56, "HEADROOM")
    need(said["slot_s"] >= 60 and 86_400 % said["slot_s"] == 0, "RECORD_VIOLATION", "slot_s")  # noqa: PLR2004
    try:
        world.programmes[said["programme_id"]] = Programme(said)
    except (ValueError, OSError) as error:
        raise Broken("RECORD_VIOLATION", f"days or time zone: {error}") from error


def judge_methodology(world: World, leaf: Leaf) -> None:
    """Section 9.4; the document itself is for who can read it."""
    said = leaf.said
    programme = world.programme(said["programme_id"])
    need(1 <= len(said["version"]) <= 20, "RECORD_VIOLATION", "version")  # noqa: PLR2004
    need(1 <= len(said["document"]) <= 1 << 18, "RECORD_VIOLATION", "document")
    window = said["from_epoch"], said["until_epoch"]
    need(window[0] >= 1 and (not window[1] or window[0] <= window[1]), "RECORD_VIOLATION")
    need(said["kind"] == programme.said["measure"], "METHODOLOGY_KIND_DIFFERS")
    named = {key: said[key] for key in ("methodology_id", "version")}
    for other in (item for of in world.programmes.values() for item in of.methodologies):
        same = other.items() >= named.items()
        good = not same or other["content_hash"] == said["content_hash"]
        need(good, "METHODOLOGY_CONFLICT", said["methodology_id"])
    planned = [number for number, epoch in programme.epochs.items() if epoch.plan is not None]
    need(window[0] > max(planned, default=0), "METHODOLOGY_TOO_LATE")
    programme.methodologies.append({**said, "leaf": leaf.index})
    world.count("V08")


def bundle_of(hashes: Iterable[bytes]) -> bytes:
    """Return the bundle of content hashes (11.5)."""
    return hashed("methodology-bundle", *sorted(hashes))


def judge_enrolment(world: World, leaf: Leaf) -> None:
    """Section 10.1."""
    said = leaf.said
    programme, partner = world.programme(said["programme_id"]), said["partner_id"]
    world.first("enrolment batch", partner, said["batch_id"])
    entries = said["entries"]
    tokens = {entry["account_token"] for entry in entries}
    need(0 < len(entries) == len(tokens) <= 2000, "MALFORMED", "entries")  # noqa: PLR2004
    mine = programme.entries[partner]
    for entry in entries:
        inside = 1 <= entry["from_epoch"] <= programme.last_epoch
        need(inside, "EPOCH_OUTSIDE_PROGRAMME")
        known = mine.get(entry["account_token"])
        good = entry["action"] == "enrol" or bool(known and known[-1].enrolled)
        need(good, "NOT_ENROLLED", "a withdrawal of what is not enrolled")
    partners = {name for name, accounts in programme.entries.items() if accounts}
    need(len(partners | {partner}) <= programme.said["partners_max"], "PARTNERS_MAX_REACHED")
    for entry in entries:
        entered = Entered(leaf.index, entry["from_epoch"], entry["action"] == "enrol")
        mine[entry["account_token"]].append(entered)
    world.count("V09")


def judge_places(world: World, leaf: Leaf) -> None:
    """Section 10.2."""
    said = leaf.said
    batch = world.leaves.get(said["enrolment_leaf"])
    good = batch is not None and batch.kind == "enrolment_batch"
    need(good, "RECORD_VIOLATION", "places without an enrolment batch")
    batch_said = batch.said if batch else {}
    need(batch_said["programme_id"] == said["programme_id"], "RECORD_VIOLATION", "programme")
    enrolled = {e["account_token"] for e in batch_said["entries"] if e["action"] == "enrol"}
    places = {entry["account_token"]: (entry["block"], entry["slot"]) for entry in said["entries"]}
    known = world.programme(said["programme_id"]).places
    for token, (block, slot) in places.items():
        need(token in enrolled, "RECORD_VIOLATION", "a place for what the batch did not enrol")
        need(token not in known, "TOKEN_PLACED_TWICE")
        need((block, slot) not in world.taken, "SLOT_TAKEN")
        need(block < 1 << 32 and slot < world.set.slots, "RECORD_VIOLATION", "no such place")
    need(len(set(places.values())) == len(said["entries"]), "SLOT_TAKEN", "twice in one batch")
    known |= places
    world.taken |= {place: token for token, place in places.items()}
    world.count("V09")


def judge_evaluation_request(world: World, leaf: Leaf) -> None:
    """Section 8.5; trustees refuse what the asker may not have."""
    said = leaf.said
    world.programme(said["programme_id"])
    need(1 <= said["count"] <= 1000, "RECORD_VIOLATION")  # noqa: PLR2004
    world.first("evaluation request", said["asker_id"], said["request_id"])


def judge_plan(world: World, leaf: Leaf) -> None:
    """Sections 13.2 and 10.3: the plan, and the snapshot that it fixes."""
    said = leaf.said
    programme, number = world.programme(said["programme_id"]), said["epoch"]
    need(1 <= number <= programme.last_epoch, "WRONG_EPOCH", f"epoch {number}")
    world.first("plan", programme.id, number)
    need(said["snapshot_size"] == leaf.index, "RECORD_VIOLATION", "snapshot_size")
    least = programme.ends(number)
    head = world.head_over(leaf.index)
    if head is not None and head.time + TOLERANCE_S < least:
        world.find("V14", "PLAN_TOO_EARLY", f"epoch {number} was not over", leaf.index)
    for phase in ("commit", "reveal", "submit"):
        least += programme.policy[f"{phase}_window_s"]
        need(said[f"{phase}_until_s"] >= least, "RECORD_VIOLATION", f"{phase}_until_s")
    programme.epochs[number].plan = leaf
    snapshot = programme.snapshots[number] = {}
    for partner, accounts in programme.entries.items():
        found = {
            token: programme.places[token]
            for token in accounts
            if token in programme.places and programme.enrolment(partner, token, leaf.index, number)
        }
        if found:
            snapshot[partner] = found


def bounds_of(world: World, programme: Programme, epoch: int, partner: str) -> dict[int, list[int]]:
    """Return B_j of every slot of every block that a partner owes."""
    found: dict[int, list[int]] = {}
    for block, slot in programme.snapshots[epoch].get(partner, {}).values():
        found.setdefault(block, [0] * world.set.slots)[slot] = programme.cap
    return found


def places_digest(programme: Programme, epoch: int, partner: str) -> bytes:
    """Section 10.4."""
    accounts = programme.snapshots[epoch].get(partner, {})
    entries = [token + u32(block) + u32(slot) for token, (block, slot) in sorted(accounts.items())]
    return hashed("places", b"".join(entries))


# --- 11: claims -----------------------------------------------------------------------------------


def padded(count: int) -> int:
    """Return the padded size of a list (11.4)."""
    if count <= 1:
        return count
    power = 1 << (count - 1).bit_length()
    return 3 * power // 4 if 4 * count <= 3 * power else power


def judge_commitment(world: World, leaf: Leaf) -> None:
    """Section 11.6."""
    said, partner, named = leaf.said, leaf.said["partner_id"], leaf.said["methodologies"]
    need(named == sorted(set(named)) and 1 <= len(named) <= 64, "RECORD_VIOLATION", "methodologies")  # noqa: PLR2004
    programme = world.programme(said["programme_id"])
    epoch = programme.epoch(said["epoch"])
    world.first("commitment", programme.id, said["epoch"], partner)
    need(epoch.closing is None, "EPOCH_STATE", "commitments are closed")
    accounts = programme.snapshots[said["epoch"]].get(partner, {})
    need(bool(accounts), "NOT_IN_SNAPSHOT", partner)
    epoch.commitments[partner] = leaf
    need(padded(said["count"]) == said["count"], "LIST_NOT_PADDED")
    a_day = world.parties[partner]["claim_slots_per_account_day"]
    need(said["count"] <= padded(a_day * len(accounts) * programme.days), "CLAIM_QUOTA_EXCEEDED")
    leaves = said["count"] + len(accounts) * programme.days
    need(said["evidence_count"] == leaves, "EVIDENCE_COUNT_DIFFERS")
    admitted = programme.admitted(said["epoch"])
    with world.judging("V08", leaf.index):
        need(admitted >= set(named), "METHODOLOGY_NOT_ADMITTED", partner)
        world.count("V08")


def judge_closing(world: World, leaf: Leaf) -> None:
    """Section 11.7, by the rules of 11.8."""
    said, number = leaf.said, leaf.said["epoch"]
    programmes = world.round(said["exclusivity_domain"])
    need(bool(programmes), "RECORD_VIOLATION", "a domain without a programme")
    world.first("closing", said["exclusivity_domain"], number)
    lists, missed, until = [], [], 0
    for programme in programmes:
        epoch = programme.epoch(number)
        lists += [
            {"programme_id": programme.id, "partner_id": name, "leaf_index": item.index}
            | {key: item.said[key] for key in ("count", "list_root")}
            for name, item in sorted(epoch.commitments.items())
        ]
        silent = programme.snapshots[number].keys() - epoch.commitments.keys()
        missed += [{"programme_id": programme.id, "partner_id": name} for name in sorted(silent)]
        epoch.closing = leaf
        until = max(until, epoch.plan.said["commit_until_s"] if epoch.plan else 0)
    with world.judging("V12", leaf.index):
        need(said["lists"] == lists and said["missed"] == missed, "CLOSING_DIFFERS")
        head = world.head_over(leaf.index)
        good = not missed or head is None or head.time + TOLERANCE_S >= until
        need(good, "CLOSED_TOO_EARLY")
        world.count("V12")


def judge_claim_list(world: World, leaf: Leaf) -> None:
    """Sections 11.4 and 11.7."""
    said, partner = leaf.said, leaf.said["partner_id"]
    programme = world.programme(said["programme_id"])
    epoch = programme.epoch(said["epoch"])
    need(partner in epoch.commitments, "LIST_WITHOUT_LOGGED_ROOT", partner)
    world.first("claim list", programme.id, said["epoch"], partner)
    others = [item.epochs[said["epoch"]] for item in world.round(programme.domain)]
    judged = any(other.verdicts is not None for other in others)
    need(epoch.closing is not None and not judged, "EPOCH_STATE", "not revealing")
    epoch.lists[partner] = leaf
    epoch.claims[partner] = None
    promised = epoch.commitments[partner].said
    with world.judging("V12", leaf.index, "commitment file"):
        records = cut(world.file(said["commitments_sha256"]), "commitments", 64, "MALFORMED")
        check_list(said, promised, [(record[:32], record[32:]) for record in records])
        for record in records:
            with world.line("V12"):
                element(record[32:])
        epoch.pieces[partner] = [record[32:] for record in records]
    with world.judging("V12", leaf.index, "token file"):
        claims = read_claims(world, leaf)
        if partner in epoch.pieces:
            hidden = [hashed("claim", salt, token, bytes([rank])) for token, rank, salt in claims]
            pairs = zip(hidden, epoch.pieces[partner], strict=False)
            check_list(said, promised, list(pairs) if len(hidden) == promised["count"] else [])
        epoch.claims[partner] = {token: rank for token, rank, _ in claims}
        world.count("V12")


def check_list(said: Statement, promised: Statement, pairs: list[tuple[bytes, bytes]]) -> None:
    """Hold the hidden halves and commitments of a list against what was promised."""
    root = tree_root(hashed("claim-leaf", hidden, piece) for hidden, piece in pairs)
    good = len(pairs) == promised["count"] == said["count"] and root == promised["list_root"]
    need(good, "LIST_DIFFERS_FROM_ROOT")


def read_claims(world: World, leaf: Leaf) -> list[tuple[bytes, int, bytes]]:
    """Return token, rank and salt of every claim of a token file."""
    records = cut(world.file(leaf.said["file_sha256"]), "claims", 33, "MALFORMED_CLAIM_LIST")
    claims = [(record[:16], record[16], record[17:]) for record in records]
    ascending = all(a[0] < b[0] for a, b in itertools.pairwise(claims))
    ranks = [rank for _, rank, _ in claims]
    need(ascending and max(ranks, default=0) <= 5, "MALFORMED_CLAIM_LIST")  # noqa: PLR2004
    best = world.parties[leaf.said["partner_id"]]["best_tier"]
    need(min(ranks, default=5) >= 2 * best, "TIER_ABOVE_ALLOWED")
    return claims


def cut(data: bytes, magic: str, width: int, code: str) -> list[bytes]:
    """Cut a file into its records, behind its magic line."""
    start = f"fedcarbon/v1/{magic}\n".encode()
    need(data.startswith(start) and (len(data) - len(start)) % width == 0, code)
    return [data[at : at + width] for at in range(len(start), len(data), width)]


def judge_beacon(world: World, leaf: Leaf) -> None:
    """Section 11.8."""
    said, our = leaf.said, world.set
    label, scope, number = said["label"], said["scope"], said["epoch"]
    kind = "commit_closed" if label == "tie" else "seal"
    target = world.leaves.get(said["leaf_index"])
    if target is None or target.kind != kind or target.index >= leaf.index:
        raise Broken("BEACON_LEAF", "not over the leaf that this beacon hashes")
    about = target.said["exclusivity_domain" if label == "tie" else "programme_id"]
    need((about, target.said["epoch"]) == (scope, number), "BEACON_LEAF", "of another epoch")
    world.first("beacon", label, scope, number)
    hashed_input = hashed("beacon-input", label.encode(), scope.encode(), u32(number), target.leaf)
    subject = joined(b"fedcarbon/v1/voprf", b"beacon", hashed_input)
    point = hash_to_group(subject, b"HashToGroup-" + CONTEXT)
    answers: dict[int, bytes] = {}
    for partial in said["partials"]:
        need(partial["trustee_id"] in our.trustees, "BEACON_INVALID", "an unknown trustee")
        i = our.trustees.index(partial["trustee_id"]) + 1
        public = our.beacon["trustee_publics"][i - 1]
        check_evaluation(public, point, partial["element"], partial["proof"])
        answers[i] = partial["element"]
    enough = our.t <= len(answers) == len(said["partials"])
    need(enough, "BEACON_INVALID", "fewer than t distinct trustees")
    need(evaluated_openly(subject, answers) == said["output"], "BEACON_INVALID", "output")
    for programme in world.round(scope) if label == "tie" else [world.programme(scope)]:
        programme.epochs[number].beacons[label] = leaf
    with world.judging("V06", leaf.index):
        need(world.witnessed(target.index, leaf.index), "NOT_WITNESSED", "drawn too early")
    world.count("V12", "V06")


def judge_verdicts(world: World, leaf: Leaf) -> None:
    """Sections 11.9 and 11.10."""
    said, number = leaf.said, leaf.said["epoch"]
    programme = world.programme(said["programme_id"])
    epoch = programme.epoch(number)
    world.first("verdicts", programme.id, number)
    beacon = epoch.beacons.get("tie")
    epoch.verdicts = leaf
    if beacon is None or beacon.index != said["beacon_leaf"]:
        raise Broken("VERDICTS_DIFFER", "not by the tie beacon of the epoch")
    named = [verdict["partner_id"] for verdict in said["verdicts"]]
    need(named == sorted(epoch.lists), "VERDICTS_DIFFER", "not one per revealed list")
    head, others = world.head_over(leaf.index), world.round(programme.domain)
    silent = any(
        item.epochs[number].commitments.keys() - item.epochs[number].lists.keys() for item in others
    )
    if silent and head is not None and epoch.plan is not None:
        late = head.time + TOLERANCE_S >= epoch.plan.said["reveal_until_s"]
        need(late, "JUDGED_TOO_EARLY")
    found = world.claims(programme.domain, number)
    claims = {name: ranks for name, ranks in found.items() if ranks is not None}
    if len(claims) < len(found):
        return  # what is wrong with a list has been found already
    lost = lost_tokens(claims, beacon.said["output"])
    for verdict in said["verdicts"]:
        claimant = (programme.id, verdict["partner_id"])
        where = {token: at for at, token in enumerate(claims[claimant])}
        files = {
            "file_sha256": b"fedcarbon/v1/verdicts\n" + b"".join(lost[claimant]),
            "positions_sha256": b"fedcarbon/v1/lost-positions\n"
            + b"".join(u32(where[token]) for token in lost[claimant]),
        }
        with world.judging("V12", leaf.index, verdict["partner_id"]):
            good = verdict["lost"] == len(lost[claimant])
            for key, data in files.items():
                good = good and verdict[key] == hashlib.sha256(data).digest()
                world.file(verdict[key])
            need(good, "VERDICTS_DIFFER")
    with world.judging("V12", leaf.index):
        check_conflicts(world, programme, said)
        world.count("V12")


def check_conflicts(world: World, programme: Programme, said: Statement) -> None:
    """Compare the conflict file: tokens that were judged in an earlier epoch too (11.10)."""
    number, domain = said["epoch"], programme.domain
    first: dict[bytes, int] = {}
    for other in range(1, number + 1):
        for found in world.claims(domain, other).values():
            need(found is not None, "REPEATED_TOKENS_DIFFER", "a list is missing")
            for token in found or ():
                first.setdefault(token, other)
    claims = world.claims(domain, number).values()
    repeated = {token for found in claims for token in found or () if first[token] < number}
    lines = []
    for epoch in sorted({number, *(first[token] for token in repeated)}):
        for claimant, found in world.claims(domain, epoch).items():
            name = b"".join(bytes([len(part)]) + part.encode() for part in claimant)
            for at, token in enumerate(found or ()):
                if token in repeated and epoch in {number, first[token]}:
                    lines.append((token, epoch, claimant, token + u32(epoch) + u32(at) + name))
    data = b"fedcarbon/v1/conflicts\n" + b"".join(line[3] for line in sorted(lines))
    good = said["conflicts_sha256"] == hashlib.sha256(data).digest()
    good = good and said["repeated_tokens"] == len(repeated)
    need(good, "REPEATED_TOKENS_DIFFER")
    world.file(said["conflicts_sha256"])


def judge_dispute(world: World, leaf: Leaf) -> None:
    """Section 11.12."""
    said, partner = leaf.said, leaf.said["partner_id"]
    programme = world.programme(said["programme_id"])
    epoch = programme.epoch(said["epoch"])
    world.first("dispute", programme.id, said["epoch"], partner)
    if epoch.verdicts is None or partner not in epoch.lists:
        raise Broken("EPOCH_STATE", "no verdicts for this partner")
    need(said["verdict_leaf"] == epoch.verdicts.index, "VERDICT_LEAF_DIFFERS")
    heads = world.head_over(leaf.index), world.head_over(epoch.verdicts.index)
    if heads[0] is not None and heads[1] is not None:
        late = heads[0].time - heads[1].time > 30 * 86_400 + TOLERANCE_S
        need(not late, "DISPUTE_TOO_LATE")
    lost = lost_positions(world, epoch, partner)
    positions = said["positions"]
    good = bool(positions) and positions == sorted(set(positions)) and set(positions) <= set(lost)
    need(good, "CLAIM_NOT_LOST")
    need(len(positions) <= max(20, len(lost) // 1000), "DISPUTE_TOO_LARGE")
    world.count("V12")


def lost_positions(world: World, epoch: Epoch, partner: str) -> list[int]:
    """Read the position file that the verdicts name for a partner (11.10)."""
    said = epoch.verdicts.said if epoch.verdicts else {"verdicts": []}
    verdict = next((item for item in said["verdicts"] if item["partner_id"] == partner), None)
    if verdict is None:
        raise Broken("VERDICTS_DIFFER", f"no verdict for {partner}")
    data = world.file(verdict["positions_sha256"])
    positions = [
        int.from_bytes(item) for item in cut(data, "lost-positions", 4, "CLAIM_FILE_DIFFERS")
    ]
    ascending = all(a < b for a, b in itertools.pairwise(positions))
    below = not positions or positions[-1] < len(epoch.pieces[partner])
    good = ascending and below and len(positions) == verdict["lost"]
    need(good, "CLAIM_FILE_DIFFERS", f"positions of {partner}")
    return positions


Claimant = tuple[str, str]
"""Programme and partner."""


def lost_tokens(
    claims: dict[Claimant, dict[bytes, int]], beacon: bytes
) -> dict[Claimant, list[bytes]]:
    """Judge an epoch of a domain: who loses what, ascending (11.9)."""
    claimants: dict[bytes, list[Claimant]] = defaultdict(list)
    for claimant, found in claims.items():
        for token in found:
            claimants[token].append(claimant)
    lost: dict[Claimant, list[bytes]] = {claimant: [] for claimant in claims}
    for token in sorted(claimants):
        order = []
        for claimant in claimants[token]:
            tie = hashed("tie", beacon, token, *(part.encode() for part in claimant))
            order.append((claims[claimant][token], tie, claimant))
        for _, _, claimant in sorted(order)[1:]:
            lost[claimant].append(token)
    return lost


# --- 12.8: link proofs ----------------------------------------------------------------------------


class Submitted(NamedTuple):
    """What a link proof is about."""

    programme: str
    party: str
    epoch: int
    plan: bytes
    verdicts: bytes
    cap: int
    blocks: tuple[tuple[int, int], ...]
    """Every block of the submission, ascending, and its commitment A."""
    won: bytes
    """K: the sum of the piece commitments of the claims that won."""
    second: bytes
    """G'."""


DELTA_BITS: Final = 60


def link_challenge(our: Moduli, about: Submitted, shown: Sequence[int], u: bytes) -> int:
    """Return e; shown are A_d, T, T_d, E1 and E0."""
    transcript = Transcript("link")
    transcript.take("version", u32(VERSION))
    transcript.take("parameters", our.id)
    transcript.take("programme", about.programme.encode())
    transcript.take("party", about.party.encode())
    transcript.take("epoch", u32(about.epoch))
    transcript.take("plan", about.plan)
    transcript.take("verdicts", about.verdicts)
    transcript.take("k", u32(our.slots))
    transcript.take("B", u64(about.cap))
    transcript.take("blocks", u32(len(about.blocks)))
    for block, commitment in about.blocks:
        transcript.take("block", u64(block))
        transcript.number("A", commitment, our.group_bits)
    transcript.take("G'", about.second)
    transcript.take("K", about.won)
    for label, value in zip(("A_d", "T", "T_d", "E1", "E0"), shown, strict=True):
        transcript.number(label, value, our.group_bits)
    transcript.take("U", u)
    return transcript.challenge("e", CHALLENGE)


def check_link(our: Moduli, about: Submitted, proof: bytes) -> None:
    """Check one link proof by the numbered checks of section 12.8."""
    code, k, big_n = "LINK_PROOF_INVALID", our.slots, our.N
    group, more = -(-our.group_bits // 8), len(about.blocks).bit_length()
    answer = about.cap.bit_length() + more + CHALLENGE + HIDING + 2
    blinding = our.group_bits + CHALLENGE + 2 * HIDING + 1
    limits = [answer] * (4 * k) + [DELTA_BITS + CHALLENGE + HIDING + 2] * 4
    limits += [blinding + more, blinding, blinding]
    widths = [group] * 5 + [32] + [-(-bits // 8) for bits in limits] + [32]
    need(bool(about.blocks) and len(proof) == sum(widths), code, "(1a) length of the proof")
    *shown, u_number = split(proof[: 5 * group + 32], widths[:6])
    u, blind = u_number.to_bytes(32, "big"), int.from_bytes(proof[-32:], "little")
    answers = split(proof[5 * group + 32 : -32], widths[6:-1])
    a_d, t, t_d, e1, e0 = shown
    try:
        for value in (*shown, *(commitment for _, commitment in about.blocks)):
            our.member(value)
        point = element(u)
    except Broken as error:
        raise Broken(code, "(1b) no element of its group") from error
    short = all(x.bit_length() <= bits for x, bits in zip(answers, limits, strict=True))
    need(short and blind < ORDER, code, "(1c) an answer is too long")
    e = link_challenge(our, about, shown, u)
    f, (fv, fx, fy, fz), (rho, rho_d, tau) = answers[: 4 * k], answers[4 * k : -3], answers[-3:]
    a = math.prod(commitment for _, commitment in about.blocks) % big_n
    good = same(committed(our, f, rho), t * pow(a, e, big_n), big_n)
    need(good, code, "(2) commit(f; rho_f) = T A^e")
    left = our.hidden(0, rho_d)
    for kind, value in zip(("dv", "dx", "dy", "dz"), (fv, fx, fy, fz), strict=True):
        left = left * pow(our.generator(kind, 0)[0], value, big_n) % big_n
    need(same(left, t_d * pow(a_d, e, big_n), big_n), code, "(3) commit_d(f_d; rho_df) = T_d A_d^e")
    q = 4 * fv * (((1 << DELTA_BITS) - 1) * e - fv) + e**2 - fx**2 - fy**2 - fz**2
    need(
        same(our.hidden(q, tau), e0 * pow(e1, e, big_n), big_n), code, "(4) g_0^Q h^tau_f = E0 E1^e"
    )
    total = (sum(f[:k]) + fv) % ORDER
    left_point = combination((blind, BASE), (total, element(about.second)))
    won = ZERO if about.won == bytes(32) else element(about.won)
    good = element_bytes(left_point) == element_bytes(add(point, combination((e, won))))
    need(good, code, "(5) r_f G + (sum of f_v + f_dv) G' = U + e K")


def judge_link(world: World, leaf: Leaf) -> None:
    """Note a link proof; it is judged with the seal that counts it (13.4)."""
    said = leaf.said
    programme = world.programme(said["programme_id"])
    epoch = programme.epoch(said["epoch"])
    world.first("link proof", programme.id, said["epoch"], said["partner_id"])
    need(epoch.seal is None, "EPOCH_SEALED")
    epoch.links[said["partner_id"]] = leaf


def check_submission(world: World, programme: Programme, seal: Leaf, partner: str) -> None:
    """Have a partner that a seal counts have a link proof, and note it as work to be done."""
    number = seal.said["epoch"]
    epoch = programme.epochs[number]
    leaf, plan, verdicts = epoch.links.get(partner), epoch.plan, epoch.verdicts
    if leaf is None or plan is None or verdicts is None:
        raise Broken("LINK_PROOF_MISSING", partner)
    good = leaf.said["plan_leaf"] == plan.index and leaf.said["verdict_leaf"] == verdicts.index
    need(good and verdicts.index < leaf.index, "LINK_PROOF_MISSING", partner)
    blocks: dict[int, int] = {}
    for chunk in epoch.chunks.values():
        if chunk.said["partner_id"] == partner:
            blocks |= chunk.commitments
    if blocks.keys() != bounds_of(world, programme, number, partner).keys():
        return  # why is told elsewhere
    won = ZERO
    if partner in epoch.lists:
        need(partner in epoch.pieces, "CLAIM_FILE_DIFFERS", f"commitments of {partner}")
        lost = set(lost_positions(world, epoch, partner))
        pieces = enumerate(epoch.pieces[partner])
        won = functools.reduce(add, (element(data) for at, data in pieces if at not in lost), ZERO)
    second = world.set.said["ristretto_generator"]
    parts = (programme.cap, tuple(sorted(blocks.items())), element_bytes(won), second)
    about = Submitted(programme.id, partner, number, plan.leaf, verdicts.leaf, *parts)
    work: Job = (check_link, (world.set, about, leaf.said["proof"]))
    world.jobs.append(("V13", leaf.index, partner, work))


# --- 12, 13: chunks, seals, products --------------------------------------------------------------


def judge_header(world: World, leaf: Leaf) -> None:
    """Sections 12.4 to 12.6."""
    said, partner, number = leaf.said, leaf.said["partner_id"], leaf.said["epoch"]
    programme = world.programme(said["programme_id"])
    epoch = programme.epoch(number)
    world.first("chunk", programme.id, number, partner, said["chunk"])
    need(epoch.seal is None, "EPOCH_SEALED")
    need(epoch.verdicts is not None, "SUBMISSION_NOT_OPEN")
    owed = bounds_of(world, programme, number, partner)
    need(bool(owed), "NOT_IN_SNAPSHOT", partner)
    chunk = epoch.chunks[leaf.index] = Chunk(said)
    with world.judging("V10", leaf.index):
        check_header(world, programme, said)
    with world.judging("V10", leaf.index):
        read_chunk(world, programme, leaf, owed, chunk)
        world.count("V10")


def check_header(world: World, programme: Programme, said: Statement) -> None:
    """Rules 10 to 14 of section 12.6."""
    partner, epoch = said["partner_id"], programme.epochs[said["epoch"]]
    need(epoch.plan is not None and said["plan_leaf"] == epoch.plan.index, "PLAN_DIFFERS")
    layout = (said["slot_width_bits"], said["slots"])
    need(layout == (SLOT_BITS, world.set.slots), "LAYOUT_DIFFERS")
    digest = places_digest(programme, said["epoch"], partner)
    need(said["places_digest"] == digest, "HEADER_PLACES_DIFFER", "", "V09")
    commitment = epoch.commitments.get(partner)
    root = commitment.said["evidence_root"] if commitment else bytes(32)
    need(said["evidence_root"] == root, "EVIDENCE_ROOT_DIFFERS")
    bundle = bundle_of(commitment.said["methodologies"]) if commitment else bytes(32)
    need(said["methodology_bundle"] == bundle, "METHODOLOGY_BUNDLE_DIFFERS", "", "V08")
    others = [chunk.said for chunk in epoch.chunks.values() if chunk.said["partner_id"] == partner]
    same_all = all(other["chunks"] == said["chunks"] for other in others)
    need(same_all and said["chunk"] < said["chunks"], "CHUNK_COUNT_DIFFERS")


def read_chunk(
    world: World, programme: Programme, leaf: Leaf, owed: dict[int, list[int]], chunk: Chunk
) -> None:
    """Read a chunk file, and note its range proofs as work to be done."""
    said, our = leaf.said, world.set
    data = world.file(said["file_sha256"])
    need(len(data) <= 4 << 20, "CHUNK_TOO_LARGE")
    bits = programme.cap.bit_length()
    width = 4 + our.width + sum(proof_widths(our, bits))
    entries = cut(data, "chunk", width, "MALFORMED_CHUNK")
    blocks = [int.from_bytes(entry[:4], "big") for entry in entries]
    ascending = all(a < b for a, b in itertools.pairwise(blocks))
    need(bool(entries) and ascending, "BLOCK_ORDER")
    good = len(entries) == said["entries"] and tree_root(entries) == said["entries_root"]
    need(good, "ENTRIES_ROOT_DIFFERS")
    chunk.blocks = dict.fromkeys(blocks)
    at, group = 4 + our.width, -(-our.group_bits // 8)
    for block, entry in zip(blocks, entries, strict=True):
        need(block in owed, "BLOCK_NOT_EXPECTED", f"block {block}", "V14")
        chunk.commitments[block] = int.from_bytes(entry[at : at + group], "big")
        with world.judging("V11", leaf.index, f"block {block}"):
            ciphertext = our.ciphertext(entry[4:at])
            chunk.blocks[block] = ciphertext
            names = (programme.id, said["partner_id"], said["epoch"])
            bounds = tuple(owed[block])
            context = Context("block", *names, block, b"", bounds, bits)
            work = (check_range, (our, context, ciphertext, entry[at:]))
            world.jobs.append(("V11", leaf.index, f"block {block}", work))


def judge_seal(world: World, leaf: Leaf) -> None:
    """Section 13.3."""
    said, number = leaf.said, leaf.said["epoch"]
    programme = world.programme(said["programme_id"])
    epoch = programme.epoch(number)
    world.first("seal", programme.id, number)
    earlier = number == 1 or programme.epochs[number - 1].seal is not None
    need(earlier, "EPOCH_STATE", "the epoch before is not sealed")
    need(epoch.plan is not None and said["plan_leaf"] == epoch.plan.index, "PLAN_DIFFERS")
    epoch.seal = leaf
    sound = []
    with world.judging("V14", leaf.index):
        named = [part["partner_id"] for part in said["parts"]]
        need(named == sorted(programme.snapshots[number]), "INCOMPLETE_SEAL", "other partners")
    for part in said["parts"]:
        with world.judging("V14", leaf.index, part["partner_id"]):
            sound.append(check_part(world, programme, leaf, part))
    for part in said["parts"]:
        if not part["missing"]:
            with world.judging("V13", leaf.index):
                check_submission(world, programme, leaf, part["partner_id"])
    whole = sound.count(True) == len(said["parts"]) == len(programme.snapshots[number])
    if whole:  # else it is told elsewhere why not
        with world.judging("V15", leaf.index):
            multiply(world, programme, leaf)


def check_part(world: World, programme: Programme, leaf: Leaf, part: Statement) -> bool:
    """Check what a seal says of one partner; return whether its ciphertexts are all known."""
    number, partner = leaf.said["epoch"], part["partner_id"]
    epoch = programme.epochs[number]
    owed = set(bounds_of(world, programme, number, partner))
    chunks = {i: c for i, c in epoch.chunks.items() if c.said["partner_id"] == partner}
    need(part["missing"] == (not part["header_leaves"]), "INCOMPLETE_SEAL", "missing")
    numbers = sorted(chunk.said["chunk"] for chunk in chunks.values())
    complete = bool(chunks) and numbers == list(range(next(iter(chunks.values())).said["chunks"]))
    if part["missing"]:
        epoch.missing.add(partner)
        sent = {block for chunk in chunks.values() for block in chunk.blocks or ()}
        if complete and sent == owed and partner in epoch.links:
            world.find("V14", "SUBMISSION_DROPPED", f"{partner} has sent everything", leaf.index)
        head = world.head_over(leaf.index)
        until = epoch.plan.said["submit_until_s"] if epoch.plan else 0
        if head is not None and head.time + TOLERANCE_S < until:
            world.find("V14", "SEALED_TOO_EARLY", partner, leaf.index)
        return True
    leaves = part["header_leaves"]
    need(complete and len(leaves) == len(chunks), "INCOMPLETE_SEAL", "chunks")
    order = [chunks[i].said["chunk"] if i in chunks else -1 for i in leaves]
    need(order == numbers, "INCOMPLETE_SEAL", "chunks in another order")
    known = [chunk.blocks for chunk in chunks.values() if chunk.blocks is not None]
    if len(known) < len(chunks):
        return False
    blocks = [block for found in known for block in found]
    need(len(blocks) == len(set(blocks)), "BLOCK_SENT_TWICE", "", "V10")
    need(set(blocks) == owed, "BLOCK_MISSING")
    world.count("V14")
    return all(value is not None for found in known for value in found.values())


def multiply(world: World, programme: Programme, leaf: Leaf) -> None:
    """Multiply the ciphertexts of an epoch onto those before, and compare (13.4)."""
    said, number, our = leaf.said, leaf.said["epoch"], world.set
    epoch = programme.epochs[number]
    before = programme.epochs[number - 1].products if number > 1 else {}
    if before is None:
        return
    products = dict(before)
    for part in said["parts"]:
        for index in part["header_leaves"]:
            for block, ciphertext in (epoch.chunks[index].blocks or {}).items():
                products[block] = products.get(block, 1) * (ciphertext or 1) % our.nn
    epoch.products = products
    entries = [
        u32(block) + hashed("product", u64(block), our.wide(products[block]))
        for block in sorted(products)
    ]
    good = said["blocks"] == len(products) and said["products_root"] == tree_root(entries)
    need(good, "PRODUCTS_DIFFER", "", "V15")
    world.count("V15")


# --- 14: bindings, requests, starts, results ------------------------------------------------------


def judge_operator_half(world: World, leaf: Leaf) -> None:
    """Section 14.1."""
    said = leaf.said
    world.programme(said["programme_id"])
    good = re.fullmatch(r"[A-Za-z0-9._-]{1,68}", said["wallet_id"]) is not None
    need(good and said["wallet_class"] in {1, 2, 3}, "RECORD_VIOLATION", "wallet")
    world.first("binding", said["binding_id"])
    world.halves[leaf.leaf] = world.bindings[said["binding_id"]] = Binding(leaf)


def judge_partner_half(world: World, leaf: Leaf) -> None:
    """Section 14.1: a half that names something else does not count."""
    said, binding = leaf.said, world.bindings.get(leaf.said["binding_id"])
    if binding is not None and said["operator_leaf"] == binding.half.leaf:
        keys = ("programme_id", "account_token")
        if all(said[key] == binding.half.said[key] for key in keys):
            binding.partners.setdefault(said["partner_id"], leaf)


def judge_objection(world: World, leaf: Leaf) -> None:
    """Section 14.1: an objection counts if its signer has the account enrolled."""
    binding = world.bindings.get(leaf.said["binding_id"])
    if binding is not None:
        half = binding.half.said
        programme = world.programme(half["programme_id"])
        partner = leaf.said["partner_id"]
        if programme.enrolment(partner, half["account_token"], leaf.index, None):
            binding.frozen = leaf.index if binding.frozen is None else binding.frozen


def judge_unbinding(world: World, leaf: Leaf) -> None:
    """Section 14.1: an unbinding counts if the operator or a partner that signed has signed it."""
    binding = world.bindings.get(leaf.said["binding_id"])
    if binding is not None:
        signers = {binding.half.said["operator_id"], *binding.partners}
        if binding.ended is None and leaf.said["party_id"] in signers:
            binding.ended = leaf.index


def judge_request(world: World, leaf: Leaf) -> None:
    """Section 14.3; the rest is judged with the start."""
    programme = world.programme(leaf.said["programme_id"])
    need(1 <= leaf.said["epoch"] <= programme.last_epoch, "WRONG_EPOCH")
    world.first("opening request", leaf.said["operator_id"], leaf.said["request_id"])


def waited(world: World, index: int) -> int:
    """Return the wait time of a leaf (5.2)."""
    head = world.head_over(index)
    if head is None:
        raise Broken("NOT_WITNESSED", f"leaf {index} is under no head", "V06")
    return head.wait


def signing_partners(
    world: World, programme: Programme, binding: Binding, below: int
) -> list[tuple[str, int, int]]:
    """Return who made a binding good: partner, leaf of its enrolment, when the wait is over.

    Only what stands below a leaf counts.
    """
    half = binding.half.said
    need(binding.ended is None or binding.ended >= below, "BINDING_ENDED")
    need(binding.frozen is None or binding.frozen >= below, "BINDING_FROZEN")
    found, code = [], "BINDING_BY_OPERATOR_ALONE"
    for partner, leaf in binding.partners.items():
        run = programme.enrolment(partner, half["account_token"], leaf.index, None)
        if not run or leaf.index >= below:
            continue
        shown = (leaf.said["operator_id"], leaf.said["wallet_hint"])
        if shown != (half["operator_id"], half["wallet_id"][-4:]):
            code = "WALLET_SHOWN_DIFFERS"
            continue
        head, since = world.head_over(leaf.index), waited(world, run[0].leaf)
        over = max(waited(world, leaf.index), waited(world, binding.half.index))
        if head is not None and head.time - since >= programme.policy["enrolment_age_s"]:
            found.append((partner, run[0].leaf, over + programme.policy["binding_wait_s"]))
        else:
            code = "BINDING_PARTNER_TOO_NEW"
    need(bool(found), code)
    return found


def judge_start(world: World, leaf: Leaf) -> None:
    """Section 14.4: a start counts as opened for its targets, whatever is wrong with it."""
    said = leaf.said
    programme = world.programme(said["programme_id"])
    attempts = [
        other.leaf.said["attempt"]
        for other in world.openings.values()
        if other.leaf.said["opening_id"] == said["opening_id"]
    ]
    products = programme.epochs[said["epoch"]].products
    product = None if products is None else products.get(said["block"], 1)
    opening = world.openings[leaf.index] = Opening(leaf, product)
    with world.judging("V16", leaf.index):
        check_start(world, programme, opening)
        need(said["attempt"] > max(attempts, default=0), "ATTEMPT_USED")
        world.count("V16")
    for target in said["targets"]:
        world.history[programme.id, target["account_token"]].append(opening)


def check_start(world: World, programme: Programme, opening: Opening) -> None:
    """Make a trustee's checks over the leaves below a start (14.10)."""
    leaf, said, our = opening.leaf, opening.leaf.said, world.set
    slots, names = [target["slot"] for target in said["targets"]], said["subset"]
    need(bool(slots) and slots == sorted(set(slots)), "RECORD_VIOLATION", "targets")
    before = [head for head in world.heads if head.size <= leaf.index]
    over = world.head_over(leaf.index)
    earliest = before[-1].wait if before else 0
    latest = over.wait if over else None
    for target in said["targets"]:
        asked = find_request(world, leaf, target).said
        wait = check_binding(world, programme, asked, leaf.index, latest)
        wait = max(wait, check_history(world, programme, asked))
        due = asked["not_after_s"] + TOLERANCE_S
        need(max(earliest, wait) <= due, "REQUEST_EXPIRED")
        need(latest is None or wait <= max(latest, earliest), "MISSING_PARTNER_WAITS")
    if opening.product is not None:
        good = hashlib.sha256(our.wide(opening.product)).digest() == said["product_sha256"]
        need(good, "PRODUCTS_DIFFER", "", "V15")
    good = names == sorted(set(names)) and len(names) >= our.t and set(names) <= set(our.trustees)
    need(good, "SUBSET_REFUSED")
    hashes = said["mask_hashes"]
    good = len(hashes) == len(set(hashes)) == len(names) and bytes(32) not in hashes
    need(good, "MASK_HASHES_INVALID")
    requests = sorted({world.leaves[t["request_leaf"]].leaf for t in said["targets"]})
    numbers = (u64(said["block"]), u32(said["epoch"]), b"".join(map(u32, slots)))
    opening_id = hashed("opening-id", b"".join(requests), *numbers, said["product_sha256"])
    need(opening_id == said["opening_id"], "OPENING_ID_DIFFERS")


def find_request(world: World, leaf: Leaf, target: Statement) -> Leaf:
    """Check 1 of section 14.10, and the place."""
    said, request = leaf.said, world.leaves.get(target["request_leaf"])
    if request is None or request.kind != "opening_request":
        raise Broken("TARGET_WITHOUT_REQUEST")
    asked = request.said
    wanted = {key: said[key] for key in ("programme_id", "block", "epoch")}
    wanted |= {key: target[key] for key in ("slot", "account_token")}
    need(all(asked[key] == value for key, value in wanted.items()), "TARGET_WITHOUT_REQUEST")
    good = world.witnessed(request.index, leaf.index)
    need(good, "REQUEST_NOT_WITNESSED", f"leaf {request.index}", "V06")
    size = asked["checkpoint_size"]
    need(size <= leaf.index, "HEAD_AHEAD", "the request's checkpoint is above the start", "V06")
    known = {head.root for head in world.heads if head.size == size}
    if asked["checkpoint_root"] not in known | {world.tree.get(size)}:
        world.find("V05", "FORKED_RECORD", "the request names another head", request.index)
    seal = world.programme(said["programme_id"]).epochs[said["epoch"]].seal
    need(seal is not None and seal.index < size, "EPOCH_NOT_SEALED")
    place = world.programme(asked["programme_id"]).places.get(asked["account_token"])
    need(place == (asked["block"], asked["slot"]), "PLACE_NOT_OF_TOKEN")
    return request


def check_binding(
    world: World, programme: Programme, asked: Statement, below: int, latest: int | None
) -> int:
    """Check 2 of section 14.10; return from when on the binding was good."""
    binding = world.halves.get(asked["binding_leaf"])
    if binding is None:
        raise Broken("BINDING_UNKNOWN")
    keys = ("programme_id", "account_token", "wallet_id", "operator_id")
    good = all(asked[key] == binding.half.said[key] for key in keys)
    need(good, "WALLET_SWAPPED")
    partners = signing_partners(world, programme, binding, below)
    ready = [item for item in partners if latest is None or item[2] <= latest]
    need(bool(ready), "BINDING_WAITS")
    if len(ready) == 1:
        check_earlier_grams(programme, asked, ready[0])
    return min(item[2] for item in ready)


def check_earlier_grams(programme: Programme, asked: Statement, only: tuple[str, int, int]) -> None:
    """Section 14.2: grams from before the one signing partner's enrolment need another half."""
    partner, since, _ = only
    for number in range(asked["previous_epoch"] + 1, asked["epoch"] + 1):
        epoch = programme.epochs[number]
        snapshot = programme.snapshots.get(number, {})
        enrolled = {name for name in snapshot if asked["account_token"] in snapshot[name]}
        if partner in enrolled and epoch.plan is not None and since < epoch.plan.index:
            return
        others = enrolled - epoch.missing - {partner}
        need(not others, "EARLIER_GRAMS_UNCONFIRMED", f"epoch {number}")


def check_history(world: World, programme: Programme, asked: Statement) -> int:
    """Check 3 of section 14.10; return from when on nothing missing stands in the way."""
    number, policy = asked["epoch"], programme.policy
    past = world.history[programme.id, asked["account_token"]]
    started = [opening.leaf.said["epoch"] for opening in past]
    done = [opening.leaf.said["epoch"] for opening in past if opening.result is not None]
    finished = max(done, default=0)
    need(number >= max(started, default=0), "PAST_EPOCH_AFTER_LATER")
    need(number > finished, "EPOCH_NOT_INCREASING")
    need(asked["previous_epoch"] == finished, "PREVIOUS_EPOCH_DIFFERS")
    need(started.count(number) < policy["starts_max"], "STARTS_EXHAUSTED")
    last = max([finished, *(item for item in started if item < number)])
    exempt = (
        number == programme.last_epoch
        or programme.ends_year(number)
        or (last > 0 and programme.ends_year(last))
    )
    days = (number - last) * programme.days
    need(exempt or days >= policy["opening_interval_days"], "OPENING_TOO_SOON")
    same_year = programme.vintage(finished + 1) == programme.vintage(number)
    need(same_year, "VINTAGES_MIXED")
    over = 0
    for other in range(finished + 1, number + 1):
        seal, snapshot = programme.epochs[other].seal, programme.snapshots.get(other, {})
        missing = programme.epochs[other].missing
        if seal is not None and any(asked["account_token"] in snapshot[name] for name in missing):
            over = max(over, waited(world, seal.index) + policy["missing_wait_s"])
    return over


def judge_result(world: World, leaf: Leaf) -> None:
    """Section 14.9: the sums are those that the shares give."""
    said, opening = leaf.said, world.openings.get(leaf.said["start_leaf"])
    if opening is None or opening.result is not None:
        raise Broken("RECORD_VIOLATION", "no start that waits for a result")
    start = opening.leaf
    keys = ("programme_id", "opening_id", "attempt")
    need(all(said[key] == start.said[key] for key in keys), "RECORD_VIOLATION", "another start")
    targets = [(target["slot"], target["account_token"]) for target in start.said["targets"]]
    found = [(value["slot"], value["account_token"]) for value in said["values"]]
    need(sorted(found) == sorted(targets), "RECORD_VIOLATION", "not exactly the targets")
    opening.result = leaf
    world.results.append(opening)
    check_public_start(world, start, leaf)
    files = {item["trustee_id"]: item["file_sha256"] for item in said["shares"]}
    good = len(files) == len(said["shares"]) and files.keys() <= set(start.said["subset"])
    need(good, "RECORD_VIOLATION", "files of others than the subset")
    need(
        files.keys() == set(start.said["subset"]),
        "TOO_FEW_SHARES",
        "a file of the subset is missing",
    )
    loaded = {name: share_file(world, leaf, name, sha256) for name, sha256 in files.items()}
    whole = {name: item for name, item in loaded.items() if item is not None}
    if len(whole) < len(loaded) or opening.product is None:
        return  # why is told elsewhere
    judge_shares(world, whole, leaf)
    read_sums(world, opening, leaf, whole)


def check_public_start(world: World, start: Leaf, leaf: Leaf) -> None:
    """Have a start be under a head that a partner signed too, before shares are shown (5.2)."""
    with world.judging("V06", leaf.index):
        need(world.witnessed(start.index, leaf.index), "START_NOT_WITNESSED")
        over = [head for head in world.heads if start.index < head.size <= leaf.index]
        need(any(head.by_partner for head in over), "PARTNER_WITNESS_MISSING")
        world.count("V06")


@dataclass(slots=True)
class Shared:
    """A share file, and what was found good in it."""

    said: Statement
    masks: dict[int, int | None] = field(default_factory=dict)
    """Ciphertext of the mask by start; None if it is not the mask that was committed to."""
    proved: bool | None = None
    """Whether its proof holds; None if that could not be judged."""


def share_file(world: World, leaf: Leaf, name: str, sha256: bytes) -> Shared | None:
    """Read a share file once, with its masks (14.5)."""
    if sha256 not in world.share_files:
        world.share_files[sha256] = None
        with world.judging("V18", leaf.index, f"share file of {name}"):
            said = decoded("share_file", world.file(sha256), world.set.id)
            starts = said["start_leaves"]
            need(said["trustee_id"] == name, "MALFORMED", "of another trustee")
            lengths = {len(said[key]) for key in ("start_leaves", "masks", "masked", "shares")}
            good = len(lengths) == 1 and len(set(starts)) == len(starts)
            need(good, "MALFORMED", "not one of each per start")
            shared = world.share_files[sha256] = Shared(said)
            for index, mask in zip(starts, said["masks"], strict=True):
                with world.judging("V17", leaf.index, f"mask of {name} for start {index}"):
                    shared.masks[index] = None
                    shared.masks[index] = read_mask(world, index, name, mask)
    found = world.share_files[sha256]
    need(found is None or found.said["trustee_id"] == name, "MALFORMED", "of another trustee")
    return found


def read_mask(world: World, index: int, name: str, mask: bytes) -> int:
    """Hold a mask against its hash in the start, and note its range proof as work to be done."""
    our, opening = world.set, world.openings.get(index)
    if opening is None or name not in opening.leaf.said["subset"]:
        raise Broken("RECORD_VIOLATION", "of no such start", "V18")
    said = opening.leaf.said
    subject = (said["opening_id"], u32(said["attempt"]))
    committed_to = said["mask_hashes"][said["subset"].index(name)]
    good = hashed("mask", *subject, name.encode(), mask) == committed_to
    need(good, "MASK_HASH_DIFFERS")
    need(len(mask) == our.width + sum(proof_widths(our, SLOT_BITS)), "MASK_INVALID", "length")
    value = int.from_bytes(mask[: our.width], "big")
    need(0 < value < our.nn and math.gcd(value, our.n) == 1, "MASK_INVALID", "no unit")
    slots = {target["slot"] for target in said["targets"]}
    edges = {slot - 1 for slot in slots} | {our.slots - 1}
    bounds = tuple(
        0 if j in slots else (1 << (108 if j in edges else SLOT_BITS)) - 1 for j in range(our.slots)
    )
    names = (said["programme_id"], name, said["epoch"], said["block"])
    context = Context("mask", *names, joined(*subject), bounds, SLOT_BITS)
    work = (check_range, (our, context, value, mask[our.width :]))
    world.jobs.append(("V17", index, f"mask of {name} for start {index}", work))
    return value


def judge_shares(world: World, files: dict[str, Shared], leaf: Leaf) -> None:
    """Check the proof of every file of a batch against what is computed here (14.6, 14.7)."""
    our = world.set
    for name, shared in files.items():
        if shared.proved is not None:
            continue
        starts = shared.said["start_leaves"]
        masked = [masked_sum(world, index, files) for index in starts]
        numbers = [value for value in masked if value is not None]
        if len(numbers) < len(masked):
            continue  # what is wrong with a mask is told elsewhere
        shared.proved = False
        with world.judging("V18", leaf.index, f"share file of {name}"):
            need(numbers == shared.said["masked"], "MASKED_DIFFERS")
            leaves = b"".join(world.openings[index].leaf.leaf for index in starts)
            context = hashed("share-context", leaves, *map(our.wide, numbers))
            i = our.trustees.index(name) + 1
            shares, proof = shared.said["shares"], shared.said["proof"]
            check_share_proof(our, i, context, numbers, shares, proof)
            shared.proved = True
            world.count("V18")


def masked_sum(world: World, index: int, files: dict[str, Shared]) -> int | None:
    """Multiply a product with all masks of its start (14.6)."""
    opening = world.openings.get(index)
    if opening is None or opening.product is None:
        return None
    value = opening.product
    for name in opening.leaf.said["subset"]:
        mask = files[name].masks.get(index) if name in files else None
        if mask is None:
            return None
        value = value * mask % world.set.nn
    return value


def read_sums(world: World, opening: Opening, leaf: Leaf, files: dict[str, Shared]) -> None:
    """Combine the shares and compare the digits with what was logged (14.8)."""
    our, start = world.set, opening.leaf
    if any(shared.proved is None for shared in files.values()):
        return
    shares = {}
    for name, shared in files.items():
        need(start.index in shared.said["start_leaves"], "RECORD_VIOLATION", "of other starts")
        if shared.proved:
            at = shared.said["start_leaves"].index(start.index)
            shares[our.trustees.index(name) + 1] = shared.said["shares"][at]
    need(len(shares) >= our.t, "TOO_FEW_SHARES")
    message = combined(our, shares)
    need(message.bit_length() <= our.slots * SLOT_BITS, "PLAINTEXT_ABOVE_LAYOUT")
    programme = world.programme(start.said["programme_id"])
    for value in leaf.said["values"]:
        digit = message >> SLOT_BITS * value["slot"] & (1 << SLOT_BITS) - 1
        need(digit == value["opened_ug"], "OPENED_VALUE_DIFFERS")
        most = sum(
            programme.cap
            for number in range(1, start.said["epoch"] + 1)
            for name, accounts in programme.snapshots.get(number, {}).items()
            if value["account_token"] in accounts and name not in programme.epochs[number].missing
        )
        need(digit <= most, "OPENED_VALUE_ABOVE_HEADROOM")


# --- 15: the books --------------------------------------------------------------------------------

MOVES: Final = {
    ("single", "issuance", "spendable"), ("reserve", "spendable", "reserved"),
    ("post", "reserved", "redeemed"), ("void", "reserved", "spendable"),
    ("single", "redeemed", "spendable"), ("single", "spendable", "donated"),
    ("post", "reserved", "exchanged"), ("single", "spendable", "expired"),
    ("single", "spendable", "pledged"), ("single", "pledged", "spendable"),
    ("single", "pledged", "pooled"), ("single", "pooled", "pledged"),
    ("single", "pooled", "retired"), ("single", "funding", "float"),
    ("reserve", "float", "payout_in_flight"), ("post", "payout_in_flight", "paid_out"),
    ("void", "payout_in_flight", "float"), ("single", "paid_out", "float"),
    ("single", "sales", "proceeds"), ("single", "sales", "float"),
    ("reserve", "proceeds", "payout_in_flight"), ("void", "payout_in_flight", "proceeds"),
    ("single", "paid_out", "proceeds"), ("single", "spendable", "offset"),
    ("single", "spendable", "market"), ("single", "market", "spendable"),
    ("single", "float", "campaign"), ("single", "campaign", "float"),
    ("single", "campaign", "proceeds"), ("reserve", "campaign", "payout_in_flight"),
    ("void", "payout_in_flight", "campaign"), ("single", "paid_out", "campaign"),
    ("single", "float", "market_purse"), ("single", "market_purse", "float"),
    ("single", "market_purse", "proceeds"), ("single", "proceeds", "market_purse"),
    ("single", "float", "suspense"),
    ("single", "paid_out", "suspense"), ("single", "funding", "suspense"),
    ("single", "suspense", "float"), ("single", "suspense", "paid_out"),
    ("single", "suspense", "funding"), ("single", "suspense", "written_off"),
}  # fmt: skip
OWNERS: Final = {
    "spendable": "holder", "reserved": "holder", "pledged": "holder", "proceeds": "holder",
    "pooled": "lot", "retired": "lot", "campaign": "campaign",
}  # fmt: skip
GRAMS: Final = {
    "issuance", "spendable", "reserved", "redeemed", "donated", "exchanged", "expired", "pledged",
    "pooled", "retired", "market", "offset",
}  # fmt: skip
SOURCES: Final = {"issuance", "funding", "sales"}
ACCOUNT: Final = re.compile(r"(holder|lot|campaign|programme):([^:]+):([a-z_]+)")
NO_GRAMS: Final = ("proceeds", "campaign")
"""Accounts whose money no grams pay for."""


class Credit(NamedTuple):
    """What an opening adds to an account."""

    leaf: int
    programme: str
    vintage: int
    token: bytes
    amount: int


@dataclass(slots=True)
class Order:
    """A redemption order and what was booked for it."""

    leaf: Leaf
    pooled: int | None = None
    """Spendable grams, or proceeds, of the account before the first reservation."""
    campaign: tuple[Statement, int] | None = None
    """What pays a red packet, and what it had left before the order."""
    lines: dict[tuple[str, str], Statement] = field(default_factory=dict)
    """By step and part."""
    outcomes: list[str] = field(default_factory=list)

    def sum(self, step: str, what: str) -> int:
        """Return what a step moved of grams, money or red packets."""
        return sum(
            int(line["amount"])
            for (found, part), line in self.lines.items()
            if found == step and (part if part in {"money", "red-packet"} else "grams") == what
        )


@dataclass(slots=True)
class Books:
    """The ledger while it is replayed."""

    world: World
    credits: dict[bytes, Credit] = field(default_factory=dict)
    orders: dict[bytes, Order] = field(default_factory=dict)
    """By redemption id."""
    known: dict[bytes, tuple[Order, str, str]] = field(default_factory=dict)
    """Order, step and part by transfer id."""
    lines: dict[bytes, Statement] = field(default_factory=dict)
    resolved: set[bytes] = field(default_factory=set)
    balances: Counter[tuple[str, str]] = field(default_factory=Counter)
    credited: dict[bytes, int] = field(default_factory=dict)
    reported: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Fen settled and not reversed, by programme."""
    proceeds: Counter[str] = field(default_factory=Counter)
    """Fen on their way or paid that are proceeds or red packets: no grams pay for them."""
    suspense: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Fen into and out of suspense, by programme, from and to."""
    uses: Uses = field(default_factory=lambda: Uses())  # noqa: PLW0108 - declared below


def judge_books(world: World) -> None:
    """Section 15.8: replay all batches without stopping."""
    books = Books(world)
    note_credits(books)
    for leaf in world.books:
        if leaf.kind == "redemption_order":
            with world.judging("V20", leaf.index):
                note_order(books, leaf)
    previous, sequence, day = bytes(32), 1, -1
    note_uses(books)
    find_missing_lists(books)
    batches = [leaf for leaf in world.books if HOME[leaf.kind] in {"V19", "V21"}]
    for at, leaf in enumerate(batches):
        if leaf.kind == "payout_batch":
            follows = at > 0 and batches[at - 1].kind == "ledger_batch"
            follows = follows and batches[at - 1].index == leaf.index - 1
            if not follows:
                world.find("V21", "PAYOUTS_OUT_OF_STEP", "", leaf.index)
            continue
        said = leaf.said
        good = said["previous_batch"] == previous and said["day"] > day and said["lines"]
        if not (good and said["first_sequence"] == sequence):
            world.find("V19", "BATCH_CHAIN_BROKEN", "", leaf.index)
        previous, day = hashed("ledger-batch", leaf.payload), said["day"]
        sequence = said["first_sequence"] + len(said["lines"])
        for line in said["lines"]:
            with world.judging("V19", leaf.index, line["transfer_id"].hex()):
                enter(books, leaf, line)
        close_batch(books, leaf)
        after = batches[at + 1] if at + 1 < len(batches) else None
        if after is None or after.kind != "payout_batch" or after.index != leaf.index + 1:
            world.find("V21", "PAYOUTS_NOT_REPORTED", "no payout batch behind it", leaf.index)
        else:
            judge_payouts(books, leaf, after)
        world.count("V19")
    find_overdue(books)
    close_uses(books)
    for name in sorted(world.programmes):
        conserve(books, world.programmes[name])


def find_overdue(books: Books) -> None:
    """Find credits that no batch holds after the ledger day behind their own (15.8)."""
    world = books.world
    today = max((head.wait for head in world.heads), default=0) // 86_400
    for transfer_id, credit in books.credits.items():
        head = world.head_over(credit.leaf)
        overdue = head is not None and today > head.wait // 86_400 + 1
        if overdue and credit.amount > 0 and transfer_id not in books.credited:
            world.find("V19", "OPENING_NOT_CREDITED", "", credit.leaf)


def note_credits(books: Books) -> None:
    """Work out what every opening adds to its account (15.5)."""
    world, sums = books.world, Counter[tuple[str, bytes]]()
    for opening in world.results:
        start, result = opening.leaf.said, opening.result
        programme = world.programme(start["programme_id"])
        for value in result.said["values"] if result else ():
            key = (programme.id, value["account_token"])
            amount, sums[key] = value["opened_ug"] - sums[key], value["opened_ug"]
            at = result.index if result else 0
            if amount < 0:
                world.find("V19", "OPENED_SUM_DECREASED", "", at)
            items = (programme.id.encode(), key[1], start["opening_id"])
            vintage = programme.vintage(start["epoch"])
            credit = Credit(at, programme.id, vintage, key[1], amount)
            books.credits[hashed("transfer-id", b"opening", *items)[:16]] = credit


def note_order(books: Books, leaf: Leaf) -> None:
    """Judge an order by itself (15.1), and work out the ids of its transfers."""
    world, said = books.world, leaf.said
    programme = world.programme(said["programme_id"])
    need(said["redemption_id"] not in books.orders, "REDEMPTION_ID_REUSED")
    order = books.orders[said["redemption_id"]] = Order(leaf)
    years = {programme.vintage(epoch) for epoch in range(1, programme.last_epoch + 1)}
    for part in ["money", "red-packet", *map(str, years)]:
        data = u32(int(part)) if part.isdigit() else part.encode()
        for step in ("reserve", "post", "void", "reverse"):
            items = (said["redemption_id"], step.encode(), data)
            books.known[hashed("transfer-id", b"redemption", *items)[:16]] = (order, step, part)
    need(said["wallet_class"] in {1, 2, 3}, "WALLET_CLASS_REFUSED")
    need(said["units"] is None or said["units"] > 0, "REDEMPTION_UNITS_DIFFER")
    check_order_binding(world, programme, leaf)
    world.count("V20")


STANDING: Final = {"BINDING_BY_OPERATOR_ALONE", "BINDING_FROZEN", "BINDING_ENDED"}


def check_order_binding(world: World, programme: Programme, leaf: Leaf) -> None:
    """Have an order rest on a binding that stood at its leaf."""
    said, binding = leaf.said, world.halves.get(leaf.said["binding_leaf"])
    if binding is None or binding.half.index > leaf.index:
        raise Broken("BINDING_UNKNOWN")
    half = binding.half.said
    keys = ("programme_id", "account_token", "wallet_id", "wallet_class", "operator_id")
    need(all(said[key] == half[key] for key in keys), "WALLET_SWAPPED")
    head = world.head_over(leaf.index)
    try:
        partners = signing_partners(world, programme, binding, leaf.index)
    except Broken as error:
        code = "BINDING_NOT_IN_FORCE" if error.code not in STANDING else error.code
        raise Broken(code, error.code) from error
    good = head is None or any(over <= head.wait for _, _, over in partners)
    need(good, "BINDING_NOT_IN_FORCE", "BINDING_WAITS")


def account_of(text: str) -> tuple[str, str, str]:
    """Read the name of an account: whose sort, whose, kind."""
    found = ACCOUNT.fullmatch(text)
    if found is None:
        raise Broken("TRANSFER_MALFORMED", text)
    scope = OWNERS.get(found[3], "programme")
    owner = {
        "holder": r"[0-9a-f]{64}",
        "lot": r"[0-9a-f]{32}",
        "campaign": rf"({NAME.pattern})\.({NAME.pattern})",
    }.get(scope, NAME.pattern)
    good = scope == found[1] and re.fullmatch(owner, found[2]) is not None
    need(good, "TRANSFER_MALFORMED", text)
    return found[1], found[2], found[3]


def enter(books: Books, leaf: Leaf, line: Statement) -> None:
    """Take a transfer by the rules of section 15.5."""
    transfer_id, unit = line["transfer_id"], line["unit"]
    need(transfer_id not in books.lines, "TRANSFER_ID_REUSED")
    debit, credit = account_of(line["debit"]), account_of(line["credit"])
    good = re.fullmatch(r"[1-9][0-9]*", line["amount"]) is not None and len(line["amount"]) < 18  # noqa: PLR2004
    good = good and int(line["amount"]) < 1 << 56
    good = good and (line["phase"], debit[2], credit[2]) in MOVES
    sides = re.fullmatch(r"ug:([a-z0-9-]+):([0-9]{4})", unit)
    good = good and (sides is not None if debit[2] in GRAMS else unit == "fen")
    sorts = {"programme", "campaign"}
    owners = {item[1].partition(".")[0] for item in (debit, credit) if item[0] in sorts}
    for scope in ("holder", "lot"):
        good = good and len({item[1] for item in (debit, credit) if item[0] == scope}) <= 1
    good = good and len(owners) <= 1
    good = good and (sides is None or owners <= {sides[1]})
    good = good and (line["phase"] in {"post", "void"}) == (line["resolves"] is not None)
    good = good and (line["expires_s"] is None or line["phase"] == "reserve")
    need(good, "TRANSFER_MALFORMED", transfer_id.hex())
    books.lines[transfer_id] = line
    broken = [*broken_resolution(books, line)]
    head = books.world.head_over(leaf.index)
    if head is not None and line["recorded_s"] > head.wait + TOLERANCE_S:
        broken.append(("V19", "RECORDED_TIME_DIFFERS"))
    broken += [*meaning(books, leaf, line)]
    amount = int(line["amount"])
    shares = bool({debit[2], credit[2]} & set(NO_GRAMS))
    if line["phase"] == "post":
        shares = books.lines.get(line["resolves"], line)["debit"].endswith(NO_GRAMS)
    for side, sign in (("debit", -1), ("credit", 1)):
        books.balances[unit, line[side]] += sign * amount
        books.proceeds[line[side]] += sign * amount if shares else 0
    short = debit[2] not in SOURCES and books.balances[unit, line["debit"]] < 0
    if short and line["phase"] == "reserve" and debit[2] == "spendable":
        broken.append(("V20", "REDEMPTION_ABOVE_OPENED"))
    elif short:
        broken.append(("V19", "INSUFFICIENT_BALANCE"))
    if max(map(abs, (books.balances[unit, line[side]] for side in ("debit", "credit")))) >> 63:
        broken.append(("V19", "BALANCE_LIMIT"))
    for check, code in broken:
        books.world.find(check, code, transfer_id.hex(), leaf.index)


def broken_resolution(books: Books, line: Statement) -> Iterator[tuple[str, str]]:
    """Have a post or void resolve one reservation, whole, once."""
    if line["resolves"] is None:
        return
    reservation = books.lines.get(line["resolves"])
    if reservation is None or reservation["phase"] != "reserve":
        yield "V19", "RESERVATION_UNKNOWN"
        return
    good = all(line[key] == reservation[key] for key in ("unit", "amount"))
    good = good and line["debit"] == reservation["credit"]
    good = good and (line["phase"] == "post" or line["credit"] == reservation["debit"])
    if not good:
        yield "V19", "RESERVATION_MISMATCH"
    if line["resolves"] in books.resolved:
        yield "V19", "RESERVATION_RESOLVED"
    over = reservation["expires_s"]
    if line["phase"] == "post" and over is not None and line["recorded_s"] >= over:
        yield "V19", "RESERVATION_TIMED_OUT"
    books.resolved.add(line["resolves"])


def backdated(world: World, basis: Leaf, line: Statement) -> Iterator[tuple[str, str]]:
    """Have a transfer be no older than the leaf that it rests on (15.8).

    The last head without the leaf may have been signed after the leaf was added, but it was begun
    after the one before it was signed.
    """
    at = bisect.bisect_right(world.heads, basis.index, key=lambda head: head.size)
    if at > 1 and line["recorded_s"] + TOLERANCE_S < world.heads[at - 2].time:
        yield "V19", "RECORDED_TIME_DIFFERS"


def broken_credit(books: Books, leaf: Leaf, line: Statement) -> Iterator[tuple[str, str]]:
    """Hold grams that are issued against the opening that they are for."""
    credit = books.credits.get(line["transfer_id"])
    if credit is None:
        yield "V19", "LEDGER_CREATES_GRAMS"
        return
    books.credited[line["transfer_id"]] = int(line["amount"])
    if credit.leaf > leaf.index:
        yield "V19", "CREDIT_BEFORE_OPENING"
    wanted = (
        f"holder:{credit.token.hex()}:spendable",
        f"ug:{credit.programme}:{credit.vintage}",
        str(credit.amount),
    )
    if (line["credit"], line["unit"], line["amount"]) != wanted:
        yield "V19", "CREDIT_DIFFERS"


def held(books: Books, account: str, units: str) -> int:
    """Return what an account holds in the units that begin so."""
    return sum(
        amount
        for (unit, owner), amount in books.balances.items()
        if owner == account and unit.startswith(units)
    )


def meaning(books: Books, leaf: Leaf, line: Statement) -> Iterator[tuple[str, str]]:
    """Hold a transfer against the opening or the order that it is for."""
    transfer_id, kind = line["transfer_id"], account_of(line["debit"])[2]
    if "suspense" in {kind, account_of(line["credit"])[2]}:
        owner = account_of(line["debit"])[1]
        books.suspense[owner, kind, account_of(line["credit"])[2]] += int(line["amount"])
        return
    if kind == "funding":
        return
    if is_use(books, line):
        yield from use_meaning(books, leaf, line)
        return
    if kind == "issuance":
        yield from broken_credit(books, leaf, line)
        return
    reservation = line["resolves"] or transfer_id
    order, step, part = books.known.get(transfer_id, (None, "", ""))
    first = books.known.get(reservation, (None, "", ""))[0]
    steps = {"reserve": "reserve", "post": "post", "void": "void", "single": "reverse"}
    if order is None or first is not order or step != steps[line["phase"]]:
        code = "REVERSAL_WITHOUT_REDEMPTION" if step == "reverse" else "REDEMPTION_WITHOUT_ORDER"
        yield "V20", code
        return
    if order.leaf.index > leaf.index:
        yield "V20", "REDEMPTION_BEFORE_ORDER"
    yield from backdated(books.world, order.leaf, line) if step == "reserve" else ()
    said = order.leaf.said
    holder = f"holder:{said['account_token'].hex()}:"
    programme, shares = said["programme_id"], said["source"] == "proceeds"
    taken, prefix = ("proceeds", "fen") if shares else ("spendable", f"ug:{programme}:")
    if order.pooled is None:
        order.campaign = campaign_at(books, order.leaf, None, line["recorded_s"])
        order.campaign = None if shares else order.campaign
        order.pooled = held(books, holder + taken, prefix)
    own, unit = own_sides(line, said, step, part)
    if line["unit"] != unit or not own:
        yield "V20", "REDEMPTION_ACCOUNT_DIFFERS"
    if not undoes(order, line, step, part):
        yield "V20", "REVERSAL_DIFFERS"
    order.lines[step, part] = line


def own_sides(line: Statement, said: Statement, step: str, part: str) -> tuple[bool, str]:
    """Return whether a transfer is between an order's own accounts, and its unit."""
    holder, programme = f"holder:{said['account_token'].hex()}:", said["programme_id"]
    budget, own = f"campaign:{programme}.", f"programme:{programme}:"
    shares = said["source"] == "proceeds"
    sides = [line["debit"], line["credit"]]
    if part == "red-packet":
        good = all(side.startswith((budget, own)) for side in sides)
        return good and (step != "reserve" or line["debit"].startswith(budget)), "fen"
    purse = holder + ("proceeds" if shares else "spendable")
    purse = f"{own}float" if part == "money" and not shares else purse
    good = all(side.startswith((holder, own)) for side in sides)
    good = good and (step != "reserve" or line["debit"] == purse)
    return good, "fen" if part == "money" else f"ug:{programme}:{part}"


def undoes(order: Order, line: Statement, step: str, part: str) -> bool:
    """Return whether a return gives back what was posted, to where it was taken from."""
    if step != "reverse":
        return True
    post, reserved = order.lines.get(("post", part)), order.lines.get(("reserve", part))
    if post is None or reserved is None:
        return False
    same_sum = all(line[key] == reserved[key] for key in ("unit", "amount"))
    return same_sum and (line["debit"], line["credit"]) == (post["credit"], reserved["debit"])


def close_batch(books: Books, leaf: Leaf) -> None:
    """Have everything that came before a batch be booked in it or earlier (15.6)."""
    world = books.world
    for transfer_id, credit in books.credits.items():
        if credit.leaf < leaf.index and credit.amount > 0 and transfer_id not in books.credited:
            world.find("V19", "OPENING_NOT_CREDITED", "", credit.leaf)
    for order in books.orders.values():
        said = order.leaf.said
        about = said["redemption_id"].hex()
        if order.leaf.index > leaf.index and not order.lines:
            continue
        programme = world.programme(said["programme_id"]).said
        grams, money = order.sum("reserve", "grams"), order.sum("reserve", "money")
        shares = said["source"] == "proceeds"
        if not money or not (grams or shares):
            world.find("V20", "REDEMPTION_NOT_RESERVED", about, order.leaf.index)
            continue
        rate_ug, rate_fen = (1, 1) if shares else (programme["unit_ug"], programme["unit_fen"])
        units = money if shares else grams // rate_ug
        good = grams % rate_ug == 0 and money == units * rate_fen and not (shares and grams)
        if not good:
            world.find("V20", "REDEMPTION_RATE_DIFFERS", about, order.leaf.index)
        asked = said["units"] or (order.pooled or 0) // rate_ug
        if units != asked:
            world.find("V20", "REDEMPTION_UNITS_DIFFER", about, order.leaf.index)
        for code in broken_parts(order, units):
            world.find("V20", code, about, order.leaf.index)


WHATS: Final = ("grams", "money", "red-packet")


def broken_parts(order: Order, units: int) -> Iterator[str]:
    """Hold the red packet of a redemption against its campaign, and its parts together."""
    reserved = [order.sum("reserve", what) for what in WHATS]
    debit = order.lines.get(("reserve", "red-packet"), {}).get("debit")
    if (reserved[2], debit) != owed_packet(order.campaign, units):
        yield "RED_PACKET_DIFFERS"
    for step in ("post", "void", "reverse"):
        if [order.sum(step, what) for what in WHATS] not in ([0, 0, 0], reserved):
            yield "REDEMPTION_HALF_POSTED"


def owed_packet(campaign: tuple[Statement, int] | None, count: int) -> tuple[int, str | None]:
    """Return the red packet for so many units or pieces, and the account that pays it."""
    if campaign is None or not min(count, campaign[1]) > 0:
        return 0, None
    said, left = campaign
    return min(count * said["packet_fen"], left), budget_of(said)


def budget_of(said: Statement) -> str:
    """Return the account of a campaign's budget."""
    return f"campaign:{said['programme_id']}.{said['campaign_id']}:campaign"


def campaign_at(
    books: Books, leaf: Leaf, offer: str | None, at: int
) -> tuple[Statement, int] | None:
    """Return the campaign that pays for an order at a time, and what it has left by now."""
    for campaign in books.uses.campaigns.values():
        said = campaign.said
        good = (said["programme_id"], said["offer_id"]) == (leaf.said["programme_id"], offer)
        good = good and said["valid_from_s"] <= at < said["valid_until_s"]
        if good and campaign.index < leaf.index:
            return said, books.balances["fen", budget_of(said)]
    return None


def judge_payouts(books: Books, batch: Leaf, leaf: Leaf) -> None:
    """Hold a payout batch against the ledger batch before it (15.7)."""
    world, said = books.world, leaf.said
    good = said["day"] == batch.said["day"]
    if not (good and said["ledger_batch"] == hashed("ledger-batch", batch.payload)):
        world.find("V21", "PAYOUTS_OUT_OF_STEP", "", leaf.index)
    booked = []
    for line in batch.said["lines"]:
        order, step, part = books.known.get(line["transfer_id"], (None, "", ""))
        outcome = {"post": "settled", "void": "rejected", "reverse": "reversed"}.get(step)
        if order is not None and outcome is not None and part == "money":
            booked.append((order.leaf.said["redemption_id"], outcome))
    told = [(line["redemption_id"], line["outcome"]) for line in said["lines"]]
    if sorted(told) != sorted(booked):
        more = Counter(told) - Counter(booked)
        code = "PAYOUT_NOT_BOOKED" if more else "PAYOUT_NOT_REPORTED"
        world.find("V21", code, "books and rail differ", leaf.index)
    for line in said["lines"]:
        with world.judging("V21", leaf.index, line["payout_id"].hex()):
            judge_payout(books, line)
    world.count("V21")


def judge_payout(books: Books, line: Statement) -> None:
    """Hold one answer of the rail against its order."""
    order = books.orders.get(line["redemption_id"])
    if order is None:
        raise Broken("PAYOUT_WITHOUT_REDEMPTION")
    said, outcome = order.leaf.said, line["outcome"]
    sign = {"settled": 1, "rejected": 0, "reversed": -1}[outcome]
    books.reported[said["programme_id"]] += sign * line["amount_fen"]
    order.outcomes.append(outcome)
    allowed = (["settled"], ["rejected"], ["settled", "reversed"])
    need(order.outcomes in allowed, "PAYOUT_TWICE")
    items = (said["programme_id"].encode(), said["redemption_id"])
    need(hashed("payout-id", *items)[:16] == line["payout_id"], "PAYOUT_ID_DIFFERS")
    need(line["wallet_id"] == said["wallet_id"], "PAYOUT_WALLET_DIFFERS")
    reserved = order.sum("reserve", "money") + order.sum("reserve", "red-packet")
    need(line["amount_fen"] == reserved, "PAYOUT_AMOUNT_DIFFERS")


def note_suspense(books: Books, programme: str, taken: int) -> None:
    """Name what is and was in suspense (15.10)."""
    flows = {key[1:]: fen for key, fen in books.suspense.items() if key[0] == programme and fen}
    if flows:
        kinds = ("suspense", "written_off")
        held, lost = (books.balances["fen", f"programme:{programme}:{kind}"] for kind in kinds)
        note = f"{programme}: {held} fen in suspense, {lost} fen written off"
        moved = (f"{fen} fen {debit} to {credit}" for (debit, credit), fen in sorted(flows.items()))
        note = f"{note}, {taken} fen answered as paid and taken back"
        books.world.notes.append("; ".join([note, *moved]))


def conserve(books: Books, programme: Programme) -> None:
    """Section 15.8, V22: totals of a programme."""
    world, own = books.world, f"programme:{programme.id}:"
    last = max((leaf.index for leaf in world.books if leaf.kind == "ledger_batch"), default=-1)
    balances = books.balances
    held, used = Counter[str](), Counter[str]()
    for (unit, account), amount in balances.items():
        if unit != "fen" and account_of(account)[2] in USE_KINDS:
            used[unit] += amount
        if account.endswith(":reserved"):
            held[unit] += amount
    spent_fen = redeemed_ug = reserved_ug = 0
    for year in {programme.vintage(epoch) for epoch in range(1, programme.last_epoch + 1)}:
        unit = f"ug:{programme.id}:{year}"
        issued = -balances[unit, own + "issuance"]
        opened = sum(
            credit.amount
            for credit in books.credits.values()
            if (credit.programme, credit.vintage) == (programme.id, year) and credit.leaf < last
        )
        redeemed_ug += balances[unit, own + "redeemed"]
        reserved_ug += held[unit]
        if issued != opened:
            world.find("V22", "ISSUED_NOT_OPENED", f"{unit}: {issued} and {opened}")
        if balances[unit, own + "redeemed"] + held[unit] + used[unit] > issued:
            world.find("V22", "SPENT_ABOVE_ISSUED", unit)
    reserved_ug -= held_for_goods(books, programme)
    # What is in suspense changes no answer and no redemption (15.10); the report names it.
    taken = books.suspense[programme.id, "paid_out", "suspense"]
    taken -= books.suspense[programme.id, "suspense", "paid_out"]
    spent_fen = balances["fen", own + "paid_out"] + taken
    note_suspense(books, programme.id, taken)
    left = books.suspense[programme.id, "suspense", "funding"]
    # Shares of sold lots are paid out beside what grams are redeemed for.
    in_flight, for_grams = (
        balances["fen", own + kind] - books.proceeds[own + kind]
        for kind in ("payout_in_flight", "paid_out")
    )
    rate, unit_ug = programme.said["unit_fen"], programme.said["unit_ug"]
    for code, good in (
        ("REDEEMED_NOT_PAID", (for_grams + taken) * unit_ug == redeemed_ug * rate),
        ("RESERVED_NOT_IN_FLIGHT", in_flight * unit_ug == reserved_ug * rate),
        ("PAID_NOT_ANSWERED", spent_fen == books.reported[programme.id]),
        ("FLOAT_OVERDRAWN", balances["fen", own + "float"] >= 0),
        ("SUSPENSE_OVER_RETURNED", left <= books.suspense[programme.id, "funding", "suspense"]),
    ):
        if not good:
            world.find("V22", code, programme.id)
    world.count("V22")


# --- 15.11: other uses of grams -------------------------------------------------------------------

USE_MOVES: Final = {
    "donate": ("single", "spendable", "donated"), "goods": ("reserve", "spendable", "reserved"),
    "pledge": ("single", "spendable", "pledged"), "withdraw": ("single", "pledged", "spendable"),
    "sell": ("single", "spendable", "market"), "buy": ("single", "market", "spendable"),
    "retire_own": ("single", "spendable", "offset"),
    "post": ("post", "reserved", "exchanged"), "void": ("void", "reserved", "spendable"),
}  # fmt: skip
"""What an order moves, and how goods end: phase, from, to."""
USE_KINDS: Final = {
    "donated", "exchanged", "expired", "pledged", "pooled", "retired", "sales", "offset", "market",
    "market_purse",
}  # fmt: skip
LOT_STEPS: Final = {
    ("formed", True): "verified", ("formed", False): "refused", ("verified", "lot_sale"): "sold",
    ("sold", "lot_retirement"): "retired",
}  # fmt: skip
NOTICE_S: Final = 30 * 86_400
TONNE: Final = 10**12


@dataclass(slots=True)
class UseOrder:
    """An order for a use and what was booked for it."""

    leaf: Leaf
    offer: Statement | None = None
    price: Leaf | None = None
    """For a trade: the last price before it."""
    campaign: tuple[Statement, int] | None = None
    """For a gift: what pays a red packet, and what it had left before."""
    money: dict[str, Statement] = field(default_factory=dict)
    """What a trade was paid with, and the red packet of a gift."""
    taken: dict[int, Statement] = field(default_factory=dict)
    """Line that began it, by vintage."""
    ended: dict[int, Statement] = field(default_factory=dict)


@dataclass(slots=True)
class Due:
    """A transfer that follows from what was signed about a lot."""

    leaf: int
    about: str
    code: str
    sides: tuple[str, str, str, str]
    """Debit, credit, unit, amount."""


@dataclass(slots=True)
class Uses:
    """Everything that is signed about other uses."""

    offers: dict[tuple[str, str], Leaf] = field(default_factory=dict)
    out: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Pieces of offers that have gone out and not come back."""
    campaigns: dict[tuple[str, str], Leaf] = field(default_factory=dict)
    markets: dict[tuple[str, str], Leaf] = field(default_factory=dict)
    prices: dict[str, Leaf] = field(default_factory=dict)
    """The last price of a programme, while the record is read."""
    net: Counter[int] = field(default_factory=Counter)
    """Units bought less units sold, by the leaf of their price."""
    money: dict[bytes, tuple[UseOrder, str]] = field(default_factory=dict)
    """Order and what for, by the id of a transfer of money."""
    notices: dict[str, Leaf] = field(default_factory=dict)
    """By unit."""
    outcomes: dict[bytes, Leaf] = field(default_factory=dict)
    orders: dict[bytes, UseOrder] = field(default_factory=dict)
    known: dict[bytes, tuple[UseOrder, str, int]] = field(default_factory=dict)
    """Order, move and vintage by transfer id."""
    due: dict[bytes, Due] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)
    lots: dict[bytes, tuple[Leaf, int]] = field(default_factory=dict)
    """Lot and its price floor, by lot id."""
    states: dict[bytes, str] = field(default_factory=dict)
    serials: Counter[str] = field(default_factory=Counter)
    rules: dict[str, Leaf] = field(default_factory=dict)
    """The last rules for lots of a programme, while the record is read."""
    offsets: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """Beneficiary and obligation to its kilograms and the tonnes surrendered."""
    rankings: dict[tuple[str, str], Leaf] = field(default_factory=dict)
    """Rules; likewise below, by programme and ranking."""
    choices: dict[bytes, Leaf] = field(default_factory=dict)
    """By choice id, in their order: those that count."""
    salts: dict[int, Leaf] = field(default_factory=dict)
    used_salts: set[bytes] = field(default_factory=set)
    ranked: dict[tuple[str, str, int], Leaf] = field(default_factory=dict)
    """The list of a period."""


def forms_of_use(kind: str, said: Statement) -> Iterator[bool]:
    """Say of every rule about a statement by itself whether it holds (15.11)."""
    for name in ("title", "supplier", "verifier", "buyer", "beneficiary"):
        yield name not in said or 1 <= len(said[name]) <= 200  # noqa: PLR2004
    year = said.get("vintage")
    yield year is None or 2000 <= year <= 2999  # noqa: PLR2004
    regimes = said.get("excluded_regimes", [])
    yield regimes == sorted(set(regimes)) and len(regimes) <= 32  # noqa: PLR2004
    if kind == "offer":
        yield 1 <= said["price_ug"] < 1 << 56
        yield said["valid_from_s"] < said["valid_until_s"]
        yield (said["hold_s"] > 0) == (said["offer_kind"] == "goods")
        yield said["stock"] is None or said["stock"] >= 1
    elif kind == "use_order":
        traded = said["use"] in {"sell", "buy"}
        offered = traded or said["use"] in {"donate", "goods"}
        for name in ("offer_id", "pieces", "mass_ug"):
            yield (said[name] is not None) == (offered == (name != "mass_ug"))
        yield (said["price_fen"] is not None) == traded
        yield not traded or 1 <= (said["price_fen"] or 0) * (said["pieces"] or 0) < 1 << 56
        yield (said["purpose_sha256"] is not None) == (said["use"] == "retire_own")
        yield said["pieces"] is None or 1 <= said["pieces"] <= 1_000_000  # noqa: PLR2004
        yield said["mass_ug"] is None or 1 <= said["mass_ug"] < 1 << 56
        yield not offered or year is None
        yield not said["may_be_claimed"] or said["use"] == "pledge"
    elif kind == "goods_outcome":
        yield said["fulfilled"] == (said["voucher_sha256"] is not None)
        yield said["fulfilled"] == (not said["reason"]) and len(said["reason"]) <= 200  # noqa: PLR2004
    elif kind == "credit_lot":
        tokens = [item["account_token"] for item in said["contributions"]]
        yield tokens == sorted(set(tokens)) and 1 <= len(tokens) <= 10_000  # noqa: PLR2004
        yield all(item["mass_ug"] >= 1 for item in said["contributions"])
        yield 1 <= said["tonnes"] <= 10_000  # noqa: PLR2004
    elif kind in {"campaign", "market_rules", "lot_rules", "ranking_rules", "ranking"}:
        yield from forms_of_rules(kind, said)
    elif kind == "lot_sale":
        yield 1 <= said["price_fen"] >= said["retained_fen"]
    elif kind == "lot_retirement":
        yield 1 <= said["serial_first"] <= said["serial_last"]
        yield said["obligation"] is None or said["obligation"]["amount_kg"] >= 1


def forms_of_rankings(kind: str, said: Statement) -> Iterator[bool]:
    """Say of every rule about a ranking whether it holds."""
    if kind == "ranking_rules":
        yield 1 <= said["period_days"] <= 366 and 1 <= said["periods"] <= 10_000  # noqa: PLR2004
        yield said["people_min"] >= 20 and 2 <= said["bands"] <= 10  # noqa: PLR2004
        return
    lines = [(item["band"], item["pseudonym"]) for item in said["lines"]]
    yield lines == sorted(lines) and len({name for _, name in lines}) == len(lines)
    yield all(1 <= band <= 10 for band, _ in lines)  # noqa: PLR2004


def forms_of_rules(kind: str, said: Statement) -> Iterator[bool]:
    """Say of every rule about a campaign, a market, a ranking or rules for lots if it holds."""
    if kind.startswith("ranking"):
        yield from forms_of_rankings(kind, said)
        return
    if kind == "lot_rules":
        hashes = said["methodologies"]
        yield hashes == sorted(set(hashes)) and len(hashes) <= 64  # noqa: PLR2004
        yield said["tonnes_min"] >= 1 and 1 <= said["offset_parts"] <= said["offset_of"]
        return
    if kind == "campaign":
        yield (said["offer_id"] is not None) == (said["occasion"] == "donation")
        yield 1 <= said["packet_fen"] <= said["budget_fen"] < 1 << 56
        yield said["valid_from_s"] < said["valid_until_s"]
        return
    yield 1 <= said["unit_ug"] < 1 << 56
    yield said["first_day"] <= said["last_day"]
    yield 1 <= said["floor_fen"] <= said["first_price_fen"] <= said["ceiling_fen"]
    yield said["ceiling_fen"] * 1_000_000 < 1 << 56 > said["endowment_fen"]


def note_uses(books: Books) -> None:
    """Take everything that is signed about uses, in its order, and judge it by itself."""
    world, rules = books.world, books.uses.rules
    note = {"use_order": note_use_order, "campaign": note_campaign, "market_rules": note_market}
    rankings = ("ranking_rules", "ranking_choice", "ranking_salt", "ranking")
    note |= dict.fromkeys(rankings, note_ranking)
    for leaf in world.books:
        if HOME[leaf.kind] != "V26":
            continue
        world.count("V26")
        with world.judging("V26", leaf.index):
            measure = world.programme(leaf.said["programme_id"]).said["measure"]
            tonnes = leaf.kind in {"lot_rules", "credit_lot"}
            tonnes = tonnes or leaf.said.get("use") in {"pledge", "withdraw", "retire_own"}
            need(measure == "grams" or not tonnes, "NOT_GRAMS")
        with world.judging("V26", leaf.index):
            if leaf.kind == "lot_rules":
                rules[leaf.said["programme_id"]] = leaf
            elif leaf.kind == "credit_lot":
                note_lot(books, leaf, rules.get(leaf.said["programme_id"]))
            elif leaf.kind.startswith("lot_"):
                note_lot_step(books, leaf)
            elif leaf.kind == "market_price":
                note_price(books.uses, leaf)
            elif leaf.kind in note:
                note[leaf.kind](books, leaf)
            else:
                note_once(books.uses, leaf)


def note_once(uses: Uses, leaf: Leaf) -> None:
    """Take an offer, a notice or an outcome, each of which stands once."""
    said = leaf.said
    book: dict[Any, Leaf] = uses.outcomes
    key: object = said.get("use_id")
    if leaf.kind == "offer":
        book, key = uses.offers, (said["programme_id"], said["offer_id"])
    elif leaf.kind == "expiry_notice":
        book, key = uses.notices, f"ug:{said['programme_id']}:{said['vintage']}"
    twice = "GOODS_CONCLUDED_TWICE" if leaf.kind == "goods_outcome" else "PUBLICATION_CONFLICT"
    need(key not in book, twice)
    book[key] = leaf


def note_campaign(books: Books, leaf: Leaf) -> None:
    """Take a campaign, and work out what is set aside for it."""
    uses, said = books.uses, leaf.said
    key = (said["programme_id"], said["campaign_id"])
    need(key not in uses.campaigns, "PUBLICATION_CONFLICT")
    for other in (item.said for item in uses.campaigns.values()):
        same = all(said[name] == other[name] for name in ("programme_id", "offer_id"))
        apart = said["valid_until_s"] <= other["valid_from_s"]
        apart = apart or other["valid_until_s"] <= said["valid_from_s"]
        need(apart or not same, "CAMPAIGN_OVERLAPS")
    uses.campaigns[key] = leaf
    sides = (f"programme:{key[0]}:float", budget_of(said), "fen", str(said["budget_fen"]))
    items = (key[0].encode(), key[1].encode(), b"fund")
    fund = hashed("transfer-id", b"campaign", *items)[:16]
    uses.due[fund] = Due(leaf.index, key[1], "CAMPAIGN_FUNDING_DIFFERS", sides)


def note_market(books: Books, leaf: Leaf) -> None:
    """Take the rules of a market, and work out what is set aside for it."""
    world, uses, said = books.world, books.uses, leaf.said
    key = (said["programme_id"], said["market_id"])
    need(key not in uses.markets, "PUBLICATION_CONFLICT")
    others = [item.said for name, item in uses.markets.items() if name[0] == key[0]]
    uses.markets[key] = leaf
    if said["endowment_fen"]:
        own = f"programme:{key[0]}:"
        sides = (own + "float", own + "market_purse", "fen", str(said["endowment_fen"]))
        items = (key[0].encode(), key[1].encode(), b"endow")
        endow = hashed("transfer-id", b"market", *items)[:16]
        uses.due[endow] = Due(leaf.index, key[1], "MARKET_ENDOWMENT_DIFFERS", sides)
    for other in others:
        apart = said["last_day"] < other["first_day"] or other["last_day"] < said["first_day"]
        if not apart:
            world.find("V26", "MARKET_OVERLAPS", key[1], leaf.index)
    programme = world.programme(key[0]).said
    paid = programme["unit_fen"] * said["unit_ug"]
    need(said["floor_fen"] * programme["unit_ug"] >= paid, "MARKET_BELOW_RATE")


def note_price(uses: Uses, leaf: Leaf) -> None:
    """Hold a day's price against the rules and the orders at the price before it."""
    said = leaf.said
    before, uses.prices[said["programme_id"]] = uses.prices.get(said["programme_id"]), leaf
    rules = uses.markets.get((said["programme_id"], said["market_id"]))
    if rules is None or not rules.said["first_day"] <= said["day"] <= rules.said["last_day"]:
        raise Broken("MARKET_CLOSED")
    price = rules.said["first_price_fen"]
    if before is not None and before.said["market_id"] == said["market_id"]:
        price, net = before.said["price_fen"], uses.net[before.index]
        if abs(net) > rules.said["quiet_units"]:
            price += rules.said["step_fen"] * (1 if net > 0 else -1)
            price = min(max(price, rules.said["floor_fen"]), rules.said["ceiling_fen"])
    need(before is None or before.said["day"] < said["day"], "MARKET_DAY_REPEATED")
    need(said["price_fen"] == price, "MARKET_PRICE_DIFFERS")


def note_ranking(books: Books, leaf: Leaf) -> None:
    """Take what is said of rankings (15.11)."""
    world, uses, said = books.world, books.uses, leaf.said
    key = (said["programme_id"], said["ranking_id"])
    if leaf.kind == "ranking_rules":
        need(key not in uses.rankings, "PUBLICATION_CONFLICT")
        for other in [item.said for name, item in uses.rankings.items() if name[0] == key[0]]:
            apart = other["first_day"] >= first_day_after(said, said["periods"])
            apart = apart or said["first_day"] >= first_day_after(other, other["periods"])
            if not apart:
                world.find("V26", "RANKING_OVERLAPS", key[1], leaf.index)
        uses.rankings[key] = leaf
    elif leaf.kind == "ranking_choice":
        note_choice(world, uses, leaf)
    elif leaf.kind == "ranking_salt":
        uses.salts[leaf.index] = leaf
    else:
        need((*key, said["period"]) not in uses.ranked, "RANKING_REPEATED")
        uses.ranked[*key, said["period"]] = leaf
        judge_list(books, leaf, uses.rankings.get(key))


def first_day_after(rules: Statement, periods: int) -> int:
    """Return the first day after so many periods of a ranking."""
    return int(rules["first_day"] + periods * rules["period_days"])


def note_choice(world: World, uses: Uses, leaf: Leaf) -> None:
    """Take a holder's word on a ranking, if it counts."""
    said = leaf.said
    need(said["choice_id"] not in uses.choices, "RANKING_CHOICE_REUSED")
    rules = uses.rankings.get((said["programme_id"], said["ranking_id"]))
    if rules is None or said["from_period"] >= rules.said["periods"]:
        raise Broken("UNKNOWN_RANKING")
    check_order_binding(world, world.programme(said["programme_id"]), leaf)
    at = bisect.bisect_right(world.heads, leaf.index, key=lambda head: head.size)
    begins = first_day_after(rules.said, said["from_period"]) * 86_400
    late = at > 1 and world.heads[at - 2].time > begins + TOLERANCE_S
    need(not late, "RANKING_CHOICE_LATE")
    uses.choices[said["choice_id"]] = leaf


def judge_list(books: Books, leaf: Leaf, rules: Leaf | None) -> None:
    """Recompute the list of a period from choices, salt and credits."""
    world, uses, said = books.world, books.uses, leaf.said
    if rules is None or rules.index != said["rules_leaf"]:
        raise Broken("UNKNOWN_RANKING")
    need(said["period"] < rules.said["periods"], "UNKNOWN_RANKING")
    salt = uses.salts.get(said["salt_leaf"])
    same = ("programme_id", "ranking_id", "period")
    if salt is None or any(salt.said[name] != said[name] for name in same):
        raise Broken("RANKING_SALT_MISSING")
    if salt.said["salt"] in uses.used_salts:
        world.find("V26", "RANKING_SALT_REUSED", "", leaf.index)
    uses.used_salts.add(salt.said["salt"])
    first, end = (first_day_after(rules.said, said["period"] + more) for more in (0, 1))
    head = world.head_over(leaf.index)
    early = head is not None and head.wait + TOLERANCE_S < end * 86_400
    credited: Counter[str] = Counter()
    for batch in (item for item in world.books if item.kind == "ledger_batch"):
        early = early or (batch.said["day"] < end and batch.index > leaf.index)
        if first <= batch.said["day"] < end:
            for line in batch.said["lines"]:
                good = re.fullmatch(r"[1-9][0-9]{0,17}", line["amount"])
                if good and line["debit"] == f"programme:{said['programme_id']}:issuance":
                    credited[line["credit"]] += int(line["amount"])
    need(not early, "RANKING_EARLY")
    last = {
        item.said["account_token"]: item.said["takes_part"]
        for item in uses.choices.values()
        if all(item.said[name] == said[name] for name in same[:2])
        and item.said["from_period"] <= said["period"]
    }
    people = {
        token: credited[f"holder:{token.hex()}:spendable"] for token, stays in last.items() if stays
    }
    due, amounts = [], sorted(people.values())
    for token, amount in people.items() if len(people) >= rules.said["people_min"] else ():
        above = bisect.bisect_left(amounts, amount)
        message = joined(b"fedcarbon/v1/ranking-pseudonym", token)
        name = hmac.digest(salt.said["salt"], message, "sha256")[:16]
        due.append({"band": 1 + rules.said["bands"] * above // len(people), "pseudonym": name})
    due.sort(key=lambda item: (item["band"], item["pseudonym"]))
    need(said["lines"] == due, "RANKING_DIFFERS")


def find_missing_lists(books: Books) -> None:
    """Have every period that was closed long ago have its list."""
    days = [
        (leaf.said["day"], leaf.index) for leaf in books.world.books if leaf.kind == "ledger_batch"
    ]
    for key, rules in books.uses.rankings.items():
        for period in range(rules.said["periods"]):
            due = first_day_after(rules.said, period + 1) + 1
            overdue = [index for day, index in days if day >= due]
            if not overdue:
                break
            if (*key, period) not in books.uses.ranked:
                books.world.find("V26", "RANKING_MISSING", f"{key[1]}:{period}", overdue[0])


def note_use_order(books: Books, leaf: Leaf) -> None:
    """Judge an order by itself, and work out the ids of its transfers."""
    world, uses, said = books.world, books.uses, leaf.said
    need(said["use_id"] not in uses.orders, "USE_ID_REUSED")
    programme = world.programme(said["programme_id"])
    order = uses.orders[said["use_id"]] = UseOrder(leaf)
    begin = said["use"]
    for year in {programme.vintage(epoch) for epoch in range(1, programme.last_epoch + 1)}:
        for move in (begin, "post", "void") if begin == "goods" else (begin,):
            items = (said["use_id"], USE_MOVES[move][0].encode(), u32(year))
            uses.known[hashed("transfer-id", b"use", *items)[:16]] = (order, move, year)
    price = order.price = uses.prices.get(said["programme_id"])
    if begin in {"sell", "buy"} and price is not None:
        uses.net[price.index] += said["pieces"] * (1 if begin == "buy" else -1)
    for what in ("money", "red-packet"):
        step = [b"single", b"money"] if what == "money" else [b"red-packet"]
        uses.money[hashed("transfer-id", b"use", said["use_id"], *step)[:16]] = (order, what)
    if begin in {"donate", "goods"}:
        offer = uses.offers.get((said["programme_id"], said["offer_id"]))
        if offer is None:
            world.find("V26", "UNKNOWN_OFFER", "", leaf.index)
        else:
            order.offer = offer.said
            kind = "goods" if begin == "goods" else "donation"
            if offer.said["offer_kind"] != kind:
                world.find("V26", "OFFER_KIND_DIFFERS", "", leaf.index)
    if begin == "pledge" and not said["may_be_claimed"]:
        world.find("V26", "PLEDGE_NOT_AUTHORISED", "", leaf.index)
    check_order_binding(world, programme, leaf)


def note_lot(books: Books, leaf: Leaf, rules: Leaf | None) -> None:
    """Judge a lot by itself, and work out what is put into it."""
    world, uses, said = books.world, books.uses, leaf.said
    lot_id = said["lot_id"]
    need(lot_id not in uses.lots, "LOT_ID_REUSED")
    uses.lots[lot_id] = leaf, rules.said["price_floor_fen"] if rules else 0
    uses.states[lot_id] = "formed"
    for item in said["contributions"]:
        sides = (f"holder:{item['account_token'].hex()}:pledged", f"lot:{lot_id.hex()}:pooled")
        expect(uses, leaf, leaf, "pool", item["account_token"], (*sides, item["mass_ug"]))
    named = (said["rules_leaf"], said["excluded_regimes"])
    if rules is not None:
        admitted = world.programme(said["programme_id"]).admitted_in(said["vintage"], leaf.index)
        for code in broken_rules(said, rules.said, admitted):
            world.find("V26", code, lot_id.hex(), leaf.index)
            break
    if rules is None or named != (rules.index, rules.said["excluded_regimes"]):
        world.find("V26", "LOT_RULES_DIFFER", lot_id.hex(), leaf.index)
    if sum(item["mass_ug"] for item in said["contributions"]) != said["tonnes"] * TONNE:
        world.find("V26", "LOT_NOT_WHOLE", lot_id.hex(), leaf.index)


def broken_rules(said: Statement, rules: Statement, admitted: set[bytes]) -> Iterator[str]:
    """Hold a lot against what its rules say of lots."""
    first, last = rules["vintage_first"], rules["vintage_last"]
    if not (first or 0) <= said["vintage"] <= (said["vintage"] if last is None else last):
        yield "LOT_VINTAGE_EXCLUDED"
    if said["tonnes"] < rules["tonnes_min"]:
        yield "LOT_TOO_SMALL"
    if rules["methodologies"] and not admitted <= set(rules["methodologies"]):
        yield "LOT_METHODOLOGY_EXCLUDED"


def check_offset(uses: Uses, said: Statement, tonnes: int) -> None:
    """Have all that is surrendered for an obligation be the part of it that is allowed."""
    obligation, rules = said["obligation"], uses.rules.get(said["programme_id"])
    if obligation is None or rules is None:
        return
    key = (said["beneficiary"], obligation["obligation_id"])
    amount, done = uses.offsets.get(key, (obligation["amount_kg"], 0))
    uses.offsets[key] = amount, done + tonnes
    need(amount == obligation["amount_kg"], "OBLIGATION_DIFFERS")
    allowed = rules.said["offset_parts"] * amount
    need((done + tonnes) * 1_000 * rules.said["offset_of"] <= allowed, "OFFSET_LIMIT")


LOT_CODES: Final = {
    "pool": "LOT_CONTRIBUTIONS_DIFFER", "return": "LOT_RETURN_DIFFERS",
    "share": "LOT_SHARES_DIFFER", "retain": "LOT_SHARES_DIFFER",
    "retire": "LOT_RETIREMENT_DIFFERS",
}  # fmt: skip


def expect(
    uses: Uses, lot: Leaf, leaf: Leaf, step: str, token: bytes, sides: tuple[str, str, int]
) -> None:
    """Note a transfer that must stand in a batch behind a leaf about a lot."""
    said = lot.said
    unit = "fen" if step in {"share", "retain"} else f"ug:{said['programme_id']}:{said['vintage']}"
    transfer_id = hashed("transfer-id", b"lot", said["lot_id"], step.encode(), token)[:16]
    debit, credit, amount = sides
    uses.due[transfer_id] = Due(
        leaf.index, said["lot_id"].hex(), LOT_CODES[step], (debit, credit, unit, str(amount))
    )


def note_lot_step(books: Books, leaf: Leaf) -> None:
    """Take a verification, a sale or a retirement, once each and in this order."""
    uses, said = books.uses, leaf.said
    lot_id = said["lot_id"]
    lot, floor = uses.lots.get(lot_id, (None, 0))
    if lot is None or lot.said["programme_id"] != said["programme_id"]:
        raise Broken("LOT_UNKNOWN")
    event = said["accepted"] if leaf.kind == "lot_verification" else leaf.kind
    state = LOT_STEPS.get((uses.states[lot_id], event))
    if state is None:
        raise Broken("LOT_STATE")
    uses.states[lot_id] = state
    pooled, programme = f"lot:{lot_id.hex()}:pooled", said["programme_id"]
    mass = {item["account_token"]: item["mass_ug"] for item in lot.said["contributions"]}
    if state == "refused":
        for token, amount in mass.items():
            sides = (pooled, f"holder:{token.hex()}:pledged", amount)
            expect(uses, lot, leaf, "return", token, sides)
    elif state == "sold":
        sales = f"programme:{programme}:sales"
        for token, share in shared_out(said["price_fen"] - said["retained_fen"], mass).items():
            if share:
                sides = (sales, f"holder:{token.hex()}:proceeds", share)
                expect(uses, lot, leaf, "share", token, sides)
        if said["retained_fen"]:
            sides = (sales, f"programme:{programme}:float", said["retained_fen"])
            expect(uses, lot, leaf, "retain", b"", sides)
        need(said["price_fen"] >= floor * lot.said["tonnes"], "LOT_PRICE_BELOW_FLOOR")
    elif state == "retired":
        tonnes = lot.said["tonnes"]
        sides = (pooled, f"lot:{lot_id.hex()}:retired", tonnes * TONNE)
        expect(uses, lot, leaf, "retire", b"", sides)
        first = uses.serials[programme] + 1
        uses.serials[programme] += tonnes
        check_offset(uses, said, said["serial_last"] - said["serial_first"] + 1)
        good = (said["serial_first"], said["serial_last"]) == (first, first + tonnes - 1)
        need(good, "LOT_SERIALS_DIFFER")


def shared_out(fen: int, mass: dict[bytes, int]) -> dict[bytes, int]:
    """Share fen by mass, rounded down; what is left goes to the largest remainders."""
    whole = sum(mass.values())
    shares = {token: fen * grams // whole for token, grams in mass.items()}
    by_rest = sorted(mass, key=lambda token: (-(fen * mass[token] % whole), token))
    for token in by_rest[: fen - sum(shares.values())]:
        shares[token] += 1
    return shares


def is_use(books: Books, line: Statement) -> bool:
    """Return whether a transfer is one that a use must explain."""
    known, kinds = books.uses.known, {account_of(line[side])[2] for side in ("debit", "credit")}
    if "campaign" in kinds and not kinds & {"payout_in_flight", "paid_out"}:
        return True
    return bool(kinds & USE_KINDS) or line["transfer_id"] in known or line["resolves"] in known


def use_meaning(books: Books, leaf: Leaf, line: Statement) -> Iterator[tuple[str, str]]:
    """Hold a transfer against the order, lot or notice that it is for."""
    uses, transfer_id = books.uses, line["transfer_id"]
    if line["credit"].endswith(":expired"):
        yield from broken_expiry(books, leaf, line)
        return
    uses.seen.add(transfer_id)
    due = uses.due.get(transfer_id)
    if due is not None:
        sides = (line["debit"], line["credit"], line["unit"], line["amount"])
        if sides != due.sides or line["phase"] != "single" or due.leaf > leaf.index:
            yield "V26", due.code
        return
    if line["unit"] == "fen":
        yield from money_meaning(books, leaf, line)
        return
    order, move, year = uses.known.get(transfer_id, (None, "", 0))
    if order is None:
        ended = uses.known.get(line["resolves"] or b"", (None, "", 0))[0]
        yield "V26", "USE_WITHOUT_ORDER" if ended is None else "USE_TRANSFER_DIFFERS"
        return
    said = order.leaf.said
    if order.leaf.index > leaf.index:
        yield "V26", "USE_BEFORE_ORDER"
    outcome = uses.outcomes.get(said["use_id"])
    by_word = move in {"post", "void"} and outcome is not None and outcome.index < leaf.index
    by_word = by_word and outcome is not None and outcome.said["fulfilled"] == (move == "post")
    basis = outcome if by_word and outcome is not None else order.leaf
    yield from backdated(books.world, basis, line)
    phase, *kinds = USE_MOVES[move]
    owners = [
        f"programme:{said['programme_id']}:{kind}"
        if kind in {"donated", "exchanged", "market", "offset"}
        else f"holder:{said['account_token'].hex()}:{kind}"
        for kind in kinds
    ]
    good = line["phase"] == phase and [line["debit"], line["credit"]] == owners
    good = good and line["unit"] == f"ug:{said['programme_id']}:{year}"
    good = good and said["vintage"] in {None, year}
    begin = hashed("transfer-id", b"use", said["use_id"], b"reserve", u32(year))[:16]
    good = good and line["resolves"] == (begin if move in {"post", "void"} else None)
    if move in {"post", "void"}:
        came_back = move == "void" and not order.ended
        uses.out[said["programme_id"], said["offer_id"]] -= said["pieces"] if came_back else 0
        order.ended[year] = line
        yield from broken_end(books, leaf, order, line)
    else:
        yield from broken_terms(books, order, line)
        order.taken[year] = line
        hold = order.offer["hold_s"] if order.offer else 0
        end = line["recorded_s"] + hold if move == "goods" else None
        good = good and line["expires_s"] == end
        valid = order.offer or {"valid_from_s": 0, "valid_until_s": 1 << 53}
        if not valid["valid_from_s"] <= line["recorded_s"] < valid["valid_until_s"]:
            yield "V26", "OFFER_NOT_VALID"
    if not good:
        yield "V26", "USE_TRANSFER_DIFFERS"


def broken_terms(books: Books, order: UseOrder, line: Statement) -> Iterator[tuple[str, str]]:
    """Hold the beginning of a use against stock, budget and price."""
    uses, said = books.uses, order.leaf.said
    if not order.taken and said["use"] == "donate":
        order.campaign = campaign_at(books, order.leaf, said["offer_id"], line["recorded_s"])
    if not order.taken and order.offer is not None:
        key = (said["programme_id"], said["offer_id"])
        uses.out[key] += said["pieces"]
        if order.offer["stock"] is not None and uses.out[key] > order.offer["stock"]:
            yield "V26", "OFFER_SOLD_OUT"
    if said["use"] not in {"sell", "buy"}:
        return
    price = order.price.said if order.price is not None else {"market_id": "", "day": -1}
    if (price["market_id"], price["day"]) != (said["offer_id"], line["recorded_s"] // 86_400):
        yield "V26", "MARKET_CLOSED"
    elif price["price_fen"] != said["price_fen"]:
        yield "V26", "MARKET_PRICE_DIFFERS"
    notice = uses.notices.get(line["unit"])
    if notice is not None and notice.index < order.leaf.index:
        yield "V26", "MARKET_VINTAGE_ENDS"


def money_meaning(books: Books, leaf: Leaf, line: Statement) -> Iterator[tuple[str, str]]:
    """Hold money that a use moves against the order, campaign or market that it is for."""
    uses, sides = books.uses, (line["debit"], line["credit"])
    if sides[1].endswith(":float") and sides[0].startswith("campaign:"):
        known = [item.said for item in uses.campaigns.values() if budget_of(item.said) == sides[0]]
        if not known:
            yield "V26", "USE_WITHOUT_ORDER"
        elif line["recorded_s"] < known[0]["valid_until_s"]:
            yield "V26", "CAMPAIGN_RELEASED_EARLY"
        return
    if sides[1].endswith(":float") and sides[0].endswith(":market_purse"):
        programme, day = account_of(sides[0])[1], line["recorded_s"] // 86_400
        own = [item for key, item in uses.markets.items() if key[0] == programme]
        own = [item for item in own if item.index < leaf.index]
        names = [(programme.encode(), item.said["market_id"].encode()) for item in own]
        ids = [hashed("transfer-id", b"market", *name, b"close")[:16] for name in names]
        is_open = any(item.said["last_day"] >= day for item in own)
        if line["transfer_id"] not in ids or is_open:
            yield "V26", "MARKET_CLOSED_EARLY"
        return
    order, what = uses.money.get(line["transfer_id"], (None, ""))
    wanted = {"money": {"sell", "buy"}, "red-packet": {"donate"}}.get(what, set[str]())
    if order is None or order.leaf.said["use"] not in wanted:
        yield "V26", "USE_WITHOUT_ORDER"
        return
    order.money[what] = line
    if what == "money":
        yield from backdated(books.world, order.leaf, line)
        if order.leaf.index > leaf.index:
            yield "V26", "USE_TRANSFER_DIFFERS"


def is_paid(order: UseOrder) -> bool:
    """Return whether a trade was paid as it was ordered."""
    said, line = order.leaf.said, order.money.get("money")
    if said["use"] not in {"sell", "buy"}:
        return True
    sides = [
        f"programme:{said['programme_id']}:market_purse",
        f"holder:{said['account_token'].hex()}:proceeds",
    ]
    sides = sides if said["use"] == "sell" else sides[::-1]
    amount = str(said["price_fen"] * said["pieces"])
    return line is not None and [line["debit"], line["credit"], line["amount"]] == [*sides, amount]


def is_rewarded(order: UseOrder) -> bool:
    """Return whether a gift has earned the red packet that is owed."""
    said, line = order.leaf.said, order.money.get("red-packet", {})
    amount, budget = owed_packet(order.campaign, said["pieces"] or 0)
    proceeds = f"holder:{said['account_token'].hex()}:proceeds" if amount else None
    owed = (budget, proceeds, str(amount) if amount else None)
    return (line.get("debit"), line.get("credit"), line.get("amount")) == owed


def broken_end(
    books: Books, leaf: Leaf, order: UseOrder, line: Statement
) -> Iterator[tuple[str, str]]:
    """Have goods end by the supplier's word or, backwards, by time."""
    outcome = books.uses.outcomes.get(order.leaf.said["use_id"])
    if outcome is not None and outcome.index > leaf.index:
        outcome = None
    posted = line["phase"] == "post"
    if outcome is not None and outcome.said["fulfilled"] == posted:
        return
    over = (books.lines.get(line["resolves"]) or {}).get("expires_s")
    if posted:
        yield "V26", "GOODS_NOT_CONCLUDED"
    elif over is None or line["recorded_s"] < over:
        yield "V26", "GOODS_GIVEN_BACK_EARLY"


def broken_expiry(books: Books, leaf: Leaf, line: Statement) -> Iterator[tuple[str, str]]:
    """Have grams expire after their notice was over only."""
    notice = books.uses.notices.get(line["unit"])
    if notice is None or notice.index > leaf.index:
        yield "V26", "EXPIRED_WITHOUT_NOTICE"
        return
    head = books.world.head_over(notice.index)
    over = None if head is None else max(notice.said["expires_at_s"], head.wait + NOTICE_S)
    if over is None or line["recorded_s"] < over:
        yield "V26", "EXPIRED_TOO_EARLY"


def close_uses(books: Books) -> None:
    """Have everything that was signed before the last batch be booked, whole."""
    world, uses = books.world, books.uses
    last = max((leaf.index for leaf in world.books if leaf.kind == "ledger_batch"), default=-1)
    for transfer_id, due in uses.due.items():
        if transfer_id not in uses.seen and due.leaf < last:
            world.find("V26", due.code, due.about, due.leaf)
    for use_id, order in uses.orders.items():
        with world.judging("V26", order.leaf.index, use_id.hex()):
            close_use(uses, order, last)
    for use_id, outcome in uses.outcomes.items():
        ordered = uses.orders.get(use_id)
        good = ordered is not None and ordered.leaf.index < outcome.index
        if ordered is None or not good or not is_word_on(ordered.leaf.said, outcome.said):
            world.find("V26", "GOODS_WITHOUT_ORDER", use_id.hex(), outcome.index)


def is_word_on(ordered: Statement, outcome: Statement) -> bool:
    """Return whether a supplier speaks of goods of its own programme."""
    return bool(ordered["use"] == "goods" and ordered["programme_id"] == outcome["programme_id"])


def close_use(uses: Uses, order: UseOrder, last: int) -> None:
    """Have an order be booked as a whole."""
    said = order.leaf.said
    need(bool(order.taken) or order.leaf.index > last, "USE_NOT_BOOKED")
    if not order.taken:
        need(not order.money, "USE_WITHOUT_ORDER")
        return
    asked = said["mass_ug"]
    if said["use"] in {"donate", "goods"}:
        asked = order.offer["price_ug"] * said["pieces"] if order.offer else None
    elif said["use"] in {"sell", "buy"}:
        market = uses.markets.get((said["programme_id"], said["offer_id"]))
        asked = market.said["unit_ug"] * said["pieces"] if market else None
    mass = sum(int(line["amount"]) for line in order.taken.values())
    need(asked in {None, mass}, "USE_MASS_DIFFERS")
    need(is_paid(order), "USE_TRANSFER_DIFFERS")
    need(is_rewarded(order), "RED_PACKET_DIFFERS")
    if said["use"] == "goods":
        ends = {order.ended.get(year, {}).get("phase") for year in order.taken}
        outcome = uses.outcomes.get(said["use_id"])
        need(len(ends) == 1, "USE_HALF_ENDED")
        waits = outcome is None or outcome.index > last or None not in ends
        given_out = outcome is not None and outcome.said["fulfilled"] and "void" in ends
        need(waits and not given_out, "GOODS_NOT_BOOKED")


def held_for_goods(books: Books, programme: Programme) -> int:
    """Return what goods hold that nobody has ended."""
    return sum(
        int(line["amount"])
        for order in books.uses.orders.values()
        if order.leaf.said["use"] == "goods" and order.leaf.said["programme_id"] == programme.id
        for year, line in order.taken.items()
        if line["transfer_id"] not in books.resolved
    )


# --- 20: tables of statistics ---------------------------------------------------------------------

REACH: Final = 16
"""Noise lies within so many scales."""
GRACE_S: Final = 7 * 86_400
"""After a start, until its table must be there."""


class Shell:
    """A shell and what follows from it (20.1)."""

    def __init__(self, leaf: bytes, index: int, said: Statement) -> None:
        """Take the leaf and its statement."""
        self.leaf, self.index, self.said = leaf, index, said
        self.programme: str = said["programme_id"]
        self.quantities: list[Statement] = said["quantities"]
        self.first: int = said["first_epoch"]
        self.last = self.first + said["periods"] * said["period_epochs"] - 1
        self.cells = math.prod(len(axis["categories"]) for axis in said["dimensions"])
        self.values = self.cells * len(self.quantities)
        self.rho = sum(item["rho_millionths"] for item in self.quantities)
        self.scales = [self.scale(item) for item in self.quantities]

    def scale(self, quantity: Statement) -> int:
        """Return sigma: the least integer that keeps the budget of a quantity."""
        reach = (self.said["partners_max"] * quantity["per_cell_max"]) ** 2 * self.said["cells_max"]
        return root_above(reach * 10**6, 2 * quantity["rho_millionths"])

    def epochs(self, period: int) -> range:
        """Return the epochs of a period."""
        width = self.said["period_epochs"]
        return range(self.first + (period - 1) * width, self.first + period * width)


def root_above(a: int, b: int) -> int:
    """Return the least integer whose square is at least a / b."""
    root = math.isqrt(a // b)
    return root if root**2 * b >= a else root + 1


@dataclass(slots=True)
class Given:
    """A contribution, and the ciphertexts of its file; None if they cannot be read."""

    leaf: Leaf
    blocks: list[bytes] | None = None


@dataclass(slots=True)
class Release:
    """The start of a release and what came of it."""

    leaf: Leaf
    shell: Shell
    product: list[int] | None = None
    """What is opened, computed from the files; None if one cannot be read."""
    release: Leaf | None = None


Period = tuple[int, int]
"""Leaf of the shell, and period."""


@dataclass(slots=True)
class Tables:
    """What was logged about statistics."""

    shells: dict[int, Shell] = field(default_factory=dict)
    given: dict[Period, dict[str, Given]] = field(default_factory=lambda: defaultdict(dict))
    starts: dict[Period, Release] = field(default_factory=dict)


def forms_of_table(kind: str, said: Statement) -> Iterator[bool]:
    """Yield what must hold in a statement about statistics, whatever else is in the record."""
    if kind == "table_shell":
        yield from forms_of_shell(said)
    elif HOME[kind] == "V23":
        yield said["period"] >= 1
        lists = {"contributors": "partner_id", "noise": "trustee_id", "shares": "trustee_id"}
        for name in said.keys() & lists.keys():
            names = [item[lists[name]] for item in said[name]]
            yield bool(names) and names == sorted(set(names))


def forms_of_shell(said: Statement) -> Iterator[bool]:
    """Yield the limits of a shell (20.1)."""
    axes, quantities = said["dimensions"], said["quantities"]
    items = [item for axis in axes for item in (*axis["categories"], *axis["groups"])]
    texts = [text for item in (said, *axes, *quantities, *items) for text in item["label"].values()]
    yield all(0 < len(text) <= 80 and text.isprintable() for text in texts)  # noqa: PLR2004
    codes = [item["code"] for item in items]
    printable = (code.isascii() and code.isprintable() for code in codes)
    yield all(printable) and all(0 < len(code) <= 40 for code in codes)  # noqa: PLR2004
    for axis in axes:
        own = [item["code"] for item in (*axis["categories"], *axis["groups"])]
        groups = {item["code"] for item in axis["groups"]} or {""}
        yield bool(axis["categories"]) and len(set(own)) == len(own)
        yield {item["group"] for item in axis["categories"]} == groups
    names = [item["name"] for item in (*axes, *quantities)]
    yield bool(axes) and 1 <= len(quantities) <= 8 and len(set(names)) == len(names)  # noqa: PLR2004
    rows = math.prod(1 + len(axis["categories"]) + len(axis["groups"]) for axis in axes)
    cells = math.prod(len(axis["categories"]) for axis in axes)
    yield cells <= 512 and rows <= 2048  # noqa: PLR2004
    people = [quantities[0][key] for key in ("name", "unit", "per_cell_max")] if quantities else []
    yield people == ["people", "people", 1]
    bounds = [(item["per_cell_max"], item["rho_millionths"]) for item in quantities]
    good = all(1 <= most < 1 << 43 and rho >= 1 for most, rho in bounds)
    yield good and min(said[key] for key in ("first_epoch", "period_epochs", "periods")) >= 1
    yield 1 <= said["cells_max"] <= cells and 3 <= said["partners_min"] <= said["partners_max"]  # noqa: PLR2004
    yield min(said["people_min"], said["members_min"]) >= 10  # noqa: PLR2004
    yield said["rho_year_millionths"] >= sum(rho for _, rho in bounds)
    yield good and max(Shell(b"", 0, said).scales) <= 1 << 56


def judge_shell(world: World, leaf: Leaf) -> None:
    """Section 20.1."""
    shell = Shell(leaf.leaf, leaf.index, leaf.said)
    programme = world.programme(shell.programme)
    need(shell.last <= programme.last_epoch, "SHELL_BEYOND_PROGRAMME")
    planned = [number for number, epoch in programme.epochs.items() if epoch.plan is not None]
    need(max(planned, default=0) < shell.first, "SHELL_TOO_LATE")
    for other in world.tables.shells.values():
        if other.programme == shell.programme:
            need(other.said["shell_id"] != leaf.said["shell_id"], "LOGGED_TWICE")
            apart = other.last < shell.first or shell.last < other.first
            need(apart, "SHELLS_OVERLAP", other.said["shell_id"])
    world.tables.shells[leaf.index] = shell
    world.count("V23")


def sealed_shell(world: World, said: Statement) -> Shell:
    """Return the shell of a statement whose period is sealed."""
    shell = world.tables.shells.get(said["shell_leaf"])
    if shell is None or shell.programme != said["programme_id"]:
        raise Broken("SHELL_UNKNOWN")
    need(said["period"] <= shell.said["periods"], "MALFORMED", "no such period")
    epochs = world.programme(shell.programme).epochs
    sealed = all(epochs[number].seal is not None for number in shell.epochs(said["period"]))
    need(sealed, "PERIOD_NOT_SEALED")
    return shell


def members_of(world: World, shell: Shell, period: int) -> dict[str, int]:
    """Return how many accounts each partner had enrolled in any epoch of a period."""
    snapshots = world.programme(shell.programme).snapshots
    accounts: dict[str, set[bytes]] = defaultdict(set)
    for number in shell.epochs(period):
        for partner, places in snapshots.get(number, {}).items():
            accounts[partner] |= places.keys()
    return {partner: len(tokens) for partner, tokens in accounts.items()}


def judge_contribution(world: World, leaf: Leaf) -> None:
    """Section 20.2."""
    said, partner, tables = leaf.said, leaf.said["partner_id"], world.tables
    shell = sealed_shell(world, said)
    ref = (shell.index, said["period"])
    need(ref not in tables.starts, "CONTRIBUTION_TOO_LATE")
    need(partner not in tables.given[ref], "LOGGED_TWICE")
    given = tables.given[ref][partner] = Given(leaf)
    members = members_of(world, shell, said["period"]).get(partner, 0)
    with world.judging("V23", leaf.index, partner):
        need(said["members"] == members, "MEMBERS_DIFFER", f"the record counts {members}")
    # By the record's number: what a partner says of itself bounds nothing.
    most = [members * item["per_cell_max"] for item in shell.quantities]
    with world.judging("V23", leaf.index, partner):
        given.blocks = read_cells(world, shell, leaf, ("table", partner, said["file_sha256"]), most)
    world.count("V23")


def read_cells(
    world: World, shell: Shell, leaf: Leaf, about: tuple[str, str, bytes], most: Sequence[int]
) -> list[bytes]:
    """Read a file of encrypted cells, and note its range proofs as work to be done (20.3).

    `about` is purpose, party and file; `most` the largest value of each quantity.
    """
    our, (purpose, party, sha256), period = world.set, about, leaf.said["period"]
    code = "NOISE_DIFFERS" if purpose == "noise" else "CONTRIBUTION_FILE_DIFFERS"
    width = our.width + sum(proof_widths(our, SLOT_BITS))
    entries = cut(world.file(sha256), "table-blocks", width, code)
    blocks = -(-shell.values // our.slots)
    need(len(entries) == blocks, code, f"{len(entries)} blocks, not {blocks}")
    bounds = [*most] * shell.cells + [0] * (blocks * our.slots - shell.values)
    for block, entry in enumerate(entries):
        own = tuple(bounds[block * our.slots : (block + 1) * our.slots])
        names = (shell.programme, party, period, block)
        context = Context(purpose, *names, shell.leaf, own, SLOT_BITS)
        ciphertext = int.from_bytes(entry[: our.width], "big")
        work: Job = (check_range, (our, context, ciphertext, entry[our.width :]))
        world.jobs.append(("V11", leaf.index, f"block {block} of the {purpose} of {party}", work))
    return [entry[: our.width] for entry in entries]


def judge_release_start(world: World, leaf: Leaf) -> None:
    """Section 20.4: a start spends its budget, whatever becomes of it."""
    said, tables = leaf.said, world.tables
    shell = sealed_shell(world, said)
    ref = (shell.index, said["period"])
    need(ref not in tables.starts, "LOGGED_TWICE")
    counted = [
        {"partner_id": name, "contribution_leaf": given.leaf.index}
        for name, given in sorted(tables.given[ref].items())
    ]
    need(said["contributors"] == counted, "CONTRIBUTORS_DIFFER")
    check_spending(world, shell, said)
    start = tables.starts[ref] = Release(leaf, shell)
    check_contributors(world, start)
    files = [tables.given[ref][item["partner_id"]].blocks for item in said["contributors"]]
    most = [2 * REACH * scale for scale in shell.scales]
    for part in said["noise"]:
        files.append(None)
        with world.judging("V23", leaf.index, part["trustee_id"]):
            about = ("noise", part["trustee_id"], part["file_sha256"])
            files[-1] = read_cells(world, shell, leaf, about, most)
    whole = [blocks for blocks in files if blocks is not None]
    if len(whole) == len(files):  # else it is told elsewhere why not
        with world.judging("V23", leaf.index):
            multiply_cells(world, start, whole)
    world.count("V23")


def check_spending(world: World, shell: Shell, said: Statement) -> None:
    """Hold what a start spends against its year: the least limit of all that spend in it."""
    year = world.programme(shell.programme).vintage(shell.epochs(said["period"])[-1])
    others = [
        item
        for item in world.tables.starts.values()
        if (item.shell.programme, item.leaf.said["year"]) == (shell.programme, year)
    ]
    spent = sum(item.leaf.said["rho_millionths"] for item in others)
    limits = [item.said["rho_year_millionths"] for item in (shell, *(o.shell for o in others))]
    told = [said[key] for key in ("year", "spent_millionths", "rho_millionths")]
    good = told == [year, spent, shell.rho] and spent + shell.rho <= min(limits)
    need(good, "BUDGET_EXCEEDED", f"{spent} of {min(limits)} are spent in {year}")


def check_contributors(world: World, start: Release) -> None:
    """Have enough partners contribute, no more than there is noise for, and all have had time."""
    leaf, shell, said = start.leaf, start.shell, start.leaf.said
    members = members_of(world, shell, said["period"])
    names = {item["partner_id"] for item in said["contributors"]}
    counted = sum(members.get(name, 0) >= shell.said["members_min"] for name in names)
    with world.judging("V23", leaf.index):
        need(counted >= shell.said["partners_min"], "TOO_FEW_PARTNERS", f"{counted} count")
        need(len(names) <= shell.said["partners_max"], "TOO_MANY_PARTNERS", f"{len(names)}")
    seal = world.programme(shell.programme).epochs[shell.epochs(said["period"])[-1]].seal
    sealed = world.head_over(seal.index) if seal else None
    over = world.head_over(leaf.index)
    if members.keys() <= names or sealed is None or over is None:
        return
    with world.judging("V23", leaf.index):
        until = sealed.time + shell.said["contribute_window_s"]
        need(over.wait + TOLERANCE_S >= until, "PERIOD_NOT_OVER", f"partners had until {until}")


def multiply_cells(world: World, start: Release, files: Sequence[Sequence[bytes]]) -> None:
    """Multiply contributions and noise block by block, and compare with what a start opens."""
    our = world.set
    start.product = [
        functools.reduce(lambda a, b: a * b % our.nn, map(our.ciphertext, blocks))
        for blocks in zip(*files, strict=True)
    ]
    found = hashlib.sha256(b"".join(map(our.wide, start.product))).digest()
    need(found == start.leaf.said["noised_sha256"], "NOISED_DIFFERS")


def judge_release(world: World, leaf: Leaf) -> None:
    """Section 20.5."""
    said, our = leaf.said, world.set
    start = world.tables.starts.get((said["shell_leaf"], said["period"]))
    if start is None or start.leaf.index != said["start_leaf"]:
        raise Broken("RELEASE_WITHOUT_START")
    need(start.shell.programme == said["programme_id"], "RELEASE_WITHOUT_START")
    need(start.release is None, "LOGGED_TWICE")
    start.release = leaf
    check_public_start(world, start.leaf, leaf)
    files: dict[bytes, bytes] = {}
    named = {said["table_sha256"], *(item["file_sha256"] for item in said["shares"])}
    for sha256 in sorted(named):
        with world.judging("V01", leaf.index):
            files[sha256] = world.file(sha256)
    if files.keys() != named or start.product is None:
        return  # why is told elsewhere
    shares: dict[int, list[int]] = {}
    for item in said["shares"]:
        with world.judging("V18", leaf.index, f"share file of {item['trustee_id']}"):
            i, own = release_shares(world, start, item["trustee_id"], files[item["file_sha256"]])
            shares[i] = own
            world.count("V18")
    opened: list[int] = []
    with world.judging("V18", leaf.index):
        need(len(shares) >= our.t, "TOO_FEW_SHARES", f"{len(shares)} trustees gave good shares")
        columns = zip(*shares.values(), strict=True)
        opened += [combined(our, dict(zip(shares, column, strict=True))) for column in columns]
    if len(opened) == len(start.product):
        with world.judging("V23", leaf.index):
            table = table_of(world, start, noisy_cells(our, start, opened))
            need(files[said["table_sha256"]] == table, "TABLE_DIFFERS", "the shares open another")
            world.count("V23")


def release_shares(world: World, start: Release, name: str, data: bytes) -> tuple[int, list[int]]:
    """Return a trustee's index and shares, proved (20.5)."""
    our, said = world.set, decoded("release_share_file", data, world.set.id)
    good = (said["trustee_id"], said["start_leaf"]) == (name, start.leaf.index)
    need(good and name in our.trustees, "MALFORMED", "another trustee's, or of another start")
    need({len(share) for share in said["shares"]} == {our.width}, "MALFORMED", "length of a share")
    product, i = start.product or [], our.trustees.index(name) + 1
    context = hashed("release-shares", start.leaf.leaf, *map(our.wide, product))
    shares = [int.from_bytes(share, "big") for share in said["shares"]]
    check_share_proof(our, i, context, product, shares, said["proof"])
    return i, shares


def noisy_cells(our: Parameters, start: Release, opened: Sequence[int]) -> list[int]:
    """Return what opened blocks hold, without the offset of every trustee's noise (20.6)."""
    shell, mask = start.shell, (1 << SLOT_BITS) - 1
    fit = all(message >> our.slots * SLOT_BITS == 0 for message in opened)
    need(fit, "PLAINTEXT_ABOVE_LAYOUT")
    shifts = [SLOT_BITS * j for j in range(our.slots)]
    digits = [message >> shift & mask for message in opened for shift in shifts]
    need(not any(digits[shell.values :]), "TABLE_BLOCKS_MALFORMED", "more than the table has")
    parts = len(start.leaf.said["noise"])
    offsets = [parts * REACH * scale for scale in shell.scales] * shell.cells
    return [digit - offset for digit, offset in zip(digits, offsets, strict=False)]


def find_missing_releases(world: World) -> None:
    """Find budgets that were spent, and no table came."""
    now = max((head.wait for head in world.heads), default=0)
    for (_, period), start in world.tables.starts.items():
        head = world.head_over(start.leaf.index)
        if start.release is None:
            about = f"period {period} of {start.shell.said['shell_id']}: budget spent, no table"
            if head is not None and now > head.time + GRACE_S:
                world.find("V23", "RELEASE_MISSING", about, start.leaf.index)
            else:
                world.notes.append(f"{about} yet")


# --- 20.6: the released table ---------------------------------------------------------------------


class Node(NamedTuple):
    """A total, group or category of a dimension."""

    code: str
    categories: list[int]
    parts: list[int]
    """Nodes that it is the sum of."""


def nodes_of(axis: Statement) -> list[Node]:
    """Return the nodes of a dimension: the total, then every group before its categories."""
    categories = [(at, item["code"], item["group"]) for at, item in enumerate(axis["categories"])]
    total = Node("", [at for at, _, _ in categories], [])
    nodes = [total]
    for group in axis["groups"] or [{"code": ""}]:
        own = [(at, code) for at, code, of in categories if of == group["code"]]
        above = total
        if axis["groups"]:
            above = Node(group["code"], [at for at, _ in own], [])
            total.parts.append(len(nodes))
            nodes.append(above)
        for at, code in own:
            above.parts.append(len(nodes))
            nodes.append(Node(code, [at], []))
    return nodes


class Rows:
    """The rows of a shell's table: every choice of a node per dimension, the last one fastest."""

    def __init__(self, shell: Shell) -> None:
        """Lay them out."""
        axes = shell.said["dimensions"]
        trees = [nodes_of(axis) for axis in axes]
        choices = list(itertools.product(*(range(len(tree)) for tree in trees)))
        number = {choice: row for row, choice in enumerate(choices)}
        places = itertools.product(*(range(len(axis["categories"])) for axis in axes))
        cell = {place: at for at, place in enumerate(places)}
        self.codes: list[list[str]] = []
        self.cells: list[list[int]] = []
        self.splits: list[list[list[int]]] = []
        """Of each row, the rows that it is the sum of, along each dimension that splits it."""
        for choice in choices:
            nodes = [tree[at] for tree, at in zip(trees, choice, strict=True)]
            self.codes.append([node.code for node in nodes])
            places = itertools.product(*(node.categories for node in nodes))
            self.cells.append([cell[place] for place in places])
            along = [
                [number[*choice[:axis], part, *choice[axis + 1 :]] for part in node.parts]
                for axis, node in enumerate(nodes)
            ]
            self.splits.append([parts for parts in along if parts])
        self.sums = [(row, parts) for row, splits in enumerate(self.splits) for parts in splits]

    def added(self, cells: Sequence[int]) -> list[int]:
        """Return the sum of every row."""
        return [sum(cells[at] for at in own) for own in self.cells]


def nearest(wanted: Sequence[int], total: int) -> list[int]:
    """Return the nearest numbers, none negative, with this sum; what is over goes to the first.

    All are lowered by one number, the least with which they are not too many.
    """
    low, high = min(wanted) - total - 1, max(wanted)
    while high - low > 1:
        middle = (low + high) // 2
        fits = sum(max(0, value - middle) for value in wanted) <= total
        low, high = (low, middle) if fits else (middle, high)
    lowered = [max(0, value - high) for value in wanted]
    over = total - sum(lowered)
    for at, value in enumerate(wanted):
        if over and value >= high:
            lowered[at], over = lowered[at] + 1, over - 1
    return lowered


def adjusted(rows: Rows, noisy: Sequence[int]) -> list[int]:
    """Make noisy sums add up, from the total downwards, along the first dimension first."""
    cells = [0] * len(rows.cells[0])

    def settle(row: int, value: int) -> None:
        if not rows.splits[row]:
            cells[rows.cells[row][0]] = value
            return
        parts = rows.splits[row][0]
        for part, share in zip(parts, nearest([noisy[at] for at in parts], value), strict=True):
            settle(part, share)

    settle(0, max(0, noisy[0]))
    return rows.added(cells)


def hidden_rows(rows: Rows, people: Sequence[int], least: int) -> set[int]:
    """Return the rows that are not shown: too few people, or else one of those could be computed.

    What is hidden next is always a row with the least noisy people, the earlier one of equals.
    """
    hidden = {row for row, count in enumerate(people) if count < least}
    more = True
    while more:
        more = False
        for row, parts in rows.sums:
            if len(hidden.intersection((row, *parts))) == 1:
                shown = [part for part in parts if part not in hidden]
                hidden.add(min(shown, key=lambda at: (people[at], at)) if shown else row)
                more = True
        if not more:
            known = determining(rows, hidden)
            hidden.update(sorted(known, key=lambda at: (people[at], at))[:1])
            more = bool(known)
    return hidden


def determining(rows: Rows, hidden: set[int]) -> list[int]:
    """Return the shown rows that together determine a hidden one; none if none is determined.

    The sums are reduced one after the other, each by those before it and then those by it, so that
    every one is led by its first hidden row, with factor 1, which stands in no other. The first
    with no further hidden row says what its own is.
    """
    reduced: dict[int, dict[int, Fraction]] = {}
    for total, parts in rows.sums:
        line = dict.fromkeys(parts, Fraction(-1)) | {total: Fraction(1)}
        for lead in line.keys() & reduced.keys():
            subtract(line, reduced[lead], line[lead])
        unknown = hidden.intersection(line)
        if unknown:
            lead, factor = min(unknown), line[min(unknown)]
            line = {at: value / factor for at, value in line.items()}
            for other in reduced.values():
                if lead in other:
                    subtract(other, line, other[lead])
            reduced[lead] = line
    lines = (line for line in reduced.values() if len(hidden.intersection(line)) == 1)
    return [at for at in next(lines, {}) if at not in hidden]


def subtract(line: dict[int, Fraction], other: dict[int, Fraction], factor: Fraction) -> None:
    """Take so many times the other line from a line."""
    for at, value in other.items():
        left = line.pop(at, Fraction(0)) - factor * value
        if left:
            line[at] = left


def margin(scale: int, cells: int, trustees: int) -> int:
    """Return 1.96 standard deviations of a sum of noisy cells, rounded up."""
    return root_above(196**2 * cells * trustees * scale**2, 100**2)


def table_of(world: World, start: Release, noisy: Sequence[int]) -> bytes:
    """Return the bytes of the released table."""
    said, shell = start.leaf.said, start.shell
    programme, epochs = world.programme(shell.programme), shell.epochs(said["period"])
    days = [timedelta(days=number * programme.days) for number in (epochs[0] - 1, epochs[-1])]
    partners, trustees = len(said["contributors"]), len(said["noise"])
    budget = {key: said[key] for key in ("year", "rho_millionths", "spent_millionths")}
    budget["limit_millionths"] = shell.said["rho_year_millionths"]
    tree = {
        "fedcarbon": VERSION,
        "statement": "released_table",
        "parameter_id": world.set.id.hex(),
        "programme_id": shell.programme,
        "shell_leaf": shell.index,
        "shell_id": shell.said["shell_id"],
        "period": said["period"],
        "first_day": (programme.first_day + days[0]).isoformat(),
        "last_day": (programme.first_day + days[1] - timedelta(days=1)).isoformat(),
        "partners": partners,
        "trustees": trustees,
        "budget": budget,
        "quantities": [
            {"name": item["name"], "unit": item["unit"]}
            | {"sigma": str(scale), "shift_max": str(REACH * scale)}
            for item, scale in zip(shell.quantities, shell.scales, strict=True)
        ],
        "rows": table_rows(shell, trustees, noisy),
        "leakage": leakage(shell, budget, partners, trustees),
    }
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def table_rows(shell: Shell, trustees: int, noisy: Sequence[int]) -> list[Statement]:
    """Return the rows of a released table."""
    rows, width = Rows(shell), len(shell.quantities)
    sums = [rows.added(noisy[at::width]) for at in range(width)]
    even = [adjusted(rows, own) for own in sums]
    hidden = hidden_rows(rows, sums[0], shell.said["people_min"])
    return [
        {
            "codes": codes,
            "cells": len(cells),
            "shown": row not in hidden,
            "values": [
                {
                    "noisy": str(sums[at][row]),
                    "adjusted": str(even[at][row]),
                    "margin_95": str(margin(scale, len(cells), trustees)),
                }
                for at, scale in enumerate(shell.scales)
                if row not in hidden
            ],
        }
        for row, (codes, cells) in enumerate(zip(rows.codes, rows.cells, strict=True))
    ]


# --- 20.8: what a released table says of itself ---------------------------------------------------

WORDS: Final = """
本期共有 {partners} 家合作方参与。
每家都为全部 {cells} 个单元格提交加密数字，包括零。打开的只是各家之和加上噪声：
没有任何一方见过单元格的准确值。

{partners} partners contributed. Each handed in encrypted numbers for all {cells} cells, zeros
included. Only their sums with noise were opened: nobody has seen the exact value of a cell.

一个人在一期内，在每家合作方最多计入 {cells_max} 个单元格，
最多计入 {partners_max} 家；每个单元格最多计入：{bounds}。
超出部分不计。同时使用几家合作方的人，在每家各计一次。

In one period a person counts in at most {cells_max} cells at each partner and at no more than
{partners_max} partners, and adds to a cell at most: {bounds}. What goes beyond is not counted.
Who uses several partners counts once at each.

{trustees} 家受托方各自给每个单元格加入离散高斯噪声，尺度为：{scales}。
只要其中一家诚实，下述承诺就成立。同一期永远使用同一份噪声，重复索取得到同一张表。

{trustees} trustees each added discrete Gaussian noise to every cell, of scale: {scales}. If only
one of them is honest the promise below holds. A period has the same noise for ever: who asks
again gets the same table.

本次发布的隐私预算为 {release}；{year} 年累计 {so_far}，
全年上限 {limit}（zCDP，delta = 10^-9）。含义：无论某人是否参与，
看到这张表的人对此人得出任何结论的几率，
相差不超过 e 的 epsilon 次方倍（概率 delta 除外）。

This release spends {release}; the year {year} so far {so_far}, of at most {limit} (zCDP, delta =
10^-9). It means: whether or not a person took part, the odds that a reader of the table concludes
anything about this person differ by a factor of at most e to the epsilon, but for the probability
delta.

一个单元格的误差：一百次中九十五次在前一个数之内；
后一个数是一家作弊的受托方最多能造成的偏移：{errors}。
合计行的误差随单元格数的平方根增加，作弊的偏移随单元格数增加。

What a cell can be off by: in 95 of 100 releases the first number; the second is what one trustee
that cheats could shift it by at most: {errors}. For a sum of cells the first grows with the
square root of their number, the second with their number.

含噪人数少于 {people_min} 的行不显示；为使其无法由其他行算出，
另有一些行也不显示。这不消耗隐私预算，隐私保护也不依赖于此，而依赖于噪声。

Rows with fewer than {people_min} people by the noisy count are not shown, and some others, so
that they cannot be computed from the rest. This spends no budget, and privacy does not rest on
it, but on the noise.

不隐藏的内容：本计划及其发布日历、参与的合作方及各家登记账户的数量、噪声的尺度。
许多人共同的习惯正是本表要说明的；受保护的是每一个人。

What is not hidden: that the programme exists and when it releases, which partners contributed and
how many accounts each has enrolled, and how much noise there is. What many people do together is
what the table is for; what is protected is each of them.

每人的上限由合作方在内部执行。零知识证明只表明一家合作方的数字不超过其全体登记账户按上限相加
所能达到的数额，并不证明对每个人都执行了上限，也不证明数字属实。持两种证件登记的人，
按两个人计。

Partners apply the bounds per person in-house. Proofs show only that a partner's numbers are no
more than all its enrolled accounts together could add within the bounds, not that every person
was bounded, nor that the numbers are true. Who is enrolled under two ids counts as two people.

达到密钥门限数量的受托方若串通，可以读取全部内容，包括单家合作方提交的数字；少于门限则不能。

Trustees that conspire in the number that the key asks for could read everything, what a single
partner handed in included; fewer of them cannot.
"""
"""The paragraphs of every released table, each in Chinese and then in English."""
LANGUAGES: Final = {"zh": "", "en": " "}
"""What stands between two lines of a paragraph."""


def leakage(
    shell: Shell, budget: dict[str, int], partners: int, trustees: int
) -> list[dict[str, str]]:
    """Return the paragraphs of a released table with its own numbers."""
    spent, said = budget["rho_millionths"], shell.said
    numbers = {
        "partners": partners,
        "trustees": trustees,
        "cells": f"{shell.cells:,}",
        "cells_max": f"{said['cells_max']:,}",
        "partners_max": said["partners_max"],
        "people_min": said["people_min"],
        "year": budget["year"],
        "release": promise(spent),
        "so_far": promise(budget["spent_millionths"] + spent),
        "limit": promise(budget["limit_millionths"]),
    }
    blocks = iter(WORDS.strip().split("\n\n"))
    return [
        {
            language: between.join(text.split("\n")).format(
                **numbers, **named_amounts(shell, trustees, language)
            )
            for (language, between), text in zip(LANGUAGES.items(), paragraph, strict=True)
        }
        for paragraph in zip(blocks, blocks, strict=True)
    ]


def named_amounts(shell: Shell, trustees: int, language: str) -> dict[str, str]:
    """Return the lists that name every quantity, in one language."""
    chinese = language == "zh"
    comma, semicolon, worst = ("，", "；", "，最坏") if chinese else (", ", "; ", ", at worst")
    bounds, scales, errors = [], [], []
    for item, scale in zip(shell.quantities, shell.scales, strict=True):
        name = item["label"][language]
        unit = f"（{item['unit']}）" if chinese else f" ({item['unit']})"
        bounds.append(f"{name} {item['per_cell_max']:,}{unit}")
        scales.append(f"{name} {scale:,}{unit}")
        off = margin(scale, 1, trustees)
        errors.append(f"{name} ±{off:,}{worst} ±{REACH * scale:,}{unit}")
    lists = {"bounds": comma.join(bounds), "scales": comma.join(scales)}
    return lists | {"errors": semicolon.join(errors)}


def promise(rho: int) -> str:
    """Return what a budget in millionths promises for delta = 10^-9, rounded up (20.8).

    A thousandth of delta is for noise that was drawn again. Above 80 nothing is promised.
    """
    with decimal.localcontext(decimal.Context(prec=60)):
        share = decimal.Decimal(rho).scaleb(-6)
        delta = decimal.Decimal("0.999").scaleb(-9)
        epsilon = share + 2 * (share * -delta.ln()).sqrt()
        thousandths = math.ceil(epsilon.scaleb(3))
    kept = "none" if thousandths > 80_000 else decimal_text(thousandths, 3)  # noqa: PLR2004
    return f"rho = {decimal_text(rho, 6)} (epsilon = {kept})"


def decimal_text(value: int, places: int) -> str:
    """Return a number of so many decimal places, without trailing zeros."""
    whole, rest = divmod(value, 10**places)
    return f"{whole:,}.{rest:0{places}d}".rstrip("0").rstrip(".")


# --- the whole ------------------------------------------------------------------------------------

JUDGES: Final[dict[str, Callable[[World, Leaf], None]]] = {
    "parameters": judge_parameters,
    "self_test": judge_self_test,
    "party_admission": judge_admission,
    "programme": judge_programme,
    "methodology_admission": judge_methodology,
    "enrolment_batch": judge_enrolment,
    "place_batch": judge_places,
    "evaluation_request": judge_evaluation_request,
    "epoch_plan": judge_plan,
    "claim_commitment": judge_commitment,
    "commit_closed": judge_closing,
    "beacon_value": judge_beacon,
    "claim_list": judge_claim_list,
    "verdict_list": judge_verdicts,
    "chunk_header": judge_header,
    "link_proof": judge_link,
    "dispute": judge_dispute,
    "seal": judge_seal,
    "operator_binding": judge_operator_half,
    "partner_binding": judge_partner_half,
    "binding_objection": judge_objection,
    "unbinding": judge_unbinding,
    "opening_request": judge_request,
    "opening_start": judge_start,
    "opening_result": judge_result,
    "table_shell": judge_shell,
    "table_contribution": judge_contribution,
    "release_start": judge_release_start,
    "table_release": judge_release,
}
EARLY: Final = {"parameters", "party_admission"}
"""What is judged while signatures are checked, because signatures and heads rest on it."""


def read_all(world: World) -> None:
    """Check every leaf by itself, with the parties admitted by then, and every head."""
    entries = read_entries(world)
    heads, tree = read_heads(world, entries), Tree()
    for index in range(max([*entries, *(size - 1 for size in heads)], default=-1) + 1):
        if index in entries:
            tree.add(entries[index].leaf)
            world.row[index] = entries[index].leaf
            world.tree[index + 1] = tree.root()
            with world.judging("V05", index):
                leaf = read_leaf(world, index, entries[index])
                if leaf.kind in EARLY:
                    with world.line(HOME[leaf.kind]):
                        JUDGES[leaf.kind](world, leaf)
                world.leaves[index] = leaf
        if index == 0 and world.parameters is None:
            return
        if index + 1 in heads:
            root = world.tree.get(index + 1)
            with world.judging("V05", None, f"head of {index + 1} leaves"):
                judge_head(world, index + 1, heads[index + 1], root)


def fold(world: World) -> None:
    """Judge every leaf by what stands below it, then the proofs, then the books."""
    world.parties.clear()
    for index, leaf in sorted(world.leaves.items()):
        if leaf.kind == "parameters":
            continue
        try:
            with world.line(HOME[leaf.kind]):
                if leaf.kind in JUDGES:
                    JUDGES[leaf.kind](world, leaf)
        except Broken as error:
            world.find(error.check, error.code, error.text, index)
            del world.leaves[index]


def verify(path: Path, roots: dict[str, Any]) -> World:
    """Return everything that was found in a record."""
    world = World(Folder(path), roots)
    read_all(world)
    if world.parameters is None:
        if not world.findings:
            world.find("V02", "PARAMETERS_INVALID", "there is no parameter set", 0)
        return world  # nothing else can be judged
    if all(finding.check != "V05" for finding in world.findings):
        with world.judging("V05"):
            check_copies(world)
    fold(world)
    with multiprocessing.Pool() as pool:
        works = [work for *_, work in world.jobs]
        for (check, leaf, about, _), broken in zip(world.jobs, pool.imap(run, works), strict=True):
            world.count(check)
            if broken is not None:
                world.find(check, broken[0], f"{about}: {broken[1]}", leaf)
    judge_books(world)
    find_missing_releases(world)
    return world


def run(work: Job) -> tuple[str, str] | None:
    """Do a piece of work in a process of its own."""
    try:
        work[0](*work[1])
    except Broken as error:
        return error.code, error.text
    return None


def main() -> int:
    """Verify, print the checklist, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("record", type=Path, help="the folder of the record")
    parser.add_argument("--roots", type=Path, required=True, help="roots.toml")
    parser.add_argument("--json", type=Path, help="write what was found there")
    options = parser.parse_args()
    try:
        roots = tomllib.loads(options.roots.read_text(encoding="utf-8"))
        bytes.fromhex(roots["parameter_id"] + "".join(root["key"] for root in roots["root"]))
        world = verify(options.record, roots)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"the input cannot be used: {error!r}", file=sys.stderr)
        return 2
    failed = {finding.check for finding in world.findings}
    for check, title in sorted((CHECKS | LEFT_OUT).items()):
        state = "failed" if check in failed else "passed" if world.counts[check] else "not present"
        number = f"{world.counts[check]:6d}" if check in CHECKS else "      "
        print(f"{check}  {'not checked' if check in LEFT_OUT else state:11s} {number}  {title}")
    found = sorted(world.findings, key=lambda item: (item.leaf or -1, item.check, item.code))
    for finding in found:
        where = "" if finding.leaf is None else f" leaf {finding.leaf}"
        print(f"{finding.check} {finding.code}{where}: {finding.text}")
    for text in world.notes:
        print(f"note: {text}")
    print(f"{len(found)} findings" if found else "nothing was found")
    if options.json is not None:
        report = {"passed": not found, "findings": [finding._asdict() for finding in found]}
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
