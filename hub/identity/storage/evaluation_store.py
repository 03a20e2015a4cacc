"""Evaluation requests in the database."""

from __future__ import annotations

from sqlalchemy import insert
from sqlmodel import Session, select

from fedcarbon.registry.evaluation import EvaluationRequest
from hub.identity.storage.evaluation_rows import EvaluationRow


class EvaluationStore:
    """Logged requests, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def is_known(self, request: EvaluationRequest) -> bool:
        """Tell whether a request of this asker and id was logged."""
        found = self._session.exec(
            select(EvaluationRow.leaf_index).where(
                EvaluationRow.asker_id == request.asker_id,
                EvaluationRow.request_id == request.request_id,
            )
        ).first()
        return found is not None

    def add(self, request: EvaluationRequest, leaf_index: int) -> None:
        """Keep a request that was logged."""
        self._session.exec(
            insert(EvaluationRow).values(
                asker_id=request.asker_id, request_id=request.request_id, leaf_index=leaf_index
            )
        )
