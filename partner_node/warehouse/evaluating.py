"""What a methodology makes of a whole table, written to a file beside the partner's data.

One row per row of the table: its id, the amount in counted parts of the methodology's result, and
the id of the rule that refuses it. Nothing else leaves the warehouse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa
from pyarrow import csv, parquet

from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.lowering import lower
from partner_node.importing.activities import may_be_instant
from partner_node.importing.table_file import PARQUET_SUFFIX
from partner_node.warehouse.compiling import AMOUNT, REFUSAL, query_of
from partner_node.warehouse.engines import Warehouse
from partner_node.warehouse.table import ACTIVITY_ID

ANSWER: Final = pa.schema(
    [(ACTIVITY_ID, pa.string()), (AMOUNT, pa.int64()), (REFUSAL, pa.string())]
)
COUNTED: Final = ""
"""Stands for no refusal among the counts."""


def evaluate_table(
    warehouse: Warehouse, methodology: Methodology, time_zone: str, out: Path
) -> Mapping[str, int]:
    """Write the answer for every row to `out`, and return how many rows each refusal has.

    Args:
        warehouse: where the rows are.
        methodology: by which they are counted.
        time_zone: of the programme, IANA name.
        out: a Parquet file if it ends so, else CSV; replaced if it exists.

    Raises:
        MethodologyNotUsableError: it is a draft or quarantined.
        WarehouseTableError: the table lacks a column.
        WarehouseUnavailableError: the warehouse refuses the query.
    """
    query = query_of(
        lower(methodology),
        warehouse.table,
        warehouse.engine,
        time_zone,
        may_be_instant=may_be_instant(methodology),
    )
    counts: Counter[str] = Counter()
    with _written(out) as write:
        for batch in warehouse.batches(query):
            answer = pa.RecordBatch.from_arrays(
                [batch.column(field.name).cast(field.type) for field in ANSWER], schema=ANSWER
            )
            write(answer)
            for item in answer.column(REFUSAL).value_counts().to_pylist():
                counts[item["values"] or COUNTED] += item["counts"]
    return counts


@contextmanager
def _written(out: Path) -> Iterator[Callable[[pa.RecordBatch], None]]:
    if out.suffix.lower() == PARQUET_SUFFIX:
        with parquet.ParquetWriter(out, ANSWER) as file:
            yield file.write_batch
    else:
        with csv.CSVWriter(out, ANSWER) as file:
            yield file.write_batch
