"""Trustees that answer in process, with their real shares and signatures."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlmodel import Session
from typing_extensions import override

from fedcarbon.epoch.statements import (
    BeaconLabel,
    BeaconPartial,
    BeaconValue,
)
from fedcarbon.identity.beacon import combine_beacon
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.shares import evaluate_input
from fedcarbon.ids import PartyId
from fedcarbon.transparency.checkpoint import (
    QuorumMissingError,
    TreeHead,
    WitnessedCheckpoint,
    WitnessKeys,
    joined,
    quorum_of,
    witnessed,
)
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.trustees.beacons import question_over
from hub.trustees.port import Witnesses
from tests.chance import seeded
from tests.hub.messages import key_of, opened
from tests.keys.ceremonies import dealt


@dataclass(slots=True)
class LocalTrustees(Witnesses):
    """The trustees' answers, given in process with their real keys and shares."""

    hub: Hub
    down: set[PartyId] = field(default_factory=set)
    refused: set[BeaconLabel] = field(default_factory=set)
    """Labels for which nobody evaluates a beacon now."""

    def _up(self) -> list[PartyId]:
        return [name for name in self.hub.parameters.trustee_ids if name not in self.down]

    @override
    async def witness(self) -> WitnessedCheckpoint:
        size, root = self.hub.read_now(self.hub.record.head)
        parameters, signer = self.hub.parameters, self.hub.signer
        at_s = self.hub.clock.now_s()
        tree = TreeHead(parameter_id=parameters.parameter_id, size=size, root=root)
        note = joined(
            [
                tree.signed(signer.key),
                *(tree.cosigned(name, key_of(name), at_s) for name in self._up()),
            ]
        )
        head = witnessed(
            note.to_bytes(),
            WitnessKeys(
                hubs={signer.party_id: signer.key.public},
                trustees={name: key_of(name).public for name in parameters.trustee_ids},
            ),
            parameter_id=parameters.parameter_id,
            threshold=parameters.threshold,
        )
        self.hub.write_now(lambda session: self.hub.record.keep_checkpoint(session, head))
        return head

    @override
    async def beacon(self, label: BeaconLabel, leaf_index: int) -> bytes:
        known = self.hub.read_now(lambda session: self._logged(session, label, leaf_index))
        return known or self.hub.write_now(lambda session: self._log(session, label, leaf_index))

    def _logged(self, session: Session, label: BeaconLabel, leaf_index: int) -> bytes | None:
        for _, body in self.hub.record.bodies_of_type(session, LeafType.BEACON_VALUE):
            value = opened(BeaconValue, body)
            if (value.label, value.leaf_index) == (label, leaf_index):
                return value.output
        return None

    def _log(self, session: Session, label: BeaconLabel, leaf_index: int) -> bytes:
        parameters = self.hub.parameters
        asked_for = question_over(session, self.hub, label, leaf_index)
        question = asked_for.to_bytes()
        chance = seeded(7)
        asked = [secret for secret in dealt().secrets if secret.trustee_id in self._up()]
        if label in self.refused or len(asked) < quorum_of(
            len(parameters.trustee_ids), parameters.threshold
        ):
            raise QuorumMissingError("too few trustees")
        partials = [
            evaluate_input(secret.voprf[KeyLabel.BEACON], question, chance.randrange)
            for secret in asked[: parameters.threshold]
        ]
        output = combine_beacon(parameters.voprf_key(KeyLabel.BEACON), question, partials)
        value = BeaconValue(
            parameter_id=parameters.parameter_id,
            label=label,
            scope=asked_for.scope,
            epoch=asked_for.epoch,
            leaf_index=leaf_index,
            partials=tuple(
                BeaconPartial(
                    trustee_id=secret.trustee_id,
                    element=partial.elements[0],
                    proof=partial.proof,
                )
                for secret, partial in zip(asked, partials, strict=False)
            ),
            output=output,
        )
        self.hub.record.append_own(session, value)
        return output
