"""A rail that turns down wallets of institutions that are not in the list."""

from __future__ import annotations

from typing import Final

from typing_extensions import override

from fedcarbon.redemption.rail import Payout, Rail, RailAnswer, RailStatus
from fedcarbon.redemption.wallet import InstitutionUnknownError, check_institution


class StrictWallets(Rail):
    """Stands before another rail, which never sees what is turned down."""

    def __init__(self, rail: Rail) -> None:
        """Take the rail that pays the others."""
        self._rail: Final = rail

    @override
    def pay(self, payout: Payout) -> RailAnswer:
        """Reject a wallet of no listed institution; else pay."""
        try:
            check_institution(payout.wallet_id)
        except InstitutionUnknownError as error:
            # Without the id: reasons are logged and shown.
            reason = f"{error.code}: the wallet's number belongs to no listed institution"
            return RailAnswer(status=RailStatus.REJECTED, reason=reason)
        return self._rail.pay(payout)

    @override
    def query(self, payout_id: bytes) -> RailAnswer:
        """Return what became of the payout."""
        return self._rail.query(payout_id)
