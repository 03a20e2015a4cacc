"""An opening as an honest hub drives it, step by step, so that a test can bend one step."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from fedcarbon.canonical import statement as statements
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.opening.caps import caps_so_far
from fedcarbon.opening.mask_sets import NO_HASH, masked_ciphertext
from fedcarbon.opening.masks import read_opened
from fedcarbon.opening.statements import (
    OpenedValue,
    OpeningRequest,
    OpeningResult,
    OpeningStart,
    Target,
    opening_id_of,
    share_context,
)
from fedcarbon.paillier.combine import ShareBatch, decrypt
from fedcarbon.paillier.share_proof import ShareProof
from fedcarbon.transparency.envelope import Envelope, Signature, payload_type_of, sign_payload
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import trustee_pb2
from tests.trustee.city import City
from tests.trustee.federation import Federation
from tests.trustee.founded import ALICE, HUB, PROGRAMME


class Opening:
    """One attempt at opening the accounts of some requests."""

    def __init__(
        self,
        federation: Federation,
        requests: Sequence[int],
        subset: Sequence[str] = ("trustee-1", "trustee-2"),
        attempt: int = 1,
        **changes: Any,
    ) -> None:
        self.federation = federation
        self.subset = tuple(PartyId(name) for name in sorted(subset))
        self.draft = self._draft(requests, attempt, **changes)
        self.hashes: dict[str, bytes] = {}
        self.masks: dict[str, bytes] = {}
        self.shares: dict[str, trustee_pb2.ShareAnswer] = {}
        self.leaf = -1

    def _draft(self, requests: Sequence[int], attempt: int, **changes: Any) -> OpeningStart:
        federation = self.federation
        asked = [federation.statement_at(index, OpeningRequest) for index in requests]
        pairs = sorted(zip(asked, requests, strict=True), key=lambda pair: pair[0].slot)
        block, epoch = changes.pop("block", asked[0].block), changes.pop("epoch", asked[0].epoch)
        given = changes.pop("product_sha256", None)
        product_sha256 = given or hashlib.sha256(federation.products(epoch)[block]).digest()
        targets = tuple(
            Target(slot=item.slot, account_token=item.account_token, request_leaf=index)
            for item, index in pairs
        )
        start = OpeningStart(
            parameter_id=federation.parameters.parameter_id,
            programme_id=PROGRAMME,
            opening_id=bytes(32),
            attempt=attempt,
            block=block,
            epoch=EpochIndex(epoch),
            targets=targets,
            subset=self.subset,
            product_sha256=product_sha256,
            mask_hashes=(NO_HASH,) * len(self.subset),
        )
        start = dataclasses.replace(start, **changes)
        opening_id = opening_id_of(
            request_leaves=[federation.record.leaves[item.request_leaf].leaf for item in targets],
            block=start.block,
            epoch=start.epoch,
            slots=[target.slot for target in start.targets],
            product_sha256=start.product_sha256,
        )
        return dataclasses.replace(start, opening_id=opening_id)

    # Orders

    def mask_order(self) -> trustee_pb2.MaskOrder:
        return trustee_pb2.MaskOrder(draft_starts=[statements.encode(self.draft)])

    def sign_order(self, **changes: Any) -> trustee_pb2.SignStartOrder:
        start = dataclasses.replace(self.start, **changes)
        return trustee_pb2.SignStartOrder(starts=[statements.encode(start)])

    def reveal_order(self) -> trustee_pb2.RevealMaskOrder:
        return trustee_pb2.RevealMaskOrder(start_leaves=[self.leaf])

    def share_order(self, masks: Sequence[bytes] | None = None) -> trustee_pb2.ShareOrder:
        shown = [self.masks[name] for name in self.subset] if masks is None else masks
        item = trustee_pb2.MaskedStart(start_leaf=self.leaf, masks=shown)
        return trustee_pb2.ShareOrder(starts=[item])

    @property
    def start(self) -> OpeningStart:
        hashes = tuple(self.hashes[name] for name in self.subset)
        return dataclasses.replace(self.draft, mask_hashes=hashes)

    # Steps of an honest hub; each stops the test if a trustee refuses

    def commit(self) -> Opening:
        for name in self.subset:
            answer = self.federation.ask(name, mask=self.mask_order())
            assert answer.WhichOneof("answer") == "mask", answer.refused
            self.hashes[name] = answer.mask.mask_hashes[0]
        return self

    def log(self) -> Opening:
        """Have the start signed by the subset, and log it."""
        signatures = []
        for name in self.subset:
            answer = self.federation.ask(name, sign_start=self.sign_order())
            assert answer.WhichOneof("answer") == "sign_start", answer.refused
            signatures.append(Signature(keyid=name, sig=answer.sign_start.signatures[0]))
        envelope = Envelope(
            payload_type=payload_type_of(OpeningStart.KIND),
            payload=statements.encode(self.start),
            signatures=tuple(signatures),
        )
        self.leaf = self.federation.log(LeafType.OPENING_START, envelope)
        return self

    def reveal(self) -> Opening:
        for name in self.subset:
            answer = self.federation.ask(name, reveal_mask=self.reveal_order())
            assert answer.WhichOneof("answer") == "reveal_mask", answer.refused
            self.masks[name] = answer.reveal_mask.masks[0]
        return self

    def share(self) -> Opening:
        for name in self.subset:
            answer = self.federation.ask(name, share=self.share_order())
            assert answer.WhichOneof("answer") == "share", answer.refused
            self.shares[name] = answer.share
        return self

    def start_witnessed(self) -> Opening:
        """Take all steps until the start is under a witnessed head."""
        self.commit().log()
        self.federation.witness()
        return self

    def run(self) -> dict[int, int]:
        """Take all steps and return the opened value per slot."""
        self.start_witnessed().reveal().share()
        return self.values()

    def values(self) -> dict[int, int]:
        """Verify and combine the shares, as the hub and any auditor can."""
        federation, key = self.federation, self.federation.parameters.threshold_key
        product = federation.products(self.draft.epoch)[self.draft.block]
        masks = [self.masks[name] for name in self.subset]
        masked = masked_ciphertext(federation.parameters.public_key, self.start, product, masks)
        batches = [
            ShareBatch(
                trustee=federation.parameters.trustee_index(PartyId(name)),
                shares=tuple(int.from_bytes(share, "big") for share in answer.shares),
                proof=ShareProof.from_bytes(key, answer.proof),
            )
            for name, answer in self.shares.items()
        ]
        opened = decrypt(
            key,
            [int.from_bytes(masked, "big")],
            batches,
            parameter_id=federation.parameters.parameter_id,
            context=share_context([federation.record.leaves[self.leaf].leaf], [masked]),
        )
        view = federation.view()
        caps = {
            target.slot: caps_so_far(
                view, federation.account(target.account_token), self.draft.epoch
            )
            for target in self.draft.targets
        }
        return dict(
            read_opened(federation.parameters.layout, opened.plaintexts[0], caps.keys(), caps)
        )

    def finish(self, **changes: Any) -> int:
        """Log the result; return its leaf."""
        values = self.values()
        result = OpeningResult(
            parameter_id=self.federation.parameters.parameter_id,
            programme_id=PROGRAMME,
            opening_id=self.draft.opening_id,
            attempt=self.draft.attempt,
            start_leaf=self.leaf,
            values=tuple(
                OpenedValue(
                    slot=target.slot,
                    account_token=target.account_token,
                    opened_ug=values[target.slot],  # type: ignore[arg-type]  # a mass
                )
                for target in self.draft.targets
            ),
            shares=(),
        )
        return self.federation.log_own(dataclasses.replace(result, **changes), HUB)

    def log_signed(self, *signers: str, borrowed: Mapping[str, bytes] = {}) -> None:
        """Log the start with the signatures of `signers`, whatever they want, and borrowed ones."""
        keys = {name: self.federation.key(name) for name in signers}
        envelope = sign_payload(OpeningStart.KIND, statements.encode(self.start), keys)
        more = tuple(Signature(keyid=name, sig=sig) for name, sig in borrowed.items())
        envelope = dataclasses.replace(envelope, signatures=(*more, *envelope.signatures))
        self.leaf = self.federation.log(LeafType.OPENING_START, envelope)


def asked(city: City, request: int) -> Opening:
    """Return the opening of one witnessed request."""
    city.federation.witness()
    return Opening(city.federation, [request])


def opened(city: City, epoch: int, previous: int = 0) -> None:
    """Open Alice's account for `epoch`, honestly, to the end."""
    opening = asked(city, city.federation.request(ALICE, epoch, city.alice, previous))
    opening.run()
    opening.finish()
