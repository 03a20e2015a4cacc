"""Use case of entering what an attempt has brought: files, result leaf and credits, all or nothing.

The share files are on the disk before anything names them. The result, the credits and the state of
the requests are one transaction, so that an opening is in the record exactly if it is credited.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session

from fedcarbon.canonical import statement as statements
from fedcarbon.ledger.credit import OpeningCredit
from fedcarbon.ledger.unit import Vintage
from fedcarbon.opening.epoch_checks import vintage
from fedcarbon.opening.share_file import ShareFile
from fedcarbon.opening.statements import OpenedValue, OpeningResult, ShareBatch
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import MicrogramsCO2e, Natural
from hub.clearing.credits import credit_opening
from hub.context import Hub
from hub.openings.attempt import SharedBatch, StartedOpening
from hub.openings.storage.request_store import RequestStore
from hub.registry.programmes import require_programme


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredOpening:
    """An opening that is in the record and credited."""

    requests: int
    """How many requests it has opened."""
    result_leaf: int


def keep_share_files(hub: Hub, shared: SharedBatch) -> tuple[ShareBatch, ...]:
    """Write one file per trustee, with everything that proves its shares, and name them."""
    key = hub.parameters.threshold_key
    return tuple(
        ShareBatch(
            trustee_id=name,
            file_sha256=hub.record.files.put(
                statements.encode(
                    ShareFile(
                        parameter_id=hub.parameters.parameter_id,
                        trustee_id=name,
                        start_leaves=tuple(item.logged.index for item in shared.started),
                        masks=tuple(shared.masks[name]),
                        masked=tuple(map(Natural, shared.masked)),
                        shares=tuple(map(Natural, shared.shares[name].shares)),
                        proof=shared.shares[name].proof.to_bytes(key),
                    )
                )
            ),
        )
        for name in sorted(shared.shares)
    )


def enter_result(
    session: Session,
    hub: Hub,
    started: StartedOpening,
    values: Mapping[int, MicrogramsCO2e],
    files: tuple[ShareBatch, ...],
) -> EnteredOpening:
    """Log a result, credit every target by the difference to its last opening, close the requests.

    Args:
        session: a writing session.
        hub: where to.
        started: the opening.
        values: slot to cumulative sum.
        files: what proves them.

    Raises:
        OpenedSumDecreasedError, OpeningOutOfOrderError: a sum does not follow the one before; the
            operator must look, and nothing is entered.
    """
    start = started.start
    for batch in files:
        hub.record.name_file(session, LeafType.OPENING_RESULT, batch.file_sha256)
    logged = hub.record.append_own(
        session,
        OpeningResult(
            parameter_id=hub.parameters.parameter_id,
            programme_id=start.programme_id,
            opening_id=start.opening_id,
            attempt=start.attempt,
            start_leaf=started.logged.index,
            values=tuple(
                OpenedValue(
                    slot=target.slot,
                    account_token=target.account_token,
                    opened_ug=values[target.slot],
                )
                for target in start.targets
            ),
            shares=files,
        ),
    )
    store = RequestStore(session)
    year = Vintage(vintage(require_programme(session, start.programme_id), start.epoch))
    for target in start.targets:
        _, previous_ug = store.last_opened(start.programme_id, target.account_token)
        credit = OpeningCredit(
            programme=start.programme_id,
            vintage=year,
            account_token=target.account_token,
            opening_id=start.opening_id,
            previous_opened_ug=previous_ug,
            opened_ug=values[target.slot],
        )
        credit_opening(session, credit, hub.clock.now_s())
        store.finish(target.request_leaf, values[target.slot])
    return EnteredOpening(requests=len(start.targets), result_leaf=logged.index)
