"""The record: leaves without a gap, receipts that never change, and bodies by role."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from fedcarbon.epoch.statements import VerdictList
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, Role
from fedcarbon.transparency.envelope import Envelope, verify
from fedcarbon.transparency.leaf import PUBLIC_TYPES, TRUSTEE_TYPES, Leaf, LeafType, commit
from fedcarbon.transparency.merkle import Frontier, root_of
from fedcarbon.transparency.receipt import Receipt
from hub.bootstrap import RecordDamagedError
from hub.genesis import OtherFederationError, checked_genesis
from hub.record.content_store import ContentMissingError
from hub.record.leaf_log import BeyondRecordError
from hub.record.reading import (
    PAGE_LEAVES_MAX,
    FileNotReadableError,
    ReadLeaf,
    list_leaves,
    read_file,
)
from hub.registry.parties import reader_of
from hub.storage.record_rows import LeafRow
from hub.storage.record_store import RecordStore, StoredLeaf
from tests.hub.federation import (
    AUDITOR,
    BIKES,
    FIRST,
    HUB,
    METRO,
    Federation,
    admission,
    genesis,
    key_of,
    opened,
    rich_claims,
    root_signed,
)


def leaves_of(federation: Federation) -> list[StoredLeaf]:
    return federation.hub.read_now(lambda session: RecordStore(session).leaves(0, 10_000))


def read_as(federation: Federation, name: PartyId, role: Role, start: int = 0) -> list[ReadLeaf]:
    record = federation.hub.record
    leaves, _ = federation.hub.read_now(
        lambda session: list_leaves(
            session, record, reader_of(session, name, role), start=start, limit=10_000
        )
    )
    return leaves


def readable(federation: Federation, name: PartyId, role: Role) -> set[LeafType]:
    return {leaf.stored.type for leaf in read_as(federation, name, role) if leaf.body is not None}


def test_a_record_begins_with_the_parameter_set_and_its_self_test(bare: Federation) -> None:
    types = [leaf.type for leaf in leaves_of(bare)]

    assert types == [LeafType.PARAMETERS, LeafType.SELF_TEST]


def test_leaves_are_numbered_without_a_gap_and_commit_to_their_bodies(sealed: Federation) -> None:
    leaves = leaves_of(sealed)

    assert [leaf.index for leaf in leaves] == list(range(len(leaves)))
    for leaf in leaves:
        body = sealed.hub.record.bodies.get(leaf.body_sha256)
        assert commit(leaf.type, leaf.salt, body) == Leaf.from_bytes(leaf.leaf)


def test_the_head_of_every_size_is_that_of_the_frontier(sealed: Federation) -> None:
    record, frontier = sealed.hub.record, Frontier()

    for leaf in leaves_of(sealed):
        head = sealed.hub.read_now(lambda session: record.head(session, frontier.size))
        assert head == (frontier.size, frontier.root())
        frontier.append(leaf.leaf)
    assert sealed.hub.read_now(record.head) == (frontier.size, frontier.root())


def test_a_head_beyond_the_end_is_refused(bare: Federation) -> None:
    with pytest.raises(BeyondRecordError):
        bare.hub.read_now(lambda session: bare.hub.record.head(session, 3))
    with pytest.raises(BeyondRecordError):
        read_as(bare, HUB, Role.HUB, start=3)


def test_a_transaction_that_fails_leaves_no_trace(bare: Federation) -> None:
    before = leaves_of(bare)

    def fail(session: Session) -> None:
        bare.hub.record.append(session, LeafType.PARTY_ADMISSION, message)
        raise ZeroDivisionError

    message = root_signed(admission(METRO, Role.PARTNER))
    with pytest.raises(ZeroDivisionError):
        bare.hub.write_now(fail)

    assert leaves_of(bare) == before
    assert len((bare.folder / "record" / "leaves.txt").read_text().splitlines()) == len(before)
    bare.admit(message)
    assert len(leaves_of(bare)) == len(before) + 1


def test_leaves_can_neither_be_changed_nor_deleted(bare: Federation) -> None:
    for statement in (update(LeafRow).values(salt=bytes(32)), delete(LeafRow)):
        with pytest.raises(IntegrityError, match="insert-only"):
            bare.hub.write_now(lambda session, sql=statement: session.exec(sql))  # type: ignore[misc]


def test_a_receipt_is_signed_and_proves_where_the_message_lies(bare: Federation) -> None:
    message = root_signed(admission(METRO, Role.PARTNER))

    receipt = bare.admit(message)

    envelope = Envelope.from_bytes(receipt)
    verify(envelope, {HUB: key_of(HUB).public}, signers={HUB}, at_least=1)
    promise = opened(Receipt, receipt)
    assert promise.leaf_index == 2
    assert promise.message_sha256 == hashlib.sha256(message).digest()
    assert Leaf.from_bytes(promise.leaf) == commit(LeafType.PARTY_ADMISSION, promise.salt, message)


def test_the_same_message_gets_the_same_receipt_bytes(bare: Federation) -> None:
    message = root_signed(admission(METRO, Role.PARTNER))
    receipt = bare.admit(message)
    bare.wait(1000)

    assert bare.admit(message) == receipt
    bare.restart()
    assert bare.admit(message) == receipt
    assert len(leaves_of(bare)) == 3


def test_auditors_read_all_and_trustees_what_they_check(sealed: Federation) -> None:
    everything = {leaf.type for leaf in leaves_of(sealed)}

    assert readable(sealed, AUDITOR, Role.AUDITOR) == everything
    assert readable(sealed, HUB, Role.HUB) == everything
    trustee = readable(sealed, PartyId("trustee-1"), Role.TRUSTEE)
    assert trustee == everything & TRUSTEE_TYPES
    assert {LeafType.CLAIM_LIST, LeafType.VERDICT_LIST} <= trustee  # no token stands in them


def test_a_partner_reads_public_bodies_and_its_own(sealed: Federation) -> None:
    owned = {
        LeafType.ENROLMENT_BATCH: "partner_id",
        LeafType.CLAIM_COMMITMENT: "partner_id",
        LeafType.CLAIM_LIST: "partner_id",
        LeafType.CHUNK_HEADER: "partner_id",
        LeafType.LINK_PROOF: "partner_id",
    }

    leaves = read_as(sealed, METRO, Role.PARTNER)

    assert all(leaf.body is not None for leaf in leaves if leaf.stored.type in PUBLIC_TYPES)
    private = [leaf for leaf in leaves if leaf.body and leaf.stored.type not in PUBLIC_TYPES]
    assert {leaf.stored.type for leaf in private} == set(owned)
    assert len(private) == len(owned)  # one of each, and none of another partner's
    assert all(b'"partner_id":"metro"' in Envelope.from_bytes(leaf.body or b"").payload
               for leaf in private)  # fmt: skip


def test_bodies_that_are_not_given_out_keep_their_salt_to_themselves(sealed: Federation) -> None:
    leaves = read_as(sealed, METRO, Role.PARTNER)

    assert any(leaf.body is None for leaf in leaves)
    assert [leaf.stored.leaf for leaf in leaves] == [leaf.leaf for leaf in leaves_of(sealed)]


def test_public_log_reveals_enrolment(federation: Federation) -> None:
    federation.enrol_people(METRO, [1])
    known_to_nobody = [leaf.type for leaf in leaves_of(federation)][-2:]
    federation.enrol_people(BIKES, [2])
    known_elsewhere = federation.enrol_people(METRO, [2])

    types = [leaf.type for leaf in leaves_of(federation)][-2:]

    # The list of leaves looks the same whether the person is enrolled elsewhere or not.
    assert known_elsewhere
    assert types == known_to_nobody == [LeafType.ENROLMENT_BATCH, LeafType.PLACE_BATCH]


@pytest.mark.parametrize(
    ("name", "role"),
    [("metro", Role.AUDITOR), ("metro", Role.TRUSTEE), ("ghost", Role.AUDITOR)],
    ids=[
        "a partner with an auditor's certificate",
        "or a trustee's",
        "an auditor without admission",
    ],
)
def test_a_role_that_was_not_admitted_reads_public_bodies_only(
    sealed: Federation, name: str, role: Role
) -> None:
    assert readable(sealed, PartyId(name), role) == PUBLIC_TYPES & {
        leaf.type for leaf in leaves_of(sealed)
    }


def test_pages_have_a_limit(federation: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PAGE_LEAVES_MAX <= 1000
    largest = max(len(leaf.body or b"") for leaf in read_as(federation, HUB, Role.HUB))
    monkeypatch.setattr("hub.record.reading.PAGE_BYTES_MAX", 2 * largest)

    first = read_as(federation, HUB, Role.HUB)
    rest = read_as(federation, HUB, Role.HUB, start=len(first))

    assert 2 <= len(first) < len(leaves_of(federation))
    assert rest[0].stored.index == len(first)


def test_a_body_larger_than_a_page_still_goes_alone(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.record.reading.PAGE_BYTES_MAX", 1)

    assert len(read_as(federation, HUB, Role.HUB)) == 1


def part_as(
    federation: Federation, name: PartyId, role: Role, sha256: bytes, from_byte: int = 0
) -> tuple[bytes, int]:
    record = federation.hub.record
    return federation.hub.read_now(
        lambda session: read_file(
            session, record, reader_of(session, name, role), sha256, from_byte
        )
    )


def file_as(federation: Federation, name: PartyId, role: Role, sha256: bytes) -> bytes:
    return part_as(federation, name, role, sha256)[0]


def named_files(federation: Federation) -> dict[str, bytes]:
    """Return the hashes of the files of metro's claims."""
    record = federation.hub.record
    (verdicts,) = federation.hub.read_now(
        lambda session: record.bodies_of_type(session, LeafType.VERDICT_LIST)
    )
    judged = opened(VerdictList, verdicts[1])
    own = next(item for item in judged.verdicts if item.partner_id == METRO)
    listed = rich_claims(METRO, FIRST)
    return {
        "tokens": hashlib.sha256(listed.to_bytes()).digest(),
        "lost tokens": own.file_sha256,
        "conflicts": judged.conflicts_sha256,
        "commitments": hashlib.sha256(listed.commitments.to_bytes()).digest(),
        "lost positions": own.positions_sha256,
    }


def test_trustees_read_commitments_and_positions_and_no_token(sealed: Federation) -> None:
    files = named_files(sealed)
    trustee = PartyId("trustee-1")

    for name in ("commitments", "lost positions"):
        assert file_as(sealed, trustee, Role.TRUSTEE, files[name])
    for name in ("tokens", "lost tokens", "conflicts"):
        with pytest.raises(FileNotReadableError):
            file_as(sealed, trustee, Role.TRUSTEE, files[name])
    for sha256 in files.values():
        assert file_as(sealed, AUDITOR, Role.AUDITOR, sha256)
    # A partner reads the files of its own list and verdict, and nobody else's conflicts.
    for name in ("tokens", "commitments", "lost tokens", "lost positions"):
        assert file_as(sealed, METRO, Role.PARTNER, files[name])
    with pytest.raises(FileNotReadableError):
        file_as(sealed, METRO, Role.PARTNER, files["conflicts"])
    with pytest.raises(FileNotReadableError):
        file_as(sealed, BIKES, Role.PARTNER, files["tokens"])


def test_files_are_given_by_the_role_that_reads_their_leaf(sealed: Federation) -> None:
    chunks = sealed.hub.record.files.hashes()

    chunk_files = [
        sha256
        for sha256 in chunks
        if sealed.hub.record.files.get(sha256).startswith(b"fedcarbon/v1/chunk")
    ]
    assert len(chunk_files) == 3
    for sha256 in chunk_files:
        assert file_as(sealed, PartyId("trustee-1"), Role.TRUSTEE, sha256)
    refused = 0
    for sha256 in chunk_files:
        try:
            file_as(sealed, METRO, Role.PARTNER, sha256)
        except FileNotReadableError:
            refused += 1
    assert refused == 2


def test_a_file_that_nobody_named_is_not_given_out(sealed: Federation) -> None:
    orphan = sealed.hub.record.files.put(b"left behind by a crash")

    with pytest.raises(FileNotReadableError):
        file_as(sealed, HUB, Role.HUB, orphan)


def test_a_large_file_comes_in_parts(sealed: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.record.reading.FILE_PAGE_BYTES_MAX", 7)
    data = rich_claims(METRO, FIRST).commitments.to_bytes()
    sha256 = hashlib.sha256(data).digest()

    parts, at = [], 0
    while at < len(data):
        part, size = part_as(sealed, PartyId("trustee-1"), Role.TRUSTEE, sha256, at)
        assert size == len(data)
        assert 0 < len(part) <= 7
        parts.append(part)
        at += len(part)

    assert b"".join(parts) == data
    end = part_as(sealed, PartyId("trustee-1"), Role.TRUSTEE, sha256, size + 5)
    assert end == (b"", len(data))


def exported(folder: Path) -> list[list[str]]:
    return [line.split() for line in (folder / "record" / "leaves.txt").read_text().splitlines()]


def check_export(federation: Federation) -> None:
    lines, folder = exported(federation.folder), federation.folder / "record"
    size, root = federation.hub.read_now(federation.hub.record.head)
    assert [int(line[0]) for line in lines] == list(range(size))
    assert root_of(bytes.fromhex(line[1]) for line in lines) == root
    for _, leaf, salt, sha256 in lines:
        body = (folder / "bodies" / f"{sha256}.json").read_bytes()
        parsed = Leaf.from_bytes(bytes.fromhex(leaf))
        assert commit(parsed.type, bytes.fromhex(salt), body) == parsed


def test_the_exported_folder_holds_the_whole_record(sealed: Federation) -> None:
    check_export(sealed)
    heads = {path.name for path in (sealed.folder / "record" / "checkpoints").iterdir()}
    assert heads == {
        f"{head.size}.txt"
        for head in sealed.hub.read_now(lambda session: RecordStore(session).checkpoints())
    }


DAMAGES = {
    "nothing was written after the commit": lambda text: text[: text.rindex("\n", 0, -1) + 1],
    "half a line was written": lambda text: text[:-20],
    "the file is gone": lambda _: "",
    "a line of a transaction that never was": lambda text: text + "99 00 00 00\n",
    "a line was changed": lambda text: text.replace("2 03", "2 10", 1),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_the_exported_leaves_are_repaired_at_start(sealed: Federation, damage: object) -> None:
    path = sealed.folder / "record" / "leaves.txt"
    whole = path.read_text()
    sealed.hub.close()
    path.write_text(damage(whole))  # type: ignore[operator]
    for head in (sealed.folder / "record" / "checkpoints").iterdir():
        head.unlink()

    sealed.restart()

    assert path.read_text() == whole
    check_export(sealed)
    assert list((sealed.folder / "record" / "checkpoints").iterdir())


def test_a_missing_body_stops_the_start(sealed: Federation) -> None:
    leaf = leaves_of(sealed)[-1]
    sealed.hub.record.bodies.path(leaf.body_sha256).unlink()

    with pytest.raises(RecordDamagedError):
        sealed.restart()


def test_a_changed_body_is_never_served(sealed: Federation) -> None:
    leaf = leaves_of(sealed)[5]
    sealed.hub.record.bodies.path(leaf.body_sha256).write_bytes(b"{}")

    with pytest.raises(ContentMissingError):
        read_as(sealed, HUB, Role.HUB)


def test_a_record_of_another_federation_is_not_opened(bare: Federation) -> None:
    def swap(session: Session) -> None:
        session.connection().exec_driver_sql("DROP TRIGGER leaves_no_update")
        other = bare.hub.record.bodies.put(b"another parameter set")
        session.exec(update(LeafRow).where(col(LeafRow.leaf_index) == 0).values(body_sha256=other))

    bare.hub.write_now(swap)

    with pytest.raises(OtherFederationError):
        bare.restart()


def test_stored_leaves_that_contradict_their_root_stop_the_start(bare: Federation) -> None:
    def swap(session: Session) -> None:
        session.connection().exec_driver_sql("DROP TRIGGER leaves_no_update")
        forged = bytes([LeafType.SELF_TEST, 1]) + bytes(32)
        session.exec(update(LeafRow).where(col(LeafRow.leaf_index) == 1).values(leaf=forged))

    bare.hub.write_now(swap)

    with pytest.raises(RecordDamagedError):
        bare.restart()


def test_a_ceremony_signed_by_all_but_one_root_begins_no_record() -> None:
    from fedcarbon.parameters.roots import TrustRoots  # noqa: PLC0415

    parameters = genesis().parameters
    roots = TrustRoots(
        parameter_id=parameters.parameter_id, threshold=3, root_keys=parameters.root_keys
    )

    with pytest.raises(FedcarbonError) as caught:
        checked_genesis(roots, root_signed(parameters, roots=4), genesis().signed_self_test)

    assert caught.value.code == "SIGNATURE_INVALID"
