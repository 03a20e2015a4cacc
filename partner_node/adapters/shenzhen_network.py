"""Distances between stations of the Shenzhen metro, from a published network of its tracks.

The file (`szt_network/shenzhen_Metro.json`) has per line its stations with coordinates and, per
segment between neighbours, a polyline with `dist`, a running distance. **`dist` alone is too
short**: many polylines stop before the station, 32 of the 369 are under a metre, and the values
add up to 406 km where straight lines between neighbouring stations add up to 524 km. So a segment
counts as the larger of its last `dist` and the straight line between its two stations. Both are
lower bounds of the way on the rails: a distance is never too long, and so no reduction too big.
(Fares agree: nearly every ride falls into the distance band of its fare, a sixth does not by `dist`
alone.)

Changing lines at stations of the same name costs no distance. The network is of 2024: lines that
were built after a trip make some shortest paths shorter than the trip was.
"""

from __future__ import annotations

import heapq
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from fedcarbon.errors import ConfigurationError
from fedcarbon.units import Metres

EARTH_RADIUS_M: Final = 6_371_008.8
"""Mean radius of WGS 84 (IUGG)."""
SEGMENT_MM_MAX: Final = 50_000_000

_MM_PER_M: Final = 1_000
_STATION_SUFFIX: Final = "站"

# Other spellings in the taps, reviewed one by one. The first six digits of a gate's device number
# are its station: they run along the line, so the neighbours tell which station stands between.
_ALIASES: Final[Mapping[str, str]] = {
    # Line 1, 268024, between 268023 and 268025: the station's name is 深大.
    "深圳大学": "深大",
    # Line 11, 241024, between 塘尾 241023 and 沙井 241025.
    "马鞍山": "马安山",
    # Line 9, 267022, between 上梅林 267021 and 银湖 267023; 孖 was lost in an encoding.
    "?I岭": "孖岭",
}


class NetworkFileError(ConfigurationError):
    """The network file is not what this adapter was written for; get the published one."""

    code: ClassVar[str] = "NETWORK_FILE"


def station_name(text: str) -> str:
    """Return the one spelling of a station: no suffix, known other spellings replaced."""
    name = text.strip().removesuffix(_STATION_SUFFIX)
    return _ALIASES.get(name, name)


class StationNetwork:
    """Shortest ways between stations; lengths are kept in whole millimetres."""

    def __init__(self, segments: Iterable[tuple[str, str, int]]) -> None:
        """Build the graph from (station, station, length in mm), usable in both directions."""
        self._neighbours: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for one, other, length_mm in segments:
            for start, end in ((one, other), (other, one)):
                known_mm = self._neighbours[start].get(end, length_mm)
                self._neighbours[start][end] = min(known_mm, length_mm)
        self._from: dict[str, dict[str, int]] = {}

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the network in the published JSON file.

        Raises:
            NetworkFileError: the file cannot be read or has another shape.
        """
        try:
            tree = json.loads(path.read_bytes(), parse_float=Decimal)
            return cls(_segments(tree))
        except (OSError, ValueError, TypeError, KeyError, AttributeError, LookupError) as error:
            raise NetworkFileError(f"{path.name}: {type(error).__name__}") from error

    def __contains__(self, station: str) -> bool:
        """Tell whether the network has a station, named as `station_name` returns it."""
        return station in self._neighbours

    def stations(self) -> frozenset[str]:
        """Return the names of all stations."""
        return frozenset(self._neighbours)

    def distance_m(self, origin: str, destination: str) -> Metres | None:
        """Return the length of the shortest way in whole metres, rounded down once.

        None where no way is known: no such station, or no connection.
        """
        if origin not in self or destination not in self:
            return None
        if origin not in self._from:
            self._from[origin] = self._lengths_from(origin)
        length_mm = self._from[origin].get(destination)
        return None if length_mm is None else Metres(length_mm // _MM_PER_M)

    def _lengths_from(self, origin: str) -> dict[str, int]:
        """Return the shortest length in mm to every station that can be reached (Dijkstra 1959)."""
        settled: dict[str, int] = {}
        queue = [(0, origin)]
        while queue:
            length_mm, station = heapq.heappop(queue)
            if station in settled:
                continue
            settled[station] = length_mm
            for neighbour, segment_mm in self._neighbours[station].items():
                if neighbour not in settled:
                    heapq.heappush(queue, (length_mm + segment_mm, neighbour))
        return settled


def _segments(tree: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    for line_name in tree["Line_name"]:
        line = tree[line_name]
        # Both are lists of one object.
        (names,), (centres,) = line["id2name"], line["center_gps"]
        for key in line:
            if not key.startswith("("):
                continue
            one, other = key.strip("()").split(",")
            length_mm = max(
                _published_mm(line[key]["dist"]), _straight_mm(centres[one], centres[other])
            )
            if not 0 < length_mm <= SEGMENT_MM_MAX:
                raise ValueError(f"{line_name} {key} is {length_mm} mm long")
            yield station_name(names[one]), station_name(names[other]), length_mm


def _published_mm(running_m: list[Decimal | int]) -> int:
    return int(running_m[-1] * _MM_PER_M) if running_m else 0


def _straight_mm(one: list[Decimal], other: list[Decimal]) -> int:
    """Return the great circle between two (longitude, latitude) in mm, rounded down.

    The only floats of the adapter; what they measure is a map, before any activity exists.
    """
    longitude_1, latitude_1, longitude_2, latitude_2 = map(math.radians, (*one, *other))
    half_chord_squared = (
        math.sin((latitude_2 - latitude_1) / 2) ** 2
        + math.cos(latitude_1)
        * math.cos(latitude_2)
        * math.sin((longitude_2 - longitude_1) / 2) ** 2
    )
    arc = 2 * math.asin(math.sqrt(half_chord_squared))
    return int(EARTH_RADIUS_M * _MM_PER_M * arc)
