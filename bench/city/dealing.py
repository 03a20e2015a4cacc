"""What a first enrolment asks the trustees for, dealt by whoever plays all of them.

The keys of the VOPRF are put together from the share files of a threshold of trustees and evaluated
on the document itself, without blinding, proofs and interpolation. The outputs are those that the
protocol gives, and go into the nodes' stores where it would put them; what it would cost is
measured apart (`bench.voprf`). Nobody can do this in a federation: its trustees never meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from fedcarbon.ceremony.share_file import open_share_file
from fedcarbon.cli.ceremony import read_passphrase
from fedcarbon.identity import oprf, ristretto
from fedcarbon.identity.blinding import SecretOutput
from fedcarbon.identity.labels import KeyLabel, evaluation_input
from fedcarbon.identity.person_id import CHINA, CanonicalIdentity, IdType, make_test_id
from fedcarbon.identity.ristretto import ORDER, Scalar
from fedcarbon.identity.threshold import lagrange_at_zero
from fedcarbon.identity.tokens import account_token
from fedcarbon.ids import ProgrammeId
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.wire.processes import ProcessMap

PEOPLE_PER_BATCH: Final = 2_000
_LABELS: Final = (KeyLabel.ACCOUNT, KeyLabel.CLAIM)
_SCHEMA: Final = pa.schema(
    [("id_number", pa.string()), ("account_token", pa.binary()), ("claim_output", pa.binary())]
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Dealer:
    """Evaluates documents under whole keys, in any process."""

    programme: ProgrammeId
    keys: Mapping[KeyLabel, Scalar]

    def deal(self, people: range) -> pa.RecordBatch:
        """Return the outputs of people with these serial numbers."""
        numbers, tokens, outputs = [], [], []
        for person in people:
            identity = CanonicalIdentity(
                id_type=IdType.TEST, issuing_country=CHINA, number=make_test_id(person)
            )
            numbers.append(identity.number)
            token = account_token(self._output(KeyLabel.ACCOUNT, identity), self.programme)
            tokens.append(token)
            outputs.append(self._output(KeyLabel.CLAIM, identity).value)
        return pa.record_batch([numbers, tokens, outputs], schema=_SCHEMA)

    def _output(self, label: KeyLabel, identity: CanonicalIdentity) -> SecretOutput:
        asked = evaluation_input(label, identity.to_bytes())
        point = ristretto.multiply(self.keys[label], oprf.hash_to_group(asked))
        return SecretOutput(label=label, value=oprf.output_of(asked, point))


def whole_keys(folder: Path, roots: TrustRoots) -> dict[KeyLabel, Scalar]:
    """Return the keys that a threshold of share files in `folder` amounts to."""
    opened = [
        open_share_file(
            (folder / f"{name}.share").read_bytes(), read_passphrase(folder / f"{name}.passphrase")
        )
        for name in list(roots.root_keys)[: roots.threshold]
    ]
    weights = lagrange_at_zero([item.trustee_index for item in opened])
    return {
        label: Scalar(
            sum(w * item.voprf[label].scalar for w, item in zip(weights, opened, strict=True))
            % ORDER
        )
        for label in _LABELS
    }


def write_dealt(path: Path, dealer: Dealer, people: int, processes: ProcessMap) -> None:
    """Write the outputs of `people` into a Parquet file, unless it is there already."""
    if path.exists():
        return
    batches = (
        range(start, min(start + PEOPLE_PER_BATCH, people))
        for start in range(0, people, PEOPLE_PER_BATCH)
    )
    begun = path.with_suffix(".begun")
    with pq.ParquetWriter(begun, _SCHEMA) as writer:
        for batch in processes.stream(dealer.deal, batches):
            writer.write_batch(batch)
    begun.rename(path)


def fill_store(store: Path, dealt: Path) -> None:
    """Put the outputs of a node's own members into its store, as if trustees had answered."""
    with duckdb.connect(str(store)) as database:
        for table, column in (
            ("account_tokens", "account_token"),
            ("claim_secrets", "claim_output"),
        ):
            database.execute(
                f"INSERT INTO {table} SELECT person_id, {column} FROM persons "  # noqa: S608
                "JOIN read_parquet(?) USING (id_number) ORDER BY person_id",
                [str(dealt)],
            )
