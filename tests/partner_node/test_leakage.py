"""What leaves the house: every byte that the hub receives is searched for what must not leave."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from collections.abc import Iterator

import pytest

from fedcarbon.canonical.hashing import u64
from fedcarbon.identity.person_id import make_test_id
from fedcarbon.methodology.activity import Mode
from tests.partner_node.fake_hub import NODE
from tests.partner_node.world import World, at, new_world, person, ride

REFERENCES = ("desk-2-wei-phone", "desk-1-phone")
ACTIVITIES = ("trip-to-the-clinic", "trip-home-at-night")


def everything_sent(world: World) -> bytes:
    """Return all messages that the hub received, with the payloads of their envelopes decoded."""
    raw = b"\n".join(world.hub.received)
    payloads = re.findall(rb'"payload":"([A-Za-z0-9+/=]+)"', raw)
    assert payloads
    return raw + b"\n".join(base64.b64decode(item) for item in payloads)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A whole life of a node: enrolment, two epochs, a binding, a withdrawal."""
    world = new_world(tmp_path_factory.mktemp("lived"))
    for serial, reference in enumerate(REFERENCES, start=1):
        world.link(person(serial, person_ref=reference))
    world.settle()
    world.record(
        ride(ACTIVITIES[0], 1, at(8, 3), km=7, person_ref=REFERENCES[0]),
        ride(ACTIVITIES[1], 2, at(23, 1), km=3, person_ref=REFERENCES[1], mode="ev_ride"),
    )
    world.run_epoch(1)
    token = next(iter(world.hub.places))
    binding_id = world.hub.propose(token)
    world.settle()
    world.node.answer_binding(binding_id, confirm=True)
    world.node.withdraw_consent(REFERENCES[1])
    world.settle()
    world.run_epoch(2)
    yield world
    world.database.close()


@pytest.fixture
def transcript(lived: World) -> bytes:
    """Everything that it sent."""
    return everything_sent(lived)


def test_nothing_of_persons_or_trips_leaves_the_house(transcript: bytes) -> None:
    forbidden: dict[str, bytes] = {}
    for serial, reference in enumerate(REFERENCES, start=1):
        forbidden[f"reference {serial}"] = reference.encode()
        forbidden[f"id number {serial}"] = make_test_id(serial).encode()
    for name in ACTIVITIES:
        forbidden[f"activity {name}"] = name.encode()
    for mode in Mode:
        forbidden[f"mode {mode}"] = f'"{mode.value}"'.encode()
    for instant_s in (at(8, 3), at(8, 5), at(8, 23), at(23, 1), at(23, 21), at(23)):
        local = dt.datetime.fromtimestamp(instant_s, tz=dt.UTC)
        forbidden[f"seconds {instant_s}"] = str(instant_s).encode()
        forbidden[f"bytes of {instant_s}"] = u64(instant_s)
        forbidden[f"time {local}"] = local.isoformat()[:16].encode()
    for mass in (7_000 * 97_000, 3_000 * 88_000, 7_000, 3_000):
        forbidden[f"amount {mass}"] = f'"{mass}"'.encode()

    found = [name for name, text in forbidden.items() if text in transcript]

    assert found == []


def test_the_search_finds_what_it_is_looking_for(transcript: bytes) -> None:
    assert b"sz-metro" in transcript
    assert b'"epoch":2' in transcript


def test_account_tokens_and_claim_tokens_share_nothing(lived: World) -> None:
    accounts = set(lived.hub.places)
    claims = {claim.token for epoch in lived.hub.epochs.values() for claim in epoch.lists[NODE]}

    assert len(claims) == 8
    assert not any(account[:16] in claims or account[16:] in claims for account in accounts)


def test_idle_and_busy_partners_send_messages_of_the_same_shape(riders: World) -> None:
    riders.record(ride("a", 1, at(8), minutes=5))
    riders.run_epoch(1)
    busy = [len(content) for _, content in riders.hub.epochs[1].chunks.values()]
    riders.run_epoch(2)
    idle = [len(content) for _, content in riders.hub.epochs[2].chunks.values()]

    assert busy == idle
    statements = [json.loads(base64.b64decode(p)) for p in _payloads(riders, "chunk-header")]
    assert {tuple(sorted(item)) for item in statements} == {tuple(sorted(statements[0]))}


def _payloads(world: World, kind: str) -> list[bytes]:
    raw = b"\n".join(world.hub.received)
    pattern = rb'"payload":"([A-Za-z0-9+/=]+)","payloadType":"[^"]*' + kind.encode()
    return re.findall(pattern, raw)
