"""Which steps there are, by the word that a programme file says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from demo.programmes.campaign_steps import PublishCampaign
from demo.programmes.cash_steps import CashProceeds, Redeem
from demo.programmes.hands import Range
from demo.programmes.lot_steps import (
    FormLot,
    PledgeForLots,
    PublishLotRules,
    RetireLot,
    SellLot,
    VerifyLot,
    WithdrawPledges,
)
from demo.programmes.market_steps import Buy, OpenMarket, RetireOwn, Sell
from demo.programmes.offer_steps import Donate, Exchange, PublishOffer
from demo.programmes.ranking_steps import Join, Leave, PublishRanking, Rank
from demo.programmes.steps import Step, Wait
from demo.programmes.view_steps import Views
from fedcarbon.errors import ConfigurationError

_KINDS: Final[Mapping[str, type[Step]]] = {
    cls.KIND: cls
    for cls in (
        *(Redeem, CashProceeds, PublishOffer, Donate, Exchange),
        *(PublishCampaign, OpenMarket, Sell, Buy, RetireOwn),
        *(PledgeForLots, WithdrawPledges, PublishLotRules, FormLot, VerifyLot, SellLot, RetireLot),
        *(PublishRanking, Join, Leave, Rank),
        *(Views, Wait),
    )
}


def step_of(tree: Mapping[str, Any], everyone: Range) -> Step:
    """Return the step that a `[[step]]` describes.

    Args:
        tree: its keys; `do` names its kind.
        everyone: who is meant if the step does not say.

    Raises:
        ConfigurationError: no such kind, or a key that it does not have.
    """
    kind = _KINDS.get(str(tree["do"]))
    if kind is None:
        raise ConfigurationError(f"there is no step {tree['do']!r}: {', '.join(sorted(_KINDS))}")
    known = {item.name for item in fields(kind)}
    given = {key: value for key, value in tree.items() if key != "do"}
    if given.keys() - known:
        raise ConfigurationError(f"unknown keys {sorted(given.keys() - known)} of {kind.KIND}")
    if "who" in known:
        first, end = given.get("who", everyone)
        given["who"] = (first, end)
    tuples = {key: tuple(value) for key, value in given.items() if isinstance(value, list)}
    return kind(**{**given, **tuples})
