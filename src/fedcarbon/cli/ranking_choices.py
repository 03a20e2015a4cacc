"""How a wallet operator lets a customer take part in a ranking, or take part no more."""

from __future__ import annotations

from typing import ClassVar

from fedcarbon.cli.wallet_operator import Accepted, WalletOperator
from fedcarbon.cli.wallet_store import Customer
from fedcarbon.errors import CallerError
from fedcarbon.redemption.wallet import WalletClass, wallet_id
from fedcarbon.transparency.envelope import sign
from fedcarbon.units import SECONDS_PER_DAY
from fedcarbon.uses.ranking import RankingChoice
from fedcarbon.v1 import opening_pb2, use_pb2


class RankingNotListedError(CallerError):
    """The programme lists no such ranking, or all its periods have begun: look at the list."""

    code: ClassVar[str] = "RANKING_NOT_LISTED"


def rankings_of(operator: WalletOperator) -> list[use_pb2.RankingRules]:
    """Return the rankings of the operator's programme, also those that are over."""
    request = use_pb2.ListOffersRequest(programme_id=operator.programme.programme_id)
    return list(operator.hub.list_offers(request).rankings)


def next_period(operator: WalletOperator, item: use_pb2.RankingRules) -> int:
    """Return the first period that begins after today, which the ranking may not have."""
    today = operator.clock.now_s() // SECONDS_PER_DAY
    return max(0, (today - item.first_day) // item.period_days + 1)


def place_choice(
    operator: WalletOperator,
    item: Customer,
    binding: opening_pb2.Binding,
    ranking: str,
    *,
    takes_part: bool,
    run_label: str,
    from_period: int | None = None,
) -> Accepted:
    """Place a customer's choice; an interrupted one is repeated with the same bytes.

    Args:
        operator: who places it.
        item: a customer whose account is known.
        binding: the customer's binding as the hub lists it.
        ranking: its name.
        takes_part: in or out.
        run_label: names this choice among others of the wallet; the same label again is the same
            word.
        from_period: from which period on; the next one by default.

    Raises:
        RankingNotListedError: there is no such ranking, or none of its periods is still to begin.
    """
    assert item.account_token is not None
    choice_id, signed = operator.store.use(item.account_token, item.wallet_id, run_label)
    if signed is None:
        if from_period is None:
            from_period = _period_to_come(operator, ranking)
        choice = RankingChoice(
            parameter_id=operator.parameters.parameter_id,
            programme_id=operator.programme.programme_id,
            ranking_id=ranking,
            choice_id=choice_id,
            account_token=item.account_token,
            wallet_id=wallet_id(item.wallet_id),
            wallet_class=WalletClass(item.wallet_class),
            binding_leaf=binding.operator_leaf,
            operator_id=operator.operator_id,
            takes_part=takes_part,
            from_period=from_period,
        )
        signed = sign(choice, {operator.operator_id: operator.signing_key}).to_bytes()
        operator.store.set_use(choice_id, signed)
    request = use_pb2.PlaceRankingChoiceRequest(signed_choice=signed)
    answer = operator.hub.place_ranking_choice(request)
    return Accepted(envelope=signed, receipt=answer.receipt)


def _period_to_come(operator: WalletOperator, ranking: str) -> int:
    for item in rankings_of(operator):
        period = next_period(operator, item)
        if item.ranking_id == ranking and period < item.periods:
            return period
    raise RankingNotListedError(f"ranking {ranking} has no period that is still to begin")
