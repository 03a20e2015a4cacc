"""Readers of whole files: exports of platforms, a party's own files, the trustee's share file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random  # noqa: TID251 - a seeded Random
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedcarbon.ceremony import share_file
from fedcarbon.ceremony.share_file import ShareFileError, open_share_file, seal_share_file
from fedcarbon.cli.catalogue import load_from_catalogue
from fedcarbon.identity.person_id import make_test_id
from fedcarbon.ids import Role
from fedcarbon.units import Seconds
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import Authority, write_party
from fedcarbon.wire.party import PartyFilesError, load_party
from partner_node.activities.bundle import Bundle
from partner_node.commands.making_challenges import ChallengeFileError, read_values
from partner_node.importing.activities import read_activities
from partner_node.importing.identities import read_identities
from partner_node.importing.table_file import ImportFileError, Read, Reject
from tests.fuzz.mutations import hostile
from tests.house.examples import parties
from tests.house.examples.chance import NamedChance

FEW: Final = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the file is written anew
)
ACTIVITIES: Final = {
    "activity_id": ["ride-1", "ride-2"],
    "person_ref": ["u-7", "u-8"],
    "mode": ["rail", "bike"],
    "started_at": ["2026-03-02T08:00:00+08:00", "2026-03-02T09:00:00"],
    "ended_at": ["2026-03-02T08:20:00+08:00", "2026-03-02T09:30:00"],
    "distance_m": ["12500", "4000"],
    "evidence": ["0", "1"],
}
IDENTITIES: Final = {
    "person_ref": ["u-7"],
    "id_type": ["TEST"],
    "id_number": [make_test_id(1)],
    "consent_data": ["true"],
    "consent_claim": ["2026-03-02T08:00:00"],
    "issuing_country": ["CN"],
}
BUNDLE: Final = Bundle([load_from_catalogue("cn-ecny-shanghai")])
Reader = Callable[[Path], Iterable[object]]
READERS: Final[dict[str, tuple[Reader, dict[str, list[str]]]]] = {
    "activities": (lambda path: read_activities(path, "Asia/Shanghai", BUNDLE), ACTIVITIES),
    "activities without a zone": (lambda path: read_activities(path, None, BUNDLE), ACTIVITIES),
    "identities": (read_identities, IDENTITIES),
}


def as_csv(table: dict[str, list[str]]) -> bytes:
    lines = [list(table), *zip(*table.values(), strict=True)]
    return "".join(",".join(line) + "\n" for line in lines).encode()


def as_parquet(table: dict[str, list[Any]]) -> bytes:
    buffer = BytesIO()
    pq.write_table(pa.table(table), buffer)
    return buffer.getvalue()


def rows(items: Iterable[object]) -> Iterator[object]:
    """Take what a reader yields: rows and rejects, unless the file itself is refused."""
    try:
        yield from items
    except ImportFileError as error:
        str(error).encode()


@pytest.mark.parametrize("kind", READERS)
@given(chance=st.randoms(use_true_random=True))
@FEW
def test_a_csv_file_yields_rows_and_rejects_whatever_is_in_it(
    tmp_path: Path, kind: str, chance: Random
) -> None:
    reader, table = READERS[kind]
    path = tmp_path / "export.csv"
    path.write_bytes(hostile(chance, [as_csv(table)]))

    for item in rows(reader(path)):
        assert isinstance(item, (Read, Reject))


@pytest.mark.parametrize("kind", READERS)
@given(chance=st.randoms(use_true_random=True))
@FEW
def test_a_parquet_file_yields_rows_and_rejects_whatever_is_in_it(
    tmp_path: Path, kind: str, chance: Random
) -> None:
    reader, table = READERS[kind]
    path = tmp_path / "export.parquet"
    path.write_bytes(hostile(chance, [as_parquet(table)]))

    for item in rows(reader(path)):
        assert isinstance(item, (Read, Reject))


@given(chance=st.randoms(use_true_random=True))
@FEW
def test_a_test_vector_is_read_or_refused(tmp_path: Path, chance: Random) -> None:
    path = tmp_path / "values.txt"
    path.write_bytes(hostile(chance, [b"1,20,300\n0\n50000\n"]))
    try:
        assert all(value >= 0 for block in read_values(path) for value in block)
    except ChallengeFileError as error:
        str(error).encode()


ODD_COLUMNS: Final[dict[str, list[Any]]] = {
    "integers beyond 64 bits": [2**63 - 1, -(2**63)],
    "floats": [float("nan"), float("inf")],
    "nothing": [None, None],
    "bytes that are no text": [b"\xff\xfe", b""],
    "lists": [[1], []],
    "objects": [{"a": 1}, {"a": None}],
    "truth": [True, False],
}


@pytest.mark.parametrize("odd", ODD_COLUMNS)
@pytest.mark.parametrize("column", ACTIVITIES)
def test_a_parquet_column_of_another_type_is_read_or_rejected(
    tmp_path: Path, column: str, odd: str
) -> None:
    path = tmp_path / "export.parquet"
    path.write_bytes(as_parquet({**ACTIVITIES, column: ODD_COLUMNS[odd]}))

    for item in rows(read_activities(path, "Asia/Shanghai", BUNDLE)):
        assert isinstance(item, (Read, Reject))


@pytest.fixture(scope="module")
def party(tmp_path_factory: pytest.TempPathFactory) -> Path:
    now_s = Seconds(1_790_000_000)
    name = PartyName(party_id=parties.METRO, role=Role.PARTNER)
    folder = tmp_path_factory.mktemp("party")
    return write_party(folder, Authority.create(now_s), name, now_s=now_s, seed=bytes(32))


@given(chance=st.randoms(use_true_random=True))
@FEW
def test_a_partys_own_files_are_read_or_refused(party: Path, chance: Random) -> None:
    bent = party.parent / chance.choice(sorted(item.name for item in party.parent.iterdir()))
    kept = bent.read_bytes()
    bent.write_bytes(hostile(chance, [kept]))
    try:
        load_party(party)
    except PartyFilesError as error:
        str(error).encode()
    finally:
        bent.write_bytes(kept)


@cache
def sealed() -> bytes:
    return seal_share_file(
        parties.ceremony().secrets[0], b"passphrase", NamedChance("fuzzed share file").octets
    )


@given(chance=st.randoms(use_true_random=True))
@FEW
def test_a_share_file_is_opened_or_refused(monkeypatch: pytest.MonkeyPatch, chance: Random) -> None:
    monkeypatch.setattr(share_file, "_SCRYPT_COST", 2)  # half a second per guess is too long here
    sealed.cache_clear()
    data = hostile(chance, [sealed()])
    try:
        open_share_file(data, b"passphrase")
    except ShareFileError as error:
        str(error).encode()
