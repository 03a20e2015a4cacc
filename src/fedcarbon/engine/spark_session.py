"""Sessions at a Spark Connect server: the one place that imports Spark's client.

The client is the extra `spark` and needs no Java. An address may hold a token
(`sc://host:15002/;use_ssl=true;token=...`), so it is never repeated in a message.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, ClassVar, Final

from fedcarbon.errors import ConfigurationError

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

_RETRIES: Final = 3
"""Of a call to the server: a few seconds."""
_MESSAGE_MAX: Final = 300
"""Of what Spark says, in characters."""


class SparkAddressError(ConfigurationError):
    """It is no address of a Spark Connect server."""

    code: ClassVar[str] = "SPARK_ADDRESS"


class SparkUnavailableError(ConfigurationError):
    """Spark's client is not installed, or no server answers: the operator must see to it."""

    code: ClassVar[str] = "SPARK_UNAVAILABLE"


def spark_session(address: str) -> SparkSession:
    """Return a session of its own at a Spark Connect server; nothing is sent yet.

    Raises:
        SparkUnavailableError: the extra `spark` is not installed.
        SparkAddressError: it is no address of such a server.
    """
    try:
        with warnings.catch_warnings():
            # It knows pandas below 3; nothing here passes through pandas.
            warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
            from pyspark.errors import PySparkException  # noqa: PLC0415 - an extra
            from pyspark.sql.connect.client.retries import DefaultPolicy  # noqa: PLC0415
            from pyspark.sql.connect.session import SparkSession  # noqa: PLC0415
    except ImportError as error:
        raise SparkUnavailableError(
            "Spark Connect needs the extra `spark`: pip install 'fedcarbon[spark]'"
        ) from error
    try:
        session = SparkSession.builder.remote(address).create()
    except (PySparkException, ValueError):
        # The address may hold a token: it is not repeated, nor what was said about it.
        raise SparkAddressError("this is no address of a Spark Connect server") from None
    session.client.set_retry_policies([DefaultPolicy(max_retries=_RETRIES)])
    return session


def checked_address(address: str) -> str:
    """Return an address at which a session can be opened, as far as can be told without asking.

    Raises:
        SparkUnavailableError, SparkAddressError: see `spark_session`.
    """
    spark_session(address).client.close()
    return address


def said_by(error: Exception) -> str:
    """Return what Spark says, in a line: of an error in a worker's Python the error itself."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    of_python = any(line.startswith("Traceback") for line in lines)
    return (lines[-1] if of_python else lines[0])[:_MESSAGE_MAX]
