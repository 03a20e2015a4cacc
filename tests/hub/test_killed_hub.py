"""A hub that is killed with SIGKILL during intake: nothing accepted is lost, nothing is doubled."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from fedcarbon.clock import SystemClock
from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.errors import FedcarbonError
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.transparency.merkle import root_of
from fedcarbon.transparency.receipt import Receipt
from fedcarbon.v1 import epoch_pb2
from fedcarbon.wire.dev_ca import Authority
from hub.storage.record_store import RecordStore
from hub.storage.submission_store import SubmissionStore
from tests.hub.federation import FIRST, METRO, PROGRAMME, Federation, opened
from tests.hub.running import HubProcess, client_of, partner_files, write_hub
from tests.nursery import Child

PEOPLE = 40
HERE = Path(__file__).parent


@pytest.fixture
def submitting(federation: Federation) -> Federation:
    federation.enrol_people(METRO, range(PEOPLE))
    federation.run_claims((METRO,))
    return federation


def check_whole(federation: Federation, chunks: int) -> None:
    """Check that the record is without a gap and holds every chunk once."""
    stored = federation.hub.read_now(lambda session: RecordStore(session).leaves(0, 10_000))
    headers = [leaf for leaf in stored if leaf.type is LeafType.CHUNK_HEADER]
    lines = (federation.folder / "record" / "leaves.txt").read_text().splitlines()
    head = federation.hub.read_now(federation.hub.record.head)
    assert [leaf.index for leaf in stored] == list(range(head.size))
    assert root_of(leaf.leaf for leaf in stored) == head.root
    assert [line.split()[1] for line in lines] == [leaf.leaf.hex() for leaf in stored]
    assert len(headers) == len({leaf.body_sha256 for leaf in headers}) == chunks
    found = federation.hub.read_now(
        lambda session: SubmissionStore(session, PROGRAMME, FIRST).chunks_of(METRO)
    )
    assert list(found) == list(range(chunks))


def test_a_hub_killed_during_intake_loses_nothing_and_doubles_nothing(
    submitting: Federation, tmp_path: Path
) -> None:
    chunks = submitting.submission(METRO, entries_per_chunk=1)
    submitting.hub.close()
    authority = Authority.create(SystemClock().now_s())
    config = write_hub(tmp_path, authority=authority)
    party = partner_files(tmp_path, authority, METRO)
    receipts: dict[int, bytes] = {}
    enough = threading.Event()

    def send(port: int) -> None:
        client, channel = client_of(port, party)
        with channel:
            for number, (header, file) in enumerate(chunks):
                request = epoch_pb2.CreateChunkRequest(signed_header=header, content=file)
                receipt = client.create_chunk([request]).receipt
                assert receipts.setdefault(number, receipt) == receipt
                if len(receipts) == len(chunks) // 2:
                    enough.set()

    def send_until_it_is_gone(port: int) -> None:
        try:
            send(port)
        except FedcarbonError:
            enough.set()

    with HubProcess.start(config) as hub:
        sender = threading.Thread(target=send_until_it_is_gone, args=(hub.port,))
        sender.start()
        enough.wait(60)
        hub.kill()
        sender.join()
    assert len(chunks) // 2 <= len(receipts)

    with HubProcess.start(config) as hub:
        send(hub.port)
        assert hub.stop() == 0

    assert len(receipts) == len(chunks)
    indices = [opened(Receipt, receipt).leaf_index for receipt in receipts.values()]
    assert len(set(indices)) == len(chunks)
    submitting.restart()
    check_whole(submitting, len(chunks))
    submitting.send_link_proof(METRO, submitting.link_proof(METRO))
    submitting.advance()
    assert submitting.state() is EpochState.SEALED


INSTANTS = {
    "before the body is on the disk": "put:0",
    "with the body on the disk and no leaf": "put:1",
    "before the commit": "commit:0",
    "after the commit, before it is exported and answered": "export:0",
}


@pytest.mark.parametrize("instant", INSTANTS.values(), ids=INSTANTS)
def test_a_use_case_killed_at_an_instant_is_done_or_undone(
    submitting: Federation, instant: str
) -> None:
    chunks = submitting.submission(METRO, entries_per_chunk=4)
    message = submitting.folder.parent / "chunks"
    message.mkdir()
    for number, (header, file) in enumerate(chunks):
        (message / f"{number}.header").write_bytes(header)
        (message / f"{number}.file").write_bytes(file)
    submitting.hub.close()

    intake = Child(str(HERE / "intake_process.py"), submitting.folder, instant)
    _, said = intake.communicate()
    assert intake.returncode == -signal.SIGKILL, said

    submitting.restart()
    for header, file in chunks:
        submitting.send_chunk(METRO, header, file)
    check_whole(submitting, len(chunks))
    submitting.send_link_proof(METRO, submitting.link_proof(METRO))
    submitting.advance()
    assert submitting.state() is EpochState.SEALED
