"""What the fuzzer has found, one line each: it stays found."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.errors import ConfigurationError, MalformedError
from fedcarbon.ids import Role
from fedcarbon.ledger.batch import LedgerBatch
from fedcarbon.ledger.unit import unit_from_text
from fedcarbon.methodology.activity import values_of
from fedcarbon.parameters.roots import parse_roots
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.units import Seconds
from fedcarbon.uses.certificate import FORMAT, Certificate
from fedcarbon.wire.certificates import CertificateError, PartyName, party_name_of
from fedcarbon.wire.dev_ca import Authority, write_party
from fedcarbon.wire.party import PartyFilesError, load_party
from partner_node.importing.activities import read_activities
from partner_node.importing.table_file import ImportFileError
from tests.fuzz.file_parsers import certificates
from tests.fuzz.statement_examples import payloads
from tests.fuzz.test_files import BUNDLE
from tests.house.examples import parties
from tests.house.examples.whole import record

THRESHOLD = f"threshold = {parties.THRESHOLD}"
BENT_ROOTS = {
    "a threshold without end": (THRESHOLD, "threshold = inf"),
    "a threshold that is no whole number": (THRESHOLD, "threshold = 3.5"),
    "a threshold in quotes": (THRESHOLD, 'threshold = "3"'),
    "a truth for a threshold": (THRESHOLD, "threshold = true"),
    "lists in lists": (THRESHOLD, "threshold = " + "[" * 20_000),
    "a trustee with another name": ('trustee = "trustee-1"', 'trustee = "Trustee 1"'),
    "a trustee that is a number": ('trustee = "trustee-1"', "trustee = 1"),
}


@pytest.mark.parametrize("what", BENT_ROOTS)
def test_bent_roots_are_the_operators_matter(what: str) -> None:
    text = parties.roots().to_toml()
    assert text.count(BENT_ROOTS[what][0]) == 1

    with pytest.raises(ConfigurationError):
        parse_roots(text.replace(*BENT_ROOTS[what]).encode())


@pytest.mark.parametrize("field", ["payloadType", "keyid"])
def test_an_envelope_with_a_lone_surrogate_is_malformed(field: str) -> None:
    """Its type cannot be signed, and its key id cannot be written into a log."""
    tree = json.loads(record().leaves[0].body)
    (tree if field in tree else tree["signatures"][0])[field] = "\ud800"
    data = json.dumps(tree, sort_keys=True, separators=(",", ":")).encode()

    with pytest.raises(MalformedError):
        Envelope.from_bytes(data)


@pytest.mark.parametrize("year", ["9" * 5_000, "\u0662\u0660\u0662\u0666", "02026", ""])
def test_a_unit_of_no_year_is_malformed(year: str) -> None:
    with pytest.raises(MalformedError):
        unit_from_text(f"ug:carbon-sz:{year}")


@pytest.mark.parametrize("amount", ["9" * 5_000, "", "1_000", "\u0661"])
def test_a_ledger_line_of_no_amount_is_malformed(amount: str) -> None:
    batch: LedgerBatch = statements.decode(LedgerBatch, payloads()["ledger_batch"][0])

    with pytest.raises(MalformedError):
        dataclasses.replace(batch.lines[0], amount=amount).transfer()


def test_a_certificate_of_another_version_names_nobody() -> None:
    pem = certificates()[0].decode()
    body = base64.b64decode("".join(pem.splitlines()[1:-1]))
    version = bytes.fromhex("a003020102")
    assert body.count(version) == 1
    bent = base64.b64encode(body.replace(version, bytes.fromhex("a00302016a"))).decode()

    with pytest.raises(CertificateError):
        party_name_of(f"-----BEGIN CERTIFICATE-----\n{bent}\n-----END CERTIFICATE-----\n".encode())


BENT_PARTIES = {
    "a trust domain that is none": ("fedcarbon.test", "fedcarb/n.test"),
    "lists in lists": ('role = "partner"', "role = " + "[" * 20_000),
    "a file that cannot be": ('tls_key = "', 'tls_key = "\\u0000'),
}


@pytest.mark.parametrize("what", BENT_PARTIES)
def test_a_bent_party_file_is_the_operators_matter(tmp_path: Path, what: str) -> None:
    now_s = Seconds(1_790_000_000)
    name = PartyName(party_id=parties.METRO, role=Role.PARTNER)
    path = write_party(tmp_path, Authority.create(now_s), name, now_s=now_s, seed=bytes(32))
    text = path.read_text(encoding="utf-8")
    assert BENT_PARTIES[what][0] in text
    path.write_text(text.replace(*BENT_PARTIES[what]), encoding="utf-8")

    with pytest.raises(PartyFilesError):
        load_party(path)


def test_a_parquet_file_whose_column_names_are_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "export.parquet"
    pq.write_table(pa.table({"activity_id": ["a"], "zzzzzzzz": ["b"]}), path)
    path.write_bytes(path.read_bytes().replace(b"zzzzzzzz", b"zz\xe9zzzzz"))

    with pytest.raises(ImportFileError):
        list(read_activities(path, None, BUNDLE))


def test_values_without_end_are_malformed() -> None:
    with pytest.raises(MalformedError):
        values_of("[" * 100_000)


def test_a_purpose_that_is_no_text_is_malformed() -> None:
    """Half of a surrogate pair has no hash, and cannot be printed."""
    tree = {
        "format": FORMAT,
        "purpose": "\ud800",
        "order": "",
        "leaf_index": 0,
        "salt": "",
        "head": "",
        "hashes": [],
    }

    with pytest.raises(MalformedError):
        Certificate.from_json(json.dumps(tree).encode())
    Certificate.from_json(json.dumps({**tree, "purpose": "mine"}).encode())
