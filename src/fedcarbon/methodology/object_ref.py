"""References to objects: meters, receipts, events and vehicles, spelt alike by every partner.

The owner of a slot is evaluated under the object key, so two spellings of one meter would be two
meters, and one saving would count twice. There is exactly one accepted form:

    <SCHEME>:<ISSUER>:<NUMBER>        METER:SGCC-SH:3100000017, RECEIPT:PLATFORM-A:88-1

after NFKC and in upper case, 1 to 128 printable ASCII characters without spaces.
"""

from __future__ import annotations

import re
import unicodedata
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import length_prefixed
from fedcarbon.errors import CallerError

OBJECT_CHARACTERS_MAX: Final = 128
SCHEMES: Final = ("EVENT", "METER", "RECEIPT", "VEHICLE")
_OBJECT: Final = re.compile(
    r"(?P<scheme>[A-Z]{2,16}):(?P<issuer>[A-Z0-9][A-Z0-9._-]{0,31}):(?P<number>[!-~]+)"
)


class MalformedObjectError(CallerError):
    """A reference that names no object in its one form; the platform must correct it."""

    code: ClassVar[str] = "MALFORMED_OBJECT"


def canonical_object(text: str) -> str:
    """Return the one form of an object reference.

    Raises:
        MalformedObjectError: no scheme, issuer and number, or characters that differ by spelling;
            the message holds no part of the reference.
    """
    if len(text) > 2 * OBJECT_CHARACTERS_MAX:
        raise MalformedObjectError(f"an object has at most {OBJECT_CHARACTERS_MAX} characters")
    normal = unicodedata.normalize("NFKC", text).strip()
    # Before upper(): it would turn letters such as dotless i into plain ASCII.
    if not normal.isascii() or len(normal) > OBJECT_CHARACTERS_MAX:
        raise MalformedObjectError(
            f"an object has at most {OBJECT_CHARACTERS_MAX} letters, digits and signs"
        )
    match = _OBJECT.fullmatch(normal.upper())
    if match is None or match["scheme"] not in SCHEMES:
        raise MalformedObjectError(
            "an object is written as scheme:issuer:number, its scheme one of "
            + ", ".join(scheme.lower() for scheme in SCHEMES)
        )
    return match[0]


def scheme_of(object_ref: str) -> str:
    """Return the scheme of a canonical reference, empty if there is no object."""
    return object_ref.partition(":")[0]


def object_bytes(object_ref: str) -> bytes:
    """Return the bytes that stand for an object in every evaluation."""
    return length_prefixed(b"fedcarbon/v1/object", object_ref.encode())
