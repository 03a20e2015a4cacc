"""Where a query runs: a DuckDB file, a Parquet file, or a Spark Connect server.

    duckdb:trips.duckdb?table=trips             a DuckDB file, opened for reading only
    parquet:trips.parquet                       one Parquet file, or several by a pattern
    sc://warehouse.example:15002?table=db.trips a Spark Connect server
    spark:?table=db.trips                       the one of the node's own table [engine]

The parameters of a Spark Connect address (`;use_ssl=true;token=...`) go in front of the `?`; the
token may as well stand in the environment, as its client reads it. Nothing is ever written.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, ClassVar, Final, Protocol
from urllib.parse import parse_qsl

import duckdb
import pyarrow as pa

from fedcarbon.engine.settings import EngineSettings
from fedcarbon.engine.spark_session import (
    SparkAddressError,
    SparkUnavailableError,
    said_by,
    spark_session,
)
from fedcarbon.errors import ConfigurationError
from partner_node.warehouse.table import NAME_PARTS_MAX, Engine, Table, columns_of

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

DUCKDB_PREFIX: Final = "duckdb:"
PARQUET_PREFIX: Final = "parquet:"
SPARK_PREFIX: Final = "sc://"
OWN_CLUSTER: Final = "spark:?"
ROWS_PER_BATCH: Final = 50_000

_PARQUET_VIEW: Final = "activities"


class WarehouseAddressError(ConfigurationError):
    """An address that names no warehouse, or no table in it."""

    code: ClassVar[str] = "WAREHOUSE_ADDRESS"


class WarehouseUnavailableError(ConfigurationError):
    """The warehouse cannot be opened or refuses a query; its operator must look."""

    code: ClassVar[str] = "WAREHOUSE_UNAVAILABLE"


class Warehouse(Protocol):
    """One table that can be asked."""

    @property
    def engine(self) -> Engine:
        """Whose dialect queries are in."""
        ...

    @property
    def table(self) -> Table:
        """What is asked."""
        ...

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        """Run a query and yield its rows as they come.

        Raises:
            WarehouseUnavailableError: the engine refuses.
        """
        ...


def at_own_cluster(address: str, engine: EngineSettings) -> str:
    """Return `address`, with the node's own Spark Connect server where it says `spark:`.

    Raises:
        WarehouseAddressError: it says so, and the node works without a cluster.
    """
    if not address.startswith(OWN_CLUSTER):
        return address
    if engine.spark_url is None:
        raise WarehouseAddressError("spark: is the cluster of the settings' [engine]: name one")
    return f"{engine.spark_url.get_secret_value()}?{address.removeprefix(OWN_CLUSTER)}"


def opened_warehouse(address: str) -> AbstractContextManager[Warehouse]:
    """Open the warehouse at `address`, for reading.

    Raises:
        WarehouseAddressError: no such kind of address, or no table in it.
        WarehouseUnavailableError: nothing answers there, or the table does not exist.
    """
    where, _, query = address.partition("?")
    names = tuple(part for part in dict(parse_qsl(query)).get("table", "").split(".") if part)
    if where.startswith(PARQUET_PREFIX):
        return _parquet(where.removeprefix(PARQUET_PREFIX))
    if not 1 <= len(names) <= NAME_PARTS_MAX:
        raise WarehouseAddressError("an address names its table: duckdb:FILE?table=NAME")
    if where.startswith(DUCKDB_PREFIX):
        return _duckdb_file(where.removeprefix(DUCKDB_PREFIX), names)
    if where.startswith(SPARK_PREFIX):
        return _spark(where, names)
    raise WarehouseAddressError("an address begins with duckdb:, parquet: or sc://")


# --- DuckDB -------------------------------------------------------------------------------------


class DuckDBWarehouse:
    """A table of a DuckDB connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: tuple[str, ...]) -> None:
        """Read what the table holds.

        Raises:
            WarehouseUnavailableError: there is no such table.
        """
        self._connection = connection
        # No extension is ever fetched from the network.
        connection.execute("SET autoinstall_known_extensions = false")
        schema = self._run(_nothing_of(name, '"')).to_arrow_table().schema
        self.engine: Final = Engine.DUCKDB
        self.table: Final = Table(name=name, columns=columns_of(schema))

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        """Run a query and yield its rows as they come; see `Warehouse`."""
        reader = self._run(query).to_arrow_reader(ROWS_PER_BATCH)
        try:
            yield from reader
        except (duckdb.Error, pa.ArrowException) as error:
            raise _unavailable("DuckDB", error) from error

    def _run(self, query: str) -> duckdb.DuckDBPyRelation:
        try:
            return self._connection.sql(query)
        except duckdb.Error as error:
            raise _unavailable("DuckDB", error) from error


@contextmanager
def _duckdb_file(path: str, name: tuple[str, ...]) -> Iterator[Warehouse]:
    try:
        connection = duckdb.connect(path.removeprefix("//"), read_only=True)
    except duckdb.Error as error:
        raise _unavailable("DuckDB", error) from error
    with connection:
        yield DuckDBWarehouse(connection, name)


@contextmanager
def _parquet(path: str) -> Iterator[Warehouse]:
    with duckdb.connect() as connection:
        try:
            connection.read_parquet(path.removeprefix("//")).create_view(_PARQUET_VIEW)
        except duckdb.Error as error:
            raise _unavailable("DuckDB", error) from error
        yield DuckDBWarehouse(connection, (_PARQUET_VIEW,))


# --- Spark Connect ------------------------------------------------------------------------------


class SparkWarehouse:
    """A table of a Spark Connect session."""

    def __init__(self, session: SparkSession, name: tuple[str, ...]) -> None:
        """Read what the table holds.

        Raises:
            WarehouseUnavailableError: nobody answers, or there is no such table.
        """
        self._session = session
        self.engine: Final = Engine.SPARK
        schema = self._answer(_nothing_of(name, "`")).schema
        self.table: Final = Table(name=name, columns=columns_of(schema))

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        """Run a query and yield its rows; see `Warehouse`. The answer is held in memory."""
        yield from self._answer(query).to_batches(ROWS_PER_BATCH)

    def _answer(self, query: str) -> pa.Table:
        from pyspark.errors import PySparkException  # noqa: PLC0415 - of the extra `spark`

        try:
            with warnings.catch_warnings():
                # It warns of retries that were in vain, and then raises.
                warnings.simplefilter("ignore")
                return self._session.sql(query).toArrow()
        except PySparkException as error:
            raise _unavailable("Spark Connect", error) from error


@contextmanager
def _spark(address: str, name: tuple[str, ...]) -> Iterator[Warehouse]:
    try:
        session = spark_session(address)
    except SparkUnavailableError as error:
        raise WarehouseUnavailableError(str(error)) from error
    except SparkAddressError as error:
        raise WarehouseAddressError(str(error)) from None
    try:
        yield SparkWarehouse(session, name)
    finally:
        session.stop()


# --- both ---------------------------------------------------------------------------------------


def _nothing_of(name: tuple[str, ...], quote: str) -> str:
    """Return a query for no row of a table, whatever its name holds."""
    quoted = ".".join(f"{quote}{part.replace(quote, 2 * quote)}{quote}" for part in name)
    return f"SELECT * FROM {quoted} LIMIT 0"  # noqa: S608 - quoted


def _unavailable(engine: str, error: Exception) -> WarehouseUnavailableError:
    return WarehouseUnavailableError(f"{engine} refuses: {said_by(error)}")
