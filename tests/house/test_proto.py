"""The protos: generated code is current, and the language between organisations is clean."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor

from fedcarbon.v1 import (
    epoch_pb2,
    identity_pb2,
    opening_pb2,
    record_pb2,
    redemption_pb2,
    registry_pb2,
    statistics_pb2,
    trustee_pb2,
    use_pb2,
)

ROOT = Path(__file__).resolve().parents[2]
BETWEEN_ORGANISATIONS: tuple[FileDescriptor, ...] = (
    epoch_pb2.DESCRIPTOR,
    identity_pb2.DESCRIPTOR,
    opening_pb2.DESCRIPTOR,
    record_pb2.DESCRIPTOR,
    redemption_pb2.DESCRIPTOR,
    registry_pb2.DESCRIPTOR,
    statistics_pb2.DESCRIPTOR,
    trustee_pb2.DESCRIPTOR,
    use_pb2.DESCRIPTOR,
)
WORDS_FOR_A_TRIP = {
    "activity", "activities", "distance", "duration", "latitude", "longitude", "metres", "mode",
    "ride", "route", "station", "stop", "trip", "trips", "vehicle",
}  # fmt: skip
WORDS_FOR_A_PERSON = {"name", "phone", "number", "birthday", "passport", "person", "gender"}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    for package in ("v1", "node"):
        shutil.copytree(ROOT / "src/fedcarbon" / package, tmp_path / "src/fedcarbon" / package)
    shutil.copy(ROOT / "Makefile", tmp_path)
    return tmp_path


def proto_check(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `make proto-check` there, with the tools of this environment as they are."""
    tools = Path(sys.executable).parent
    make = ["make", "proto-check", f"BIN={tools}", "STAMP="]
    return subprocess.run(make, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603


def test_generated_code_is_what_the_protos_give(copy: Path) -> None:
    run = proto_check(copy)

    assert run.returncode == 0, run.stdout + run.stderr


def test_a_changed_proto_is_noticed(copy: Path) -> None:
    record = copy / "proto/fedcarbon/v1/record.proto"
    record.write_text(record.read_text().replace("uint32 limit = 2;", "uint64 limit = 2;", 1))

    run = proto_check(copy)

    assert run.returncode != 0
    assert "record_pb2.py differ" in run.stdout


def test_generated_code_of_a_removed_proto_is_noticed(copy: Path) -> None:
    (copy / "src/fedcarbon/v1/ghost_pb2.py").write_text("")

    assert proto_check(copy).returncode != 0


def words_of(file: FileDescriptor) -> Iterator[tuple[str, str]]:
    """Yield every name in a file, split into words, with where it stands."""
    messages: list[Descriptor] = list(file.message_types_by_name.values())
    enums: list[EnumDescriptor] = list(file.enum_types_by_name.values())
    names = [service.name for service in file.services_by_name.values()]
    names += [m.name for service in file.services_by_name.values() for m in service.methods]
    while messages:
        message = messages.pop()
        messages += message.nested_types
        enums += message.enum_types
        names += [message.name, *(field.name for field in message.fields)]
    names += [value.name for enum in enums for value in enum.values]
    for name in names:
        for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+", name):
            yield word.lower(), f"{file.name}: {name}"


@pytest.mark.parametrize("file", BETWEEN_ORGANISATIONS, ids=lambda file: file.name)
def test_the_language_between_organisations_has_no_word_for_a_trip(file: FileDescriptor) -> None:
    assert [where for word, where in words_of(file) if word in WORDS_FOR_A_TRIP] == []


@pytest.mark.parametrize("file", BETWEEN_ORGANISATIONS, ids=lambda file: file.name)
def test_the_language_between_organisations_has_no_word_for_a_person(
    file: FileDescriptor,
) -> None:
    assert [where for word, where in words_of(file) if word in WORDS_FOR_A_PERSON] == []


def test_the_list_of_protos_is_complete() -> None:
    known = {file.name for file in BETWEEN_ORGANISATIONS}

    assert known == {
        path.relative_to(ROOT / "proto").as_posix()
        for path in (ROOT / "proto/fedcarbon/v1").glob("*.proto")
    }
