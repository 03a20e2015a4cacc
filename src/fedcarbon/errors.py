"""Errors that say who must act.

The class tells whose move it is; the `code` is stable, machine-readable and what tests, logs and
the wire agree on. Messages are lower-case sentences with public values only. A bug of our own is
a plain `AssertionError` and is never caught.
"""

from __future__ import annotations

from typing import ClassVar


class FedcarbonError(Exception):
    """Base of every error that this project promises to raise."""

    code: ClassVar[str] = "FEDCARBON"
    """Stable identifier in UPPER_SNAKE_CASE, unique per class."""


class CallerError(FedcarbonError):
    """The caller sent something wrong and must change it before asking again."""

    code: ClassVar[str] = "CALLER"


class PeerError(FedcarbonError):
    """Another party misbehaved: keep the evidence, name the party, go on without it."""

    code: ClassVar[str] = "PEER"


class StateError(FedcarbonError):
    """The right thing at the wrong time: waiting or another order of steps helps."""

    code: ClassVar[str] = "STATE"


class ConfigurationError(FedcarbonError):
    """The operator of this process must change its configuration or its files."""

    code: ClassVar[str] = "CONFIGURATION"


class MalformedError(CallerError):
    """Bytes that are not the one canonical encoding of what was promised."""

    code: ClassVar[str] = "MALFORMED"


class SignatureInvalidError(PeerError):
    """A signature is missing, made by another key, or over other bytes."""

    code: ClassVar[str] = "SIGNATURE_INVALID"
