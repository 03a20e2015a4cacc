"""Use case of publishing what root keys signed about uses.

(1) t root keys have signed the exact bytes, (2) for this parameter set   see `open_rooted`
(3) the programme exists                                                  UNKNOWN_PROGRAMME
(4) what is for lots is published where grams are counted                 NOT_GRAMS
(5) nothing else was published under the name                             PUBLICATION_CONFLICT
(6) a vintage's end is far enough away                                    NOTICE_TOO_SHORT
(7) a verified lot exists and nobody has judged it before                 LOT_UNKNOWN, LOT_STATE
(8) a campaign or market stands alone in its time, and the float can      see `fund_campaign`,
    give it its money                                                     `open_market`
(9) a ranking begins later and stands alone in its days                   `open_ranking`
"""

from __future__ import annotations

from typing import Final

from sqlmodel import Session

from fedcarbon.canonical.statement import kind_of
from fedcarbon.errors import MalformedError
from fedcarbon.registry.admission import open_rooted
from fedcarbon.registry.measure import require_grams
from fedcarbon.registry.programme import Programme
from fedcarbon.submission.signed_message import require_parameters
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import Seconds
from fedcarbon.uses.campaign import Campaign
from fedcarbon.uses.lot import LotVerification
from fedcarbon.uses.market import MarketRules
from fedcarbon.uses.offer import NOTICE_MIN_S, ExpiryNotice, LotRules, Offer
from fedcarbon.uses.ranking import RankingRules
from hub.context import Hub
from hub.registry.programmes import require_programme
from hub.uses.bundling import judge_lot
from hub.uses.campaigning import fund_campaign
from hub.uses.errors import NoticeTooShortError, PublicationConflictError
from hub.uses.ranking import open_ranking
from hub.uses.storage.publication_store import PublicationStore, name_of
from hub.uses.storage.stock_store import StockStore
from hub.uses.trading import open_market

Rooted = Offer | LotRules | ExpiryNotice | Campaign | MarketRules | RankingRules
"""What has a name and stays."""
PUBLICATIONS: Final[dict[str, type[Rooted | LotVerification]]] = {
    cls.KIND: cls
    for cls in (
        Offer,
        LotRules,
        ExpiryNotice,
        Campaign,
        MarketRules,
        RankingRules,
        LotVerification,
    )
}


def publish(session: Session, hub: Hub, message: bytes) -> bytes:
    """Log what root keys have signed and return its receipt; the same bytes get the same receipt.

    Args:
        session: a writing session.
        hub: where to.
        message: the exact bytes of the signed statement.

    Raises:
        MalformedError: not the envelope of anything that is published here.
        SignatureInvalidError, ParametersDifferError, UnknownProgrammeError, NotGramsError,
        PublicationConflictError, NoticeTooShortError, LotUnknownError, LotStateError,
        CampaignOverlapsError, MarketOverlapsError, MarketBelowRateError, FloatExhaustedError,
        RankingBegunError, RankingOverlapsError: the first rule that fails.
    """
    kind = kind_of(Envelope.from_bytes(message).payload)
    cls = PUBLICATIONS.get(kind)
    if cls is None:
        raise MalformedError(f"a {kind[:40]!r} is not published here")
    leaf_type = LeafType[kind.upper()]
    given = hub.record.receipt_of_message(session, leaf_type, message)
    if given is not None:
        return given
    parameters = hub.parameters
    statement: Rooted | LotVerification = open_rooted(
        cls, message, parameters.root_keys, threshold=parameters.threshold
    )
    require_parameters(statement, parameters.parameter_id)
    programme = require_programme(session, statement.programme_id)
    if isinstance(statement, LotRules):
        require_grams(programme.measure, "credit lots")
    now_s = hub.clock.now_s()
    if isinstance(statement, LotVerification):
        judge_lot(session, statement, now_s)
    else:
        _check_new(session, statement, now_s)
        set_aside(session, statement, programme, now_s)
    hub.record.require_admitted(session)
    logged, receipt = hub.record.accept(session, leaf_type, message, owners=())
    if not isinstance(statement, LotVerification):
        PublicationStore(session).add(statement, logged.index)
    return receipt


def set_aside(session: Session, statement: Rooted, programme: Programme, now_s: Seconds) -> None:
    """Give what is published the money or the stock that it begins with, or its place in time."""
    if isinstance(statement, Campaign):
        fund_campaign(session, statement, now_s)
    elif isinstance(statement, MarketRules):
        open_market(session, statement, programme, now_s)
    elif isinstance(statement, RankingRules):
        open_ranking(session, statement, now_s)
    elif isinstance(statement, Offer) and statement.stock is not None:
        StockStore(session).add(statement.programme_id, statement.offer_id, statement.stock)


def _check_new(session: Session, statement: Rooted, now_s: Seconds) -> None:
    name, store = name_of(statement), PublicationStore(session)
    if store.find(type(statement), statement.programme_id, name) is not None:
        raise PublicationConflictError(
            f"{statement.programme_id} has another {statement.KIND} {name}; choose a new name"
        )
    if isinstance(statement, ExpiryNotice) and statement.expires_at_s < now_s + NOTICE_MIN_S:
        raise NoticeTooShortError(
            f"holders are told at least {NOTICE_MIN_S} s before vintage {name} ends"
        )
