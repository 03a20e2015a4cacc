"""Trust roots: what a party must hold before it believes anything else.

`roots.toml` names the parameter set by its id and gives one Ed25519 root key per trustee
organisation. It is handed over by hand, next to the ceremony; everything else is checked from it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.errors import ConfigurationError, MalformedError
from fedcarbon.ids import PartyId, party_id
from fedcarbon.transparency.envelope import KEY_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRoots:
    """The contents of `roots.toml`."""

    parameter_id: bytes
    threshold: int
    """How many root keys must sign an admission or a programme."""
    root_keys: Mapping[PartyId, bytes]
    """Trustee id to 32-byte Ed25519 public key, in the order of the trustees' indices."""

    def __post_init__(self) -> None:
        """Check sizes, that no key counts twice, and that the threshold can be met."""
        sizes = {len(key) for key in self.root_keys.values()}
        if len(self.parameter_id) != DIGEST_BYTES or sizes != {KEY_BYTES}:
            raise ConfigurationError("roots: the parameter id and every root key have 32 bytes")
        if len(set(self.root_keys.values())) != len(self.root_keys):
            raise ConfigurationError("roots: two trustee organisations share a root key")
        if not 1 <= self.threshold <= len(self.root_keys):
            raise ConfigurationError("roots: the threshold must be between 1 and the root keys")

    def to_toml(self) -> str:
        """Return the text of `roots.toml`."""
        lines = [
            "# Trust roots of one federation: hand this file over by a way you trust.",
            f'parameter_id = "{self.parameter_id.hex()}"',
            f"threshold = {self.threshold}",
            "",
        ]
        for trustee, key in self.root_keys.items():
            lines += ["[[root]]", f'trustee = "{trustee}"', f'key = "{key.hex()}"', ""]
        return "\n".join(lines)


def parse_roots(data: bytes) -> TrustRoots:
    """Return the trust roots in the bytes of `roots.toml`.

    Raises:
        ConfigurationError: the file is not of this form; the operator must get it again.
    """
    try:
        tree = tomllib.loads(data.decode())
        keys = {party_id(item["trustee"]): bytes.fromhex(item["key"]) for item in tree["root"]}
        if len(keys) != len(tree["root"]):
            raise ConfigurationError("roots: a trustee stands twice")
        return TrustRoots(
            parameter_id=bytes.fromhex(tree["parameter_id"]),
            threshold=_integer(tree["threshold"]),
            root_keys=MappingProxyType(keys),
        )
    except (KeyError, TypeError, ValueError, RecursionError, MalformedError) as error:
        raise ConfigurationError(f"roots: {type(error).__name__}: {error}") from error


def _integer(value: object) -> int:
    if type(value) is not int:  # TOML has floats, infinities and truths too
        raise TypeError("the threshold is an integer")
    return value
