"""Errors that say who must act.

The class tells whose move it is; the `code` is stable, machine-readable and what tests, logs and
the wire agree on. Messages are lower-case sentences with public values only. A bug of our own is
a plain `AssertionError` and is never caught.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from typing_extensions import override


class FedcarbonError(Exception):
    """Base of every error that this project promises to raise."""

    code: ClassVar[str] = "FEDCARBON"
    """Stable identifier in UPPER_SNAKE_CASE, unique per class."""

    @override
    def __reduce__(self) -> tuple[Callable[..., FedcarbonError], tuple[Any, ...]]:
        """Say how an error is made again in another process, whatever its `__init__` asks for.

        Python would call it with the message alone: where more is asked for, a pool of processes
        is broken by an error that it was to hand over.
        """
        return _made_again, (type(self), self.args, self.__dict__)


def _made_again(
    kind: type[FedcarbonError], said: tuple[Any, ...], kept: Mapping[str, Any]
) -> FedcarbonError:
    error = kind.__new__(kind, *said)
    error.__dict__.update(kept)
    return error


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
