"""What an operator says about where work is done: the table [engine] of a program's settings.

    [engine]
    kind = "spark"                                  # or "local", the default
    workers = 32                                    # batches that are worked on at once
    spark_url = "sc://spark.example:15002/;use_ssl=true"

A token in the address belongs into the environment of the program, with the whole address.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

WORKERS_MAX = 4_096


class EngineKind(StrEnum):
    """Where work is done."""

    LOCAL = "local"
    """In processes of this machine."""
    SPARK = "spark"
    """On a cluster, by Spark Connect."""


class EngineSettings(BaseModel):
    """Where work is done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: EngineKind = EngineKind.LOCAL
    workers: int = Field(default=0, ge=0, le=WORKERS_MAX)
    """Processes here, 0 for one per core; on a cluster how many batches it works on at once, 0 for
    what `fedcarbon.engine.spark.SLOTS` says."""
    spark_url: SecretStr | None = None
    """Address of a Spark Connect server; it may hold a token, so it is never shown."""

    @model_validator(mode="after")
    def _address_goes_with_kind(self) -> Self:
        if (self.kind is EngineKind.SPARK) != (self.spark_url is not None):
            raise ValueError('kind = "spark" and spark_url go together')
        return self
