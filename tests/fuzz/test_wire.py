"""What a failed call carries comes from the other end: any bytes at all."""

from __future__ import annotations

from random import Random  # noqa: TID251 - a seeded Random

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.errors import FedcarbonError, StateError
from fedcarbon.wire import status
from tests.fuzz.mutations import hostile

DETAILS = "grpc-status-details-bin"


class Failure(grpc.RpcError):
    """A failed call with any trailers."""

    def __init__(self, code: grpc.StatusCode, details: bytes) -> None:
        super().__init__()
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return "wait"

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        return ((DETAILS, self._details),)


def rich(reason: str = "QUORUM_MISSING") -> bytes:
    info = any_pb2.Any()
    info.Pack(error_details_pb2.ErrorInfo(reason=reason, domain=status.DOMAIN))
    number = int(grpc.StatusCode.UNAVAILABLE.value[0])
    return status_pb2.Status(code=number, message="wait", details=[info]).SerializeToString()


def test_the_example_is_understood() -> None:
    assert status.error_of(Failure(grpc.StatusCode.UNAVAILABLE, rich())).code == "QUORUM_MISSING"


@given(
    chance=st.randoms(use_true_random=True), code=st.sampled_from(sorted(grpc.StatusCode, key=str))
)
@settings(max_examples=400, deadline=None)
def test_a_failed_call_becomes_an_error_whatever_its_trailers_hold(
    chance: Random, code: grpc.StatusCode
) -> None:
    error = status.error_of(Failure(code, hostile(chance, [rich(), rich("")])))

    assert isinstance(error, FedcarbonError)


@pytest.mark.parametrize("broken", ["the status", "a detail"])
def test_trailers_that_are_no_protobuf_say_nothing(broken: str) -> None:
    data = b"\xff\xff\xff"
    if broken == "a detail":
        detail = any_pb2.Any(
            type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff\xff\xff"
        )
        number = int(grpc.StatusCode.UNAVAILABLE.value[0])
        message = status_pb2.Status(code=number, message="wait", details=[detail])
        data = message.SerializeToString()

    error = status.error_of(Failure(grpc.StatusCode.UNAVAILABLE, data))

    assert isinstance(error, StateError)
    assert error.code == "REMOTE_UNREACHABLE"
