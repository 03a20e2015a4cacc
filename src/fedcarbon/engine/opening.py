"""Opening the engine that an operator has configured."""

from __future__ import annotations

from pathlib import Path

from fedcarbon.engine.local import LocalEngine
from fedcarbon.engine.port import Engine
from fedcarbon.engine.settings import EngineSettings
from fedcarbon.engine.spark import SLOTS, SparkEngine
from fedcarbon.engine.spark_session import spark_session
from fedcarbon.wire.processes import ProcessMap


def opened_engine(settings: EngineSettings, folder: Path | None = None) -> Engine:
    """Return the engine that `settings` name; whoever opens it closes it.

    Args:
        settings: see there.
        folder: for what does not fit in memory here; by default DuckDB's own choice.

    Raises:
        SparkAddressError: it is no address of a Spark Connect server.
        SparkUnavailableError: the extra `spark` is not installed, or no server answers.
        OtherVersionError: the cluster's workers cannot run this package.
    """
    if settings.spark_url is None:
        return LocalEngine(ProcessMap(settings.workers or None), folder)
    session = spark_session(settings.spark_url.get_secret_value())
    engine = SparkEngine(session, slots=settings.workers or SLOTS)
    try:
        engine.require_same_version()
    except BaseException:
        engine.close()
        raise
    return engine
