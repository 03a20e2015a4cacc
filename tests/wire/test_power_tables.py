"""Tables in a file: built once for all processes, and never used when a byte of them is wrong."""

from __future__ import annotations

import multiprocessing
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fedcarbon.proofs.commitments import ProofKey, ProverShape, prover_shape
from fedcarbon.proofs.range_prover import encrypt_and_prove
from fedcarbon.wire import power_tables
from fedcarbon.wire.power_tables import SUFFIX, prover_tables
from tests.chance import seeded
from tests.keys.ceremonies import dealt
from tests.proofs.conftest import BOUNDS, CAP_UG, VALUES, place


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """Every test asks as a process that has no tables yet."""
    prover_tables.cache_clear()
    yield
    prover_tables.cache_clear()


@pytest.fixture
def key() -> ProofKey:
    return dealt().parameters.proof_key


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))


def proof_with(key: ProofKey, folder: Path | None) -> object:
    tables = prover_tables(key, CAP_UG, folder)
    return encrypt_and_prove(
        tables, place(), values=VALUES, bounds=BOUNDS, randbelow=seeded(1).randrange
    ).proof


def test_a_file_gives_the_same_proof_as_tables_in_memory(key: ProofKey, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "tables"

    assert proof_with(key, folder) == proof_with(key, None)

    (path,) = files(folder)
    assert path.name.startswith(key.parameter_id.hex())
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == prover_shape(key, bound_max=CAP_UG).data_bytes


def test_what_is_there_is_not_built_again(
    key: ProofKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prover_tables(key, CAP_UG, tmp_path)
    prover_tables.cache_clear()
    monkeypatch.delattr(ProverShape, "built")

    proof_with(key, tmp_path)


def test_one_process_asks_once(key: ProofKey, tmp_path: Path) -> None:
    assert prover_tables(key, CAP_UG, tmp_path) is prover_tables(key, CAP_UG, tmp_path)


def test_flipped_byte_in_table_file(key: ProofKey, tmp_path: Path) -> None:
    prover_tables(key, CAP_UG, tmp_path)
    prover_tables.cache_clear()
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    at = secrets.randbelow(len(whole))
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])

    assert proof_with(key, tmp_path) == proof_with(key, None)
    assert [p.read_bytes() for p in files(tmp_path)] == [whole]


@pytest.mark.parametrize(
    "spoiled", ["cut off", "writable by others", "of another key", "unfinished"]
)
def test_a_file_that_is_not_ours_and_whole_is_replaced(
    key: ProofKey, tmp_path: Path, spoiled: str
) -> None:
    prover_tables(key, CAP_UG, tmp_path)
    prover_tables.cache_clear()
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    if spoiled == "cut off":
        path.write_bytes(whole[:-1])
    elif spoiled == "writable by others":
        path.chmod(0o666)
    elif spoiled == "of another key":
        path.write_bytes(bytes(len(whole)))
    else:
        path.rename(tmp_path / "unfinished-abc")

    assert proof_with(key, tmp_path) == proof_with(key, None)
    assert [(p.read_bytes(), p.stat().st_mode & 0o777) for p in tmp_path.glob("*-*")] == [
        (whole, 0o600)
    ]


def test_other_parameters_have_a_file_of_their_own(key: ProofKey, tmp_path: Path) -> None:
    prover_tables(key, CAP_UG, tmp_path)
    prover_tables(replace(key, parameter_id=b"\x07" * 32), CAP_UG, tmp_path)

    assert len(files(tmp_path)) == 2


def _open_and_report(folder: Path, answers: multiprocessing.Queue[str]) -> None:
    key = dealt().parameters.proof_key
    built = power_tables._written

    def counted(*arguments: object) -> Path:
        answers.put("built")
        return built(*arguments)  # type: ignore[arg-type]

    power_tables._written = counted  # type: ignore[assignment]
    prover_tables(key, CAP_UG, folder)
    answers.put("opened")


def test_processes_that_start_together_build_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    answers = spawn.Queue()
    workers = [spawn.Process(target=_open_and_report, args=(tmp_path, answers)) for _ in range(3)]
    for worker in workers:
        worker.start()
    said = sorted(answers.get(timeout=120) for _ in range(4))
    for worker in workers:
        worker.join()

    assert said == ["built", "opened", "opened", "opened"]
