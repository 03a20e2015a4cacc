"""Errors of uses; each says who must act."""

from __future__ import annotations

from typing import ClassVar

from fedcarbon.errors import CallerError, StateError


class UseStateError(StateError):
    """The use is in a state that does not allow this step."""

    code: ClassVar[str] = "USE_STATE"


class LotStateError(StateError):
    """The credit lot is in a state that does not allow this step."""

    code: ClassVar[str] = "LOT_STATE"


class LotShortError(CallerError):
    """Fewer grams are pledged than the lot needs: bundle fewer tonnes, or wait."""

    code: ClassVar[str] = "LOT_SHORT"


class LotTooWideError(CallerError):
    """Too many holders would have a part in one lot: bundle fewer tonnes."""

    code: ClassVar[str] = "LOT_TOO_WIDE"


class LotVintageExcludedError(CallerError):
    """The rules for lots exclude the vintage: bundle another one."""

    code: ClassVar[str] = "LOT_VINTAGE_EXCLUDED"


class LotTooSmallError(CallerError):
    """The lot has fewer tonnes than the rules ask for: bundle more."""

    code: ClassVar[str] = "LOT_TOO_SMALL"


class LotMethodologyExcludedError(CallerError):
    """The rules for lots do not admit a methodology that the grams may come from."""

    code: ClassVar[str] = "LOT_METHODOLOGY_EXCLUDED"


class OffsetLimitError(CallerError):
    """The beneficiary would surrender more than its part of the obligation."""

    code: ClassVar[str] = "OFFSET_LIMIT"


class ObligationDiffersError(CallerError):
    """The beneficiary has stated the obligation with another amount before."""

    code: ClassVar[str] = "OBLIGATION_DIFFERS"
