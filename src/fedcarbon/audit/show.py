"""One leaf in words: what it is, who signed it, what it says, and which others it hangs on.

Nothing is verified here. What a leaf refers to is read from its statement: by index, or by the 34
bytes of another leaf.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final

from fedcarbon.audit.attribution import CHECK_OF_LEAF
from fedcarbon.audit.checklist import WORDINGS
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.source import LeafLine, RecordSource
from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.statements import ReleaseStart, TableContribution, TableRelease
from fedcarbon.epoch.statements import (
    BeaconValue,
    ClaimCommitment,
    ClaimList,
    CommitClosed,
    Dispute,
    EpochPlan,
    LinkProof,
    Seal,
    VerdictList,
)
from fedcarbon.errors import ConfigurationError, FedcarbonError
from fedcarbon.ledger.batch import LedgerBatch
from fedcarbon.opening.statements import (
    BindingObjection,
    OpeningRequest,
    OpeningResult,
    OpeningStart,
    OperatorBinding,
    PartnerBinding,
    Refusal,
    Unbinding,
)
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.parameters.self_test import SelfTest
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.redemption.payouts import PayoutBatch
from fedcarbon.registry.admission import PartyAdmission
from fedcarbon.registry.enrolment import EnrolmentBatch, PlaceBatch
from fedcarbon.registry.evaluation import EvaluationRequest
from fedcarbon.registry.methodology import MethodologyAdmission
from fedcarbon.registry.programme import Programme
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import Leaf, LeafType, commit
from fedcarbon.uses.campaign import Campaign
from fedcarbon.uses.lot import CreditLot, LotRetirement, LotSale, LotVerification
from fedcarbon.uses.market import MarketPrice, MarketRules
from fedcarbon.uses.offer import ExpiryNotice, LotRules, Offer
from fedcarbon.uses.order import GoodsOutcome, UseOrder
from fedcarbon.uses.ranking import Ranking, RankingChoice, RankingRules, RankingSalt

ITEMS_SHOWN: Final = 4
TEXT_SHOWN: Final = 80


class LeafUnknownError(ConfigurationError):
    """The record has no leaf of this index; name another one."""

    code: ClassVar[str] = "LEAF_UNKNOWN"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a reader should know of a type of leaf."""

    statement: type[Statement]
    sentence: str
    refers_to: Callable[[Any], Iterable[int | bytes]] = lambda _: ()
    """Leaves that its statement names: by index, or by their 34 bytes."""
    checks: tuple[CheckId, ...] = ()
    """Lines of the checklist that judge it, beside those that judge every leaf."""


EVERY_LEAF: Final = (CheckId.FILES, CheckId.PARTIES, CheckId.TREE, CheckId.SIGNATURES)

KINDS: Final[Mapping[LeafType, Kind]] = MappingProxyType(
    {
        LeafType.PARAMETERS: Kind(
            statement=ParameterSet,
            sentence="The parameter set of the ceremony: everything in this record is under it.",
        ),
        LeafType.SELF_TEST: Kind(
            statement=SelfTest,
            sentence="Every trustee's shares of two known ciphertexts: the dealt key works.",
        ),
        LeafType.PARTY_ADMISSION: Kind(
            statement=PartyAdmission,
            sentence="A party is admitted with a role, a signing key and limits.",
        ),
        LeafType.PROGRAMME: Kind(
            statement=Programme, sentence="A programme with its days, caps, waits and windows."
        ),
        LeafType.METHODOLOGY_ADMISSION: Kind(
            statement=MethodologyAdmission,
            sentence="A methodology is admitted to a programme, with its file, from an epoch on.",
            checks=(CheckId.METHODOLOGIES,),
        ),
        LeafType.ENROLMENT_BATCH: Kind(
            statement=EnrolmentBatch,
            sentence="A partner enrols accounts, or withdraws them.",
            checks=(CheckId.DENSITY,),
        ),
        LeafType.PLACE_BATCH: Kind(
            statement=PlaceBatch,
            sentence="The hub gives new accounts their block and slot, for ever.",
            refers_to=lambda item: [item.enrolment_leaf],
            checks=(CheckId.REQUESTS,),
        ),
        LeafType.METHODOLOGY_ADMISSION: Kind(
            statement=MethodologyAdmission,
            sentence="A programme admits a methodology for some epochs; the document stands in it.",
            checks=(CheckId.METHODOLOGIES,),
        ),
        LeafType.EVALUATION_REQUEST: Kind(
            statement=EvaluationRequest,
            sentence="A party asks the trustees to evaluate blinded elements, on its quota.",
        ),
        LeafType.EPOCH_PLAN: Kind(
            statement=EpochPlan,
            sentence="An epoch begins: who is enrolled is fixed, and so are the deadlines.",
        ),
        LeafType.CLAIM_COMMITMENT: Kind(
            statement=ClaimCommitment,
            sentence="A partner commits to its claims and its evidence before anyone sees one.",
        ),
        LeafType.COMMIT_CLOSED: Kind(
            statement=CommitClosed,
            sentence="Commitments are closed: these lists count, these claimants missed it.",
            refers_to=lambda item: [line.leaf_index for line in item.lists],
        ),
        LeafType.BEACON_VALUE: Kind(
            statement=BeaconValue,
            sentence="The trustees' common randomness over one leaf, which nobody could choose.",
            refers_to=lambda item: [item.leaf_index],
        ),
        LeafType.CLAIM_LIST: Kind(
            statement=ClaimList, sentence="A partner revealed its claims; the file is beside."
        ),
        LeafType.VERDICT_LIST: Kind(
            statement=VerdictList,
            sentence="The claims of an epoch are joined: who lost how many.",
            refers_to=lambda item: [item.beacon_leaf],
        ),
        LeafType.DISPUTE: Kind(
            statement=Dispute,
            sentence="A loser asks that the winners of some claims show an auditor their evidence.",
            refers_to=lambda item: [item.verdict_leaf],
        ),
        LeafType.LINK_PROOF: Kind(
            statement=LinkProof,
            sentence="A partner proves that it submitted no more than its winning claims hold.",
            refers_to=lambda item: [item.plan_leaf, item.verdict_leaf],
        ),
        LeafType.CHUNK_HEADER: Kind(
            statement=ChunkHeader,
            sentence="A partner submits encrypted totals; the chunk file is beside.",
            refers_to=lambda item: [item.plan_leaf],
            checks=(CheckId.RANGE_PROOFS, CheckId.DENSITY),
        ),
        LeafType.SEAL: Kind(
            statement=Seal,
            sentence="An epoch is sealed: whose submissions count, and the root of all products.",
            refers_to=lambda item: [
                item.plan_leaf,
                *(leaf for part in item.parts for leaf in part.header_leaves),
            ],
            checks=(CheckId.PRODUCTS,),
        ),
        LeafType.OPERATOR_BINDING: Kind(
            statement=OperatorBinding,
            sentence="A wallet operator binds a wallet to an account: its half.",
        ),
        LeafType.PARTNER_BINDING: Kind(
            statement=PartnerBinding,
            sentence="A partner says that the holder confirmed a binding: the other half.",
            refers_to=lambda item: [item.operator_leaf],
        ),
        LeafType.BINDING_OBJECTION: Kind(
            statement=BindingObjection, sentence="A partner of the account freezes a binding."
        ),
        LeafType.UNBINDING: Kind(statement=Unbinding, sentence="A binding ends, at once."),
        LeafType.OPENING_REQUEST: Kind(
            statement=OpeningRequest,
            sentence="A holder asks, through its wallet operator, for the sum of its account.",
            refers_to=lambda item: [item.binding_leaf],
            checks=(CheckId.WITNESSES,),
        ),
        LeafType.OPENING_START: Kind(
            statement=OpeningStart,
            sentence="Trustees begin an opening, with their masks committed.",
            refers_to=lambda item: [target.request_leaf for target in item.targets],
            checks=(CheckId.PRODUCTS, CheckId.MASKS),
        ),
        LeafType.OPENING_RESULT: Kind(
            statement=OpeningResult,
            sentence="Sums came out of an opening; the trustees' shares are beside.",
            refers_to=lambda item: [item.start_leaf],
            checks=(CheckId.WITNESSES, CheckId.MASKS, CheckId.REQUESTS),
        ),
        LeafType.REFUSAL: Kind(
            statement=Refusal, sentence="A trustee refused an order, and says why."
        ),
        LeafType.LEDGER_BATCH: Kind(
            statement=LedgerBatch,
            sentence="A day of the hub's books.",
            checks=(CheckId.REDEMPTIONS, CheckId.PAYOUTS, CheckId.CONSERVATION),
        ),
        LeafType.REDEMPTION_ORDER: Kind(
            statement=RedemptionOrder,
            sentence="A holder has grams or proceeds paid into its wallet, through its operator.",
            refers_to=lambda item: [item.binding_leaf],
        ),
        LeafType.PAYOUT_BATCH: Kind(
            statement=PayoutBatch,
            sentence="What the rail finally answered to the payouts of a ledger day.",
        ),
        LeafType.OFFER: Kind(
            statement=Offer, sentence="A cause or goods are offered at a price in grams."
        ),
        LeafType.USE_ORDER: Kind(
            statement=UseOrder,
            sentence="A holder gives, exchanges, pledges or trades grams, through its operator.",
            refers_to=lambda item: [item.binding_leaf],
        ),
        LeafType.GOODS_OUTCOME: Kind(
            statement=GoodsOutcome, sentence="Goods were handed out, or will not be."
        ),
        LeafType.LOT_RULES: Kind(
            statement=LotRules, sentence="What the credit lots of a programme are from now on."
        ),
        LeafType.CREDIT_LOT: Kind(
            statement=CreditLot,
            sentence="Pledged grams become whole tonnes of a credit lot.",
            refers_to=lambda item: [item.rules_leaf],
        ),
        LeafType.LOT_VERIFICATION: Kind(
            statement=LotVerification, sentence="A verifier accepts or refuses a credit lot."
        ),
        LeafType.LOT_SALE: Kind(
            statement=LotSale, sentence="A credit lot is paid for; its contributors share it."
        ),
        LeafType.LOT_RETIREMENT: Kind(
            statement=LotRetirement, sentence="A credit lot is claimed, for ever."
        ),
        LeafType.EXPIRY_NOTICE: Kind(
            statement=ExpiryNotice, sentence="The grams of a vintage will end."
        ),
        LeafType.CAMPAIGN: Kind(
            statement=Campaign, sentence="Red packets are given for a time, up to a budget."
        ),
        LeafType.MARKET_RULES: Kind(
            statement=MarketRules, sentence="A market in grams, and how its price moves."
        ),
        LeafType.MARKET_PRICE: Kind(
            statement=MarketPrice, sentence="What a unit costs in a market on a day."
        ),
        LeafType.RANKING_RULES: Kind(
            statement=RankingRules, sentence="A ranking of those who opt in, and how it is cut."
        ),
        LeafType.RANKING_CHOICE: Kind(
            statement=RankingChoice,
            sentence="A holder opts in to a ranking, or out of it.",
            refers_to=lambda item: [item.binding_leaf],
        ),
        LeafType.RANKING_SALT: Kind(
            statement=RankingSalt, sentence="What the pseudonyms of one list come from."
        ),
        LeafType.RANKING: Kind(
            statement=Ranking,
            sentence="In which band each of those who opted in lies.",
            refers_to=lambda item: [item.rules_leaf, item.salt_leaf],
        ),
        LeafType.TABLE_SHELL: Kind(
            statement=TableShell,
            sentence="Which table of statistics is released, when, and what it may tell.",
        ),
        LeafType.TABLE_CONTRIBUTION: Kind(
            statement=TableContribution,
            sentence="A partner's encrypted cells of a period; the file is beside.",
            refers_to=lambda item: [item.shell_leaf],
            checks=(CheckId.RANGE_PROOFS,),
        ),
        LeafType.RELEASE_START: Kind(
            statement=ReleaseStart,
            sentence="The budget of a release is spent; the trustees' encrypted noise is beside.",
            refers_to=lambda item: [
                item.shell_leaf,
                *(contributor.contribution_leaf for contributor in item.contributors),
            ],
            checks=(CheckId.RANGE_PROOFS,),
        ),
        LeafType.TABLE_RELEASE: Kind(
            statement=TableRelease,
            sentence="A table is released; it and the trustees' shares are beside.",
            refers_to=lambda item: [item.shell_leaf, item.start_leaf],
            checks=(CheckId.WITNESSES, CheckId.SHARES),
        ),
    }
)


def explain(source: RecordSource, index: int) -> list[str]:
    """Return what is to be said of a leaf, line by line.

    Raises:
        LeafUnknownError: there is no such leaf.
    """
    lines = _lines_of(source)
    line = lines.get(index)
    if line is None:
        raise LeafUnknownError(f"the record has no leaf {index}")
    try:
        leaf_type = Leaf.from_bytes(line.leaf).type
    except FedcarbonError as error:
        return [f"leaf {index} cannot be read: {error}"]
    kind = KINDS[leaf_type]
    text = [f"leaf {index}: {leaf_type.kind}", kind.sentence, f"  leaf {line.leaf.hex()}"]
    text.append(f"  body {line.body_sha256.hex()}")
    body = source.body(line.body_sha256.hex())
    if body is not None and not _is_committed(line, body):
        return [*text, "the body is not the one that the leaf commits to"]
    found = _opened(source, line)
    if found is None:
        return [*text, "its body is missing or cannot be read"]
    envelope, statement = found
    signers = ", ".join(signature.keyid for signature in envelope.signatures)
    text += [f"names as signers (not verified here): {signers}", "it says:"]
    text += [f"  {name}: {_shown(value)}" for name, value in _fields(statement)]
    by_leaf = {item.leaf: number for number, item in lines.items()}
    text.append(_references("it refers to", _targets(statement, leaf_type, by_leaf), lines))
    text.append(_references("referred to by", _referrers(source, lines, by_leaf, index), lines))
    checks = sorted({*EVERY_LEAF, CHECK_OF_LEAF[leaf_type], *kind.checks})
    text.append("judged by " + "; ".join(f"{item}: {WORDINGS[item].title}" for item in checks))
    return text


def _lines_of(source: RecordSource) -> dict[int, LeafLine]:
    lines: dict[int, LeafLine] = {}
    for data in source.leaf_lines():
        try:
            line = LeafLine.parse(data)
        except FedcarbonError:
            continue
        lines.setdefault(line.index, line)
    return lines


def _is_committed(line: LeafLine, body: bytes) -> bool:
    """Tell whether a body has the hash in its line and the commitment in its leaf."""
    leaf = Leaf.from_bytes(line.leaf)
    is_named = hashlib.sha256(body).digest() == line.body_sha256
    return is_named and commit(leaf.type, line.salt, body) == leaf


def _opened(source: RecordSource, line: LeafLine) -> tuple[Envelope, Statement] | None:
    """Return envelope and statement of a leaf, no signature verified.

    None if they cannot be read, or the body is another one than the leaf commits to.
    """
    data = source.body(line.body_sha256.hex())
    try:
        if data is None or not _is_committed(line, data):
            return None
        envelope = Envelope.from_bytes(data)
        kind = KINDS[Leaf.from_bytes(line.leaf).type]
        return envelope, statements.decode(kind.statement, envelope.payload)
    except FedcarbonError:
        return None


def _targets(statement: Statement, leaf_type: LeafType, by_leaf: Mapping[bytes, int]) -> list[int]:
    named = KINDS[leaf_type].refers_to(statement)
    indices = (by_leaf.get(item) if isinstance(item, bytes) else item for item in named)
    return sorted({item for item in indices if item is not None})


def _referrers(
    source: RecordSource, lines: Mapping[int, LeafLine], by_leaf: Mapping[bytes, int], index: int
) -> list[int]:
    """Return the leaves whose statements name a leaf; reads every body."""
    found = []
    for number, line in lines.items():
        opened = _opened(source, line)
        if opened is None:
            continue
        if index in _targets(opened[1], Leaf.from_bytes(line.leaf).type, by_leaf):
            found.append(number)
    return sorted(found)


def _references(words: str, indices: Iterable[int], lines: Mapping[int, LeafLine]) -> str:
    named = []
    for index in indices:
        line = lines.get(index)
        if line is None:
            kind = "missing"
        else:
            known = line.leaf[0] in set(LeafType)
            kind = LeafType(line.leaf[0]).kind if known else "of an unknown type"
        named.append(f"leaf {index} ({kind})")
    return f"{words} {', '.join(named)}" if named else f"{words} no leaf"


def _fields(statement: Any) -> Iterable[tuple[str, Any]]:  # noqa: ANN401 - a dataclass
    return ((field.name, getattr(statement, field.name)) for field in dataclasses.fields(statement))


def _shown(value: Any) -> str:  # noqa: ANN401 - any field of a statement
    """Return a field for people: lists cut after a few items, long numbers by their size."""
    if isinstance(value, bytes):
        text = value.hex()
    elif isinstance(value, enum.Enum):
        text = str(value.value)
    elif isinstance(value, tuple):
        items = [_shown(item) for item in value[:ITEMS_SHOWN]]
        more = [f"and {len(value) - ITEMS_SHOWN} more"] if len(value) > ITEMS_SHOWN else []
        return f"{len(value)} [" + "; ".join(items + more) + "]"
    elif dataclasses.is_dataclass(value):
        return ", ".join(f"{name} {_shown(item)}" for name, item in _fields(value))
    elif isinstance(value, int) and value.bit_length() > TEXT_SHOWN:
        return f"a number of {value.bit_length()} bits"
    else:
        text = str(value)
    return text if len(text) <= TEXT_SHOWN else f"{text[:TEXT_SHOWN]}..."
