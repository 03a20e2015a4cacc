"""Log lines of every program: one JSON object a line, and only what is on the list.

An event is a name in the past tense (`submission_admitted`), then keys. A key that is not on the
list is dropped and only counted, so that a token, a wallet, a mass or a ciphertext does not reach
a log because somebody passed it along. Values on the list are integers, truth values or short
names; anything else becomes `<redacted>`. An exception leaves its class and the places it passed,
never its message.
"""

from __future__ import annotations

import enum
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from fedcarbon.wire.interceptors import RpcRecord

ALLOWED_KEYS: Final = frozenset({
    # every line
    "event", "level", "timestamp", "program", "party_id", "role", "dropped",
    # calls
    "method", "status", "code", "duration_us", "request_id", "peer_id", "peer_role", "attempt",
    "attempts", "retry_after_ms", "address", "port",
    # where in the protocol
    "programme_id", "epoch", "state", "previous_state", "stage", "phase", "kind", "label",
    "leaf_index", "leaf_type", "record_size", "checkpoint_size", "block", "chunk", "key_label",
    "partner_id", "trustee_id", "operator_id", "order", "period", "shell_id",
    # how much of it
    "accounts", "activities", "accepted", "rejected", "blocks", "bodies", "bytes", "chunks",
    "claims", "claims_lost", "claims_sent", "count", "elements", "enrolled", "enrolling", "entries",
    "files", "leaves", "limit", "lists", "masks", "missing", "openings", "partners", "pending",
    "persons", "shares", "signatures", "threshold", "total", "trustees", "withdrawn",
    # why
    "reason", "error", "where",
})  # fmt: skip
"""Adding a key here is a decision about who may know it: a log is read by people and kept."""

REDACTED: Final = "<redacted>"
_NAME: Final = re.compile(r"[A-Za-z0-9_./:-]{0,96}")
_EVENT: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LONG_HEX: Final = re.compile(r"[0-9A-Fa-f]{16,}")
"""Tokens, ids and keys are hexadecimal; names of parties and methods never look like that."""
_DIGITS: Final = re.compile(r"[0-9]{6,}")
"""Neither are they long numbers, as people's ids and wallets are."""
_INTEGER_BITS_MAX: Final = 63
_PLACES_MAX: Final = 12


def configure(program: str, *, stream: TextIO | None = None) -> None:
    """Send this process's log lines to `stream` (standard error), pretty on a terminal.

    Args:
        program: name that stands in every line, for example `hub`.
        stream: where lines go.
    """
    target = stream if stream is not None else sys.stderr
    last: Processor = (
        structlog.dev.ConsoleRenderer(colors=True)
        if target.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _named(program),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            places_of_exception,
            keep_listed,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )


def logger() -> FilteringBoundLogger:
    """Return a logger; programs call `configure` once before."""
    bound: FilteringBoundLogger = structlog.get_logger()
    return bound


def log_call(record: RpcRecord) -> None:
    """Write the canonical line of a call: what `start_server` takes as `on_call`."""
    line = {
        "method": record.method,
        "peer_id": record.party_id or "",
        "peer_role": record.role or "",
        "status": record.status.name,
        "code": record.code,
        "duration_us": record.duration_us,
        "request_id": record.request_id,
    }
    if record.bug is None:
        logger().info("call_finished", **line)
    else:
        logger().error("call_broke", exc_info=record.bug, **line)


def keep_listed(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drop keys that are not on the list, and redact values that are not plain."""
    kept: EventDict = {
        key: _plain(key, value) for key, value in event.items() if key in ALLOWED_KEYS
    }
    if len(kept) < len(event):
        kept["dropped"] = len(event) - len(kept)
    return kept


def places_of_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its class and the functions it passed."""
    error = _exception(event.pop("exc_info", None))
    if error is not None:
        event["error"] = type(error).__name__
        event["where"] = _places(error.__traceback__)
    return event


def _exception(found: object) -> BaseException | None:
    if found is True:
        return sys.exception()
    if isinstance(found, tuple):
        found = found[1]
    return found if isinstance(found, BaseException) else None


def _places(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-_PLACES_MAX:]
    return [f"{Path(frame.filename).stem}.{frame.name}:{frame.lineno}" for frame in frames]


def _plain(key: str, value: object) -> object:
    if key == "timestamp":
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(key, item) for item in value]
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, str):
        return value if _is_name(value, _EVENT if key == "event" else _NAME) else REDACTED
    small = value is None or (isinstance(value, int) and value.bit_length() <= _INTEGER_BITS_MAX)
    return value if small and key != "event" else REDACTED


def _is_name(text: str, shape: re.Pattern[str]) -> bool:
    if shape.fullmatch(text) is None:
        return False
    return _LONG_HEX.search(text) is None and _DIGITS.search(text) is None


def _named(program: str) -> Callable[[WrappedLogger, str, EventDict], EventDict]:
    def add_program(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["program"] = program
        return event

    return add_program
