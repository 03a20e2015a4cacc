"""A log line holds what is on the list: secrets are thrown at it and must not show."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import structlog

from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.ids import PartyId, Role
from fedcarbon.wire import logs
from fedcarbon.wire.interceptors import RpcRecord

TOKEN = bytes(range(32))
SECRETS: dict[str, Any] = {
    "account_token": TOKEN,
    "claim_token": TOKEN.hex(),
    "wallet_id": "0062100000000001",
    "id_number": "440301199001011234",
    "mass_ug": 1_212_500_000,
    "ciphertext": (1 << 4095) + 12345,
    "signing_seed": TOKEN.hex(),
    "detail": "opened 1212.5 g for 440301199001011234",
    "key_share": 987654321987654321987654321,
}


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    written = io.StringIO()
    logs.configure("hub", stream=written)
    yield written
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def shows_a_secret(text: str) -> bool:
    fragments = [TOKEN.hex()[:16], "440301", "006210", "1212500000", "1212.5", "98765432"]
    return any(fragment in text for fragment in fragments)


def test_a_line_is_json_with_an_event_a_level_a_time_and_the_program(stream: io.StringIO) -> None:
    logs.logger().info("submission_admitted", partner_id="sz-metro", epoch=3, blocks=17)

    (line,) = lines(stream)
    time = line.pop("timestamp")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", time)
    assert line == {
        "event": "submission_admitted",
        "level": "info",
        "program": "hub",
        "partner_id": "sz-metro",
        "epoch": 3,
        "blocks": 17,
    }


@pytest.mark.parametrize("key", SECRETS)
def test_a_key_that_is_not_on_the_list_is_dropped_and_counted(
    stream: io.StringIO, key: str
) -> None:
    logs.logger().info("account_opened", epoch=3, **{key: SECRETS[key]})

    (line,) = lines(stream)
    assert key not in line
    assert line["dropped"] == 1
    assert not shows_a_secret(stream.getvalue())


@pytest.mark.parametrize("name", [name for name in SECRETS if name != "mass_ug"])
def test_a_secret_under_any_listed_key_is_redacted(stream: io.StringIO, name: str) -> None:
    """A small number cannot be told from a count: `mass_ug` is kept out by its key alone."""
    for key in logs.ALLOWED_KEYS - {"event"}:
        logs.logger().info("account_opened", **{key: SECRETS[name]})

    assert len(lines(stream)) == len(logs.ALLOWED_KEYS) - 1
    assert not shows_a_secret(stream.getvalue())


def test_a_secret_inside_a_list_or_an_event_is_redacted(stream: io.StringIO) -> None:
    logs.logger().info(f"opened {SECRETS['id_number']}", entries=[1, TOKEN.hex(), TOKEN])
    logs.logger().info("id_440301199001011234")

    assert not shows_a_secret(stream.getvalue())
    assert lines(stream)[0]["event"] == logs.REDACTED
    assert lines(stream)[0]["entries"] == [1, logs.REDACTED, logs.REDACTED]


def test_a_secret_in_bound_context_is_dropped(stream: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(wallet_id=SECRETS["wallet_id"], epoch=4):
        logs.logger().info("account_opened")

    assert not shows_a_secret(stream.getvalue())
    assert lines(stream)[0]["epoch"] == 4


def test_an_exception_leaves_its_class_and_places_but_not_its_message(stream: io.StringIO) -> None:
    try:
        int(SECRETS["detail"])
    except ValueError:
        logs.logger().exception("work_broke")

    (line,) = lines(stream)
    assert line["error"] == "ValueError"
    assert line["where"][-1].startswith("test_logs.test_an_exception")
    assert not shows_a_secret(stream.getvalue())


def test_names_and_states_pass_as_they_are(stream: io.StringIO) -> None:
    logs.logger().info("epoch_moved", state=EpochState.SEALED, role=Role.HUB, reason="TOO_LATE")

    (line,) = lines(stream)
    assert (line["state"], line["role"], line["reason"]) == ("sealed", "hub", "TOO_LATE")


def record(bug: BaseException | None = None) -> RpcRecord:
    return RpcRecord(
        method="RecordService/GetFile",
        party_id=PartyId("sz-metro"),
        role=Role.PARTNER,
        status=grpc.StatusCode.INTERNAL if bug else grpc.StatusCode.OK,
        code="INTERNAL" if bug else "",
        duration_us=1234,
        request_id="abcdefghijkl",
        bug=bug,
    )


def test_a_call_leaves_one_canonical_line(stream: io.StringIO) -> None:
    logs.log_call(record())

    (line,) = lines(stream)
    assert line["event"] == "call_finished"
    assert line["level"] == "info"
    assert (line["method"], line["peer_id"], line["status"]) == (
        "RecordService/GetFile",
        "sz-metro",
        "OK",
    )
    assert line["request_id"] == "abcdefghijkl"
    assert "dropped" not in line


def test_a_call_that_hit_a_bug_is_an_error_line_with_its_place(stream: io.StringIO) -> None:
    logs.log_call(record(ZeroDivisionError(SECRETS["detail"])))

    (line,) = lines(stream)
    assert (line["event"], line["level"], line["error"]) == (
        "call_broke",
        "error",
        "ZeroDivisionError",
    )
    assert not shows_a_secret(stream.getvalue())


def test_a_terminal_gets_a_pretty_line_with_the_same_list() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    written = Terminal()
    logs.configure("hub", stream=written)

    logs.logger().info("account_opened", epoch=3, wallet_id=SECRETS["wallet_id"])

    structlog.reset_defaults()
    assert "account_opened" in written.getvalue()
    assert not shows_a_secret(written.getvalue())
