"""Every call has its class, an operator changes what he names, and shedding is logged."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import pytest
import structlog

from fedcarbon.ids import PartyId
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
from fedcarbon.wire import logs
from fedcarbon.wire.admission import LineLimits
from fedcarbon.wire.server import CALLS_AT_ONCE_MAX
from fedcarbon.wire.status import OverloadedError
from hub.call_limits import DEFAULTS, CallClass, LineConfig, ShedReport, admission_of, classes
from hub.config import HubConfigError, load_config
from hub.context import THREADS

GOOD = 'party = "party.toml"\ndata = "data"\npublic = "ceremony"\n'
PACKAGE = "/fedcarbon.v1."


def test_every_call_of_the_hub_has_a_class_except_a_trustees_stream() -> None:
    files = (epoch_pb2, identity_pb2, opening_pb2, record_pb2, redemption_pb2, registry_pb2)
    offered = {
        f"/{service.full_name}/{method.name}"
        for file in (*files, statistics_pb2, trustee_pb2, use_pb2)
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }

    assert offered - dict(classes()).keys() == {f"{PACKAGE}TrusteeService/Work"}


def test_the_page_for_operators_has_the_limits_that_are_in_force() -> None:
    page = (Path(__file__).parents[2] / "docs" / "ARCHITECTURE.md").read_text("utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    said = {row[0]: row[2:] for row in rows if len(row) == 6}

    for kind, limits in DEFAULTS.items():
        numbers = [str(limits.at_once), str(limits.per_party), str(limits.waiting)]
        assert said[kind.value] == [*numbers, f"{limits.wait_ms // 1000} s"]


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("RedemptionService/CreateRedemption", CallClass.MONEY),
        ("OpeningService/CreateOpeningRequest", CallClass.MONEY),
        ("UseService/PlaceUseOrder", CallClass.MONEY),
        ("RecordService/CreateCosignature", CallClass.MONEY),
        ("EpochService/CreateChunk", CallClass.INTAKE),
        ("EpochService/CreateClaimList", CallClass.INTAKE),
        ("RegistryService/CreateEnrolmentBatch", CallClass.INTAKE),
        ("StatisticsService/SubmitContribution", CallClass.INTAKE),
        ("StatisticsService/GetTable", CallClass.READ),
        ("IdentityService/Evaluate", CallClass.EVALUATION),
        ("OpeningService/GetAccount", CallClass.READ),
        ("RecordService/GetFile", CallClass.READ),
        ("EpochService/ListEpochs", CallClass.READ),
    ],
)
def test_money_stands_in_a_line_of_its_own(method: str, kind: CallClass) -> None:
    assert dict(classes())[PACKAGE + method] is kind


def test_the_lines_end_before_grpc_itself_refuses_and_threads_suffice() -> None:
    assert sum(line.at_once + line.waiting for line in DEFAULTS.values()) < CALLS_AT_ONCE_MAX
    assert DEFAULTS[CallClass.INTAKE].at_once + DEFAULTS[CallClass.READ].at_once <= THREADS
    assert DEFAULTS[CallClass.INTAKE].per_party < DEFAULTS[CallClass.INTAKE].at_once


def test_an_operator_changes_what_he_names_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_text(GOOD + "[calls.intake]\nat_once = 9\n[calls.read]\nwaiting = 0\n", "utf-8")

    lines = {line.name: line.limits for line in admission_of(load_config(path).calls).lines}

    intake, read = DEFAULTS[CallClass.INTAKE], DEFAULTS[CallClass.READ]
    assert lines == {
        "money": DEFAULTS[CallClass.MONEY],
        "evaluation": DEFAULTS[CallClass.EVALUATION],
        "intake": LineLimits(
            at_once=9, per_party=intake.per_party, waiting=intake.waiting, wait_ms=intake.wait_ms
        ),
        "read": LineLimits(
            at_once=read.at_once, per_party=read.per_party, waiting=0, wait_ms=read.wait_ms
        ),
    }


@pytest.mark.parametrize(
    "table",
    [
        "[calls.intake]\nat_once = 0\n",
        "[calls.intake]\nwaiting = -1\n",
        "[calls.intake]\nwait_ms = 0\n",
        "[calls.intake]\nfast = true\n",
        "[calls.lunch]\nat_once = 1\n",
    ],
)
def test_limits_under_which_nobody_is_served_are_refused(tmp_path: Path, table: str) -> None:
    path = tmp_path / "hub.toml"
    path.write_text(GOOD + table, "utf-8")

    with pytest.raises(HubConfigError, match="calls"):
        load_config(path)


def test_the_log_says_once_what_was_shed_and_of_what() -> None:
    stream = io.StringIO()
    logs.configure("hub", stream=stream)
    limits = LineConfig(at_once=1, waiting=0)
    admission = admission_of({CallClass.INTAKE: limits})
    report = ShedReport(admission.lines)

    async def scene() -> None:
        method, party = f"{PACKAGE}EpochService/CreateChunk", PartyId("metro")
        async with admission.place(method, party):
            for _ in range(3):
                with pytest.raises(OverloadedError):
                    async with admission.place(method, party):
                        raise AssertionError("there is no place")
            report.look()
            report.look()

    asyncio.run(scene())
    structlog.reset_defaults()

    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert (line["event"], line["level"], line["kind"]) == ("calls_shed", "warning", "intake")
    assert (line["count"], line["total"], line["accepted"], line["limit"]) == (3, 3, 1, 1)
    assert line["retry_after_ms"] == 100
    assert "dropped" not in line
