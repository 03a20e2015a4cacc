"""Steps of a ranking: root keys say what it is, holders opt in, and the hub makes the list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from demo.programmes.hands import Figures, Hands, Holder
from demo.programmes.steps import OfHolders, Step
from fedcarbon.cli.ranking_choices import place_choice, rankings_of
from fedcarbon.errors import FedcarbonError, PeerError
from fedcarbon.units import SECONDS_PER_DAY
from fedcarbon.uses.ranking import PEOPLE_MIN, RankingRules
from fedcarbon.v1 import use_pb2

NOT_PUBLISHED = "RANKING_NOT_PUBLISHED"


class RankingDiffersError(PeerError):
    """A list is not what those who opted in have had credited; the hub must explain it."""

    code: ClassVar[str] = "RANKING_STEP_DIFFERS"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRanking(Step):
    """Root keys publish a ranking that begins tomorrow (UTC)."""

    KIND: ClassVar[str] = "ranking"
    id: str
    period_days: int
    periods: int = 1
    people_min: int = PEOPLE_MIN
    bands: int

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Sign and log its rules."""
        hands.publish(
            RankingRules(
                parameter_id=hands.parameter_id,
                programme_id=self.programme,
                ranking_id=self.id,
                first_day=hands.now_s() // SECONDS_PER_DAY + 1,
                period_days=self.period_days,
                periods=self.periods,
                people_min=self.people_min,
                bands=self.bands,
            )
        )
        figures.add(self.programme, "rankings", 1)
        return (
            f"root keys publish the ranking {self.id}: {self.bands} bands among those who opt in, "
            f"at least {self.people_min}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choose(OfHolders):
    """Holders say whether they take part from a period on."""

    TAKES_PART: ClassVar[bool]
    ranking: str
    period: int | None = None
    """From which on; the next one by default."""

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Place the choice of each."""
        chosen = self.holders_of(hands)
        for holder in chosen:
            place_choice(
                holder.operator,
                holder.customer,
                holder.binding,
                self.ranking,
                takes_part=self.TAKES_PART,
                run_label=f"{self.KIND} {self.ranking} {self.period}",
                from_period=self.period,
            )
        figures.add(self.programme, f"{self.KIND}_choices", len(chosen))
        return f"{len(chosen)} holders {self.KIND} the ranking {self.ranking}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Join(_Choose):
    """Holders opt in."""

    KIND: ClassVar[str] = "join"
    TAKES_PART: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave(_Choose):
    """Holders opt out."""

    KIND: ClassVar[str] = "leave"
    TAKES_PART: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank(OfHolders):
    """The hub makes the list of a period in which accounts were opened; all look for their line."""

    KIND: ClassVar[str] = "rank"
    ranking: str
    period: int = 0

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Let every holder ask, and hold the bands against what only those on the list have.

        Raises:
            RankingDiffersError: a band is another one, or a line is nobody's.
        """
        everybody = self.holders_of(hands)
        if not self.refused:
            # The hub makes it by itself, once the last day of the period is in the record.
            hands.until("the list of the period", lambda: self._is_published(everybody[0]))
        bands: dict[int, int] = {}
        lines: set[bytes] = set()
        for holder in everybody:
            found = self._ask(holder)
            lines = {line.pseudonym for line in found.lines}
            if found.own_pseudonym:
                band_of = {line.pseudonym: line.band for line in found.lines}
                bands[holder.serial] = band_of[found.own_pseudonym]
        opened = {holder.serial: holder.account().opened_ug for holder in everybody}
        among = {serial: opened[serial] for serial in bands}
        cut = next(
            item.bands
            for item in rankings_of(everybody[0].operator)
            if item.ranking_id == self.ranking
        )
        if bands != bands_among(among, cut) or len(lines) != len(bands):
            raise RankingDiffersError(f"{len(lines)} lines, {len(bands)} found, or another band")
        with_all = bands_among(opened, cut)
        figures.add(self.programme, "ranked", len(bands))
        figures.add(self.programme, "not_ranked", len(everybody) - len(bands))
        figures.add(self.programme, "top_band", sum(band == cut for band in bands.values()))
        moved = sum(bands[serial] != with_all[serial] for serial in bands)
        figures.add(self.programme, "moved_if_all_counted", moved)
        return (
            f"{len(bands)} holders find their own line; {len(everybody) - len(bands)} did not opt "
            f"in and change nothing, where {moved} lines would be others if they counted"
        )

    def _is_published(self, holder: Holder) -> bool:
        try:
            self._ask(holder)
        except FedcarbonError as error:
            if error.code != NOT_PUBLISHED:
                raise
            return False
        return True

    def _ask(self, holder: Holder) -> use_pb2.GetRankingResponse:
        """Return the list, and the holder's own line in it, as its operator is told."""
        token = holder.customer.account_token
        assert token is not None  # noqa: S101 - it is bound
        return holder.operator.hub.get_ranking(
            use_pb2.GetRankingRequest(
                programme_id=self.programme,
                ranking_id=self.ranking,
                period=self.period,
                account_token=token,
            )
        )


def bands_among(amounts: Mapping[int, int], bands: int) -> dict[int, int]:
    """Return the band of each: how many of all have less, in parts of `bands`, from 1.

    Written a second time, person by person, so that a list is not held against its own rule.
    """
    return {
        serial: 1 + bands * sum(other < own for other in amounts.values()) // len(amounts)
        for serial, own in amounts.items()
    }
