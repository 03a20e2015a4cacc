"""Phase 1a: from activities to the list of claims and its two roots.

All of it is decided once, from what was accepted before the epoch was cut off, and stored part by
part together with what was drawn by chance (salts, blindings, pads). A process that was killed goes
on behind the last stored part; nothing is ever computed again afterwards:

    collecting   what counts of a range of persons, then of a range of objects
    quota        what the admission does not allow is taken out
    claiming     token, salt, blinding and commitment of the claims of a range of persons
    padding      the same for a range of pads
    sorting      all claims by token: from here on they have positions
    evidence     the leaves of a range of persons, then of the pads in a range of positions

and at last the roots, in one walk over the list and one over the leaves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple

import pyarrow as pa

from fedcarbon.engine.port import Engine, row_by_row
from fedcarbon.epoch.statements import ClaimCommitment, evidence_leaves
from fedcarbon.evidence.leaf import EVIDENCE_KEY_BYTES
from fedcarbon.identity.claims import SALT_BYTES, DuplicateTokenInListError, padded_size
from fedcarbon.identity.ristretto import WIDE_BYTES, element
from fedcarbon.identity.tokens import CLAIM_TOKEN_BYTES
from fedcarbon.ids import EpochIndex
from fedcarbon.transparency.envelope import sign
from fedcarbon.transparency.merkle import Frontier
from partner_node.activities.bundle import Bundle
from partner_node.activities.evaluating import BulkEvaluation
from partner_node.epochs.claim_task import ClaimTask, ListLeafTask
from partner_node.epochs.collecting import Collector
from partner_node.epochs.evidence import PersonRows, pad_leaves, person_leaves
from partner_node.epochs.parts import parts_of
from partner_node.epochs.quota import above_quota
from partner_node.membership import Membership
from partner_node.storage.accounts import AccountFigures, AccountStore
from partner_node.storage.activities import ActivityStore, Owners
from partner_node.storage.claim_work import ClaimWork
from partner_node.storage.database import Database
from partner_node.storage.epochs import Commitment, EpochStore
from partner_node.storage.outbox import Message, MessageKind
from partner_node.storage.progress import ProgressStore, Stage

CLAIM_FORM: Final = "blinding-on-base"
"""How claims are committed (ADR 17). Change it with any change of what is stored of them: a node
that goes on in a newer version must not list claims of two forms, which nobody could prove."""
OWNERS_PER_PART: Final = 8_192
PADS_PER_PART: Final = 32_768
POSITIONS_PER_PART: Final = 1 << 18
ROWS_PER_BATCH: Final = 2_048
"""Claims that a process works on at once."""


class ClaimBuilder:
    """Builds the claims of an epoch in the store."""

    def __init__(
        self,
        database: Database,
        member: Membership,
        bundle: Bundle,
        engine: Engine,
        bulk: BulkEvaluation,
    ) -> None:
        """Read activities, consents and secrets from `database`."""
        self._accounts = AccountStore(database)
        self._activities = ActivityStore(database)
        self._epochs = EpochStore(database)
        self._progress = ProgressStore(database)
        self._work = ClaimWork(database)
        self._collector = Collector(database, member, bundle, bulk, engine)
        self._member = member
        self._bundle = bundle
        self._engine = engine
        self._size: Final = OWNERS_PER_PART

    def build(self, epoch: EpochIndex, figures: AccountFigures) -> None:
        """Decide and store everything of phase 1a for `epoch`, from where it was left.

        Args:
            epoch: which one; it is cut off.
            figures: of this partner's accounts in it.
        """
        pinned = {item.methodology_id: item.content_hash for item in self._bundle.all()}
        drawn = self._member.randomness.octets(EVIDENCE_KEY_BYTES)
        sizes = f"{CLAIM_FORM} {self._size} {PADS_PER_PART} {POSITIONS_PER_PART}"
        evidence_key = self._work.pin(epoch, pinned, sizes, drawn)
        for stage, objects in ((Stage.COLLECTING, False), (Stage.OBJECTS, True)):
            self._collect(epoch, stage, objects=objects)
        for _ in self._left(epoch, Stage.QUOTA, 1, 1):
            rejects = above_quota(self._work, epoch, self._quota(epoch, figures))
            self._work.save_quota(epoch, rejects, now_s=self._member.clock.now_s())
        self._claim(epoch, Stage.CLAIMING, self._work.last_person(epoch), self._size)
        claims = sum(count for _, count in self._work.real_ranks(epoch))
        if not self._progress.finished(epoch, Stage.SORTING):
            self._claim(epoch, Stage.PADDING, padded_size(claims) - claims, PADS_PER_PART)
        for _ in self._left(epoch, Stage.SORTING, 1, 1):
            self._work.sort_claims(epoch)
        self._keep_evidence(epoch, evidence_key)
        self._commit(epoch, figures, evidence_key)

    def _left(self, epoch: EpochIndex, stage: Stage, count: int, size: int) -> range:
        """Return the parts of a stage that are not stored yet."""
        self._progress.begin(epoch, stage, -(-count // size))
        parts = self._progress.parts(epoch, stage)
        assert parts is not None  # noqa: S101 - begun just above
        return range(self._progress.done(epoch, stage), parts)

    def _range(self, part: int) -> tuple[int, int]:
        """Return the first and last number of the persons or objects of a part; they are from 1."""
        return part * self._size + 1, (part + 1) * self._size

    def _collect(self, epoch: EpochIndex, stage: Stage, *, objects: bool) -> None:
        """Store what counts of every part of the persons or objects that is not stored."""
        last = self._activities.last_owner(objects=objects)
        left = self._left(epoch, stage, last, self._size)
        if not left:
            return
        ranges = (
            Owners(objects=objects, first=first, last=last)
            for first, last in map(self._range, left)
        )
        for part, found in zip(left, self._collector.collect(epoch, ranges), strict=True):
            now_s = self._member.clock.now_s()
            self._work.save_collected(epoch, (stage, part), found, now_s=now_s)

    def _quota(self, epoch: EpochIndex, figures: AccountFigures) -> int:
        """Return how many claims, before padding, the admission allows."""
        days = len(self._member.programme.days_of(epoch))
        return self._member.foundation.own.claim_slots_per_account_day * figures.accounts * days

    # --- claims ---------------------------------------------------------------------------

    def _claim(self, epoch: EpochIndex, stage: Stage, count: int, size: int) -> None:
        """Store the claims of every part of a stage that is not stored; see `_Drafts`."""
        drawn = self._drawn_pads if stage is Stage.PADDING else self._drawn_claims
        waiting: deque[_Part] = deque()

        def rows() -> Iterator[pa.RecordBatch]:
            for part in self._left(epoch, stage, count, size):
                table = drawn(epoch, part, min(size, count - part * size))
                waiting.append(_Part(part, table))
                yield from table.select(_GIVEN.names).cast(_GIVEN).to_batches(ROWS_PER_BATCH)

        task = ClaimTask(
            domain=self._member.programme.exclusivity_domain,
            generator=element(self._member.parameters.ristretto_generator),
        )
        given = pa.RecordBatchReader.from_batches(_GIVEN, rows())
        made = row_by_row(self._engine, task, given)
        for part, columns in parts_of(made, waiting, task.schema):
            table = part.table
            for name in task.schema.names:
                table = table.append_column(name, columns.column(name))
            persons = None if stage is Stage.PADDING else self._range(part.number)
            self._work.save_claims(epoch, (stage, part.number), table, persons)

    def _drawn_claims(self, epoch: EpochIndex, part: int, _count: int) -> pa.Table:
        """Return the claims of a range of persons, with what is drawn for each."""
        table = self._work.claims_of(epoch, *self._range(part))
        nothing = pa.nulls(len(table), pa.binary())
        return self._with_chance(table.append_column("pad_token", nothing))

    def _drawn_pads(self, epoch: EpochIndex, _part: int, count: int) -> pa.Table:
        """Return so many pads: random tokens, worth nothing, ranked as the real claims are."""
        chance, ranks = self._member.randomness, self._work.real_ranks(epoch)
        total = sum(of_rank for _, of_rank in ranks)
        empty = {field.name: pa.nulls(count, field.type) for field in _PAD_EMPTY}
        drawn = {
            "piece_ug": pa.array([0] * count, pa.int64()),
            "rank": pa.array(_rank_at(ranks, chance.below(total)) for _ in range(count)),
            "pad_token": _split(chance.octets(count * CLAIM_TOKEN_BYTES), CLAIM_TOKEN_BYTES),
        }
        return self._with_chance(pa.table(empty | drawn))

    def _with_chance(self, table: pa.Table) -> pa.Table:
        """Add a salt and the chance for a blinding to every row."""
        for name, width in (("salt", SALT_BYTES), ("wide", WIDE_BYTES)):
            drawn = self._member.randomness.octets(len(table) * width)
            table = table.append_column(name, _split(drawn, width))
        return table

    # --- evidence ---------------------------------------------------------------------------

    def _keep_evidence(self, epoch: EpochIndex, evidence_key: bytes) -> None:
        """Store the leaves of all evidence: by persons, then those of the pads by position."""
        days = self._member.programme.days_of(epoch)
        claims = self._epochs.claim_count(epoch)
        persons = -(-self._work.last_person(epoch) // self._size)
        positions = -(-claims // POSITIONS_PER_PART)
        left = self._left(epoch, Stage.EVIDENCE, persons + positions, 1)
        of_persons = range(left.start, max(left.start, persons))
        if of_persons:
            with self._work.sorted_by_person(epoch):
                for part in of_persons:
                    first, last = self._range(part)
                    rows = PersonRows.of(self._work, self._accounts, epoch, first, last)
                    found = person_leaves(evidence_key, rows, days, claims=claims)
                    self._work.save_leaves(epoch, (Stage.EVIDENCE, part), *found)
        for part in range(of_persons.stop, left.stop):
            first = (part - persons) * POSITIONS_PER_PART
            pads = self._work.pads(epoch, first, first + POSITIONS_PER_PART - 1)
            self._work.save_leaves(epoch, (Stage.EVIDENCE, part), *pad_leaves(evidence_key, pads))

    # --- the commitment ---------------------------------------------------------------------

    def _commit(self, epoch: EpochIndex, figures: AccountFigures, evidence_key: bytes) -> None:
        """Compute both roots, and store the commitment with its message."""
        days = self._member.programme.days_of(epoch)
        real, padded = self._epochs.real_claim_count(epoch), self._epochs.claim_count(epoch)
        leaves = Frontier()
        for leaf in self._work.leaves(epoch):
            leaves.append(leaf)
        assert leaves.size == evidence_leaves(padded, figures.accounts, len(days))  # noqa: S101
        commitment = Commitment(
            claims=real,
            padded_claims=padded,
            list_root=self._list_root(epoch, padded),
            evidence_root=leaves.root(),
            evidence_count=leaves.size,
            evidence_key=evidence_key,
            methodologies={item.methodology_id: item.content_hash for item in self._bundle.all()},
            methodology_bundle=self._bundle.hash,
        )
        statement = ClaimCommitment(
            parameter_id=self._member.parameters.parameter_id,
            programme_id=self._member.programme.programme_id,
            epoch=epoch,
            partner_id=self._member.party_id,
            count=commitment.padded_claims,
            list_root=commitment.list_root,
            evidence_root=commitment.evidence_root,
            evidence_count=commitment.evidence_count,
            methodologies=tuple(sorted(commitment.methodologies.values())),
        )
        messages = [
            Message(
                kind=MessageKind.CLAIM_COMMITMENT,
                subject=str(epoch),
                envelope=sign(statement, self._member.signers).to_bytes(),
            ),
            # Its two files are made of the claims when they are sent.
            Message(kind=MessageKind.CLAIM_LIST, subject=str(epoch)),
        ]
        self._work.commit(epoch, commitment, messages)

    def _list_root(self, epoch: EpochIndex, claims: int) -> bytes:
        """Return the root of the list, whose tokens ascend.

        Raises:
            DuplicateTokenInListError: a token stands twice: a bug of this node.
        """
        pages = self._epochs.list_pages(epoch, claims)
        first = next(pages, None)
        if first is None:
            return Frontier().root()

        def rows() -> Iterator[pa.RecordBatch]:
            for page in chain((first,), pages):
                yield from page.to_batches(ROWS_PER_BATCH)

        tree, previous = Frontier(), b""
        reader = pa.RecordBatchReader.from_batches(first.schema, rows())
        for batch in row_by_row(self._engine, ListLeafTask(), reader, "token"):
            nodes = batch.column("node").to_pylist()
            for token, node in zip(batch.column("token").to_pylist(), nodes, strict=True):
                if token <= previous:
                    raise DuplicateTokenInListError("a token stands twice in a claim list")
                previous = token
                tree.append_hash(node)
        return tree.root()


class _Part(NamedTuple):
    """A part on its way through the engine."""

    number: int
    table: pa.Table


_GIVEN: Final = pa.schema(
    [
        ("secret", pa.binary()),
        ("slot_owner", pa.string()),
        ("slot_group", pa.string()),
        ("slot_start_s", pa.int64()),
        ("piece_ug", pa.int64()),
        ("wide", pa.binary()),
        ("pad_token", pa.binary()),
    ]
)
"""What `ClaimTask` is given."""
_PAD_EMPTY: Final = pa.schema([("person_id", pa.int64()), *list(_GIVEN)[:4]])
"""What a pad is not about."""


def _rank_at(ranks: Iterable[tuple[int, int]], number: int) -> int:
    """Return the rank of the claim `number`, if all claims were sorted by rank."""
    for rank, count in ranks:
        if number < count:
            return rank
        number -= count
    raise AssertionError(number)


def _split(data: bytes, width: int) -> pa.Array:
    """Return bytes as an array of pieces of the same width."""
    fixed = pa.Array.from_buffers(pa.binary(width), len(data) // width, [None, pa.py_buffer(data)])
    return fixed.cast(pa.binary())
