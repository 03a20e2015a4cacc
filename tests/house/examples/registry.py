"""The beginning of the example record: parameters, parties, a programme, accounts and a binding."""

from __future__ import annotations

from functools import cache
from typing import Final

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.person_id import CanonicalIdentity, IdType, make_test_id
from fedcarbon.identity.tokens import AccountToken, account_token
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.opening.statements import OperatorBinding, PartnerBinding, wallet_hint
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.registry.enrolment import (
    MESSAGE_ID_BYTES,
    EnrolmentAction,
    EnrolmentBatch,
    EnrolmentEntry,
    PlaceBatch,
    PlaceEntry,
)
from fedcarbon.registry.evaluation import EvaluationRequest, elements_hash_of
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import SECONDS_PER_DAY, Seconds
from partner_node.persons.consent import CONSENT_SALT_BYTES, ConsentKind, consent_hash
from tests.house.examples import parties
from tests.house.examples.chance import NamedChance
from tests.house.examples.parties import BANK, BIKES, METRO, PROGRAMME_ID
from tests.house.examples.tiny_record import TinyRecord

FIRST_EPOCH: Final = EpochIndex(1)
ALICE, BOB = 1, 2
"""Serial numbers of the two TEST persons; Alice uses both partners, Bob the metro only."""
PLACES: Final = {ALICE: (0, 1), BOB: (0, 2)}
CONSENTED_AT_S: Final = Seconds(1_793_000_000)
WALLET: Final = sandbox_wallet_id(1)


@cache
def token_of(serial: int) -> AccountToken:
    """Return a person's account token."""
    return account_token(parties.output(KeyLabel.ACCOUNT, serial), PROGRAMME_ID)


def message_id(name: str) -> bytes:
    """Return a client-made id."""
    return NamedChance(f"message id {name}").octets(MESSAGE_ID_BYTES)


def epoch_end_s() -> Seconds:
    """Return the end of the only epoch of the record."""
    return parties.programme().epoch_end_s(FIRST_EPOCH)


def evaluation_request() -> EvaluationRequest:
    """Return the metro's request to evaluate Alice under the account key."""
    elements = parties.blinded(KeyLabel.ACCOUNT, ALICE).blinded
    return EvaluationRequest(
        parameter_id=parties.parameters().parameter_id,
        programme_id=PROGRAMME_ID,
        asker_id=METRO,
        request_id=message_id("evaluation"),
        key_label=KeyLabel.ACCOUNT,
        count=len(elements),
        elements_hash=elements_hash_of(elements),
    )


def consent_salt(partner: PartyId, serial: int) -> bytes:
    """Return the salt of a person's two consent hashes at a partner."""
    return NamedChance(f"consent {partner} {serial}").octets(CONSENT_SALT_BYTES)


def enrolment(partner: PartyId, *serials: int) -> EnrolmentBatch:
    """Return a partner's batch that enrols persons from the first epoch on."""
    return EnrolmentBatch(
        parameter_id=parties.parameters().parameter_id,
        programme_id=PROGRAMME_ID,
        partner_id=partner,
        batch_id=message_id(f"enrolment {partner}"),
        entries=tuple(_entry(partner, serial) for serial in serials),
    )


def _entry(partner: PartyId, serial: int) -> EnrolmentEntry:
    identity = CanonicalIdentity(
        id_type=IdType.TEST, issuing_country="CN", number=make_test_id(serial)
    )
    salt = consent_salt(partner, serial)
    data, claim = (
        consent_hash(kind, salt, identity, CONSENTED_AT_S)
        for kind in (ConsentKind.DATA, ConsentKind.CLAIM)
    )
    return EnrolmentEntry(
        account_token=token_of(serial),
        action=EnrolmentAction.ENROL,
        from_epoch=FIRST_EPOCH,
        consent_data_hash=data,
        consent_claim_hash=claim,
    )


def withdrawal(serial: int) -> EnrolmentEntry:
    """Return the entry that withdraws a person from the second epoch on."""
    return EnrolmentEntry(
        account_token=token_of(serial),
        action=EnrolmentAction.WITHDRAW,
        from_epoch=FIRST_EPOCH + 1,
        consent_data_hash=bytes(DIGEST_BYTES),
        consent_claim_hash=bytes(DIGEST_BYTES),
    )


def places(enrolment_leaf: int, *serials: int) -> PlaceBatch:
    """Return the places of the new accounts of a batch."""
    return PlaceBatch(
        parameter_id=parties.parameters().parameter_id,
        programme_id=PROGRAMME_ID,
        enrolment_leaf=enrolment_leaf,
        entries=tuple(
            PlaceEntry(
                account_token=token_of(serial), block=PLACES[serial][0], slot=PLACES[serial][1]
            )
            for serial in serials
        ),
    )


def operator_binding() -> OperatorBinding:
    """Return the bank's half of the binding of Alice's account to a test wallet."""
    return OperatorBinding(
        parameter_id=parties.parameters().parameter_id,
        programme_id=PROGRAMME_ID,
        binding_id=message_id("binding"),
        account_token=token_of(ALICE),
        wallet_id=WALLET,
        wallet_class=WalletClass.CLASS_2,
        operator_id=BANK,
    )


def add_beginning(record: TinyRecord) -> None:
    """Log everything up to the binding, with three witnessed heads in the days before the epoch."""
    dealt = parties.ceremony()
    record.append(LeafType.PARAMETERS, dealt.signed_parameters.to_bytes())
    record.append(LeafType.SELF_TEST, dealt.signed_self_test.to_bytes())
    for name in parties.ROLES:
        record.append(LeafType.PARTY_ADMISSION, parties.root_signed(parties.admission(name)))
    record.append(LeafType.PROGRAMME, parties.root_signed(parties.programme()))
    record.witness(epoch_end_s() - 5 * SECONDS_PER_DAY)
    record.append_by(METRO, evaluation_request())
    first = record.append_by(METRO, enrolment(METRO, ALICE, BOB))
    record.append_hub(places(first.index, ALICE, BOB))
    second = record.append_by(BIKES, enrolment(BIKES, ALICE))
    record.append_hub(places(second.index))
    record.witness(epoch_end_s() - 4 * SECONDS_PER_DAY)
    binding = operator_binding()
    half = record.append_by(BANK, binding)
    record.append_by(
        METRO,
        PartnerBinding(
            parameter_id=binding.parameter_id,
            programme_id=PROGRAMME_ID,
            binding_id=binding.binding_id,
            account_token=binding.account_token,
            operator_leaf=half.leaf,
            operator_id=binding.operator_id,
            wallet_hint=wallet_hint(binding.wallet_id),
            partner_id=METRO,
        ),
    )
    record.witness(epoch_end_s() - 2 * SECONDS_PER_DAY)
