"""An HTTP transport on which everything that one thread does has one deadline.

A client's own limits are for each wait: whoever sends a byte now and then is never timed out by
them, whether in the head or in the body of an answer.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any, Final

import httpcore
import httpx
from typing_extensions import override

KEEP_S: Final = 5
"""How long a connection that nobody uses is kept."""


class Deadline(threading.local):
    """Until when the calling thread may wait, on a clock that nobody sets."""

    def __init__(self) -> None:
        """Begin without one."""
        self._at_s: float | None = None

    def begin(self, after_s: float) -> None:
        """Let everything from here on end after `after_s` seconds."""
        self._at_s = time.monotonic() + after_s

    def cut(self, timeout: float | None) -> float | None:
        """Return `timeout`, or what is left if that is less.

        Raises:
            httpcore.ReadTimeout: nothing is left.
        """
        if self._at_s is None:
            return timeout
        left = self._at_s - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the whole answer took too long")
        return left if timeout is None else min(left, timeout)


class DeadlineTransport(httpx.HTTPTransport):
    """The transport: threads may share it, each with a deadline of its own."""

    def __init__(self, context: ssl.SSLContext, deadline: Deadline, connections: int) -> None:
        """Dial nothing yet; keep at most `connections`."""
        super().__init__(verify=context, trust_env=False)
        # httpx has no parameter for the network below its pool.
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=KEEP_S,
            network_backend=_Backend(deadline),
        )


class _Backend(httpcore.SyncBackend):
    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        cut = self._deadline.cut(timeout)
        stream = super().connect_tcp(host, port, cut, local_address, socket_options)
        return _Stream(stream, self._deadline)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.cut(timeout))

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.cut(timeout))

    @override
    def close(self) -> None:
        self._stream.close()

    @override
    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        try:
            cut = self._deadline.cut(timeout)
        except httpcore.ReadTimeout:
            self.close()  # as the stream below does: nobody else has it in hand yet
            raise
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, cut), self._deadline)

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
