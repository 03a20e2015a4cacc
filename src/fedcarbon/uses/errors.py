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
