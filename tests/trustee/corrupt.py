"""What a corrupt trustee does beside an honest one, in the steps of an opening."""

from __future__ import annotations

from fedcarbon.opening.statements import mask_hash
from tests.trustee.opening_steps import Opening


def corrupt_mask(opening: Opening, ciphertext: bytes, name: str = "trustee-2") -> None:
    """Let a corrupt trustee commit to `ciphertext` beside trustee-1's honest mask."""
    federation = opening.federation
    answer = federation.ask("trustee-1", mask=opening.mask_order())
    opening.hashes["trustee-1"] = answer.mask.mask_hashes[0]
    draft = opening.draft
    opening.hashes[name] = mask_hash(
        draft.opening_id, draft.attempt, opening.subset[opening.subset.index(name)], ciphertext
    )


def log_with_corrupt(opening: Opening, corrupt: str = "trustee-2") -> None:
    """Log the start, signed honestly by trustee-1 and with the corrupt trustee's key."""
    federation = opening.federation
    answer = federation.ask("trustee-1", sign_start=opening.sign_order())
    assert answer.WhichOneof("answer") == "sign_start", answer.refused
    opening.log_signed("trustee-1", corrupt)
    federation.witness()


def shown_by(opening: Opening, name: str = "trustee-1") -> bytes:
    answer = opening.federation.ask(name, reveal_mask=opening.reveal_order())
    assert answer.WhichOneof("answer") == "reveal_mask", answer.refused
    return answer.reveal_mask.masks[0]
