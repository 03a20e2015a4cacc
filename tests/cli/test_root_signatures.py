"""Root keys sign what they are for, and nothing that only looks like it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.ceremony.share_file import seal_share_file
from fedcarbon.cli.registry import RegistryFileError, require_signable, root_sign
from fedcarbon.errors import MalformedError
from fedcarbon.ids import PartyId, Role
from fedcarbon.registry.admission import PartyAdmission, open_rooted
from fedcarbon.transparency.checkpoint import Checkpoint
from fedcarbon.transparency.envelope import Envelope, sign_payload
from tests.keys.ceremonies import dealt

PARAMETERS = dealt().parameters
ADMISSION = PartyAdmission(
    parameter_id=PARAMETERS.parameter_id,
    party_id=PartyId("metro"),
    role=Role.PARTNER,
    signing_key=b"k" * 32,
    best_tier=0,
    claim_slots_per_account_day=72,
    object_quota=0,
)


def unsigned(statement: Statement) -> Envelope:
    return sign_payload(statement.KIND, statements.encode(statement), {})


def test_an_admission_is_signed(tmp_path: Path) -> None:
    secrets = dealt().secrets[0]
    file, share, passphrase = (tmp_path / name for name in ("file", "share", "passphrase"))
    file.write_bytes(unsigned(ADMISSION).to_bytes())
    share.write_bytes(seal_share_file(secrets, b"correct horse", bytes))
    passphrase.write_bytes(b"correct horse\n")

    root_sign(file, share=share, passphrase=passphrase)

    opened = open_rooted(PartyAdmission, file.read_bytes(), PARAMETERS.root_keys, 1)
    assert opened == ADMISSION


def test_nothing_is_signed_that_is_no_admission_and_no_programme() -> None:
    head = Checkpoint(parameter_id=PARAMETERS.parameter_id, size=1, root=bytes(32), timestamp_s=1)

    with pytest.raises(RegistryFileError):
        require_signable(unsigned(head), PARAMETERS.parameter_id)


def test_an_admission_for_another_federation_is_not_signed() -> None:
    other = dataclasses.replace(ADMISSION, parameter_id=bytes(32))

    with pytest.raises(RegistryFileError):
        require_signable(unsigned(other), PARAMETERS.parameter_id)


def test_a_payload_that_shows_one_thing_and_says_another_is_not_signed() -> None:
    """A key that stands twice: the terminal would show the second value, others read the first."""
    payload = statements.encode(ADMISSION).replace(
        b'"role":"partner"', b'"role":"hub","role":"partner"'
    )
    envelope = dataclasses.replace(unsigned(ADMISSION), payload=payload)

    with pytest.raises(MalformedError):
        require_signable(envelope, PARAMETERS.parameter_id)


def test_a_payload_under_another_type_is_not_signed() -> None:
    envelope = dataclasses.replace(unsigned(ADMISSION), payload_type="text/plain")

    with pytest.raises(RegistryFileError):
        require_signable(envelope, PARAMETERS.parameter_id)
