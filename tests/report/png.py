"""Pixels of a screenshot: PNG of 8 bits per channel, not interlaced, as browsers write it."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

_CHANNELS = {2: 3, 6: 4}
"""Bytes of a pixel by colour type: red, green, blue, and alpha."""


class Picture(NamedTuple):
    """A decoded picture."""

    width: int
    height: int
    rows: list[bytearray]
    channels: int

    def at(self, x: float, y: float) -> tuple[int, int, int]:
        """Return the colour of a pixel."""
        start = int(x) * self.channels
        red, green, blue = self.rows[int(y)][start : start + 3]
        return red, green, blue


def decoded(data: bytes) -> Picture:
    """Return the pixels of a PNG."""
    width, height, depth, kind, *_ = struct.unpack(">IIBBBBB", data[16:29])
    assert depth == 8
    packed, at = b"", 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += 12 + length
    channels = _CHANNELS[kind]
    plain, stride = zlib.decompress(packed), width * channels
    rows: list[bytearray] = []
    above = bytearray(stride)
    for top in range(0, height * (stride + 1), stride + 1):
        above = _unfiltered(plain[top], plain[top + 1 : top + 1 + stride], above, channels)
        rows.append(above)
    return Picture(width, height, rows, channels)


def _unfiltered(kind: int, line: bytes, above: bytearray, channels: int) -> bytearray:
    """Undo the filter of one line; see the PNG specification, section 9."""
    row = bytearray(line)
    if kind == 0:
        return row
    for i in range(len(row)):
        left = row[i - channels] if i >= channels else 0
        corner = above[i - channels] if i >= channels else 0
        guess = (left, above[i], (left + above[i]) // 2, _paeth(left, above[i], corner))[kind - 1]
        row[i] = (row[i] + guess) & 0xFF
    return row


def _paeth(left: int, above: int, corner: int) -> int:
    near = left + above - corner
    return min((left, above, corner), key=lambda value: abs(near - value))
