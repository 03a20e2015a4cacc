"""Limits and keepalive that both ends of a channel share."""

from __future__ import annotations

from typing import Final

MESSAGE_BYTES_MAX: Final = 8 << 20
"""Largest message: a page of record bodies; files travel in pieces of 1 MiB or whole up to 4."""

KEEPALIVE_MS: Final = 30_000
_KEEPALIVE_TIMEOUT_MS: Final = 10_000
_PING_MIN_MS: Final = 20_000
"""What the server tolerates; below KEEPALIVE_MS, or honest clients would be cut off."""
_RECONNECT_FIRST_MS: Final = 100
_RECONNECT_MAX_MS: Final = 2_000

_SIZES: Final = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
)

CHANNEL_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    *_SIZES,
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
    ("grpc.initial_reconnect_backoff_ms", _RECONNECT_FIRST_MS),
    ("grpc.min_reconnect_backoff_ms", _RECONNECT_FIRST_MS),
    ("grpc.max_reconnect_backoff_ms", _RECONNECT_MAX_MS),
    ("grpc.enable_retries", 0),  # the client counts its attempts itself: see hub_client
)

SERVER_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    *_SIZES,
    ("grpc.so_reuseport", 0),  # a second server on the port is a mistake, not load sharing
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
    ("grpc.http2.min_ping_interval_without_data_ms", _PING_MIN_MS),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", _PING_MIN_MS),
)
