"""A client in a process of its own: redeems everything of holder 1 under one id, says how it went.

Usage: redeem_process.py URL NOW_S REDEMPTION_NUMBER
"""

from __future__ import annotations

import sys

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.redemption.settlement import ECNY_RULE
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.units import Seconds
from hub.clearing.redemptions import create_redemption
from hub.storage.engine import open_engine, writing


def main() -> None:
    """Redeem once the parent says so."""
    url, now_s, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    engine = open_engine(url)
    order = RedemptionOrder(
        parameter_id=bytes(32),
        programme_id=ProgrammeId("ecny-shanghai"),
        redemption_id=number.to_bytes(16, "big"),
        account_token=bytes([1]) * 32,
        wallet_id=sandbox_wallet_id(1),
        wallet_class=WalletClass.CLASS_2,
        binding_leaf=bytes(34),
        operator_id=PartyId("wallet-operator"),
        units=None,
    )
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    try:
        with writing(engine) as session:
            redemption = create_redemption(session, order, ECNY_RULE, Seconds(now_s))
        sys.stdout.write(f"{redemption.amount_fen}\n")
    except FedcarbonError as error:
        sys.stdout.write(f"{error.code}\n")


if __name__ == "__main__":
    main()
