"""Published decimal numbers as integers, rounded down, without a float on the way."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from fedcarbon.methodology.activity import InvalidActivityError
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.units import Metres

_DECIMAL: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,30})?(e[+-]?[0-9]{1,2})?", re.ASCII)


def metres_of(column: str, text: str) -> Metres:
    """Return the decimal distance `text` rounded down to whole metres.

    Raises:
        InvalidActivityError: `no_distance` if it is empty, `malformed_row` if it is no number.
    """
    if not text.strip():
        raise InvalidActivityError(RejectReason.NO_DISTANCE, f"{column} is empty")
    return Metres(whole_part_of(column, text))


def whole_part_of(column: str, text: str) -> int:
    """Return the non-negative decimal number `text` rounded down.

    Raises:
        InvalidActivityError: `malformed_row` if it is no such number.
    """
    stripped = text.strip()
    if _DECIMAL.fullmatch(stripped) is None:
        raise InvalidActivityError(RejectReason.MALFORMED_ROW, f"{column} is not a decimal number")
    return int(Decimal(stripped))
