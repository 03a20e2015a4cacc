"""Bytes that went through TCP connections of a port, as the kernel counts them.

`inet_diag` (Linux) tells for every connection what was acknowledged and received: TLS and gRPC
included, TCP and IP headers not. It is asked on loopback, where both ends are ours.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_DUMP: Final = 0x301
_DONE: Final = 3
_ESTABLISHED: Final = 1 << 1
_WANT_INFO: Final = 1 << 1
_INFO: Final = 2
"""The attribute that holds struct tcp_info."""
_HEADER: Final = struct.Struct("=IHHII")
_PORTS: Final = struct.Struct(">HH")
_COUNTERS: Final = struct.Struct("=QQ")
_INODE_AT: Final = 68
_ATTRIBUTES_AT: Final = 72
_ACKED_AT: Final = 120
"""Offset of tcpi_bytes_acked; tcpi_bytes_received follows."""
_ANSWER_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One end of an established connection."""

    port: int
    peer_port: int
    inode: int
    sent: int
    """Bytes that the other end has acknowledged."""
    received: int


def connections() -> Iterator[Connection]:
    """Yield every established connection of this machine."""
    for family in (socket.AF_INET, socket.AF_INET6):  # gRPC speaks IPv4 over sockets of IPv6
        yield from _of_family(family)


def _of_family(family: int) -> Iterator[Connection]:
    query = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, _WANT_INFO, 0, _ESTABLISHED)
    query += bytes(48)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _SOCK_DIAG) as netlink:
        size = _HEADER.size + len(query)
        netlink.send(_HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _DUMP, 1, 0) + query)
        while True:
            answer = netlink.recv(_ANSWER_BYTES)
            offset = 0
            while offset < len(answer):
                length, kind, *_ = _HEADER.unpack_from(answer, offset)
                if kind != _SOCK_DIAG_BY_FAMILY:
                    return
                yield _connection(answer[offset + _HEADER.size : offset + length])
                offset += -(-length // 4) * 4


def _connection(message: bytes) -> Connection:
    port, peer_port = _PORTS.unpack_from(message, 4)
    (inode,) = struct.unpack_from("=I", message, _INODE_AT)
    sent, received, offset = 0, 0, _ATTRIBUTES_AT
    while offset < len(message):
        length, kind = struct.unpack_from("=HH", message, offset)
        if kind == _INFO:
            sent, received = _COUNTERS.unpack_from(message, offset + 4 + _ACKED_AT)
        offset += -(-length // 4) * 4
    return Connection(port=port, peer_port=peer_port, inode=inode, sent=sent, received=received)
