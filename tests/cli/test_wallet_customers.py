"""A wallet operator's customers: who is who, and a hub that would keep the operator busy."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.cli.public_record import RecordUnreadableError
from fedcarbon.cli.wallet import WalletConfigError, add_customers
from fedcarbon.cli.wallet_operator import WalletOperator
from fedcarbon.cli.wallet_store import WalletStore
from fedcarbon.clock import SteppedClock
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.person_id import make_test_id
from fedcarbon.identity.shares import evaluate
from fedcarbon.identity.threshold import TooFewEvaluationsError
from fedcarbon.opening.statements import OpeningRequest
from fedcarbon.redemption.wallet import sandbox_wallet_id
from fedcarbon.transparency.checkpoint import WitnessedCheckpoint
from fedcarbon.transparency.envelope import Envelope, SigningKey
from fedcarbon.units import Seconds
from fedcarbon.v1 import identity_pb2, opening_pb2
from tests.chance import seeded
from tests.keys.ceremonies import dealt
from tests.trustee.founded import DAY_S, OPERATOR, programme_of
from trustee.order_errors import QuotaExceededError

HEADER = "id_type,id_number,wallet_id,wallet_class"
NOW_S = 1_772_409_600
HEAD = WitnessedCheckpoint(size=9, root=bytes(32), timestamp_s=Seconds(NOW_S))


class HostileHub:
    """Gives the same worthless evaluation for ever, and takes requests without opening them."""

    def __init__(self) -> None:
        self.asked = 0
        self.requests: list[OpeningRequest] = []
        self.opened_epoch = 0
        self.binding_ids: list[bytes] = []

    def evaluate(self, _: identity_pb2.EvaluateRequest) -> identity_pb2.EvaluateResponse:
        self.asked += 1
        assert self.asked < 100, "the operator never gives up"
        partial = identity_pb2.PartialEvaluation(
            trustee_id="trustee-1", elements=[bytes(32)], proof=bytes(64)
        )
        return identity_pb2.EvaluateResponse(partials=[partial])

    def list_bindings(
        self, request: opening_pb2.ListBindingsRequest
    ) -> opening_pb2.ListBindingsResponse:
        answer = opening_pb2.ListBindingsResponse()
        if request.from_leaf == 0:
            for position, binding_id in enumerate(self.binding_ids):
                answer.bindings.add(
                    binding_id=binding_id,
                    operator_leaf=b"l" * 34,
                    operator_leaf_index=5 + position,
                    state=opening_pb2.BINDING_STATE_SIGNED,
                )
        return answer

    def get_account(self, _: opening_pb2.GetAccountRequest) -> opening_pb2.GetAccountResponse:
        return opening_pb2.GetAccountResponse(
            sealed_epoch=8, opened_epoch=self.opened_epoch, place={"block": 1, "slot": 2}
        )

    def create_opening_request(
        self, request: opening_pb2.CreateOpeningRequestRequest
    ) -> opening_pb2.CreateOpeningRequestResponse:
        payload = Envelope.from_bytes(request.signed_request).payload
        self.requests.append(statements.decode(OpeningRequest, payload))
        return opening_pb2.CreateOpeningRequestResponse()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WalletStore]:
    opened = WalletStore(tmp_path / "wallet.db", seeded(3).randbytes)
    yield opened
    opened.close()


@pytest.fixture
def hub() -> HostileHub:
    return HostileHub()


@pytest.fixture
def operator(store: WalletStore, hub: HostileHub) -> WalletOperator:
    chance = seeded(4)
    return WalletOperator(
        operator_id=OPERATOR,
        signing_key=SigningKey(bytes(range(32))),
        hub=hub,  # type: ignore[arg-type]  # what these tests need of it
        store=store,
        parameters=dealt().parameters,
        programme=programme_of(dealt()),
        clock=SteppedClock(Seconds(NOW_S)),
        random_below=chance.randrange,
        random_bytes=chance.randbytes,
    )


def csv_of(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "wallets.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def test_a_malformed_id_is_left_out_and_stops_nobody_else(
    store: WalletStore, tmp_path: Path
) -> None:
    good, bad = make_test_id(1), make_test_id(2)[:-1] + "?"
    rows = [f"TEST,{bad},{sandbox_wallet_id(2)},1", f"TEST,{good},{sandbox_wallet_id(1)},1"]

    refused = add_customers(store, csv_of(tmp_path, *rows), allow_test=True)

    assert [item.id_number for item in store.customers()] == [good]
    assert len(refused) == 1
    assert refused[0].startswith("row 2: ")
    assert bad not in refused[0]


def test_a_test_id_is_left_out_where_people_are_real(store: WalletStore, tmp_path: Path) -> None:
    rows = [f"TEST,{make_test_id(1)},{sandbox_wallet_id(1)},1"]

    refused = add_customers(store, csv_of(tmp_path, *rows), allow_test=False)

    assert (len(refused), store.customers()) == (1, [])


def test_a_file_without_a_column_is_refused_as_a_whole(store: WalletStore, tmp_path: Path) -> None:
    path = csv_of(tmp_path, "TEST,1,w", header="id_type,id_number,wallet_id")

    with pytest.raises(WalletConfigError):
        add_customers(store, path, allow_test=True)


def test_one_passport_number_of_two_countries_is_two_people(
    store: WalletStore, tmp_path: Path
) -> None:
    """Otherwise one would get the account of the other, with a wallet of its own."""
    wallet = sandbox_wallet_id(1)
    rows = [f"PASSPORT,AB123456,{wallet},1,FR", f"PASSPORT,AB123456,{wallet},1,DE"]
    path = csv_of(tmp_path, *rows, header=HEADER + ",issuing_country")
    assert add_customers(store, path, allow_test=False) == []

    first, second = store.customers()
    store.set_tokens([(first.binding_id, b"1" * 32), (second.binding_id, b"2" * 32)])

    found = {item.issuing_country: item.account_token for item in store.customers()}
    assert found == {first.issuing_country: b"1" * 32, second.issuing_country: b"2" * 32}
    assert set(found) == {"FR", "DE"}


def test_the_store_can_be_read_by_its_owner_only(store: WalletStore, tmp_path: Path) -> None:
    assert store.customers() == []
    assert (tmp_path / "wallet.db").stat().st_mode & 0o777 == 0o600


def test_a_hub_that_repeats_one_evaluation_is_given_up(
    operator: WalletOperator, hub: HostileHub
) -> None:
    operator.store.add_customer(
        id_type="TEST", id_number=make_test_id(1), wallet_id="w-1", wallet_class=1
    )

    with pytest.raises(TooFewEvaluationsError):
        list(operator.find_accounts())

    assert hub.asked == 2


class CountingHub(HostileHub):
    """Relays to honest trustees, which let two elements more be evaluated than there are bindings.

    What is asked beyond that is counted and refused, as trustees count what is logged.
    """

    def __init__(self) -> None:
        super().__init__()
        self.used, self.bound = 0, 0

    def evaluate(self, request: identity_pb2.EvaluateRequest) -> identity_pb2.EvaluateResponse:
        self.used += len(request.blinded_elements)
        if self.used > self.bound + 2:
            raise QuotaExceededError("beyond the quota")
        answer = identity_pb2.EvaluateResponse()
        for secrets in dealt().secrets[:3]:
            partial = evaluate(
                secrets.voprf[KeyLabel.ACCOUNT], list(request.blinded_elements), seeded(8).randrange
            )
            answer.partials.add(
                trustee_id=secrets.trustee_id, elements=partial.elements, proof=partial.proof
            )
        return answer

    def create_operator_binding(
        self, _: opening_pb2.CreateOperatorBindingRequest
    ) -> opening_pb2.CreateOperatorBindingResponse:
        self.bound += 1
        return opening_pb2.CreateOperatorBindingResponse()


def test_many_customers_are_bound_without_ever_asking_beyond_the_quota(
    operator: WalletOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking for all of them first would spend the quota, and for good."""
    monkeypatch.setattr("fedcarbon.cli.wallet_operator.EVALUATION_BATCH", 2)
    hub = CountingHub()
    for person in range(5):
        operator.store.add_customer(
            id_type="TEST", id_number=make_test_id(person), wallet_id="w", wallet_class=1
        )
    counted = dataclasses.replace(operator, hub=hub)  # type: ignore[arg-type]  # see the fixture

    accepted = list(counted.find_and_bind())

    assert (len(accepted), hub.bound, hub.used) == (5, 5, 5)


@pytest.fixture
def asked(operator: WalletOperator, hub: HostileHub) -> WalletOperator:
    """An operator whose one customer has been asked for, without an answer."""
    operator.store.add_customer(
        id_type="TEST", id_number=make_test_id(1), wallet_id="w-1", wallet_class=1
    )
    (customer,) = operator.store.customers()
    operator.store.set_tokens([(customer.binding_id, b"A" * 32)])
    hub.binding_ids.append(customer.binding_id)
    list(operator.request_openings(HEAD))
    return operator


def test_an_interrupted_request_goes_on_under_its_own_id(
    asked: WalletOperator, hub: HostileHub
) -> None:
    list(asked.request_openings(HEAD))

    assert hub.requests[0] == hub.requests[1]


def test_a_request_that_has_expired_is_made_anew(asked: WalletOperator, hub: HostileHub) -> None:
    asked.clock.at_s = Seconds(NOW_S + 8 * DAY_S)  # type: ignore[attr-defined]  # a stepped one

    list(asked.request_openings(HEAD))

    first, second = hub.requests
    assert first.request_id != second.request_id
    assert second.not_after_s == NOW_S + 15 * DAY_S


def test_a_request_that_names_an_older_opening_is_made_anew(
    asked: WalletOperator, hub: HostileHub
) -> None:
    hub.opened_epoch = 4

    list(asked.request_openings(HEAD))

    first, second = hub.requests
    assert first.request_id != second.request_id
    assert (first.previous_epoch, second.previous_epoch) == (0, 4)


class CirclingHub(HostileHub):
    """Lists one binding again and again, each time at the same leaf."""

    def list_bindings(
        self, request: opening_pb2.ListBindingsRequest
    ) -> opening_pb2.ListBindingsResponse:
        self.asked += 1
        assert self.asked < 100, f"the operator still asks from leaf {request.from_leaf}"
        item = opening_pb2.Binding(binding_id=bytes(16), operator_leaf_index=5)
        return opening_pb2.ListBindingsResponse(bindings=[item])


def test_a_hub_that_lists_bindings_in_a_circle_is_named(operator: WalletOperator) -> None:
    circling = dataclasses.replace(operator, hub=CirclingHub())  # type: ignore[arg-type]

    with pytest.raises(RecordUnreadableError, match="out of the record's order"):
        circling.bindings()
