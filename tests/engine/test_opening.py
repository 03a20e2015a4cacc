"""Engines as operators configure them."""

from __future__ import annotations

import builtins
from typing import Any

import pyarrow as pa
import pytest
from pydantic import SecretStr, ValidationError

from fedcarbon.engine.local import LocalEngine
from fedcarbon.engine.opening import opened_engine
from fedcarbon.engine.port import reader_of
from fedcarbon.engine.settings import EngineKind, EngineSettings
from fedcarbon.engine.spark import SparkEngine
from fedcarbon.engine.spark_session import SparkAddressError, SparkUnavailableError
from tests.engine.tasks import Scale


def settings(address: str) -> EngineSettings:
    return EngineSettings(kind=EngineKind.SPARK, workers=2, spark_url=SecretStr(address))


def test_work_is_done_here_unless_somebody_says_otherwise() -> None:
    with opened_engine(EngineSettings()) as engine:
        assert isinstance(engine, LocalEngine)


def test_a_configured_cluster_does_the_work(spark_address: str) -> None:
    with opened_engine(settings(spark_address)) as engine:
        done = engine.map(Scale(2), reader_of(pa.table({"value": [1, 2]}))).read_all()

    assert isinstance(engine, SparkEngine)
    assert done.column("value").to_pylist() == [2, 4]


@pytest.mark.usefixtures("pyspark_is_imported")
def test_an_address_of_no_cluster_is_not_repeated_with_its_token() -> None:
    pytest.importorskip("pyspark")

    with pytest.raises(SparkAddressError) as caught:
        opened_engine(settings("sc://host:x/;token=geheim"))

    assert "geheim" not in str(caught.value)


@pytest.mark.usefixtures("pyspark_is_imported")
def test_a_program_starts_while_its_cluster_is_away() -> None:
    pytest.importorskip("pyspark")

    with opened_engine(settings("sc://127.0.0.1:9")) as engine:
        assert isinstance(engine, SparkEngine)


def test_a_cluster_needs_an_extra_and_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("pyspark"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(SparkUnavailableError, match=r"fedcarbon\[spark\]"):
        opened_engine(settings("sc://host"))


def test_an_address_is_not_shown() -> None:
    assert "geheim" not in repr(settings("sc://host/;token=geheim"))


@pytest.mark.parametrize(
    "given", [{"kind": "spark"}, {"spark_url": "sc://host"}, {"workers": 5_000}, {"other": 1}]
)
def test_settings_that_contradict_each_other_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EngineSettings.model_validate(given)
