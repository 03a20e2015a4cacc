"""Opening the engine that an operator has configured."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from fedcarbon.engine.local import LocalEngine
from fedcarbon.engine.port import Engine
from fedcarbon.engine.settings import EngineSettings
from fedcarbon.engine.spark import SLOTS, SparkEngine
from fedcarbon.engine.spark_session import checked_address, spark_session
from fedcarbon.wire.processes import ProcessMap


def opened_engine(settings: EngineSettings, folder: Path | None = None) -> Engine:
    """Return the engine that `settings` name; whoever opens it closes it.

    A cluster is not asked before there is work for it, so that a program can start and do the rest
    while its cluster is away.

    Args:
        settings: see there.
        folder: for what does not fit in memory here; by default DuckDB's own choice.

    Raises:
        SparkAddressError: it is no address of a Spark Connect server.
        SparkUnavailableError: the extra `spark` is not installed.
    """
    if settings.spark_url is None:
        return LocalEngine(ProcessMap(settings.workers or None), folder)
    address = checked_address(settings.spark_url.get_secret_value())
    return SparkEngine(partial(spark_session, address), slots=settings.workers or SLOTS)
