"""The trustee's reader of the record: a hub or a party may sign whatever it likes.

A leaf's body is bent before it is signed by those who may sign it and committed to, so that what is
wrong is found by the fold itself and not at the door.
"""

from __future__ import annotations

import copy
import dataclasses
from functools import cache
from random import Random  # noqa: TID251 - a seeded Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.opening.view import RecordView
from fedcarbon.opening.violations import RecordViolationError
from fedcarbon.registry.admission import root_keyid
from fedcarbon.transparency.envelope import (
    Envelope,
    Signature,
    SigningKey,
    pre_authentication_encoding,
)
from fedcarbon.transparency.leaf import commit
from tests.fuzz.mutations import hostile, reshaped
from tests.house.examples import parties
from tests.house.examples.whole import record

LEAVES = range(len(record().leaves))


@cache
def before(index: int) -> RecordView:
    """Return the view over the leaves below `index`."""
    view = RecordView(parties.roots())
    for item in record().leaves[:index]:
        view.apply(item.index, item.leaf, item.salt, item.body)
    return view


@cache
def keys() -> dict[str, SigningKey]:
    """Return everybody's signing key, the root keys too."""
    roots = {
        root_keyid(secret.trustee_id): SigningKey(secret.root_key_seed)
        for secret in parties.ceremony().secrets
    }
    return {**{str(name): parties.key_of(name) for name in parties.ROLES}, **roots}


def signed_again(body: bytes, payload: bytes) -> bytes:
    """Return another payload in an envelope by the signers of `body`."""
    envelope = Envelope.from_bytes(body)
    message = pre_authentication_encoding(envelope.payload_type, payload)
    signatures = tuple(
        Signature(keyid=item.keyid, sig=keys()[item.keyid].sign(message))
        for item in envelope.signatures
    )
    return dataclasses.replace(envelope, payload=payload, signatures=signatures).to_bytes()


def fold(index: int, body: bytes) -> None:
    """Let a reader have a body as leaf `index`; it takes it, or stops before it."""
    item = record().leaves[index]
    view = copy.deepcopy(before(index))
    leaf = commit(item.type, item.salt, body).to_bytes()
    try:
        view.apply(index, leaf, item.salt, body)
    except RecordViolationError:
        assert view.size == index
    else:
        assert view.size == index + 1


@pytest.mark.parametrize("index", LEAVES)
@given(chance=st.randoms(use_true_random=True))
@settings(max_examples=40, deadline=None)
def test_a_leaf_that_its_signers_bent_is_taken_or_stops_the_reader(
    index: int, chance: Random
) -> None:
    body = record().leaves[index].body

    fold(index, signed_again(body, reshaped(chance, Envelope.from_bytes(body).payload)))


@given(chance=st.randoms(use_true_random=True), index=st.sampled_from(LEAVES))
@settings(max_examples=200, deadline=None)
def test_a_leaf_of_any_bytes_stops_the_reader(chance: Random, index: int) -> None:
    fold(index, hostile(chance, [record().leaves[index].body]))


@given(chance=st.randoms(use_true_random=True), index=st.sampled_from(LEAVES))
@settings(max_examples=200, deadline=None)
def test_a_leaf_hash_of_any_bytes_stops_the_reader(chance: Random, index: int) -> None:
    item = record().leaves[index]
    view = copy.deepcopy(before(index))
    leaf = hostile(chance, [item.leaf])
    try:
        view.apply(index, leaf, hostile(chance, [item.salt]), item.body)
    except RecordViolationError:
        assert view.size == index
