"""Proofs that held once in an audit in this process are not checked again for the same bytes.

A hundred spoilt copies of one record hold the same proofs nearly everywhere. What does not hold,
and what is new in a copy, is checked every time.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final
from unittest.mock import patch

from fedcarbon.opening import links, mask_proofs
from fedcarbon.proofs.commitments import ProofKey, RandomBelow
from fedcarbon.proofs.link import LinkProof, LinkStatement
from fedcarbon.proofs.link_verifier import verify_link
from fedcarbon.proofs.range_verifier import Claim, RangeProofInvalidError, invalid_proofs
from fedcarbon.submission import block_proofs

_HELD: Final[set[bytes]] = set()


@contextmanager
def remembering_proofs() -> Iterator[None]:
    """Let audits remember which proofs hold; all of them must draw weights that nobody foresees."""
    with ExitStack() as stack:
        for module in (block_proofs, mask_proofs):
            stack.enter_context(patch.object(module, invalid_proofs.__name__, _invalid_proofs))
        stack.enter_context(patch.object(links, verify_link.__name__, _verify_link))
        yield


def _invalid_proofs(
    key: ProofKey, claims: Sequence[Claim], randbelow: RandomBelow
) -> list[RangeProofInvalidError]:
    name = _name_of(key, *claims)
    if name in _HELD:
        return []
    invalid = invalid_proofs(key, claims, randbelow)
    if not invalid:
        _HELD.add(name)
    return invalid


def _verify_link(key: ProofKey, statement: LinkStatement, proof: LinkProof) -> None:
    name = _name_of(key, statement, proof)
    if name not in _HELD:
        verify_link(key, statement, proof)
        _HELD.add(name)


def _name_of(key: ProofKey, *proved: object) -> bytes:
    said = (key.parameter_id, key.public_key.n, key.commitment_modulus, proved)
    return hashlib.sha256(pickle.dumps(said)).digest()
