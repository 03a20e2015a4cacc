"""The engine of a cluster: tasks in the Python workers of a Spark Connect server.

Where this package is installed on the workers, the same tasks give the same bytes as here:

* `map` ships batches whole (`mapInArrow` over one row per batch) and puts answers back in order.
* `group` uploads columns, lets Spark bring equal keys together (`groupBy` a hash of the key,
  `applyInArrow`), sort what comes out, and streams it.

What is held: for `map` the batches of two jobs and their answers (at most twice `job_bytes` go out
at a time); for `group` one block of rows here, and all rows on the cluster until the call ends.
A task that fails is run once more here, on the very batch: its error comes out as if it had been
here from the start, and nothing that a cluster sends is ever unpickled.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import reduce
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pyarrow as pa
from typing_extensions import override

from fedcarbon import __version__
from fedcarbon.engine.port import Engine, Task
from fedcarbon.engine.spark_session import SparkUnavailableError, said_by
from fedcarbon.engine.spark_work import (
    DATA,
    FAILED,
    NUMBER,
    RETURNED,
    SHIPPED,
    as_batch,
    map_batches,
    packed,
    returned_by_groups,
    travelling,
    unpacked,
    version_here,
    work_groups,
)
from fedcarbon.errors import ConfigurationError

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession
    from pyspark.sql.dataframe import DataFrame
    from pyspark.sql.types import StructType

SLOTS: Final = 64
"""How many batches a job has, unless the operator says how many workers there are."""
JOB_BYTES: Final = 32 << 20
UPLOAD_ROWS: Final = 65_536
BUCKETS: Final = 256
"""What comes to a worker at once is all rows whose keys have one of so many hashes."""

_JOBS_AHEAD: Final = 2
"""One that is worked on, and one that the workers go on with when the first runs dry."""
_BUCKET: Final = "bucket"


class SparkFailedError(ConfigurationError):
    """The cluster did not finish a task that works here; its operator must look."""

    code: ClassVar[str] = "SPARK_FAILED"


class OtherVersionError(ConfigurationError):
    """The workers cannot be used: they have no fedcarbon, or another one than this process."""

    code: ClassVar[str] = "ENGINE_OTHER_VERSION"


class SparkEngine(Engine):
    """Runs tasks at a Spark Connect server, each call in a session of its own.

    A server forgets sessions that are idle for an hour, and with a session what was uploaded.
    """

    def __init__(
        self,
        new_session: Callable[[], SparkSession],
        *,
        slots: int = SLOTS,
        job_bytes: int = JOB_BYTES,
        upload_rows: int = UPLOAD_ROWS,
        buckets: int = BUCKETS,
    ) -> None:
        """Take how to get a session; nothing is sent yet.

        Args:
            new_session: returns one that nobody else uses.
            slots: batches per job: at least as many as the cluster works on at once.
            job_bytes: a job is sent off with fewer batches if they have so many bytes.
            upload_rows: rows for `group` are sent in blocks of so many.
            buckets: into so many parts the groups are dealt.
        """
        self._new_session: Final = new_session
        self._slots: Final = slots
        self._job_bytes: Final = job_bytes
        self._upload_rows: Final = upload_rows
        self._buckets: Final = buckets

    @override
    def map(self, task: Task, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """Return what comes of every row, in the order of the rows; see `Engine.map`.

        Raises:
            SparkUnavailableError, OtherVersionError, SparkFailedError: see there.
        """
        return pa.RecordBatchReader.from_batches(task.schema, self._mapped(task, rows))

    @override
    def group(self, task: Task, rows: pa.RecordBatchReader, key: str) -> pa.RecordBatchReader:
        """Return what comes of every group; see `Engine.group`.

        Raises:
            SparkUnavailableError, OtherVersionError, SparkFailedError: see there.
        """
        return pa.RecordBatchReader.from_batches(task.schema, self._grouped(task, rows, key))

    @override
    def close(self) -> None:
        """Do nothing: no session outlives its call."""

    @contextmanager
    def _session(self) -> Iterator[SparkSession]:
        """Hold a session whose workers have this package as it is here.

        Raises:
            SparkUnavailableError: nobody answers.
            OtherVersionError: they have another version, or none.
        """
        session = self._new_session()
        one_row = pa.table({NUMBER: pa.array([0], pa.int64())})
        with warnings.catch_warnings(), _spark_errors(SparkUnavailableError):
            # It warns of retries that were in vain, and then raises.
            warnings.simplefilter("ignore")
            frame = session.createDataFrame(one_row)
            frame.count()
        try:
            with _spark_errors(OtherVersionError):
                found = frame.mapInArrow(version_here, "version string").toArrow().to_pylist()
            versions = {row["version"] for row in found}
            if versions != {__version__}:
                raise OtherVersionError(
                    f"this is fedcarbon {__version__}, the cluster's workers have "
                    f"{sorted(versions)}: install the same version in the Python of both"
                )
            yield session
        finally:
            session.stop()

    # --- map ------------------------------------------------------------------------------

    def _mapped(self, task: Task, rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        jobs = self._jobs(rows)
        first = next(jobs, None)
        if first is None:
            return
        waiting: deque[Future[list[pa.RecordBatch]]] = deque()
        with (
            self._session() as session,
            ThreadPoolExecutor(_JOBS_AHEAD, thread_name_prefix="spark-job") as pool,
        ):
            try:
                for job in chain([first], jobs):
                    if len(waiting) >= _JOBS_AHEAD:
                        yield from waiting.popleft().result()
                    waiting.append(pool.submit(_run, session, task, job))
                while waiting:
                    yield from waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _jobs(self, rows: pa.RecordBatchReader) -> Iterator[list[pa.RecordBatch]]:
        job: list[pa.RecordBatch] = []
        size = 0
        for batch in rows:
            if not batch.num_rows:
                continue
            job.append(batch)
            size += batch.nbytes
            if len(job) >= self._slots or size >= self._job_bytes:
                yield job
                job, size = [], 0
        if job:
            yield job

    # --- group ----------------------------------------------------------------------------

    def _grouped(
        self, task: Task, rows: pa.RecordBatchReader, key: str
    ) -> Iterator[pa.RecordBatch]:
        tables = self._blocks(rows)
        first = next(tables, None)
        if first is None:
            return
        import pyspark.sql.connect.functions as sql  # noqa: PLC0415 - an extra

        schema, out = rows.schema, returned_by_groups(task.schema)
        with self._session() as session, _spark_errors(SparkFailedError):
            blocks = [session.createDataFrame(table) for table in chain([first], tables)]
            given = reduce(lambda left, right: left.union(right), blocks)
            bucket = sql.pmod(sql.xxhash64(key), sql.lit(self._buckets))
            done = (
                given.withColumn(_BUCKET, bucket)
                .groupBy(_BUCKET)
                .applyInArrow(lambda table: work_groups(task, schema, table), _schema(out))
            )
            # What failed comes first, before anything is believed.
            ordered = done.orderBy(sql.col(FAILED).isNull(), key, NUMBER)
            for table in _tables(session, ordered):
                failed = table.column(FAILED).drop_null()
                if len(failed):
                    _fail_here(task, unpacked(failed[0].as_py()))
                if table.num_rows:
                    yield as_batch(table, task.schema)

    def _blocks(self, rows: pa.RecordBatchReader) -> Iterator[pa.Table]:
        """Yield the rows as tables of types that Spark has."""
        held: list[pa.RecordBatch] = []
        count = 0
        for batch in rows:
            held.append(batch)
            count += batch.num_rows
            if count >= self._upload_rows:
                yield pa.Table.from_batches(held).cast(travelling(rows.schema))
                held, count = [], 0
        if count:
            yield pa.Table.from_batches(held).cast(travelling(rows.schema))


def _run(session: SparkSession, task: Task, job: Sequence[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Return what comes of every batch of a job, in order."""
    shipped = pa.table([range(len(job)), list(map(packed, job))], schema=SHIPPED)
    with _spark_errors(SparkFailedError):
        frame = session.createDataFrame(shipped).repartition(len(job))
        answered = frame.mapInArrow(lambda rows: map_batches(task, rows), _schema(RETURNED))
        done = answered.toArrow().to_pylist()
    done.sort(key=lambda row: row[NUMBER])
    if [row[NUMBER] for row in done] != list(range(len(job))):
        raise SparkFailedError(f"the cluster answered {len(done)} of {len(job)} batches")
    for row in done:
        if row[FAILED]:
            _fail_here(task, job[row[NUMBER]])
    return [unpacked(row[DATA]) for row in done]


def _fail_here(task: Task, batch: pa.RecordBatch) -> None:
    """Raise what a task raises for a batch that it failed for elsewhere.

    Raises:
        FedcarbonError: the task's own.
        SparkFailedError: it does not fail here.
    """
    task.work(batch)
    raise SparkFailedError("a task failed on the cluster that does not fail here")


def _schema(schema: pa.Schema) -> StructType:
    from pyspark.sql.pandas.types import from_arrow_schema  # noqa: PLC0415 - an extra

    return from_arrow_schema(schema)


def _tables(session: SparkSession, frame: DataFrame) -> Iterator[pa.Table]:
    """Yield the rows of a frame as they come.

    `toArrow` would hold all of them, and `toLocalIterator` makes an object of every row.
    """
    client = session.client
    plan: Any = frame._plan  # noqa: SLF001 - the public ways are those two
    for item in client.to_table_as_iterator(plan.to_proto(client), plan.observations):
        if isinstance(item, pa.Table):
            yield item


@contextmanager
def _spark_errors(kind: Callable[[str], ConfigurationError]) -> Iterator[None]:
    """Turn what Spark raises into an error of ours."""
    from pyspark.errors import PySparkException  # noqa: PLC0415 - an extra

    try:
        yield
    except PySparkException as error:
        raise kind(said_by(error)) from error
