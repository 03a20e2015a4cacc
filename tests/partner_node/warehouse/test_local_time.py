import datetime as dt
import operator
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from fedcarbon.errors import ConfigurationError
from partner_node.warehouse.local_time import date_of, local_day, offsets_of

ZONES = ["Asia/Shanghai", "Europe/Helsinki", "America/Los_Angeles", "Pacific/Apia", "UTC"]


@pytest.mark.parametrize("zone", ZONES)
def test_offsets_are_those_of_the_zone_to_the_second(zone: str) -> None:
    offsets = offsets_of(zone)

    for before, after in pairwise(offsets):
        for at_s, offset_s in (
            (after.since_s - 1, before.offset_s),
            (after.since_s, after.offset_s),
        ):
            local = dt.datetime.fromtimestamp(at_s, tz=ZoneInfo(zone))
            assert local.utcoffset() == dt.timedelta(seconds=offset_s)
    assert offsets[0].since_s == 0


def test_an_unknown_zone_is_the_operators_to_correct() -> None:
    with pytest.raises(ConfigurationError):
        offsets_of("Nowhere/City")


def test_every_day_until_2242_has_its_date() -> None:
    for day in range(-1, 99_500):
        date = dt.date(1970, 1, 1) + dt.timedelta(days=day)
        assert date_of(day, operator.floordiv) == (date.year, date.month, date.day)


def test_a_local_time_before_1970_is_on_the_day_before() -> None:
    assert [local_day(at_s, operator.floordiv) for at_s in (-86_400, -1, 0, 86_399, 86_400)] == [
        -1,
        -1,
        0,
        0,
        1,
    ]
