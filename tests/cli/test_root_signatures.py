"""Root keys sign what they are for, and nothing that only looks like it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.ceremony.share_file import seal_share_file
from fedcarbon.cli.registry import RegistryFileError, require_signable, root_sign
from fedcarbon.epoch.statements import CommitClosed
from fedcarbon.errors import MalformedError
from fedcarbon.ids import EpochIndex, PartyId, Role
from fedcarbon.registry.admission import PartyAdmission, open_rooted
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


CLOSING = CommitClosed(
    parameter_id=PARAMETERS.parameter_id,
    exclusivity_domain="ecny",
    epoch=EpochIndex(1),
    lists=(),
    missed=(),
)


@dataclasses.dataclass(frozen=True)
class Holder:
    """A trustee organisation with its share file, and a file to sign."""

    file: Path
    share: Path
    passphrase: Path

    def sign(self, statement: Statement) -> bytes:
        self.file.write_bytes(unsigned(statement).to_bytes())
        root_sign(self.file, share=self.share, passphrase=self.passphrase)
        return self.file.read_bytes()


@pytest.fixture
def holder(tmp_path: Path) -> Holder:
    made = Holder(*(tmp_path / name for name in ("file", "share", "passphrase")))
    made.share.write_bytes(seal_share_file(dealt().secrets[0], b"correct horse", bytes))
    made.passphrase.write_bytes(b"correct horse\n")
    return made


def unsigned(statement: Statement) -> Envelope:
    return sign_payload(statement.KIND, statements.encode(statement), {})


def test_an_admission_is_signed(holder: Holder) -> None:
    signed = holder.sign(ADMISSION)

    assert open_rooted(PartyAdmission, signed, PARAMETERS.root_keys, 1) == ADMISSION


def test_nothing_is_signed_that_is_no_admission_and_no_programme(holder: Holder) -> None:
    with pytest.raises(RegistryFileError):
        holder.sign(CLOSING)

    assert Envelope.from_bytes(holder.file.read_bytes()).signatures == ()


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
