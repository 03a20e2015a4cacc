"""Enrolment at the hub: blind evaluations, tokens, batches, receipts and places."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fedcarbon.epoch.snapshot import Place
from fedcarbon.identity.blinding import SecretOutput
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.ristretto import Element, Scalar
from fedcarbon.identity.tokens import AccountToken
from fedcarbon.units import Seconds
from partner_node.storage.agenda import OPEN_PERIODS
from partner_node.storage.database import Database
from partner_node.storage.outbox import Message, MessageKind, Outbox, StoredReceipt

_BLIND_BYTES = 32

_LOGGED = f"receipts r ON r.kind = '{MessageKind.ENROLMENT_BATCH.value}' AND r.subject = e.batch"
_ANSWERS = {
    KeyLabel.ACCOUNT: ("account_tokens", "person_id", "account_token"),
    KeyLabel.CLAIM: ("claim_secrets", "person_id", "claim_output"),
    KeyLabel.OBJECT: ("object_secrets", "object_id", "object_output"),
}
"""Table, number and value of what an evaluation answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvaluation:
    """A blinded batch whose answer is outstanding."""

    request_id: bytes
    label: KeyLabel
    signed_request: bytes
    subject_ids: tuple[int, ...]
    """Persons or, under the object key, objects."""
    blinds: tuple[Scalar, ...] = field(repr=False)
    blinded: tuple[Element, ...]


class EnrolmentStore:
    """Reads and appends everything about accounts."""

    def __init__(self, database: Database) -> None:
        """Work on the tables of `database`."""
        self._database = database
        self._outbox = Outbox(database)

    # --- evaluations ----------------------------------------------------------------------

    def asked(self, label: KeyLabel) -> int:
        """Return how many elements were ever blinded under `label`: what the quota counts."""
        return self._database.number(
            "SELECT sum(elements) FROM evaluation_requests WHERE key_label = ?", [label.value]
        )

    def enrolled_entries(self) -> int:
        """Return how many enrolment entries of this partner are in the record."""
        return self._database.number(
            f"SELECT count(*) FROM enrolment_entries e JOIN {_LOGGED} WHERE action = 'enrol'"  # noqa: S608
        )

    def enrolled_accounts(self) -> int:
        """Return how many different accounts that was: what trustees count towards a quota."""
        # A place is stored together with the receipt of the batch that first enrolled its person.
        return self._database.number("SELECT count(*) FROM places")

    def save_evaluation(self, evaluation: StoredEvaluation, *, now_s: Seconds) -> None:
        """Store a blinded batch before it is sent for the first time."""
        count = len(evaluation.subject_ids)
        with self._database.transaction():
            self._database.run(
                "INSERT INTO evaluation_requests VALUES (?, ?, ?, ?, ?)",
                [
                    evaluation.request_id,
                    evaluation.label.value,
                    count,
                    evaluation.signed_request,
                    now_s,
                ],
            )
            self._database.insert(
                "evaluation_items",
                {
                    "request_id": [evaluation.request_id] * count,
                    "position": range(count),
                    "subject_id": evaluation.subject_ids,
                    "blind": [value.to_bytes(_BLIND_BYTES, "big") for value in evaluation.blinds],
                    "blinded": evaluation.blinded,
                },
            )

    def open_evaluation(self, *, objects: bool) -> StoredEvaluation | None:
        """Return the oldest batch of persons, or of objects, without an answer."""
        row = self._database.row(
            "SELECT request_id, key_label, signed_request FROM evaluation_requests "
            "WHERE request_id IN (SELECT request_id FROM evaluation_items) "
            "AND (key_label = ?) = ? ORDER BY asked_at_s LIMIT 1",
            [KeyLabel.OBJECT.value, objects],
        )
        if row is None:
            return None
        items = self._database.rows(
            "SELECT subject_id, blind, blinded FROM evaluation_items WHERE request_id = ? "
            "ORDER BY position",
            [row[0]],
        )
        return StoredEvaluation(
            request_id=row[0],
            label=KeyLabel(row[1]),
            signed_request=row[2],
            subject_ids=tuple(item[0] for item in items),
            blinds=tuple(Scalar(int.from_bytes(item[1], "big")) for item in items),
            blinded=tuple(Element(item[2]) for item in items),
        )

    def save_account_tokens(
        self, evaluation: StoredEvaluation, tokens: Sequence[AccountToken]
    ) -> None:
        """Keep the account tokens of an answered batch and forget its blinds."""
        self._answered(evaluation, tokens)

    def save_outputs(self, evaluation: StoredEvaluation, outputs: Sequence[SecretOutput]) -> None:
        """Keep the secrets of an answered batch of claims or objects and forget its blinds."""
        self._answered(evaluation, [output.value for output in outputs])

    def _answered(self, evaluation: StoredEvaluation, values: Sequence[bytes]) -> None:
        table, number, value = _ANSWERS[evaluation.label]
        with self._database.transaction():
            self._database.insert(table, {number: evaluation.subject_ids, value: values})
            self._database.run(
                "DELETE FROM evaluation_items WHERE request_id = ?", [evaluation.request_id]
            )

    def claim_outputs(self, person_ids: Sequence[int]) -> dict[int, SecretOutput]:
        """Return the claim secrets of those `person_ids` that have one."""
        if not person_ids:
            return {}
        rows = self._database.rows(
            "SELECT person_id, claim_output FROM claim_secrets JOIN given USING (person_id)",
            given={"person_id": person_ids},
        )
        return {row[0]: SecretOutput(label=KeyLabel.CLAIM, value=row[1]) for row in rows}

    # --- batches --------------------------------------------------------------------------

    def save_answer(
        self, message: Message, receipt: StoredReceipt, places: Mapping[int, Place]
    ) -> None:
        """Keep the hub's answer to a batch: its receipt, and places that are new."""
        with self._database.transaction():
            known = self.placed(places)
            fresh = {key: place for key, place in places.items() if key not in known}
            self._database.insert(
                "places",
                {
                    "person_id": list(fresh),
                    "block": [place.block for place in fresh.values()],
                    "slot": [place.slot for place in fresh.values()],
                },
            )
            self._outbox.save_receipt(message, receipt)

    def keep_places_answer(self, batch: str, signed_places: bytes) -> None:
        """Keep what the hub signed about the places of a batch, whether it fits or not."""
        if signed_places not in self.places_answers(batch):
            self._database.run(
                "INSERT INTO places_answers VALUES (?, ?, ?)",
                [batch, hashlib.sha256(signed_places).digest(), signed_places],
            )

    def places_answers(self, batch: str) -> list[bytes]:
        """Return the answers of the hub to a batch: one, unless it contradicted itself."""
        rows = self._database.rows(
            "SELECT signed_places FROM places_answers WHERE batch = ?", [batch]
        )
        return [row[0] for row in rows]

    def batch_tokens(self, batch: str) -> list[tuple[int, AccountToken]]:
        """Return person and account token of every entry of a batch, in its order."""
        rows = self._database.rows(
            "SELECT e.person_id, t.account_token FROM enrolment_entries e "
            "JOIN account_tokens t USING (person_id) WHERE e.batch = ? ORDER BY e.position",
            [batch],
        )
        return [(row[0], AccountToken(row[1])) for row in rows]

    # --- accounts -------------------------------------------------------------------------

    def placed(self, person_ids: Iterable[int]) -> set[int]:
        """Return those of `person_ids` that have a place."""
        wanted = sorted(person_ids)
        if not wanted:
            return set()
        rows = self._database.rows(
            "SELECT person_id FROM places SEMI JOIN given USING (person_id)",
            given={"person_id": wanted},
        )
        return {row[0] for row in rows}

    def places_near(self, person_ids: Sequence[int], blocks: Sequence[int]) -> dict[int, Place]:
        """Return the known places of some persons, and of everybody in some blocks."""
        found: dict[int, Place] = {}
        for column, wanted in (("person_id", person_ids), ("block", blocks)):
            if wanted:
                rows = self._database.rows(
                    "SELECT person_id, block, slot FROM places "  # noqa: S608 - a constant
                    f"SEMI JOIN given USING ({column})",
                    given={column: sorted(set(wanted))},
                )
                found |= {row[0]: Place(block=row[1], slot=row[2]) for row in rows}
        return found

    def persons_with(self, account_tokens: Iterable[bytes]) -> dict[AccountToken, int]:
        """Return whose accounts those of `account_tokens` are that belong to this node's people."""
        wanted = sorted(set(account_tokens))
        if not wanted:
            return {}
        rows = self._database.rows(
            "SELECT account_token, person_id FROM account_tokens "
            "SEMI JOIN given USING (account_token)",
            given={"account_token": wanted},
        )
        return {AccountToken(row[0]): row[1] for row in rows}

    def counts(self) -> tuple[int, int]:
        """Return how many persons have a place, and how many with consents still lack one."""
        enrolled = self._database.number("SELECT count(*) FROM places")
        enrolling = self._database.number(
            f"WITH {OPEN_PERIODS} SELECT count(DISTINCT o.person_id) "  # noqa: S608
            "FROM open_periods o ANTI JOIN places p USING (person_id)"
        )
        return enrolled, enrolling
