"""What is done in columns and in queries is what the core says of one: bit for bit."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from fedcarbon.cli.catalogue import load_from_catalogue
from fedcarbon.epoch.snapshot import LoggedEntry, Place, places_digest, snapshot_of
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.crediting import Evaluated
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.occupancy import SlotKey
from fedcarbon.methodology.person_day import Piece, by_day, claims_of, settle_day
from fedcarbon.methodology.reference import evaluate
from fedcarbon.registry.enrolment import EnrolmentAction
from fedcarbon.units import MicrogramsCO2e, Seconds
from partner_node.activities.bundle import Bundle
from partner_node.activities.evaluating import BulkEvaluation
from partner_node.storage.accounts import AccountStore
from partner_node.storage.claim_work import CREDITED, PIECES, ClaimWork, Collected
from partner_node.storage.database import Database
from partner_node.storage.progress import Stage
from partner_node.storage.submissions import Standing, SubmissionStore
from tests.chance import seeded
from tests.partner_node.world import FIRST_DAY, ZONE, at, ride

PARTNER = PartyId("metro")
CAP_UG = MicrogramsCO2e(5_000)


@pytest.fixture
def database(tmp_path: Path) -> Any:
    """A store without a node."""
    made = Database(tmp_path / "node.duckdb")
    yield made
    made.close()


# --- evaluation -----------------------------------------------------------------------------------


@pytest.mark.parametrize("methodology_id", ["cn-ecny-shanghai"])
def test_bulk_evaluation_is_the_reference_for_every_activity(methodology_id: str) -> None:
    methodology = load_from_catalogue(methodology_id)
    chance = seeded(6)
    activities = [
        ride(
            f"r{n}",
            n,
            at(chance.randrange(24), day=chance.randrange(-40, 40)) + chance.randrange(60),
            minutes=chance.randrange(1, 400),
            km=1,
            values=_values(chance),
        )
        for n in range(400)
    ]

    found = BulkEvaluation(Bundle([methodology]), bulk_from=1).evaluated(activities, ZONE)

    expected = [_reference(methodology, item) for item in activities]
    asked = [item for item in found if item is not None]
    assert [
        outcome for given, outcome in zip(found, expected, strict=True) if given is not None
    ] == asked
    assert len(asked) > 300
    assert len({item.refusal for item in asked}) > 3


def test_what_a_query_cannot_say_is_left_to_the_reference() -> None:
    """A field that nobody declared, and a truth where a number stands, which Python takes for 1."""
    methodology = load_from_catalogue("cn-ecny-shanghai")
    odd = [
        ride("a", 1, at(8), values={"mode": "rail", "distance_m": 1000, "weather": "rain"}),
        ride("b", 1, at(9), values={"mode": "rail", "distance_m": True}),
        ride("c", 1, at(10), values={"mode": "rail", "distance_m": 1000, "regime": "ets"}),
    ]

    found = BulkEvaluation(Bundle([methodology]), bulk_from=1).evaluated(odd, ZONE)

    assert found[:2] == [None, None]
    assert found[2] == _reference(methodology, odd[2])


def _values(chance: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "mode": chance.choice(["rail", "bus", "bike", "ebike", "ev_ride", "walk", "rocket", ""]),
        "distance_m": chance.choice([-5, 0, 49, 50, 51, 999, 150_000, 2_000_000, (1 << 53) - 1])
        if chance.random() < 0.3
        else chance.randrange(50, 150_000),
    }
    if chance.random() < 0.1:
        del values[chance.choice(sorted(values))]
    return values


def _reference(methodology: Methodology, activity: Activity) -> Evaluated:
    day = dt.datetime.fromtimestamp(activity.started_at_s, tz=_zone()).date()
    outcome = evaluate(methodology, activity.values, duration_s=activity.duration_s, day=day)
    return Evaluated(outcome.amount, outcome.refusal)


def _zone() -> Any:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    return ZoneInfo(ZONE)


# --- claims and settlement ----------------------------------------------------------------------


def test_claims_and_settlements_in_columns_are_those_of_one_person(database: Database) -> None:
    chance, work, store = seeded(7), ClaimWork(database), SubmissionStore(database)
    pieces = _pieces(chance)
    found = Collected(credited=CREDITED.empty_table(), pieces=_in_columns(pieces), rejects=[])
    work.save_collected(1, (Stage.COLLECTING, 0), found, now_s=Seconds(0))
    persons = sorted({person_id for person_id, _ in pieces})
    database.insert(
        "claim_secrets", {"person_id": persons, "claim_output": [bytes(64)] * len(persons)}
    )
    of_person: defaultdict[int, list[Piece]] = defaultdict(list)
    for person_id, piece in pieces:
        of_person[person_id].append(piece)

    claims = work.claims_of(1, 1, 100).to_pylist()

    expected = [
        (person_id, *claim.slot, claim.reduction_ug, claim.rank)
        for person_id in persons
        for claim in claims_of(of_person[person_id])
    ]
    names = ("person_id", "slot_owner", "slot_group", "slot_start_s", "piece_ug", "rank")
    assert [tuple(row[name] for name in names) for row in claims] == expected

    lost = _lose(database, chance, expected)
    store.settle(1, Standing(committed=True, revealed=True), CAP_UG)

    found = database.rows("SELECT person_id, day, submitted_ug, lost_slots FROM person_day_results")
    settled = []
    for person_id in persons:
        for day, of_day in by_day(of_person[person_id]).items():
            gone = lost[person_id] & {piece.slot for piece in of_day}
            mass_ug = settle_day(of_day, gone, CAP_UG).submitted_ug
            settled.append((person_id, day.isoformat(), mass_ug, len(gone)))
    assert sorted(found) == sorted(settled)
    assert len({mass_ug for _, _, mass_ug, _ in settled} & {0, CAP_UG}) == 2


def _pieces(chance: Any) -> list[tuple[int, Piece]]:
    """Return random pieces: several activities in a slot, several days, slots of an object."""
    pieces = []
    for number in range(120):
        person_id, day = chance.randrange(1, 20), FIRST_DAY + dt.timedelta(chance.randrange(2))
        owner = "" if chance.random() < 0.9 else f"METER:X:{number}"
        rank, start = chance.randrange(6), chance.randrange(12)
        pieces += [
            (
                person_id,
                Piece(
                    activity_id=f"a{number}",
                    day=day,
                    slot=SlotKey(owner, "movement", Seconds(day.day * 100_000 + 300 * slot)),
                    piece_ug=MicrogramsCO2e(chance.randrange(1_500)),
                    rank=rank,
                ),
            )
            for slot in range(start, start + chance.randrange(1, 6))
        ]
    return pieces


def _in_columns(pieces: list[tuple[int, Piece]]) -> pa.Table:
    rows = [
        (
            piece.activity_id,
            person_id,
            piece.day.isoformat(),
            *piece.slot,
            piece.rank,
            piece.piece_ug,
        )
        for person_id, piece in pieces
    ]
    return pa.table(list(map(pa.array, zip(*rows, strict=True))), schema=PIECES)


def _lose(database: Database, chance: Any, claims: Any) -> defaultdict[int, set[SlotKey]]:
    """Store the claims, some of them lost; return the lost slots by person."""
    lost: defaultdict[int, set[SlotKey]] = defaultdict(set)
    tokens = [number.to_bytes(16, "big") for number in range(len(claims))]
    nothing = [b""] * len(claims)
    database.insert(
        "claims",
        {
            "epoch": [1] * len(claims),
            "position": range(len(claims)),
            "token": tokens,
            "rank": [row[5] for row in claims],
            "person_id": [row[0] for row in claims],
            "slot_owner": [row[1] for row in claims],
            "slot_group": [row[2] for row in claims],
            "slot_start_s": [row[3] for row in claims],
            "piece_ug": [row[4] for row in claims],
            "blinding": nothing,
            "salt": nothing,
            "commitment": nothing,
        },
    )
    gone = [number for number in range(len(claims)) if chance.random() < 0.3]
    for number in gone:
        lost[claims[number][0]].add(SlotKey(*claims[number][1:4]))
    SubmissionStore(database).add_losses(1, [tokens[n] for n in gone], total=len(gone))  # type: ignore[misc]
    return lost


# --- the snapshot -------------------------------------------------------------------------------


def test_the_snapshot_in_columns_is_the_one_that_everybody_computes(database: Database) -> None:
    chance = seeded(8)
    tokens = {person_id: chance.randbytes(32) for person_id in range(1, 40)}
    places = {token: Place(3 * (n // 4), n % 4) for n, token in enumerate(tokens.values())}
    entries = []
    for leaf in range(10, 30):
        batch = f"{leaf:032x}"
        people = sorted(chance.sample(sorted(tokens), 6))
        actions = [chance.choice(sorted(EnrolmentAction)) for _ in people]
        epochs = [chance.randrange(1, 4) for _ in people]
        database.insert(
            "enrolment_entries",
            {
                "batch": [batch] * 6,
                "position": range(6),
                "person_id": people,
                "action": [item.value for item in actions],
                "from_epoch": epochs,
                "consent_salt": [b""] * 6,
                "person_ref": [""] * 6,
                "period": [1] * 6,
            },
        )
        database.run(
            "INSERT INTO receipts VALUES ('enrolment_batch', ?, 0, ?, '', 0, '')", [batch, leaf]
        )
        entries += [
            LoggedEntry(leaf, PARTNER, tokens[person_id], action, epoch)
            for person_id, action, epoch in zip(people, actions, epochs, strict=True)
        ]
    database.insert(
        "account_tokens",
        {"person_id": list(tokens), "account_token": list(tokens.values())},
    )
    database.insert(
        "places",
        {
            "person_id": list(tokens),
            "block": [places[token].block for token in tokens.values()],
            "slot": [places[token].slot for token in tokens.values()],
        },
    )
    expected = snapshot_of(
        entries,
        places,
        epoch=EpochIndex(2),
        snapshot_size=25,
        slots=4,
        cap_ug=CAP_UG,
    ).partners[PARTNER]
    store = AccountStore(database)

    figures = store.decided(2, 25)

    assert (figures.accounts, figures.places_digest) == (expected.accounts, expected.places_digest)
    assert tuple(store.blocks(2)) == expected.blocks()
    own = {tokens[person_id]: place for person_id, place in store.places(2).items()}
    assert places_digest(own) == expected.places_digest
    assert list(own.values()) == sorted(own.values())
    assert store.decided(2, 30) == figures  # decided once
