"""Opening a hub: database, record and everything that its use cases are handed.

What a crash has left behind is put right here, before anybody is served: committed transactions are
whole by themselves, so only the exported copy of the record may lag. What cannot be put right is
said, and the hub does not start.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final

from sqlmodel import Session

from fedcarbon.clock import Clock
from fedcarbon.engine.opening import opened_engine
from fedcarbon.engine.port import Engine
from fedcarbon.engine.settings import EngineSettings
from fedcarbon.errors import ConfigurationError, FedcarbonError
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.transparency.merkle import root_of
from hub.context import Hub, HubSettings
from hub.database import opened, place_of
from hub.epochs.snapshots import Snapshots
from hub.genesis import Genesis, OtherFederationError
from hub.record.content_store import ContentStore
from hub.record.export import Export
from hub.record.leaf_log import PlainLeafLog
from hub.record.record import Record, Signer
from hub.storage.folder_lock import FolderLock
from hub.storage.record_store import RecordStore

RECORD_FOLDER: Final = "record"
SPILL_FOLDER: Final = "spill"
"""What sorting does not hold in memory."""
_PAGE: Final = 10_000


class RecordDamagedError(ConfigurationError):
    """The stored record contradicts itself; the operator must restore it from a copy."""

    code: ClassVar[str] = "RECORD_DAMAGED"


def open_hub(
    folder: Path,
    genesis: Genesis,
    *,
    signer: Signer,
    clock: Clock,
    settings: HubSettings | None = None,
    workers: Engine | None = None,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    randbelow: Callable[[int], int] = secrets.randbelow,
) -> Hub:
    """Open the hub whose database and record lie in `folder`, making or repairing what is needed.

    Args:
        folder: holds `record/`, and `hub.db` unless the settings name a database; a new one begins
            a new record.
        genesis: what the record begins with.
        signer: in whose name the hub signs.
        clock: protocol time.
        settings: the operator's choices.
        workers: for work on many blocks; by default a process per core. They end with the hub.
        random_bytes: for salts.
        randbelow: for places.

    Raises:
        FolderInUseError: another hub has the folder open.
        SchemaOutdatedError: the database is older than this program.
        SchemaTooNewError: it is newer.
        DatabaseUnsuitableError: it was not made as the hub needs it.
        RecordDamagedError: leaves or bodies on the disk contradict the database.
        OtherFederationError: the record begins with another parameter set.
    """
    record_folder = folder / RECORD_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(folder)  # before anything in it is touched
    parameters, settings = genesis.parameters, settings or HubSettings()
    try:
        engine = opened(place_of(folder, settings.database_url))
    except FedcarbonError:
        lock.release()
        raise
    record = Record(
        log=PlainLeafLog(),
        bodies=ContentStore(record_folder / "bodies", suffix=".json"),
        files=ContentStore(record_folder / "files"),
        export=Export(record_folder),
        signer=signer,
        clock=clock,
        parameter_id=parameters.parameter_id,
        random_bytes=random_bytes,
        merge_delay_s=settings.merge_delay_s,
    )
    hub = Hub(
        engine=engine,
        record=record,
        clock=clock,
        signer=signer,
        parameters=parameters,
        settings=settings,
        randbelow=randbelow,
        workers=workers or opened_engine(EngineSettings(), folder / SPILL_FOLDER),
        snapshots=Snapshots(parameters.layout.slots),
        on_close=lock.release,
    )
    try:
        _recover(hub, genesis)
    except FedcarbonError:
        hub.close()
        raise
    return hub


def _recover(hub: Hub, genesis: Genesis) -> None:
    """Begin the record, or check the one on the disk and repair its exported copy."""

    def begin(session: Session) -> None:
        hub.record.append(session, LeafType.PARAMETERS, genesis.signed_parameters)
        hub.record.append(session, LeafType.SELF_TEST, genesis.signed_self_test)

    if hub.read_now(lambda session: RecordStore(session).size()) == 0:
        hub.write_now(begin)
    hub.read_now(lambda session: _check_record(session, hub, genesis))
    hub.read_now(lambda session: hub.record.export.repair(session, hub.record.log))


def _check_record(session: Session, hub: Hub, genesis: Genesis) -> None:
    store, leaves, bodies, start = RecordStore(session), [], set(), 0
    while page := store.leaves(start, _PAGE):
        leaves += [leaf.leaf for leaf in page]
        bodies |= {leaf.body_sha256 for leaf in page}
        start += len(page)
    head = hub.record.head(session)
    if (len(leaves), root_of(leaves)) != (head.size, head.root):
        raise RecordDamagedError("the stored leaves do not have the stored root")
    missing = bodies - hub.record.bodies.hashes()
    if missing:
        raise RecordDamagedError(f"{len(missing)} bodies of the record are not on the disk")
    if hub.record.body(session, 0) != genesis.signed_parameters:
        raise OtherFederationError("the record on the disk begins with another parameter set")
