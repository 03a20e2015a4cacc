"""The file of limits: read once when a program starts; a change needs a new start."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import Session

from fedcarbon.redemption.limits import Limits, LimitsInvalidError, parse_limits
from fedcarbon.redemption.value_day import value_day
from fedcarbon.units import Seconds
from hub.storage.registry_store import ProgrammeStore


def load_limits(path: Path | None) -> Limits:
    """Return the limits in the TOML file `path`; without a file none are set.

    Raises:
        LimitsInvalidError: the file is missing or not of its form.
    """
    if path is None:
        return Limits()
    try:
        return parse_limits(path.read_bytes())
    except OSError as error:
        raise LimitsInvalidError(f"limits: {path.name} cannot be read: {error.strerror}") from error


def missing_limits(session: Session, limits: Limits, now_s: Seconds) -> tuple[str, ...]:
    """Return what the operator has set no limits for at `now_s`: wallet levels and programmes.

    Args:
        session: a reading session.
        limits: what is set.
        now_s: protocol time.
    """
    programmes = [programme.programme_id for programme in ProgrammeStore(session).all()]
    return limits.missing(programmes, value_day(now_s))
