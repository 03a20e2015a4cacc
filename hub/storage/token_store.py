"""Claims of tokens that were judged in an earlier epoch, in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import func
from sqlmodel import Session, col, select

from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.ids import Claimant, EpochIndex, PartyId, ProgrammeId
from hub.storage.bulk import bulk_insert
from hub.storage.epoch_rows import TokenConflictRow

PARAMETERS_MAX: Final = 10_000
"""Values in one IN list; SQLite takes 32 766."""


class TokenStore:
    """The tokens of one exclusivity domain and token epoch, in the session's transaction."""

    def __init__(self, session: Session, *, exclusivity_domain: str, token_epoch: int) -> None:
        """Work in `session`; its owner commits."""
        self._session = session
        self._domain = exclusivity_domain
        self._token_epoch = token_epoch

    def conflict_epochs(self, tokens: Sequence[ClaimToken]) -> dict[ClaimToken, set[EpochIndex]]:
        """Return in which epochs some tokens were already known from an earlier one."""
        found: dict[ClaimToken, set[EpochIndex]] = {}
        for start in range(0, len(tokens), PARAMETERS_MAX):
            rows = self._session.exec(
                select(TokenConflictRow.claim_token, TokenConflictRow.epoch).where(
                    TokenConflictRow.exclusivity_domain == self._domain,
                    TokenConflictRow.token_epoch == self._token_epoch,
                    col(TokenConflictRow.claim_token).in_(tokens[start : start + PARAMETERS_MAX]),
                )
            )
            for token, epoch in rows:
                found.setdefault(ClaimToken(token), set()).add(EpochIndex(epoch))
        return found

    def add_conflicts(
        self,
        claimants: Mapping[ClaimToken, Iterable[Claimant]],
        first_epochs: Mapping[ClaimToken, EpochIndex],
        epoch: EpochIndex,
    ) -> None:
        """Keep who claimed, in `epoch`, a token that was judged before."""
        rows = (
            {
                "exclusivity_domain": self._domain,
                "token_epoch": self._token_epoch,
                "claim_token": token,
                "epoch": epoch,
                "programme_id": claimant.programme_id,
                "partner_id": claimant.partner_id,
                "first_epoch": first_epochs[token],
            }
            for token, of_token in claimants.items()
            for claimant in of_token
        )
        bulk_insert(self._session, TokenConflictRow, rows)

    def conflicting_tokens(self, epoch: EpochIndex) -> int:
        """Return how many tokens of `epoch` were judged before."""
        return self._session.exec(
            select(func.count(func.distinct(TokenConflictRow.claim_token))).where(
                TokenConflictRow.exclusivity_domain == self._domain,
                TokenConflictRow.token_epoch == self._token_epoch,
                TokenConflictRow.epoch == epoch,
            )
        ).one()

    def first_epochs(self, epoch: EpochIndex) -> dict[ClaimToken, EpochIndex]:
        """Return the tokens of `epoch` that were judged before, and in which epoch."""
        rows = self._session.exec(
            select(TokenConflictRow.claim_token, TokenConflictRow.first_epoch)
            .where(
                TokenConflictRow.exclusivity_domain == self._domain,
                TokenConflictRow.token_epoch == self._token_epoch,
                TokenConflictRow.epoch == epoch,
            )
            .distinct()
        )
        return {ClaimToken(token): EpochIndex(first) for token, first in rows}

    def conflicts(self) -> list[tuple[ClaimToken, EpochIndex, Claimant, EpochIndex]]:
        """Return token, epoch, claimant and first epoch of every repeated claim."""
        rows = self._session.exec(
            select(TokenConflictRow)
            .where(
                TokenConflictRow.exclusivity_domain == self._domain,
                TokenConflictRow.token_epoch == self._token_epoch,
            )
            .order_by(
                col(TokenConflictRow.claim_token),
                col(TokenConflictRow.epoch),
                col(TokenConflictRow.programme_id),
                col(TokenConflictRow.partner_id),
            )
        )
        return [
            (
                ClaimToken(row.claim_token),
                EpochIndex(row.epoch),
                Claimant(ProgrammeId(row.programme_id), PartyId(row.partner_id)),
                EpochIndex(row.first_epoch),
            )
            for row in rows
        ]
