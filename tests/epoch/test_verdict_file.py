"""Verdict files and the table of states."""

from __future__ import annotations

import pytest

from fedcarbon.epoch.lifecycle import (
    TRANSITIONS,
    EpochEvent,
    EpochState,
    EpochStateError,
    next_state,
)
from fedcarbon.epoch.verdict_file import (
    FILE_MAGIC,
    MalformedVerdictFileError,
    lost_tokens,
    verdict_file_bytes,
)
from fedcarbon.identity.tokens import ClaimToken

ONE, TWO = ClaimToken(b"1" * 16), ClaimToken(b"2" * 16)


def test_lost_claims_round_trip() -> None:
    assert verdict_file_bytes([ONE, TWO]) == b"fedcarbon/v1/verdicts\n" + ONE + TWO
    assert lost_tokens(verdict_file_bytes([ONE, TWO])) == [ONE, TWO]
    assert lost_tokens(verdict_file_bytes([])) == []


@pytest.mark.parametrize(
    "data", [b"", ONE, FILE_MAGIC + ONE[:-1], FILE_MAGIC + TWO + ONE, FILE_MAGIC + ONE + ONE]
)
def test_bytes_that_are_no_verdict_file_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedVerdictFileError):
        lost_tokens(data)


@pytest.mark.parametrize("lost", [[TWO, ONE], [ClaimToken(b"short"), ClaimToken(b"x" * 11)]])
def test_tokens_that_do_not_ascend_or_fit_are_not_written(lost: list[ClaimToken]) -> None:
    with pytest.raises(MalformedVerdictFileError):
        verdict_file_bytes(lost)


def test_an_epoch_goes_through_its_states_in_one_order() -> None:
    state, path = EpochState.PLANNED, [EpochState.PLANNED]
    for event in EpochEvent:
        state = next_state(state, event)
        path.append(state)

    assert path == list(EpochState)


@pytest.mark.parametrize("state", EpochState)
@pytest.mark.parametrize("event", EpochEvent)
def test_no_step_is_possible_but_those_of_the_table(state: EpochState, event: EpochEvent) -> None:
    if event in TRANSITIONS[state]:
        assert next_state(state, event) is TRANSITIONS[state][event]
    else:
        with pytest.raises(EpochStateError):
            next_state(state, event)


def test_a_sealed_epoch_is_closed_for_ever() -> None:
    assert not TRANSITIONS[EpochState.SEALED]
