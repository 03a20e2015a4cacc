"""Use cases of rankings: who takes part, and the one list of every period.

A list is made when its period is over and closed in the books, by the hub itself and never because
somebody asks: two lists of one period would tell apart what changed between them.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.ledger.batch import ledger_day
from fedcarbon.submission.signed_message import open_message
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import Seconds
from fedcarbon.uses.ranking import (
    RANKING_SALT_BYTES,
    Ranking,
    RankingChoice,
    RankingRules,
    RankingSalt,
    list_name,
    opted_in,
    pseudonym,
    ranked,
)
from hub.clearing.closing import closed_sequence
from hub.clearing.storage.batch_store import BatchStore
from hub.context import Hub
from hub.record.folded_record import FoldedRecord
from hub.registry.parties import signing_keys
from hub.registry.programmes import require_programme
from hub.storage.record_store import RecordStore
from hub.uses.errors import (
    RankingBegunError,
    RankingChoiceReusedError,
    RankingNotPublishedError,
    RankingOverlapsError,
    UnknownRankingError,
)
from hub.uses.storage.publication_store import PublicationStore, Published
from hub.uses.storage.ranking_store import RankingStore
from hub.wallets.redeeming import check_binding


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRanking:
    """A published list, and who of its lines the asker's customer is."""

    ranking: Ranking
    own_pseudonym: bytes | None


def open_ranking(session: Session, rules: RankingRules, now_s: Seconds) -> None:
    """Check that a new ranking begins in time and stands alone in its days.

    Raises:
        RankingBegunError: its first period has begun.
        RankingOverlapsError: the programme has another one of such days.
    """
    if rules.starts_s(0) <= now_s:
        raise RankingBegunError("nobody could opt in to its first period any more")
    for item in PublicationStore(session).all(RankingRules, rules.programme_id):
        if rules.overlaps(item.statement):
            raise RankingOverlapsError(f"ranking {item.statement.ranking_id} ranks such days")


def choose(
    session: Session, hub: Hub, folded: FoldedRecord, caller: PartyId, message: bytes
) -> bytes:
    """Take a holder's choice, log it and return its receipt; the same choice, the same receipt.

    Args:
        session: a writing session.
        hub: where to.
        folded: the record as trustees see it.
        caller: the party that sent it, by its certificate.
        message: the exact bytes of the signed choice.

    Raises:
        MalformedError: not the envelope of a choice.
        NotAdmittedError, SignatureInvalidError, SenderDiffersError, ParametersDifferError,
        UnknownProgrammeError, RankingChoiceReusedError, UnknownRankingError, RankingBegunError,
        BindingUnknownError, WalletSwappedError: the first rule that fails.
        FedcarbonError: the binding is not valid now.
    """
    choice = open_message(
        RankingChoice,
        message,
        sender=caller,
        keys=signing_keys(session, Role.WALLET_OPERATOR),
        named_in=lambda statement: statement.operator_id,
        parameter_id=hub.parameters.parameter_id,
    )
    now_s, store = hub.clock.now_s(), RankingStore(session)
    require_programme(session, choice.programme_id)
    stored = store.find(choice.choice_id)
    if stored is not None:
        if stored[1] != choice:
            raise RankingChoiceReusedError(
                f"choice {choice.choice_id.hex()} exists with other content; make a new id"
            )
        given = RecordStore(session).receipt(stored[0])
        assert given is not None  # noqa: S101 - it was given when the choice was taken
        return given
    check_choice(session, choice, now_s)
    with folded.at(session) as view:
        check_binding(view, choice, now_s)
    logged, receipt = hub.record.accept(
        session, LeafType.RANKING_CHOICE, message, owners=[choice.operator_id]
    )
    store.add(choice, logged.index)
    return receipt


def check_choice(session: Session, choice: RankingChoice, now_s: Seconds) -> None:
    """Check that a choice is about a period that has not begun.

    Raises:
        UnknownRankingError: there is no such ranking or period.
        RankingBegunError: the period has begun.
    """
    rules = _rules(session, choice.programme_id, choice.ranking_id)
    if choice.from_period >= rules.periods:
        raise UnknownRankingError(f"ranking {rules.ranking_id} has {rules.periods} periods")
    if rules.starts_s(choice.from_period) <= now_s:
        raise RankingBegunError(f"period {choice.from_period} has begun; name a later one")


def due_lists(session: Session, now_s: Seconds) -> list[tuple[Published[RankingRules], int]]:
    """Return rules and period of every list that is to be made; nothing is written.

    Args:
        session: where rules and books are.
        now_s: protocol time.
    """
    publications, batches = PublicationStore(session), BatchStore(session)
    open_day = batches.first_open_day(closed_sequence(session) + 1)
    closed_before = min(ledger_day(now_s), ledger_day(now_s) if open_day is None else open_day)
    due: list[tuple[Published[RankingRules], int]] = []
    known = sorted(publications.all(RankingRules), key=lambda item: item.statement.first_day)
    for item in known:
        rules, first = item.statement, 0
        last = publications.last(Ranking, rules.programme_id)
        if last is not None:
            # Rankings of a programme follow one another, so what is before the last list is made.
            ranked_last = next(of for of in known if of.leaf_index == last.statement.rules_leaf)
            if ranked_last.statement.first_day > rules.first_day:
                continue
            first = last.statement.period + 1 if ranked_last == item else 0
        closed = max(0, closed_before - rules.first_day) // rules.period_days
        due += [(item, period) for period in range(first, min(closed, rules.periods))]
    return due


def publish_lists(session: Session, hub: Hub) -> list[Ranking]:
    """Make and log every list that is due, each with a fresh salt; return them."""
    rankings = []
    for item, period in due_lists(session, hub.clock.now_s()):
        salt = RankingSalt(
            parameter_id=item.statement.parameter_id,
            programme_id=item.statement.programme_id,
            ranking_id=item.statement.ranking_id,
            period=period,
            salt=hub.record.random_bytes(RANKING_SALT_BYTES),
        )
        salt_leaf = hub.record.append_own(session, salt).index
        ranking = list_of(session, item, salt, salt_leaf)
        keep_list(session, salt, ranking, hub.record.append_own(session, ranking).index)
        rankings.append(ranking)
    return rankings


def list_of(
    session: Session, rules: Published[RankingRules], salt: RankingSalt, salt_leaf: int
) -> Ranking:
    """Return the list of a period that is closed.

    Args:
        session: where choices and books are.
        rules: of the ranking, with their leaf.
        salt: of this list.
        salt_leaf: its leaf.
    """
    store, own = RankingStore(session), rules.statement
    people = opted_in(store.choices(own.programme_id, own.ranking_id), salt.period)
    credited = store.credited(own.programme_id, own.days_of(salt.period))
    return Ranking(
        parameter_id=own.parameter_id,
        programme_id=own.programme_id,
        ranking_id=own.ranking_id,
        period=salt.period,
        rules_leaf=rules.leaf_index,
        salt_leaf=salt_leaf,
        lines=ranked(own, salt.salt, people, credited),
    )


def keep_list(session: Session, salt: RankingSalt, ranking: Ranking, leaf_index: int) -> None:
    """Keep a list that is logged, and the salt that it names."""
    publications = PublicationStore(session)
    publications.add(salt, ranking.salt_leaf)
    publications.add(ranking, leaf_index)


def ranking_of(
    session: Session,
    caller: PartyId,
    *,
    programme: ProgrammeId,
    ranking_id: str,
    period: int,
    account_token: bytes | None,
) -> SeenRanking:
    """Return a published list, and the caller's customer in it.

    The pseudonym is told to the operator whose choice counts for the period, and to nobody else.

    Args:
        session: where lists are.
        caller: the wallet operator that asks, by its certificate; for the list alone, anybody.
        programme: whose ranking.
        ranking_id: its name.
        period: from 0.
        account_token: of the caller's customer, None for the list alone.

    Raises:
        UnknownRankingError: there is no such ranking or period.
        RankingNotPublishedError: the list is not made yet.
    """
    rules = _rules(session, programme, ranking_id)
    if period >= rules.periods:
        raise UnknownRankingError(f"ranking {ranking_id} has {rules.periods} periods")
    publications, name = PublicationStore(session), list_name(ranking_id, period)
    ranking = publications.find(Ranking, programme, name)
    salt = publications.find(RankingSalt, programme, name)
    if ranking is None or salt is None:
        raise RankingNotPublishedError(f"period {period} is not published yet")
    own = None
    if account_token is not None:
        choices = RankingStore(session).choices(programme, ranking_id, account_token)
        held = [item for item in choices if item.from_period <= period]
        if ranking.lines and held and held[-1].takes_part and held[-1].operator_id == caller:
            own = pseudonym(salt.salt, account_token)
    return SeenRanking(ranking=ranking, own_pseudonym=own)


def _rules(session: Session, programme: ProgrammeId, ranking_id: str) -> RankingRules:
    rules = PublicationStore(session).find(RankingRules, programme, ranking_id)
    if rules is None:
        raise UnknownRankingError(f"{programme[:64]} has no ranking {ranking_id[:64]}")
    return rules
