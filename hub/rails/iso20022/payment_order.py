"""pain.001.001.09: a batch of payouts, as the hub tells a bank to make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from pyiso20022.pain.pain_001_001_09 import pain_001_001_09 as pain

from fedcarbon.canonical.hashing import digest, u64
from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.rail import Payout
from fedcarbon.redemption.value_day import value_day
from fedcarbon.redemption.wallet import WalletType, institution_code_of
from fedcarbon.units import Seconds
from hub.rails.iso20022.values import CURRENCY, end_to_end_id, xml_date, xml_instant, yuan
from hub.rails.iso20022.xml import document_bytes

BATCH_PAYOUTS_MAX: Final = 10_000
WALLET_SCHEME: Final = "ECNY"
NOT_PROVIDED: Final = "NOTPROVIDED"
_MESSAGE_LABEL: Final = b"fedcarbon/v1/iso20022-message"
_ID_DIGITS: Final = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Debtor:
    """Whose floats pay, and where they are kept."""

    name: str
    agent: str
    """Institution code of the bank."""
    accounts: Mapping[ProgrammeId, str]
    """Programme to account number."""


def message_id(payouts: Sequence[Payout]) -> str:
    """Return the id of the message that holds exactly these payouts, in any order."""
    contents = sorted(
        payout.payout_id
        + digest(
            _MESSAGE_LABEL,
            payout.programme.encode(),
            payout.wallet_id.encode(),
            u64(payout.amount_fen),
        )
        for payout in payouts
    )
    return f"FC{digest(_MESSAGE_LABEL, *contents).hex()[:_ID_DIGITS]}"


def payment_order(payouts: Sequence[Payout], debtor: Debtor, now_s: Seconds) -> bytes:
    """Return the file that orders `payouts`; the same payouts and time give the same bytes.

    Args:
        payouts: 1 to `BATCH_PAYOUTS_MAX`, of programmes that `debtor` has accounts for.
        debtor: who pays.
        now_s: when the order is given; the value day is its day.

    Raises:
        IsoSchemaViolatedError: something does not fit into the message.
    """
    assert 1 <= len(payouts) <= BATCH_PAYOUTS_MAX  # noqa: S101 - the caller bundles
    identity = message_id(payouts)
    ordered = sorted(payouts, key=lambda payout: (payout.programme, payout.payout_id))
    groups = groupby(ordered, key=lambda payout: payout.programme)
    document = pain.Document(
        cstmr_cdt_trf_initn=pain.CustomerCreditTransferInitiationV09(
            grp_hdr=pain.GroupHeader85(
                msg_id=identity,
                cre_dt_tm=xml_instant(now_s),
                nb_of_txs=str(len(payouts)),
                ctrl_sum=yuan(sum(payout.amount_fen for payout in payouts)),
                initg_pty=pain.PartyIdentification135(nm=debtor.name),
            ),
            pmt_inf=[
                _of_programme(f"{identity}-{number:03d}", programme, list(group), debtor, now_s)
                for number, (programme, group) in enumerate(groups, start=1)
            ],
        )
    )
    return document_bytes(document)


def _of_programme(
    identity: str,
    programme: ProgrammeId,
    payouts: Sequence[Payout],
    debtor: Debtor,
    now_s: Seconds,
) -> pain.PaymentInstruction30:
    return pain.PaymentInstruction30(
        pmt_inf_id=identity,
        pmt_mtd=pain.PaymentMethod3Code.TRF,
        # One entry per payout on the statement, or nobody could match them.
        btch_bookg=False,
        nb_of_txs=str(len(payouts)),
        ctrl_sum=yuan(sum(payout.amount_fen for payout in payouts)),
        reqd_exctn_dt=pain.DateAndDateTime2Choice(dt=xml_date(value_day(now_s))),
        dbtr=pain.PartyIdentification135(nm=debtor.name),
        dbtr_acct=pain.CashAccount38(id=_account(debtor.accounts[programme]), ccy=CURRENCY),
        dbtr_agt=_agent(debtor.agent),
        chrg_br=pain.ChargeBearerType1Code.SLEV,
        cdt_trf_tx_inf=[_transfer(payout) for payout in payouts],
    )


def _transfer(payout: Payout) -> pain.CreditTransferTransaction34:
    code = institution_code_of(payout.wallet_id)
    return pain.CreditTransferTransaction34(
        pmt_id=pain.PaymentIdentification6(end_to_end_id=end_to_end_id(payout.payout_id)),
        amt=pain.AmountType4Choice(
            instd_amt=pain.ActiveOrHistoricCurrencyAndAmount(
                value=yuan(payout.amount_fen), ccy=CURRENCY
            )
        ),
        cdtr_agt=None if code is None else _agent(code),
        cdtr_acct=pain.CashAccount38(
            # An account number has at most 34 characters, a wallet id 68: it is a proxy.
            id=_account(NOT_PROVIDED),
            tp=pain.CashAccountType2Choice(prtry=WalletType.PERSONAL.value),
            ccy=CURRENCY,
            prxy=pain.ProxyAccountIdentification1(
                tp=pain.ProxyAccountType1Choice(prtry=WALLET_SCHEME), id=payout.wallet_id
            ),
        ),
    )


def _account(number: str) -> pain.AccountIdentification4Choice:
    return pain.AccountIdentification4Choice(othr=pain.GenericAccountIdentification1(id=number))


def _agent(code: str) -> pain.BranchAndFinancialInstitutionIdentification6:
    return pain.BranchAndFinancialInstitutionIdentification6(
        fin_instn_id=pain.FinancialInstitutionIdentification18(
            clr_sys_mmb_id=pain.ClearingSystemMemberIdentification2(mmb_id=code)
        )
    )
