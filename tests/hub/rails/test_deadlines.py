"""A deadline that passes while a connection is being made leaves no connection behind."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import httpcore
import httpx
import pytest
from typing_extensions import override

from fedcarbon.wire.https import client_context
from hub.rails.deadlines import Deadline, DeadlineTransport
from tests.hub.sandbox.operator_process import Town


class OverAfterDialling(Deadline):
    """Passes between the TCP connection and the TLS handshake."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = 0

    @override
    def cut(self, timeout: float | None) -> float | None:
        self._asked += 1
        if self._asked > 1:
            raise httpcore.ReadTimeout("the whole answer took too long")
        return timeout


def test_a_deadline_before_the_handshake_closes_the_line(tmp_path: Path) -> None:
    context = client_context(Town(tmp_path).hub)
    with (
        socket.create_server(("127.0.0.1", 0)) as door,
        contextlib.closing(DeadlineTransport(context, OverAfterDialling(), 1)) as transport,
        httpx.Client(transport=transport, trust_env=False) as client,
    ):
        # The error is kept, and with it all that was made before it.
        with pytest.raises(httpx.ReadTimeout) as late:
            client.get(f"https://127.0.0.1:{door.getsockname()[1]}")

        line, _ = door.accept()
        with line:
            line.settimeout(20)
            assert line.recv(1) == b""
    assert late.value is not None
