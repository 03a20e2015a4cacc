"""Position files: which claims of one list were lost, for readers who see no token.

Format: the magic line `fedcarbon/v1/lost-positions` with its line feed (28 bytes), then the
positions of the lost claims in the partner's list, 4 bytes each, big-endian, from 0, strictly
ascending. A partner that lost nothing has the magic line alone. The verdict list names this file
beside the verdict file of tokens; both are about the same claims, as `positions_of` says of a whole
list. Hub and auditor write down token and position together while they join.
"""

from __future__ import annotations

import operator
import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import ClassVar, Final

from fedcarbon.errors import MalformedError, PeerError

FILE_MAGIC: Final = b"fedcarbon/v1/lost-positions\n"
POSITION_BYTES: Final = 4


class MalformedPositionsError(MalformedError):
    """Bytes that are no position file of a list of this length."""

    code: ClassVar[str] = "MALFORMED_POSITIONS"


class PositionsDifferError(PeerError):
    """The lost tokens and the lost positions are not about the same claims."""

    code: ClassVar[str] = "POSITIONS_DIFFER"


def position_file_bytes(positions: Sequence[int]) -> bytes:
    """Return the file of positions that ascend.

    Raises:
        MalformedPositionsError: they do not.
    """
    _require_ascending(positions)
    return FILE_MAGIC + position_bytes(positions)


def position_bytes(positions: Sequence[int]) -> bytes:
    """Return some positions as they stand in a file."""
    return struct.pack(f">{len(positions)}I", *positions)


def lost_positions(data: bytes, count: int) -> Sequence[int]:
    """Return the positions in a file, ascending; there may be millions.

    Args:
        data: the whole file.
        count: claims in the list.

    Raises:
        MalformedPositionsError: it is none, or its positions do not ascend below `count`.
    """
    body = data[len(FILE_MAGIC) :]
    if not data.startswith(FILE_MAGIC) or len(body) % POSITION_BYTES:
        raise MalformedPositionsError("a position file has a magic line and 4 bytes per position")
    positions = array("I", body)
    if sys.byteorder == "little":
        positions.byteswap()
    _require_ascending(positions)
    if positions and positions[-1] >= count:
        raise MalformedPositionsError(f"the list has no position {positions[-1]}")
    return positions


def positions_of(tokens: Sequence[bytes], lost: Iterable[bytes]) -> list[int]:
    """Return where the lost tokens stand in a list, ascending.

    Args:
        tokens: of the list, ascending.
        lost: some of them, each once.

    Raises:
        PositionsDifferError: a lost token is not in the list, or stands twice.
    """
    wanted = list(lost)
    missing = set(wanted)
    positions = [number for number, token in enumerate(tokens) if token in missing]
    if len(positions) != len(wanted):
        raise PositionsDifferError("the lost tokens are not a part of the list")
    return positions


def _require_ascending(positions: Sequence[int]) -> None:
    if not all(map(operator.lt, positions, islice(positions, 1, None))):
        raise MalformedPositionsError("lost positions must ascend")
