"""Every task gives the same bytes on every engine, however the rows are cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import pyarrow as pa
import pytest

from fedcarbon.engine.local import LocalEngine
from fedcarbon.engine.port import Engine, reader_of
from fedcarbon.engine.spark import SparkEngine
from fedcarbon.engine.spark_session import spark_session
from fedcarbon.engine.tasks.verifying import BlockVerifier
from fedcarbon.errors import FedcarbonError
from fedcarbon.identity.claims import ClaimEntry, TokenList
from fedcarbon.identity.commitment_list import CommitmentList
from fedcarbon.identity.list_check import ListRange, checked_range
from fedcarbon.identity.ristretto import multiply_base
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.ids import Claimant, EpochIndex, PartyId, ProgrammeId
from fedcarbon.paillier.cipher import Encryptor, ciphertext_to_bytes
from fedcarbon.paillier.shares import decryption_share
from fedcarbon.proofs.range_proof import RangeCheck, RangeProofInvalidError
from fedcarbon.submission.block_proofs import ProvedBlocks, block_context
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.wire.processes import ProcessMap
from hub.epochs import join_task
from hub.epochs.join_task import JudgeTask, rows_of
from hub.epochs.products import FACTORS, MultiplyBlocks
from hub.intake.list_task import checked_ranges
from partner_node.epochs.proving import PACKED_BLOCKS, BlockJob, BlockProver, ProveBlocks
from tests.keys.ceremonies import dealt
from trustee.share_task import CIPHERTEXTS, ShareCiphertexts, shares_of

CAP_UG = MicrogramsCO2e(50_000_000_000)
SEED = bytes(range(32))
PARAMETERS = dealt().parameters
KEY = PARAMETERS.proof_key
SLOTS = KEY.layout.slots
CONTEXT = block_context(ProgrammeId("city"), PartyId("metro"), EpochIndex(1), 0)
BLOCKS = 12


@pytest.fixture
def here() -> Iterator[LocalEngine]:
    with LocalEngine(ProcessMap(1)) as engine:
        yield engine


@pytest.fixture
def cluster(spark_address: str) -> Engine:
    return SparkEngine(partial(spark_session, spark_address), slots=3)


def packed() -> pa.Table:
    rows = [
        {
            "block": block,
            "values": [CAP_UG - block, *[0] * (SLOTS - 1)],
            "bounds": [CAP_UG, *[0] * (SLOTS - 1)],
        }
        for block in range(BLOCKS)
    ]
    return pa.Table.from_pylist(rows, schema=PACKED_BLOCKS)


def proving() -> ProveBlocks:
    return ProveBlocks(key=KEY, cap_ug=CAP_UG, context=CONTEXT, seed=SEED)


def ciphertexts(count: int) -> list[bytes]:
    encryptor = Encryptor(PARAMETERS.public_key)
    return [
        ciphertext_to_bytes(PARAMETERS.public_key, encryptor.encrypt(value, value + 1))
        for value in range(count)
    ]


def test_claims_are_judged_and_checked_alike(
    here: Engine, cluster: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(join_task, "RANGE_CLAIMS", 8)
    monkeypatch.setattr(join_task, "LIST_CLAIMS", 0)
    lists = [
        TokenList.from_entries(
            ClaimEntry(token=ClaimToken(bytes([3 * n + skew] * 16)), rank=n % 2, salt=bytes(16))
            for n in range(12)
            for skew in {0, which}
        )
        for which in range(3)
    ]
    claimants = tuple(Claimant(ProgrammeId("city"), PartyId(name)) for name in ("a", "b"))
    task = JudgeTask(claimants=claimants, beacon=bytes(64))
    records = [own.records for own in lists]
    judged = here.map(task, rows_of(records[:2], records[2:])).read_all().combine_chunks()

    assert judged.num_rows > 1
    assert any(any(row["repeated"]) and any(row["tokens"]) for row in judged.to_pylist())
    assert cluster.map(task, rows_of(records[:2], records[2:])).read_all().equals(judged)

    pieces = CommitmentList.of(lists[0].hidden(), [multiply_base(7)] * len(lists[0]))
    ranges = [
        ListRange(at, lists[0].records[33 * at : 33 * at + 132], pieces.records[64 * at :][:256])
        for at in (0, 4, 8)
    ]
    checked = list(map(checked_range, ranges))
    assert list(checked_ranges(here, ranges)) == list(checked_ranges(cluster, ranges)) == checked


def test_proofs_are_the_same_bytes(here: Engine, cluster: Engine) -> None:
    one = here.map(proving(), reader_of(packed())).read_all().combine_chunks()

    assert one.num_rows == BLOCKS
    assert cluster.map(proving(), reader_of(packed(), 5)).read_all().equals(one)
    assert here.map(proving(), reader_of(packed(), 1)).read_all().combine_chunks().equals(one)


def test_products_are_the_same_bytes(here: Engine, cluster: Engine) -> None:
    task = MultiplyBlocks(public_key=PARAMETERS.public_key)
    made = ciphertexts(2 * BLOCKS)
    rows = [
        {"block": block, "factors": made[block : block + 1 + block % 3]} for block in range(BLOCKS)
    ]
    table = pa.Table.from_pylist(rows, schema=FACTORS)

    one = here.map(task, reader_of(table)).read_all().combine_chunks()

    assert one.num_rows == BLOCKS
    assert cluster.map(task, reader_of(table, 5)).read_all().equals(one)


def test_a_trustees_shares_are_those_of_the_share_alone(here: LocalEngine) -> None:
    """There is no cluster here: a key share does not leave the trustee's machine."""
    own = dealt().secrets[0].paillier
    task = ShareCiphertexts(key=PARAMETERS.threshold_key, share=own)
    made = ciphertexts(3)

    shares = shares_of(here, task, made)

    assert [int.from_bytes(share, "big") for share in shares] == [
        decryption_share(task.key, own, int.from_bytes(data, "big")) for data in made
    ]
    assert str(own.value) not in repr(task)


# --- verification -------------------------------------------------------------------------------


def blocks_with(forged: Sequence[int], engine: Engine) -> ProvedBlocks:
    """Blocks whose proofs hold, but for some that were made for another value."""
    rest = (MicrogramsCO2e(0),) * (SLOTS - 1)
    jobs = [
        BlockJob(replace(CONTEXT, block=block), (MicrogramsCO2e(block), *rest), (CAP_UG, *rest))
        for block in range(BLOCKS)
    ]
    entries = [item.entry for item in BlockProver(engine, KEY, CAP_UG, lambda _: SEED).prove(jobs)]
    other = ciphertexts(1)[0]
    return ProvedBlocks(
        programme_id=CONTEXT.programme_id,
        partner_id=CONTEXT.party_id,
        epoch=CONTEXT.epoch,
        cap_ug=CAP_UG,
        entries=tuple(
            entry._replace(ciphertext=other) if entry.block in forged else entry
            for entry in entries
        ),
        bounds_ug=((CAP_UG, *rest),) * BLOCKS,
    )


def test_proofs_that_hold_are_accepted_everywhere(here: Engine, cluster: Engine) -> None:
    blocks = blocks_with([], here)

    BlockVerifier(here)(KEY, blocks)
    BlockVerifier(cluster)(KEY, blocks)


def test_the_first_forged_block_is_named_everywhere(
    here: Engine, cluster: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProvedBlocks.batches, "__defaults__", (4,))
    blocks = blocks_with([7, 10], here)

    for engine in (here, cluster):
        with pytest.raises(RangeProofInvalidError) as caught:
            BlockVerifier(engine)(KEY, blocks)

        assert caught.value.check is RangeCheck.COMMITMENT
        assert caught.value.context == replace(CONTEXT, block=7)
        assert "'metro'" in str(caught.value)


# --- every task ---------------------------------------------------------------------------------


def test_nothing_stays_nothing(here: Engine, cluster: Engine) -> None:
    multiply = MultiplyBlocks(public_key=PARAMETERS.public_key)
    for task, schema in ((proving(), PACKED_BLOCKS), (multiply, FACTORS)):
        for engine in (here, cluster):
            done = engine.map(task, reader_of(schema.empty_table())).read_all()

            assert (done.num_rows, done.schema) == (0, task.schema)


def test_errors_have_the_same_code_everywhere(here: Engine, cluster: Engine) -> None:
    bad_bytes = pa.Table.from_pylist([{"block": 1, "factors": [b"short"]}], schema=FACTORS)
    above = [{"block": 1, "values": [CAP_UG + 1] * SLOTS, "bounds": [CAP_UG] * SLOTS}]
    multiply = MultiplyBlocks(public_key=PARAMETERS.public_key)
    for task, table, code in (
        (multiply, bad_bytes, "CIPHERTEXT_LENGTH"),
        (proving(), pa.Table.from_pylist(above, schema=PACKED_BLOCKS), "VALUE_OUT_OF_RANGE"),
    ):
        for engine in (here, cluster):
            with pytest.raises(FedcarbonError) as caught:
                engine.map(task, reader_of(table)).read_all()

            assert caught.value.code == code


def test_a_share_of_what_is_no_ciphertext_is_refused(here: Engine) -> None:
    task = ShareCiphertexts(key=PARAMETERS.threshold_key, share=dealt().secrets[0].paillier)
    rows = pa.Table.from_pylist([{"ciphertext": bytes(8)}], schema=CIPHERTEXTS)

    with pytest.raises(FedcarbonError) as caught:
        here.map(task, reader_of(rows)).read_all()

    assert caught.value.code == "CIPHERTEXT_LENGTH"
