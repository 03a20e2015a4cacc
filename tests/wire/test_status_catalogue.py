"""Every error of every program has a code of its own and a line in the catalogue."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator

import grpc
import pytest

from fedcarbon.errors import (
    CallerError,
    ConfigurationError,
    FedcarbonError,
    PeerError,
    StateError,
)
from fedcarbon.wire.status import (
    BY_CODE,
    BY_FAMILY,
    OF_THE_CLUSTER,
    RemoteError,
    family_of,
    remote_class_of,
    status_code_of,
    status_of,
)

PROGRAMS = ("fedcarbon", "hub", "partner_node", "trustee", "demo")
BASES = {FedcarbonError, RemoteError, *BY_FAMILY}


def modules() -> Iterator[str]:
    for program in PROGRAMS:
        package = importlib.import_module(program)
        for found in pkgutil.walk_packages(package.__path__, f"{program}."):
            if not found.name.endswith("__main__"):
                yield found.name


def descendants(cls: type[FedcarbonError]) -> Iterator[type[FedcarbonError]]:
    for child in cls.__subclasses__():
        yield child
        yield from descendants(child)


@pytest.fixture(scope="module")
def broken_modules() -> dict[str, str]:
    """Import every module; return those that cannot be, with the reason."""
    broken = {}
    for name in modules():
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - all of them are wanted
            broken[name] = repr(error)
    return broken


def test_every_module_can_be_imported(broken_modules: dict[str, str]) -> None:
    assert broken_modules == {}


@pytest.fixture(scope="module")
def errors(broken_modules: dict[str, str]) -> set[type[FedcarbonError]]:
    """Return every error class of the project itself; tests define others."""
    assert broken_modules is not None
    found = {FedcarbonError, *descendants(FedcarbonError)}
    return {cls for cls in found if cls.__module__.partition(".")[0] in PROGRAMS}


def test_every_code_is_unique(errors: set[type[FedcarbonError]]) -> None:
    counted = Counter(cls.code for cls in errors)

    doubled = {code: sorted(c.__name__ for c in errors if c.code == code) for code in counted}
    assert {code: names for code, names in doubled.items() if len(names) > 1} == {}


def test_every_code_is_upper_snake_and_its_class_ends_in_error(
    errors: set[type[FedcarbonError]],
) -> None:
    shape = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")

    assert [cls.__name__ for cls in errors if shape.fullmatch(cls.code) is None] == []
    assert [cls.__name__ for cls in errors if not cls.__name__.endswith("Error")] == []


def test_every_class_says_its_own_code(errors: set[type[FedcarbonError]]) -> None:
    assert [cls.__name__ for cls in errors if "code" not in vars(cls)] == []


def test_every_error_belongs_to_exactly_one_family(errors: set[type[FedcarbonError]]) -> None:
    families = (CallerError, PeerError, StateError, ConfigurationError)

    astray = [
        cls.__name__
        for cls in errors - BASES
        if sum(issubclass(cls, family) for family in families) != 1
    ]

    assert astray == []


def test_every_code_has_an_entry(errors: set[type[FedcarbonError]]) -> None:
    for cls in errors - BASES:
        assert status_code_of(cls) is BY_CODE.get(cls.code, BY_FAMILY[family_of(cls)])
        assert status_code_of(cls) is not grpc.StatusCode.OK


def test_the_other_end_sees_the_same_move(errors: set[type[FedcarbonError]]) -> None:
    """What an operator must mend is the peer's fault, seen from the client."""
    seen_from_there = {ConfigurationError: PeerError}

    twisted = [
        cls.__name__
        for cls in errors - BASES
        if (family := family_of(cls)) is not PeerError
        and not issubclass(
            remote_class_of(status_code_of(cls)), seen_from_there.get(family, family)
        )
    ]

    assert twisted == []


def test_no_entry_stands_for_a_code_that_nobody_raises(errors: set[type[FedcarbonError]]) -> None:
    assert set(BY_CODE) - {cls.code for cls in errors} == set()


def test_what_a_cluster_says_does_not_go_to_callers(errors: set[type[FedcarbonError]]) -> None:
    """A lying partner must not read the hub's addresses, paths and rows from refusals."""
    of_cluster = {cls for cls in errors if cls.code in OF_THE_CLUSTER}

    assert len(of_cluster) == len(OF_THE_CLUSTER)
    for cls in of_cluster:
        status = status_of(cls("connection refused: 10.0.0.7:15002"))
        assert "10.0.0.7" not in status.details
        assert all(b"10.0.0.7" not in value for _, value in status.trailing_metadata)


def test_a_class_outside_the_families_is_a_bug() -> None:
    class StrayError(FedcarbonError):
        code = "TEST_STRAY"

    with pytest.raises(AssertionError, match="StrayError"):
        status_code_of(StrayError)


def test_an_error_of_another_party_passed_on_keeps_its_code() -> None:
    """A program that answers with a remote error hands the code through, not the wrapper's."""
    from fedcarbon.wire.status import RemoteStateError  # noqa: PLC0415

    passed_on = RemoteStateError("QUORUM_MISSING", "2 of 3 trustees answered")

    assert b"QUORUM_MISSING" in status_of(passed_on).trailing_metadata[0][1]  # type: ignore[index]
