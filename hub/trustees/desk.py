"""The hub's desk for its trustees: heads are witnessed and beacons are drawn from here.

Both are asked of everyone who is connected, because a quorum needs nearly all of them. What a
trustee says is checked before it counts; who says something wrong is named in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final

from typing_extensions import override

from fedcarbon.epoch.statements import BeaconLabel
from fedcarbon.errors import FedcarbonError, SignatureInvalidError
from fedcarbon.ids import PartyId, Role
from fedcarbon.transparency.checkpoint import (
    ForkedRecordError,
    PartnerWitnessMissingError,
    QuorumMissingError,
    TreeHead,
    WitnessedCheckpoint,
    WitnessKeys,
    joined,
    quorum_of,
    witnessed,
)
from fedcarbon.transparency.note import SignedNote, verify_cosignature
from fedcarbon.units import Seconds
from fedcarbon.v1 import trustee_pb2
from fedcarbon.wire.logs import logger
from hub.context import Hub
from hub.record.leaf_log import Head
from hub.registry.parties import signing_keys
from hub.trustees.asking import Answers, TrusteeAnswerWrongError, ask_each
from hub.trustees.beacons import draw, logged_output, question_over
from hub.trustees.port import TrusteePort, Witnesses

WITNESS_INTERVAL_S: Final = 1.0
"""How often the head is witnessed while leaves are being added and nothing else asks for it."""
PARTNER_WAIT_S: Final = 60.0
"""How long an attempt waits for a partner's node, which looks for new heads every few seconds."""


class TrusteeDesk(Witnesses):
    """Has heads witnessed and beacons evaluated: one head and one beacon at a time."""

    def __init__(
        self, hub: Hub, port: TrusteePort, *, partner_wait_s: float = PARTNER_WAIT_S
    ) -> None:
        """Take the hub, the way to its trustees, and how long to wait for a partner."""
        self.port: Final = port
        self._partner_wait_s = partner_wait_s
        self._cosigned = asyncio.Event()
        self._hub = hub
        self._one_head = asyncio.Lock()
        self._one_beacon = asyncio.Lock()
        self._newest: WitnessedCheckpoint | None = None

    @override
    async def witness(self, *, not_before_s: Seconds | None = None) -> WitnessedCheckpoint:
        """Have the present head signed by a quorum, store it, and return it.

        A head that is witnessed already is returned at once, unless a newer time is wanted: for
        trustees time passes with the heads that they are shown.

        Args:
            not_before_s: have the head signed again if it was signed before this protocol time.

        Raises:
            QuorumMissingError: too few trustees answered; the message says which are missing.
            HubNotAdmittedError: the record does not admit the key that the hub signs heads with.
        """
        hub = self._hub
        async with self._one_head:
            known = await self._known()
            head = await hub.read(hub.record.head)
            if known is not None and known.size == head.size and _is_new(known, not_before_s):
                return known
            self._newest = await self._witnessed(head, known)
            return self._newest

    async def witness_with_partner(self) -> None:
        """Have the present head signed by a quorum, and wait until a partner has signed one too.

        Raises:
            QuorumMissingError: see `witness`.
            PartnerWitnessMissingError: no partner signed this head or a later one in time.
        """
        head = await self.witness()
        until_s = asyncio.get_running_loop().time() + self._partner_wait_s
        # Time runs out between two looks, never in the middle of one: what is there is found.
        while not await self._partner_covers(head.size):
            try:
                async with asyncio.timeout_at(until_s):
                    await self._cosigned.wait()
            except TimeoutError as error:
                raise PartnerWitnessMissingError(
                    f"no partner has signed a head of {head.size} leaves within "
                    f"{self._partner_wait_s:g} s; a partner's node must run"
                ) from error

    def note_cosignature(self) -> None:
        """Look again: a partner has signed a head."""
        self._cosigned.set()

    async def work_order(self) -> trustee_pb2.WorkResponse:
        """Return an order without content: replay the whole record, and here are its heads."""
        head = await self._hub.read(self._hub.record.head)
        return await self._order(head.size, await self._known())

    @override
    async def beacon(self, label: BeaconLabel, leaf_index: int) -> bytes:
        """Have the beacon over a leaf evaluated, log it once, and return its 64 bytes.

        Raises:
            SecondBeaconError: one over another leaf is logged for the same label and epoch.
            QuorumMissingError: too few trustees signed the head over the leaf.
            TooFewEvaluationsError: fewer than the threshold answered rightly.
        """
        hub = self._hub
        async with self._one_beacon:
            question = await hub.read(
                lambda session: question_over(session, hub, label, leaf_index)
            )
            output = await hub.read(lambda session: logged_output(session, hub, question))
            if output is not None:
                return output
            head = await self.witness()
            order = await self._order(head.size, head)
            value = await draw(self.port, hub.parameters, question, order)
            await hub.write(lambda session: hub.record.append_own(session, value))
            return value.output

    async def witness_regularly(self, interval_s: float = WITNESS_INTERVAL_S) -> None:
        """Have the head witnessed again and again as long as leaves are added; never ends.

        Args:
            interval_s: how long to rest between two looks.
        """
        code = ""
        while True:
            try:
                await self.witness()
                code = ""
            except FedcarbonError as error:
                if error.code != code:  # once, not every second
                    logger().warning("head_not_witnessed", code=error.code)
                code = error.code
            except Exception:  # noqa: BLE001 - the last place before the work ends for good
                logger().exception("head_not_witnessed")
            await asyncio.sleep(interval_s)

    async def _known(self) -> WitnessedCheckpoint | None:
        """Return the newest witnessed head; of one size, the one that was signed last."""
        if self._newest is None:
            self._newest = await self._hub.read(self._hub.record.latest_checkpoint)
        return self._newest

    async def _partner_covers(self, size: int) -> bool:
        self._cosigned.clear()
        newest = await self._hub.read(self._hub.record.latest_partner_checkpoint)
        return newest is not None and newest.size >= size

    async def _order(
        self, size: int, known: WitnessedCheckpoint | None
    ) -> trustee_pb2.WorkResponse:
        order = trustee_pb2.WorkResponse(record_size=size)
        if known is not None:
            order.checkpoint.note = known.note
        partnered = await self._hub.read(self._hub.record.latest_partner_checkpoint)
        if partnered is not None:
            order.partner_checkpoint.note = partnered.note
        return order

    async def _witnessed(
        self, head: Head, known: WitnessedCheckpoint | None
    ) -> WitnessedCheckpoint:
        hub, parameters = self._hub, self._hub.parameters
        keys = await hub.read(lambda session: signing_keys(session, Role.TRUSTEE))
        strangers = sorted(set(parameters.trustee_ids) - set(keys))
        if strangers:
            raise QuorumMissingError(
                f"trustees {strangers} are not admitted yet; root keys must admit them first"
            )
        await hub.read(hub.record.require_admitted)
        needed = quorum_of(len(keys), parameters.threshold)
        tree = TreeHead(parameter_id=parameters.parameter_id, size=head.size, root=head.root)
        order = await self._order(head.size, known)
        order.cosign.root = head.root

        def checked(trustee_id: PartyId, answer: trustee_pb2.WorkRequest) -> SignedNote:
            return _checked_cosignature(answer.cosign.note, trustee_id, keys[trustee_id], tree)

        connected = [name for name in self.port.connected() if name in keys]
        answers = await ask_each(self.port, connected, order, checked, enough=needed)
        if len(answers.good) < needed:
            raise QuorumMissingError(_missing_text(answers, set(keys) - set(connected), needed))
        own = tree.signed(hub.signer.key)
        note = joined([own, *(answers.good[name] for name in sorted(answers.good))])
        checkpoint = witnessed(
            note.to_bytes(),
            WitnessKeys(
                hubs={hub.signer.party_id: hub.signer.key.public},
                trustees={str(name): key for name, key in keys.items()},
            ),
            parameter_id=parameters.parameter_id,
            threshold=parameters.threshold,
        )
        await hub.write(lambda session: hub.record.keep_checkpoint(session, checkpoint))
        return checkpoint


def _is_new(known: WitnessedCheckpoint, not_before_s: Seconds | None) -> bool:
    return not_before_s is None or known.timestamp_s >= not_before_s


def _checked_cosignature(
    data: bytes, trustee_id: PartyId, key: bytes, asked: TreeHead
) -> SignedNote:
    """Return the head that was asked about with the cosignature of a trustee, and nothing else.

    Raises:
        MalformedError: not a checkpoint.
        SignatureInvalidError: the trustee has not signed it.
        TrusteeAnswerWrongError: it is for another parameter set or size.
        ForkedRecordError: it has another root: keep the note.
    """
    note = SignedNote.from_bytes(data)
    signed = TreeHead.from_text(note.text)
    cosignature = verify_cosignature(note, trustee_id, key)
    if cosignature is None:
        raise SignatureInvalidError(f"trustee {trustee_id} has not signed with its admitted key")
    if (signed.parameter_id, signed.size) != (asked.parameter_id, asked.size):
        raise TrusteeAnswerWrongError(f"trustee {trustee_id} signed another head than it was asked")
    if signed.root != asked.root:
        raise ForkedRecordError(
            f"trustee {trustee_id} signed a head of {asked.size} leaves with root "
            f"{signed.root.hex()} instead of {asked.root.hex()}"
        )
    return SignedNote(text=note.text, signatures=(cosignature,))


def _missing_text(answers: Answers[SignedNote], absent: Collection[str], needed: int) -> str:
    reasons: dict[str, str] = dict.fromkeys(absent, "not connected")
    reasons |= {name: error.code for name, error in answers.failed.items()}
    missing = ", ".join(f"{name} ({reasons[name]})" for name in sorted(reasons))
    return (
        f"{len(answers.good)} of the {needed} trustees needed have signed the head; missing are "
        f"{missing}"
    )
