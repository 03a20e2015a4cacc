"""What an engine leaves out, doubles, mixes up or makes up is never taken for an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pyarrow as pa
import pytest
from typing_extensions import override

from fedcarbon.engine.local import LocalEngine
from fedcarbon.engine.port import EngineAnswerError, Task
from fedcarbon.engine.tasks.verifying import FINDINGS, BlockVerifier
from fedcarbon.identity.claims import ClaimEntry, TokenList
from fedcarbon.identity.commitment_list import CommitmentList
from fedcarbon.identity.list_check import ListRange
from fedcarbon.identity.ristretto import multiply_base
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.paillier.cipher import Encryptor, ciphertext_to_bytes
from fedcarbon.submission.block_proofs import ProvedBlocks, block_context
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.wire.processes import ProcessMap
from hub.epochs.products import products
from hub.intake.list_task import checked_ranges
from partner_node.epochs.proving import BlockJob, BlockProver
from tests.keys.ceremonies import dealt

CAP_UG: Final = MicrogramsCO2e(50_000_000_000)
PARAMETERS: Final = dealt().parameters
KEY: Final = PARAMETERS.proof_key
REST: Final = (MicrogramsCO2e(0),) * (KEY.layout.slots - 1)
CONTEXT: Final = block_context(ProgrammeId("city"), PartyId("metro"), EpochIndex(1), 0)

Answer = Callable[[pa.RecordBatch], pa.RecordBatch]

BROKEN: Final[dict[str, Answer]] = {
    "left out": lambda batch: batch.slice(0, batch.num_rows - 1),
    "nothing": lambda batch: batch.slice(0, 0),
    "doubled": lambda batch: pa.concat_batches([batch, batch.slice(0, 1)]),
    "renamed": lambda batch: batch.rename_columns([f"{name}_" for name in batch.schema.names]),
}
MIXED_UP: Final[dict[str, Answer]] = {
    "in another order": lambda batch: batch.take(pa.array(range(batch.num_rows))[::-1]),
    "one twice for all": lambda batch: batch.take(pa.array([0] * batch.num_rows)),
}


class _Broken(LocalEngine):
    """An engine whose answers are spoiled on their way: what a cluster can do to its caller."""

    def __init__(self, spoil: Answer) -> None:
        super().__init__(ProcessMap(1))
        self._spoil = spoil

    @override
    def map(self, task: Task, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        done = (self._spoil(batch) for batch in super().map(task, rows))
        return pa.RecordBatchReader.from_batches(task.schema, done)


def jobs() -> list[BlockJob]:
    return [
        BlockJob(replace(CONTEXT, block=block), (MicrogramsCO2e(block), *REST), (CAP_UG, *REST))
        for block in range(3)
    ]


def proved() -> ProvedBlocks:
    prover = BlockProver(LocalEngine(ProcessMap(1)), KEY, CAP_UG, bytes)
    return ProvedBlocks(
        programme_id=CONTEXT.programme_id,
        partner_id=CONTEXT.party_id,
        epoch=CONTEXT.epoch,
        cap_ug=CAP_UG,
        entries=tuple(item.entry for item in prover.prove(jobs())),
        bounds_ug=((CAP_UG, *REST),) * 3,
    )


@pytest.mark.parametrize("how", [*BROKEN, *MIXED_UP])
def test_a_proof_that_nobody_answers_for_does_not_count_as_checked(how: str) -> None:
    with pytest.raises(EngineAnswerError) as caught:
        BlockVerifier(_Broken((BROKEN | MIXED_UP)[how]))(KEY, proved())

    assert caught.value.code == "ENGINE_ANSWER"


@pytest.mark.parametrize("check", ["2", "no check of ours"])
def test_no_partner_is_accused_on_the_word_of_an_engine(check: str) -> None:
    def accused(batch: pa.RecordBatch) -> pa.RecordBatch:
        said = [[check] * batch.num_rows, ["made up"] * batch.num_rows]
        return pa.record_batch([batch.column("block"), *said], schema=FINDINGS)

    with pytest.raises(EngineAnswerError, match="block 0 holds here"):
        BlockVerifier(_Broken(accused))(KEY, proved())


@pytest.mark.parametrize("how", [*BROKEN, *MIXED_UP])
def test_a_submission_is_not_made_of_other_blocks_than_were_given(how: str) -> None:
    prover = BlockProver(_Broken((BROKEN | MIXED_UP)[how]), KEY, CAP_UG, bytes)

    with pytest.raises(EngineAnswerError):
        prover.prove(jobs())


@pytest.mark.parametrize("how", [*BROKEN, *MIXED_UP])
def test_no_block_is_missing_among_products(how: str) -> None:
    encryptor = Encryptor(PARAMETERS.public_key)
    made = [
        ciphertext_to_bytes(PARAMETERS.public_key, encryptor.encrypt(value, value + 1))
        for value in range(3)
    ]

    with pytest.raises(EngineAnswerError):
        products(
            PARAMETERS.public_key,
            [(block, [factor]) for block, factor in enumerate(made)],
            _Broken((BROKEN | MIXED_UP)[how]),
        )


@pytest.mark.parametrize("how", BROKEN)
def test_a_list_is_not_called_another_because_an_engine_lost_a_part_of_it(how: str) -> None:
    tokens = TokenList.from_entries(
        ClaimEntry(token=ClaimToken(bytes([n] * 16)), rank=0, salt=bytes(16)) for n in range(4)
    )
    pieces = CommitmentList.of(tokens.hidden(), [multiply_base(7)] * len(tokens))

    with pytest.raises(EngineAnswerError):
        list(checked_ranges(_Broken(BROKEN[how]), [ListRange(0, tokens.records, pieces.records)]))
