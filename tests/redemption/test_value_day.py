"""Value days: the calendar of China, whatever the machine's."""

from __future__ import annotations

import pytest

from fedcarbon.redemption.value_day import (
    ValueDayInvalidError,
    day_from_text,
    day_text,
    first_second,
    value_day,
)
from fedcarbon.units import Seconds

SIXTEEN_UTC_S = Seconds(1_774_886_400)  # 2026-03-30T16:00:00Z
NEXT_DAY = day_from_text("2026-03-31")


def test_a_day_begins_at_sixteen_hours_utc_of_the_day_before() -> None:
    assert value_day(SIXTEEN_UTC_S) == NEXT_DAY
    assert value_day(Seconds(SIXTEEN_UTC_S - 1)) == NEXT_DAY - 1
    assert first_second(NEXT_DAY) == SIXTEEN_UTC_S


def test_a_day_is_written_as_it_is_read() -> None:
    assert day_text(NEXT_DAY) == "2026-03-31"


@pytest.mark.parametrize("text", ["", "20260331", "2026-W14-2", "2026-02-29", "31.03.2026"])
def test_another_text_is_no_day(text: str) -> None:
    with pytest.raises(ValueDayInvalidError, match="YYYY-MM-DD"):
        day_from_text(text)
