"""Signed envelopes: exact bytes, named signers, no silent failure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError, SignatureInvalidError
from fedcarbon.transparency.envelope import (
    SIGNATURES_MAX,
    Envelope,
    SigningKey,
    add_signature,
    open_signed,
    payload_type_of,
    pre_authentication_encoding,
    sign,
)

ALICE = SigningKey(bytes(range(32)))
BOB = SigningKey(bytes(range(1, 33)))
RING = {"alice": ALICE.public, "bob": BOB.public}


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Statement):
    KIND: ClassVar[str] = "note"

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Memo(Statement):
    KIND: ClassVar[str] = "memo"

    text: str


def test_a_signed_statement_opens_for_its_signers() -> None:
    envelope = sign(Note(text="hello"), {"alice": ALICE, "bob": BOB})

    data = envelope.to_bytes()

    assert Envelope.from_bytes(data) == envelope
    assert open_signed(Note, data, RING, signers={"alice", "bob"}, at_least=2).text == "hello"


def test_the_signed_bytes_are_the_dsse_pre_authentication_encoding() -> None:
    assert pre_authentication_encoding("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_a_changed_payload_is_refused() -> None:
    envelope = replace(sign(Note(text="hello"), {"alice": ALICE}), payload=b"{}")

    with pytest.raises(SignatureInvalidError):
        open_signed(Note, envelope.to_bytes(), RING, signers={"alice"})


def test_a_statement_of_one_kind_never_opens_as_another() -> None:
    data = sign(Note(text="hello"), {"alice": ALICE}).to_bytes()

    with pytest.raises(MalformedError):
        open_signed(Memo, data, RING, signers={"alice"})


def test_a_relabelled_envelope_does_not_verify() -> None:
    envelope = replace(sign(Note(text="x"), {"alice": ALICE}), payload_type=payload_type_of("memo"))

    with pytest.raises(SignatureInvalidError):
        open_signed(Memo, envelope.to_bytes(), RING, signers={"alice"})


def test_one_signer_twice_is_not_two_signers() -> None:
    envelope = sign(Note(text="x"), {"alice": ALICE})
    doubled = replace(envelope, signatures=envelope.signatures * 2)

    with pytest.raises(SignatureInvalidError):
        open_signed(Note, doubled.to_bytes(), RING, signers={"alice", "bob"}, at_least=2)


def test_a_signature_by_somebody_else_does_not_count() -> None:
    data = sign(Note(text="x"), {"bob": BOB}).to_bytes()

    with pytest.raises(SignatureInvalidError):
        open_signed(Note, data, RING, signers={"alice"})


def test_a_signature_under_a_false_name_is_refused() -> None:
    data = sign(Note(text="x"), {"alice": BOB}).to_bytes()

    with pytest.raises(SignatureInvalidError):
        open_signed(Note, data, RING, signers={"alice"})


@given(st.binary(max_size=200))
def test_foreign_bytes_raise_only_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        Envelope.from_bytes(data)


def test_another_spelling_of_the_envelope_is_refused() -> None:
    data = sign(Note(text="x"), {"alice": ALICE}).to_bytes()

    with pytest.raises(MalformedError):
        Envelope.from_bytes(data.replace(b",", b", ", 1))


def test_an_envelope_is_signed_once_by_each_signer() -> None:
    envelope = sign(Note(text="x"), {"alice": ALICE})

    both = add_signature(envelope, "bob", BOB)

    assert open_signed(Note, both.to_bytes(), RING, signers=set(RING), at_least=2).text == "x"
    with pytest.raises(MalformedError):
        add_signature(both, "alice", ALICE)


def test_an_envelope_does_not_carry_signatures_without_end() -> None:
    envelope = sign(Note(text="x"), {"alice": ALICE})
    many = replace(envelope, signatures=envelope.signatures * (SIGNATURES_MAX + 1))

    with pytest.raises(MalformedError):
        Envelope.from_bytes(many.to_bytes())


def test_a_signing_key_never_shows_its_seed() -> None:
    assert repr(ALICE) == "SigningKey(<redacted>)"
