"""A release as an honest hub drives it, step by step, so that a test can bend one step."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from fedcarbon.canonical import statement as statements
from fedcarbon.disclosure.block_file import (
    TableBlocksMalformedError,
    entries_of,
    noised_sha256,
    product_of,
    vector_of,
)
from fedcarbon.disclosure.statements import NoisePart, ReleaseStart
from fedcarbon.ids import PartyId
from fedcarbon.opening.table_checks import release_share_context
from fedcarbon.opening.tables import PeriodRef
from fedcarbon.paillier.combine import ShareBatch, decrypt
from fedcarbon.paillier.share_proof import ShareProof
from fedcarbon.transparency.envelope import Envelope, Signature, payload_type_of, sign_payload
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import trustee_pb2
from tests.trustee.counting import Counting
from tests.trustee.founded import PROGRAMME, refused


class Release:
    """One release of a period, from noise to shares."""

    def __init__(
        self,
        federation: Counting,
        ref: PeriodRef | None = None,
        noisy: Sequence[str] = ("trustee-1", "trustee-2"),
    ) -> None:
        self.federation = federation
        self.ref = ref or federation.ref()
        self.noisy = tuple(sorted(noisy))
        self.noise: dict[str, bytes] = {}
        """Files of noise by trustee; a test puts a corrupt trustee's here."""
        self.shares: dict[str, trustee_pb2.ReleaseShareAnswer] = {}
        self.leaf = -1

    # Orders

    @property
    def noise_order(self) -> trustee_pb2.NoiseOrder:
        return trustee_pb2.NoiseOrder(
            programme_id=PROGRAMME, shell_leaf=self.ref.shell_leaf, period=self.ref.period
        )

    def sign_order(self, **changes: Any) -> trustee_pb2.SignReleaseOrder:
        return trustee_pb2.SignReleaseOrder(start=statements.encode(self.start(**changes)))

    @property
    def share_order(self) -> trustee_pb2.ReleaseShareOrder:
        return trustee_pb2.ReleaseShareOrder(start_leaf=self.leaf)

    # What trustees say

    def noise_of(self, name: str) -> bytes:
        answer = self.federation.ask(name, noise=self.noise_order)
        assert answer.WhichOneof("answer") == "noise", answer.refused
        return answer.noise.file

    def noise_code(self, name: str = "trustee-1") -> str:
        return refused(self.federation.ask(name, noise=self.noise_order))

    def sign_code(self, name: str = "trustee-1", **changes: Any) -> str:
        return refused(self.federation.ask(name, sign_release=self.sign_order(**changes)))

    def share_code(self, name: str = "trustee-1") -> str:
        return refused(self.federation.ask(name, release_share=self.share_order))

    # Steps of an honest hub; each stops the test if a trustee refuses

    def draw(self) -> Release:
        """Have noise drawn by the trustees whose noise is not there yet."""
        for name in self.noisy:
            if name not in self.noise:
                self.noise[name] = self.noise_of(name)
        return self

    def start(self, **changes: Any) -> ReleaseStart:
        federation, view = self.federation, self.federation.view()
        budget = view.tables.budget(self.ref)
        start = ReleaseStart(
            parameter_id=federation.parameters.parameter_id,
            programme_id=PROGRAMME,
            shell_leaf=self.ref.shell_leaf,
            period=self.ref.period,
            contributors=view.tables.contributors(self.ref),
            noise=tuple(
                NoisePart(trustee_id=PartyId(name), file_sha256=federation.keep(self.noise[name]))
                for name in self.noisy
            ),
            noised_sha256=bytes(32),
            year=budget.year,
            rho_millionths=view.tables.shells[self.ref.shell_leaf].statement.rho_millionths,
            spent_millionths=budget.spent,
        )
        with suppress(TableBlocksMalformedError):  # a file of no blocks: nothing to multiply
            start = dataclasses.replace(start, noised_sha256=noised_sha256(self.noised(start)))
        return dataclasses.replace(start, **changes)

    def noised(self, start: ReleaseStart) -> tuple[bytes, ...]:
        """Return what a start opens: all contributions and all noise, as any reader computes it."""
        federation = self.federation
        values = federation.shell_at(self.ref.shell_leaf).values
        contributions = federation.view().tables.contributions[self.ref]
        hashes = [
            contributions[item.partner_id].statement.file_sha256 for item in start.contributors
        ]
        hashes += [part.file_sha256 for part in start.noise]
        key = federation.parameters.proof_key
        files = [federation.record.files[sha256] for sha256 in hashes]
        return product_of(key.public_key, [entries_of(key, data, values) for data in files])

    def log(self) -> Release:
        """Have the start signed by all whose noise it names, and log it."""
        order = self.sign_order()
        signatures = []
        for name in self.noisy:
            answer = self.federation.ask(name, sign_release=order)
            assert answer.WhichOneof("answer") == "sign_release", answer.refused
            signatures.append(Signature(keyid=name, sig=answer.sign_release.signature))
        envelope = Envelope(
            payload_type=payload_type_of(ReleaseStart.KIND),
            payload=order.start,
            signatures=tuple(signatures),
        )
        self.leaf = self.federation.log(LeafType.RELEASE_START, envelope)
        return self

    def log_signed(self, honest: str = "trustee-1", **changes: Any) -> Release:
        """Log the start with the signature of an honest trustee and those of corrupt ones."""
        order = self.sign_order(**changes)
        answer = self.federation.ask(honest, sign_release=order)
        assert answer.WhichOneof("answer") == "sign_release", answer.refused
        return self.log_as_is(order.start, {honest: answer.sign_release.signature})

    def log_as_is(self, start: bytes, signatures: Mapping[str, bytes] = {}) -> Release:
        """Log a start with signatures that were given, and those of all others by their keys."""
        corrupt = {name: self.federation.key(name) for name in self.noisy if name not in signatures}
        given = [Signature(keyid=name, sig=sig) for name, sig in signatures.items()]
        signed = sign_payload(ReleaseStart.KIND, start, corrupt) if corrupt else None
        envelope = Envelope(
            payload_type=payload_type_of(ReleaseStart.KIND),
            payload=start,
            signatures=(*given, *(signed.signatures if signed else ())),
        )
        self.leaf = self.federation.log(LeafType.RELEASE_START, envelope)
        self.federation.witness()
        return self

    def start_witnessed(self) -> Release:
        """Take all steps until the start is under a witnessed head."""
        self.draw().log()
        self.federation.witness()
        return self

    def share(self, names: Sequence[str] | None = None) -> Release:
        for name in self.noisy if names is None else names:
            answer = self.federation.ask(name, release_share=self.share_order)
            assert answer.WhichOneof("answer") == "release_share", answer.refused
            self.shares[name] = answer.release_share
        return self

    def run(self) -> list[int]:
        return self.start_witnessed().share().opened()

    def opened(self) -> list[int]:
        """Verify and combine the shares, and take the offsets away: the noisy cells."""
        federation, key = self.federation, self.federation.parameters.threshold_key
        start: ReleaseStart = federation.statement_at(self.leaf, ReleaseStart)
        ciphertexts = self.noised(start)
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
            [int.from_bytes(data, "big") for data in ciphertexts],
            batches,
            parameter_id=federation.parameters.parameter_id,
            context=release_share_context(federation.record.leaves[self.leaf].leaf, ciphertexts),
        )
        assert not opened.faults
        shell = federation.shell_at(self.ref.shell_leaf)
        vector = vector_of(federation.parameters.layout, opened.plaintexts, shell.values)
        offsets = [offset * len(start.noise) for offset in shell.offsets()]
        return [value - offset for value, offset in zip(vector, offsets, strict=True)]
