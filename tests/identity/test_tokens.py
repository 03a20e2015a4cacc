from __future__ import annotations

import hashlib
import hmac

import pytest

from fedcarbon.identity.blinding import SecretOutput
from fedcarbon.identity.labels import KeyLabel, KeyUseRefusedError
from fedcarbon.identity.tokens import account_token, claim_token, object_token
from fedcarbon.ids import ProgrammeId
from fedcarbon.units import Seconds

PROGRAMME = ProgrammeId("ecny-shanghai")
SLOT = Seconds(1_535_731_200)


def output_of(label: KeyLabel, fill: int = 1) -> SecretOutput:
    return SecretOutput(label=label, value=bytes([fill]) * 64)


def expected_hmac(key: bytes, *items: bytes) -> bytes:
    message = b"".join(len(item).to_bytes(8, "big") + item for item in items)
    return hmac.new(key, message, hashlib.sha256).digest()


def test_an_account_token_is_an_hmac_over_label_and_programme() -> None:
    token = account_token(output_of(KeyLabel.ACCOUNT), PROGRAMME)

    assert token == expected_hmac(b"\x01" * 64, b"fedcarbon/v1/account-token", b"ecny-shanghai")


def test_a_claim_token_is_a_cut_hmac_over_domain_group_and_slot() -> None:
    token = claim_token(output_of(KeyLabel.CLAIM), "shanghai", "movement", SLOT)

    assert (
        token
        == expected_hmac(
            b"\x01" * 64,
            b"fedcarbon/v1/claim-token",
            b"shanghai",
            b"movement",
            SLOT.to_bytes(8, "big"),
        )[:16]
    )


def test_a_token_changes_with_person_domain_group_and_slot() -> None:
    person = output_of(KeyLabel.CLAIM)

    tokens = {
        claim_token(person, "shanghai", "movement", SLOT),
        claim_token(output_of(KeyLabel.CLAIM, 2), "shanghai", "movement", SLOT),
        claim_token(person, "hangzhou", "movement", SLOT),
        claim_token(person, "shanghai", "meter", SLOT),
        claim_token(person, "shanghaim", "ovement", SLOT),
        claim_token(person, "shanghai", "movement", Seconds(SLOT + 300)),
    }

    assert len(tokens) == 6


def test_an_object_token_needs_no_time() -> None:
    meter = output_of(KeyLabel.OBJECT)

    tokens = {
        object_token(meter, "shanghai", "meter", SLOT),
        object_token(meter, "shanghai", "meter", None),
        object_token(meter, "shanghai", "meter", Seconds(0)),
    }

    assert len(tokens) == 3


@pytest.mark.parametrize("label", KeyLabel)
def test_an_output_of_one_key_makes_no_token_of_another(label: KeyLabel) -> None:
    output = output_of(label)

    if label is not KeyLabel.ACCOUNT:
        with pytest.raises(KeyUseRefusedError):
            account_token(output, PROGRAMME)
    if label is not KeyLabel.CLAIM:
        with pytest.raises(KeyUseRefusedError):
            claim_token(output, "shanghai", "movement", SLOT)
    if label is not KeyLabel.OBJECT:
        with pytest.raises(KeyUseRefusedError):
            object_token(output, "shanghai", "meter", SLOT)
