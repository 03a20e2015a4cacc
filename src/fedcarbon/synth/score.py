"""How well double claims were found, measured against what really happened in a synthetic city."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import duckdb
import pyarrow as pa

MILLION: Final = 1_000_000

OUTCOMES: Final = pa.schema(
    {
        "partner": pa.string(),
        "activity_id": pa.string(),
        "claimed_ug": pa.int64(),
        "lost_ug": pa.int64(),
    }
)
"""What became of an activity: its worth before verdicts, and what verdicts took of it."""

_SCORE: Final = """
WITH claimed AS (
    SELECT ride_id, fate, claimed_ug, lost_ug
    FROM outcomes JOIN sightings USING (partner, activity_id)
    WHERE fate <> 'repeated'
), of_ride AS (
    SELECT
        ride_id,
        sum(claimed_ug) - max(claimed_ug) AS twice_ug,
        sum(lost_ug) AS lost_ug
    FROM claimed WHERE fate = 'seen' GROUP BY ride_id
)
SELECT
    (SELECT count(*) FROM of_ride),
    (SELECT count(*) FROM of_ride WHERE twice_ug > 0),
    (SELECT coalesce(sum(claimed_ug), 0) FROM claimed),
    (SELECT coalesce(sum(twice_ug), 0) FROM of_ride),
    (SELECT coalesce(sum(lost_ug), 0) FROM claimed),
    (SELECT coalesce(sum(least(twice_ug, lost_ug)), 0) FROM of_ride),
    (SELECT coalesce(sum(claimed_ug), 0) FROM claimed WHERE fate <> 'seen')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupScore:
    """What double claims were worth, and what verdicts made of them; masses in ug of CO2e."""

    rides: int
    """That anybody claimed."""
    rides_twice: int
    """Of them, those that several platforms claimed."""
    claimed_ug: int
    """By all platforms, before verdicts."""
    twice_ug: int
    """Of that, what is above the largest claim for each ride: it must not be credited."""
    removed_ug: int
    """What verdicts took away, with the rest of activities that lost half of their slots."""
    rightly_ug: int
    """Of that, what was claimed twice."""
    unfounded_ug: int
    """Claimed for rows that no ride explains, or for a ride once more at one platform."""

    @property
    def recall_ppm(self) -> int:
        """How much of a million micrograms that were claimed twice was removed."""
        return MILLION * self.rightly_ug // self.twice_ug if self.twice_ug else MILLION

    @property
    def precision_ppm(self) -> int:
        """How much of a million micrograms that were removed had been claimed twice."""
        return MILLION * self.rightly_ug // self.removed_ug if self.removed_ug else MILLION


def score(sightings: pa.RecordBatchReader | pa.Table, outcomes: pa.Table) -> DedupScore:
    """Return how the verdicts on a city's claims compare with the truth.

    Args:
        sightings: the city's `truth/sightings.parquet`.
        outcomes: of every activity that counted at any platform; the schema is `OUTCOMES`.
    """
    with duckdb.connect() as connection:
        connection.register("outcomes", outcomes)
        connection.register("sightings", sightings)
        row = connection.execute(_SCORE).fetchone()
    assert row is not None
    rides, rides_twice, claimed_ug, twice_ug, removed_ug, rightly_ug, unfounded_ug = map(int, row)
    return DedupScore(
        rides=rides,
        rides_twice=rides_twice,
        claimed_ug=claimed_ug,
        twice_ug=twice_ug,
        removed_ug=removed_ug,
        rightly_ug=rightly_ug,
        unfounded_ug=unfounded_ug,
    )
