"""Orders as the replay meets them: was the binding in force at that moment (V20, V26).

An order is judged by the check that openings are judged by, over the record as it was at its leaf.
The exact second at which the hub took it is not in the record; it is at the latest the time of the
first head over the leaf, and an order holds if the waits were over by then.
"""

from __future__ import annotations

from typing import Final

from fedcarbon.audit.attribution import cause_of
from fedcarbon.audit.books import MoneyLeaf
from fedcarbon.audit.examination import Examination
from fedcarbon.canonical import statement as statements
from fedcarbon.errors import FedcarbonError, MalformedError
from fedcarbon.opening.binding_checks import signing_partners
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.units import Seconds
from fedcarbon.uses.order import UseOrder
from fedcarbon.uses.ranking import RankingChoice


class OrderCheck:
    """Judges the bindings that orders name; what it finds is told by the books."""

    def __init__(self, exam: Examination) -> None:
        """Take the audit."""
        self._exam: Final = exam
        self.refusals: Final[dict[int, str]] = {}
        """Leaf of an order to why its binding was not in force then, the error's code first."""

    def on_order(
        self, leaf: MoneyLeaf, cls: type[RedemptionOrder | UseOrder | RankingChoice]
    ) -> None:
        """Judge the binding of an order as of its leaf.

        Args:
            leaf: the order's.
            cls: of which kind it is.
        """
        view = self._exam.view
        try:
            order = statements.decode(cls, leaf.payload)
        except MalformedError:
            return  # found in the books, as is an unknown binding
        binding = view.bindings.of_leaf(order.binding_leaf)
        if binding is None:
            return
        earliest_s, over = view.heads.clock_s, view.times_over(leaf.index)
        latest_s = earliest_s if over is None else max(earliest_s, over.clock_s)
        try:
            with view.audit_heads.at_moment(latest_s):
                signing_partners(view, binding, Seconds(latest_s))
        except FedcarbonError as error:
            cause = cause_of(error)
            self.refusals[leaf.index] = f"{cause.code}: {cause}; the hub must not have taken it"
