"""Bindings in the database, in core types."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import insert
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, exists, select
from sqlmodel.sql.expression import SelectOfScalar

from fedcarbon.canonical.statement import INTEGER_MAX
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.opening.statements import OperatorBinding
from fedcarbon.registry.enrolment import EnrolmentAction
from hub.storage.registry_rows import EnrolmentRow
from hub.wallets.storage.binding_rows import (
    BindingHalfRow,
    BindingObjectionRow,
    BindingRow,
    UnbindingRow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBinding:
    """A binding with everything that was said about it."""

    binding_id: bytes
    programme_id: ProgrammeId
    account_token: bytes
    operator_id: PartyId
    wallet_id: str
    wallet_class: int
    leaf_index: int
    leaf: bytes
    """The 34 bytes of the operator's half."""
    signed_by: frozenset[PartyId]
    """Partners that gave their half."""
    objected_by: frozenset[PartyId]
    is_ended: bool


class BindingStore:
    """Bindings, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def add(self, binding: OperatorBinding, *, leaf_index: int, leaf: bytes) -> None:
        """Keep the operator's half."""
        self._session.exec(
            insert(BindingRow).values(
                binding_id=binding.binding_id,
                programme_id=binding.programme_id,
                account_token=binding.account_token,
                operator_id=binding.operator_id,
                wallet_id=binding.wallet_id,
                wallet_class=binding.wallet_class,
                leaf_index=leaf_index,
                leaf=leaf,
            )
        )

    def add_half(self, binding_id: bytes, partner_id: PartyId, leaf_index: int) -> None:
        """Keep a partner's half."""
        self._session.exec(
            insert(BindingHalfRow).values(
                binding_id=binding_id, partner_id=partner_id, leaf_index=leaf_index
            )
        )

    def add_objection(self, binding_id: bytes, partner_id: PartyId, leaf_index: int) -> None:
        """Keep an objection."""
        self._session.exec(
            insert(BindingObjectionRow).values(
                binding_id=binding_id, partner_id=partner_id, leaf_index=leaf_index
            )
        )

    def add_end(self, binding_id: bytes, party_id: PartyId, leaf_index: int) -> None:
        """Keep an unbinding."""
        self._session.exec(
            insert(UnbindingRow).values(
                binding_id=binding_id, party_id=party_id, leaf_index=leaf_index
            )
        )

    def find(self, binding_id: bytes) -> StoredBinding | None:
        """Return a binding, if there is one of this id."""
        return self._first(select(BindingRow).where(BindingRow.binding_id == binding_id))

    def of_account(
        self, operator_id: PartyId, programme_id: ProgrammeId, account_token: bytes
    ) -> list[StoredBinding]:
        """Return an operator's bindings of one account."""
        return self._all(
            select(BindingRow).where(
                BindingRow.operator_id == operator_id,
                BindingRow.programme_id == programme_id,
                BindingRow.account_token == account_token,
            )
        )

    def of_operator(
        self, operator_id: PartyId, programme_id: ProgrammeId, from_leaf: int, limit: int
    ) -> list[StoredBinding]:
        """Return an operator's bindings in the order of their leaves."""
        return self._all(
            _page(programme_id, from_leaf, limit).where(BindingRow.operator_id == operator_id)
        )

    def of_partner(
        self, partner_id: PartyId, programme_id: ProgrammeId, from_leaf: int, limit: int
    ) -> list[StoredBinding]:
        """Return the bindings of accounts enrolled at a partner, in the order of their leaves."""
        enrolled, later = aliased(EnrolmentRow), aliased(EnrolmentRow)
        withdrawn = exists().where(
            col(later.programme_id) == enrolled.programme_id,
            col(later.account_token) == enrolled.account_token,
            col(later.partner_id) == enrolled.partner_id,
            col(later.action) == EnrolmentAction.WITHDRAW.value,
            col(later.leaf_index) > enrolled.leaf_index,
        )
        is_enrolled = exists().where(
            col(enrolled.programme_id) == BindingRow.programme_id,
            col(enrolled.account_token) == BindingRow.account_token,
            col(enrolled.partner_id) == partner_id,
            col(enrolled.action) == EnrolmentAction.ENROL.value,
            ~withdrawn,
        )
        return self._all(_page(programme_id, from_leaf, limit).where(is_enrolled))

    def _first(self, query: SelectOfScalar[BindingRow]) -> StoredBinding | None:
        return next(iter(self._all(query)), None)

    def _all(self, query: SelectOfScalar[BindingRow]) -> list[StoredBinding]:
        rows = self._session.exec(query).all()
        ids = [row.binding_id for row in rows]
        halves = self._parties_of(BindingHalfRow, ids)
        objections = self._parties_of(BindingObjectionRow, ids)
        ended = set(
            self._session.exec(
                select(UnbindingRow.binding_id).where(col(UnbindingRow.binding_id).in_(ids))
            )
        )
        return [
            StoredBinding(
                binding_id=row.binding_id,
                programme_id=ProgrammeId(row.programme_id),
                account_token=row.account_token,
                operator_id=PartyId(row.operator_id),
                wallet_id=row.wallet_id,
                wallet_class=row.wallet_class,
                leaf_index=row.leaf_index,
                leaf=row.leaf,
                signed_by=_of(halves, row.binding_id),
                objected_by=_of(objections, row.binding_id),
                is_ended=row.binding_id in ended,
            )
            for row in rows
        ]

    def _parties_of(
        self, table: type[BindingHalfRow | BindingObjectionRow], ids: Collection[bytes]
    ) -> list[tuple[bytes, str]]:
        rows = self._session.exec(
            select(table.binding_id, table.partner_id).where(col(table.binding_id).in_(ids))
        )
        return [(binding_id, partner_id) for binding_id, partner_id in rows]


def _page(programme_id: ProgrammeId, from_leaf: int, limit: int) -> SelectOfScalar[BindingRow]:
    return (
        select(BindingRow)
        .where(
            BindingRow.programme_id == programme_id,
            BindingRow.leaf_index >= min(from_leaf, INTEGER_MAX),
        )
        .order_by(col(BindingRow.leaf_index))
        .limit(limit)
    )


def _of(parties: Iterable[tuple[bytes, str]], binding_id: bytes) -> frozenset[PartyId]:
    return frozenset(PartyId(party) for of_binding, party in parties if of_binding == binding_id)
