import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partner_node.adapters.shenzhen_network import (
    NetworkFileError,
    StationNetwork,
    station_name,
)

# A square with a diagonal and a branch, in mm; 机场 is on two lines.
SQUARE = (
    ("东", "南", 1_000_400),
    ("南", "西", 2_000_400),
    ("西", "北", 1_000_000),
    ("北", "东", 9_000_000),
    ("西", "机场", 500_900),
)


def _line(*stations: tuple[str, float, float], dist: list[float]) -> dict[str, Any]:
    names = {str(i): name for i, (name, _, _) in enumerate(stations)}
    centres = {str(i): [x, y] for i, (_, x, y) in enumerate(stations)}
    segments = {f"({i},{i + 1})": {"dist": dist} for i in range(len(stations) - 1)}
    return {"id2name": [names], "center_gps": [centres], **segments}


def test_the_shortest_way_is_rounded_down_once() -> None:
    network = StationNetwork(SQUARE)

    # 1000.4 + 2000.4 m: rounding each segment down would lose a metre where tenths add up.
    assert network.distance_m("东", "西") == 3_000
    assert network.distance_m("东", "机场") == 3_501
    assert network.distance_m("东", "北") == 4_000
    assert network.distance_m("东", "东") == 0


def test_a_way_has_the_same_length_in_both_directions() -> None:
    network = StationNetwork(SQUARE)

    for one in network.stations():
        for other in network.stations():
            assert network.distance_m(one, other) == network.distance_m(other, one)


def test_an_unknown_station_and_an_island_have_no_distance() -> None:
    network = StationNetwork((*SQUARE, ("岛甲", "岛乙", 1)))

    assert network.distance_m("东", "岛甲") is None
    assert network.distance_m("东", "月球") is None
    assert network.distance_m("月球", "月球") is None


segments = st.lists(
    st.tuples(
        st.sampled_from("abcdef"), st.sampled_from("abcdef"), st.integers(1, 10_000_000)
    ).filter(lambda segment: segment[0] != segment[1]),
    max_size=12,
)


@given(edges=segments)
def test_shortest_ways_agree_with_trying_every_pair_again_and_again(
    edges: list[tuple[str, str, int]],
) -> None:
    network = StationNetwork(edges)
    nodes = sorted({node for edge in edges for node in edge[:2]})
    best = {(node, node): 0 for node in nodes}
    both_ways = [*edges, *((other, one, length) for one, other, length in edges)]
    for _ in nodes:
        for one, other, length in both_ways:
            for start in nodes:
                if (start, one) in best:
                    found = best[start, one] + length
                    best[start, other] = min(best.get((start, other), found), found)

    for start in network.stations():
        for end in network.stations():
            expected = best.get((start, end))
            assert network.distance_m(start, end) == (
                None if expected is None else expected // 1_000
            )


SPELLINGS = {
    "罗湖站": "罗湖",
    "罗湖": "罗湖",
    " 罗湖站 ": "罗湖",
    "深圳北站": "深圳北",
    "深圳大学": "深大",
    "马鞍山": "马安山",
    "马鞍山站": "马安山",
    "?I岭": "孖岭",
    "红岭": "红岭",
}


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_station_has_one_spelling(text: str) -> None:
    assert station_name(text) == SPELLINGS[text]


def test_a_segment_is_the_longer_of_its_polyline_and_the_straight_line(tmp_path: Path) -> None:
    # 0.01 degrees of latitude are 1111.949 m.
    tree = {
        "Line_name": ["L1", "L2", "L3"],
        "L1": _line(("甲", 114.0, 22.5), ("乙", 114.0, 22.51), dist=[0, 1_500.25]),
        "L2": _line(("乙站", 114.0, 22.51), ("丙", 114.0, 22.52), dist=[0]),
        "L3": _line(("丙", 114.0, 22.52), ("丁", 114.0, 22.53), dist=[]),
    }
    path = tmp_path / "network.json"
    path.write_text(json.dumps(tree), encoding="utf-8")

    network = StationNetwork.load(path)

    assert network.distance_m("甲", "乙") == 1_500
    assert network.distance_m("乙", "丙") == 1_111
    assert network.distance_m("丙", "丁") == 1_111
    # Changing at 乙, which one line spells with its suffix, costs nothing.
    assert network.distance_m("甲", "丙") == 2_612


BROKEN = {
    "no JSON": "Line_name",
    "a list": "[]",
    "no lines": "{}",
    "a line that is missing": '{"Line_name": ["L1"]}',
    "a line of another shape": '{"Line_name": ["L1"], "L1": {"id2name": {}, "center_gps": []}}',
    "two stations at one place": json.dumps(
        {
            "Line_name": ["L1"],
            "L1": _line(("甲", 114.0, 22.5), ("乙", 114.0, 22.5), dist=[]),
        }
    ),
    "stations a thousand kilometres apart": json.dumps(
        {
            "Line_name": ["L1"],
            "L1": _line(("甲", 114.0, 22.5), ("乙", 114.0, 32.5), dist=[]),
        }
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_another_file_is_refused(case: str, tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    path.write_text(BROKEN[case], encoding="utf-8")

    with pytest.raises(NetworkFileError, match=r"network\.json"):
        StationNetwork.load(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NetworkFileError):
        StationNetwork.load(tmp_path / "network.json")
