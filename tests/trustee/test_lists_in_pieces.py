"""Lists of claims that come in many pieces, from a hub that gives what it likes.

Epoch 5 is the one under attack; the list is metro's, of two claims in a part each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import pytest
from typing_extensions import override

from fedcarbon.epoch.lost_positions import FILE_MAGIC as POSITIONS_MAGIC
from fedcarbon.epoch.statements import ClaimList, VerdictList
from fedcarbon.identity import commitment_list
from fedcarbon.identity.commitment_list import FILE_BYTES_MAX, FILE_MAGIC, RECORD_BYTES
from fedcarbon.identity.ristretto import scaled_base
from fedcarbon.v1 import record_pb2, trustee_pb2
from fedcarbon.wire.status import UnreachableError
from tests.listed import Listed
from tests.trustee.city import City
from tests.trustee.federation import Federation
from tests.trustee.founded import METRO
from tests.trustee.memory_record import Record
from tests.trustee.test_links_refused import LOST, chunks, honest, linked, lists, metro_list
from tests.trustee.test_seals_refused import code_of

PIECE_BYTES = 40
ENOUGH = 1000
"""Bytes; nobody who looks at what comes asks for so many."""


class Given(NamedTuple):
    """What the hub says is the file, beginning where it was asked to begin."""

    rest: bytes
    total_bytes: int


def whole(data: bytes, start: int) -> Given:
    """Give a file as it is."""
    return Given(data[start:], len(data))


def with_element(data: bytes, position: int, encoding: bytes) -> bytes:
    at = len(FILE_MAGIC) + position * RECORD_BYTES + 32
    return data[:at] + encoding + data[at + 32 :]


def another_hash(data: bytes, start: int) -> Given:
    at = len(FILE_MAGIC)
    return whole(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], start)


def no_element_in_the_last_part(data: bytes, start: int) -> Given:
    return whole(with_element(data, 1, b"\xff" * 32), start)


def changed_while_it_comes(data: bytes, start: int) -> Given:
    """Begin with the committed list and go on with one whose second claim is worth more."""
    return whole(data if start <= 80 else with_element(data, 1, scaled_base(7)), start)


def no_magic_line(data: bytes, start: int) -> Given:
    return whole(data[1:], start)


def a_claim_less(data: bytes, start: int) -> Given:
    return whole(data[:-RECORD_BYTES], start)


def a_byte_less(data: bytes, start: int) -> Given:
    return whole(data[:-1], start)


def a_claim_more(data: bytes, start: int) -> Given:
    return whole(data + data[-RECORD_BYTES:], start)


def many_claims_more(data: bytes, start: int) -> Given:
    return whole(data + data[-RECORD_BYTES:] * 1_000, start)


def always_a_byte_more(data: bytes, start: int) -> Given:
    return Given((data + bytes(start))[start:] + b"x", start + PIECE_BYTES + 1)


def nothing_more(data: bytes, start: int) -> Given:
    return Given(data[start:-RECORD_BYTES], len(data))


def larger_than_any_file(data: bytes, start: int) -> Given:
    return Given(data[start:], FILE_BYTES_MAX + 1)


def suddenly_larger_than_any_file(data: bytes, start: int) -> Given:
    return Given(data[start:], FILE_BYTES_MAX + 1 if start else len(data))


ATTACKS: dict[str, tuple[Callable[[bytes, int], Given], str]] = {
    "none": (whole, ""),
    "another hash": (another_hash, "CLAIM_FILE_DIFFERS"),
    "no element in the last part": (no_element_in_the_last_part, "CLAIM_FILE_DIFFERS"),
    "changed while it comes": (changed_while_it_comes, "CLAIM_FILE_DIFFERS"),
    "no magic line": (no_magic_line, "CLAIM_FILE_DIFFERS"),
    "a claim less": (a_claim_less, "CLAIM_FILE_DIFFERS"),
    "a byte less": (a_byte_less, "CLAIM_FILE_DIFFERS"),
    "a claim more": (a_claim_more, "CLAIM_FILE_DIFFERS"),
    "many claims more": (many_claims_more, "CLAIM_FILE_DIFFERS"),
    "no end": (always_a_byte_more, "CLAIM_FILE_DIFFERS"),
    "less than it says": (nothing_more, "FILE_ENDLESS"),
    "larger than any file": (larger_than_any_file, "FILE_ENDLESS"),
    "suddenly larger than any file": (suddenly_larger_than_any_file, "FILE_ENDLESS"),
}


@pytest.fixture
def in_parts(city: City, monkeypatch: pytest.MonkeyPatch) -> City:
    """A city in which metro lost a claim and proved the rest; a part of a list is a claim."""
    monkeypatch.setattr(commitment_list, "PART_RECORDS", 1)
    honest(city.federation, city.federation.plan(5))
    return city


def list_sha256(federation: Federation) -> bytes:
    (found,) = (
        item.commitments_sha256
        for item in federation.logged(ClaimList, 5).values()
        if item.partner_id == METRO
    )
    return found


def give(
    federation: Federation, monkeypatch: pytest.MonkeyPatch, attack: Callable[[bytes, int], Given]
) -> list[int]:
    """Give metro's list in pieces, changed by an attack; return where it is asked for, in order."""
    name, asked, get_file = list_sha256(federation), [], Record.get_file

    def answer(record: Record, request: record_pb2.GetFileRequest) -> record_pb2.GetFileResponse:
        if request.sha256 != name:
            return get_file(record, request)
        asked.append(request.from_byte)
        given = attack(record.files[name], request.from_byte)
        return record_pb2.GetFileResponse(
            content=given.rest[:PIECE_BYTES], total_bytes=given.total_bytes
        )

    monkeypatch.setattr(Record, "get_file", answer)
    return asked


@pytest.mark.parametrize("name", ATTACKS)
def test_a_list_is_what_was_committed_or_is_refused(
    in_parts: City, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    attack, code = ATTACKS[name]
    asked = give(in_parts.federation, monkeypatch, attack)

    assert code_of(in_parts) == code

    assert max(asked) < ENOUGH
    assert asked == sorted(set(asked))  # once: nothing is read again


def test_a_list_whose_hub_goes_away_is_read_from_its_beginning(
    in_parts: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = iter([False, False, True])

    def goes_away(data: bytes, start: int) -> Given:
        if next(gone, False):
            raise UnreachableError("no connection")
        return whole(data, start)

    federation = in_parts.federation
    asked = give(federation, monkeypatch, goes_away)
    federation.witness()
    root = federation.record.root()
    federation.ask("trustee-1", cosign=trustee_pb2.CosignOrder(root=root))
    trustee = federation.trustee("trustee-1")
    for _ in range(2):
        while trustee.advance():
            pass

    assert asked == [0, 40, 80, 0, 40, 80, 120]
    assert code_of(in_parts) == ""


class WithoutEnd(Listed):
    """Is said to have more claims than any list: metro and the hub do it together."""

    __slots__ = ()

    @override
    def __len__(self) -> int:
        return 1 << 50


@pytest.mark.parametrize("lost", [1, 1 << 49])
def test_of_lost_positions_no_more_is_held_than_the_verdict_and_a_list_can_have(
    city: City, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    """A file of a gigabyte would end the process, at every start again."""
    federation = city.federation
    plan, own = federation.plan(5), metro_list(city.federation, won=100_000)
    said = WithoutEnd(
        tokens=own.tokens,
        pieces=own.pieces,
        blindings=own.blindings,
        commitments=own.commitments,
    )
    verdict = federation.verdict
    monkeypatch.setattr(
        federation,
        "verdict",
        lambda *given: dataclasses.replace(verdict(*given), lost=lost * bool(given[2])),
    )
    federation.claim(5, lists(federation, said), lost={METRO: [LOST]})
    sent = chunks(federation, plan)
    linked(federation, plan, sent, own, lost=[own.tokens.tokens().index(LOST)])
    federation.seal(5, plan, sent)
    (name,) = (
        item.positions_sha256
        for item in federation.logged(VerdictList, 5).popitem()[1].verdicts
        if item.partner_id == METRO
    )
    get_file = Record.get_file

    def answer(record: Record, request: record_pb2.GetFileRequest) -> record_pb2.GetFileResponse:
        if request.sha256 != name:
            return get_file(record, request)
        assert request.from_byte < ENOUGH
        content = (POSITIONS_MAGIC + bytes(ENOUGH))[request.from_byte :]
        return record_pb2.GetFileResponse(content=content[:PIECE_BYTES], total_bytes=FILE_BYTES_MAX)

    monkeypatch.setattr(Record, "get_file", answer)

    assert code_of(city) == "CLAIM_FILE_DIFFERS"
