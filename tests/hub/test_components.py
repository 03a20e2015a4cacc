"""The ticker: looks after epochs, tells the log once, and survives an error."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from contextlib import suppress

import pytest
import structlog

from fedcarbon.wire.logs import configure
from hub.components import EpochTicker, core_component
from hub.config import HubConfig
from hub.context import NoWitnesses
from hub.epochs.driver import EpochDriver
from hub.serving import COMPONENTS
from tests.hub.federation import FIRST, METRO, Federation


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Where log lines of this test go."""
    stream = io.StringIO()
    configure("hub", stream=stream)
    yield stream
    structlog.reset_defaults()


def tick(federation: Federation, ticker: EpochTicker | None = None) -> None:
    """Run the ticker for a moment."""
    ticker = ticker or EpochTicker(EpochDriver(federation.hub), tick_s=0.001)

    async def moment() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(ticker.run(), 1.0)

    asyncio.run(moment())


def lines(log: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_moves_are_logged_and_a_wait_is_logged_once(
    federation: Federation, log: io.StringIO
) -> None:
    federation.hub.witnesses = NoWitnesses()
    federation.enrol_people(METRO, [1])
    federation.wait_until_end_of(FIRST)
    federation.advance()
    federation.commit(METRO)

    tick(federation)

    events = [(line["event"], line.get("state"), line.get("code")) for line in lines(log)]
    assert events == [
        ("epoch_moved", "revealing", None),
        ("epoch_stalled", None, "QUORUM_MISSING"),
    ]
    assert not any("dropped" in line for line in lines(log))


def test_an_error_is_logged_and_the_next_tick_tries_again(
    federation: Federation, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    federation.wait_until_end_of(FIRST)
    failures = iter([ZeroDivisionError("a secret")])
    real = EpochDriver.advance

    async def once_broken(driver: EpochDriver) -> object:
        for failure in failures:
            raise failure
        return await real(driver)

    monkeypatch.setattr(EpochDriver, "advance", once_broken)

    tick(federation)

    first, *rest = lines(log)
    assert (first["event"], first["error"]) == ("epochs_not_advanced", "ZeroDivisionError")
    assert "secret" not in log.getvalue()
    assert rest[0]["event"] == "epoch_moved"


def test_the_core_serves_record_registry_and_epochs(
    federation: Federation,
) -> None:
    config = HubConfig(party=federation.folder, data=federation.folder, public=federation.folder)

    component = core_component(federation.hub, config)

    assert core_component in COMPONENTS
    assert {service.name for service in component.services} == {
        "fedcarbon.v1.RecordService",
        "fedcarbon.v1.RegistryService",
        "fedcarbon.v1.EpochService",
    }
