"""The ticker: looks after epochs, tells the log once, and survives an error."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from contextlib import suppress

import pytest
import structlog
from typing_extensions import override

from fedcarbon.wire.logs import configure
from hub.components import EpochTicker, core_component
from hub.config import HubConfig
from hub.context import NoWitnesses
from hub.epochs.driver import EpochDriver, Progress
from hub.serving import COMPONENTS
from tests.hub.federation import FIRST, METRO, Federation

TICKS = 8
"""More than there are moves, so that a wait that is told twice would be seen."""


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Where log lines of this test go."""
    stream = io.StringIO()
    configure("hub", stream=stream)
    yield stream
    structlog.reset_defaults()


class CountedDriver(EpochDriver):
    """Ends the ticker when it is called once more than it may be."""

    calls_left = TICKS

    @override
    async def advance(self) -> Progress:
        if not self.calls_left:
            raise asyncio.CancelledError
        self.calls_left -= 1
        return await self.look()

    async def look(self) -> Progress:
        return await super().advance()


class OnceBroken(CountedDriver):
    """Fails when it is called for the first time."""

    is_broken = True

    @override
    async def look(self) -> Progress:
        if self.is_broken:
            self.is_broken = False
            raise ZeroDivisionError("a secret")
        return await super().look()


def tick(driver: EpochDriver) -> None:
    """Run the ticker for some ticks, however long they take."""
    with suppress(asyncio.CancelledError):
        asyncio.run(EpochTicker(driver, tick_s=0.001).run())


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

    tick(CountedDriver(federation.hub))

    events = [(line["event"], line.get("state"), line.get("code")) for line in lines(log)]
    assert events == [
        ("epoch_moved", "revealing", None),
        ("epoch_stalled", None, "QUORUM_MISSING"),
    ]
    assert not any("dropped" in line for line in lines(log))


def test_an_error_is_logged_and_the_next_tick_tries_again(
    federation: Federation, log: io.StringIO
) -> None:
    federation.wait_until_end_of(FIRST)

    tick(OnceBroken(federation.hub))

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
